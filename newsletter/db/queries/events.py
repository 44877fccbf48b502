"""Statements about provider events: posts that wait, what is known already, and the ledger rows they are about.

A drain holds a lock of its own, so it may look up what is known and then insert what is not. On Postgres rows go in
by COPY and come back by arrays; on SQLite by executemany. Both cost microseconds per event (docs/benchmarks.md).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, is_postgres, rows_changed
from newsletter.db.models import InboxPost, KnownEvent
from newsletter.domain.events import PostStatus

# Any number will do, as long as all drains of one database take the same.
_DRAIN_LOCK = 7_346_202


class WaitingPost(NamedTuple):
    """A post that was stored and not read yet; `body` is compressed."""

    id: int
    source: str
    body: bytes


class LedgerRow(NamedTuple):
    """One delivery as an event finds it, or as it leaves it."""

    issue_id: int
    subscriber_id: int
    cohort: int
    status: int
    reason: int
    marks: int


class NewEvent(NamedTuple):
    """An event to insert; `seconds` since the epoch, `detail` as JSON text."""

    natural_key: str
    issue_id: int
    subscriber_id: int
    kind: str
    seconds: float
    source: str
    detail: str | None


class KeptPost(NamedTuple):
    """What became of a post: whether it is new, and whether others wait already."""

    is_new: bool
    others_wait: bool


def add_post(session: Session, *, source: str, sha256: bytes, body: bytes, now: datetime) -> KeptPost:
    """Store a post unless the same bytes are there already."""
    if is_postgres(session):
        # One round trip, and the second half does not see what the first one writes.
        statement = (
            "WITH kept AS (INSERT INTO inbox_posts (source, sha256, body, status, received_at)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (sha256) DO NOTHING RETURNING 1)"
            " SELECT EXISTS (SELECT 1 FROM kept), EXISTS (SELECT 1 FROM inbox_posts WHERE status = %s)"
        )
        waiting = int(PostStatus.WAITING)
        ((is_new, others_wait),) = _driver(session, statement, (source, sha256, body, waiting, now, waiting))
        return KeptPost(bool(is_new), bool(others_wait))
    others_wait = has_waiting_posts(session)
    insert = insert_into(session, InboxPost).values(
        source=source, sha256=sha256, body=body, status=int(PostStatus.WAITING), received_at=now
    )
    return KeptPost(rows_changed(session, insert.on_conflict_do_nothing(index_elements=["sha256"])) == 1, others_wait)


def lock_drain(session: Session) -> None:
    """Let no other drain read or write until this transaction ends; on SQLite none can anyway."""
    if is_postgres(session):
        session.execute(select(func.pg_advisory_xact_lock(_DRAIN_LOCK)))


def waiting_posts(session: Session, *, limit: int) -> list[WaitingPost]:
    """Posts that were not read yet, the oldest first."""
    rows = session.execute(
        select(InboxPost.id, InboxPost.source, InboxPost.body)
        .where(InboxPost.status == int(PostStatus.WAITING))
        .order_by(InboxPost.id)
        .limit(limit)
    )
    return [WaitingPost._make(row) for row in rows]


def has_waiting_posts(session: Session) -> bool:
    """Whether a drain would find anything to read."""
    statement = select(InboxPost.id).where(InboxPost.status == int(PostStatus.WAITING)).limit(1)
    return session.scalar(statement) is not None


def set_post_status(session: Session, post_ids: Sequence[int], *, status: PostStatus) -> None:
    """Say what became of posts."""
    session.execute(
        update(InboxPost)
        .where(InboxPost.id.in_(post_ids))
        .values(status=int(status))
        .execution_options(synchronize_session=False)
    )


def forget_before(session: Session, moment: datetime) -> int:
    """Delete posts that were read, and ids of events, from before a moment; returns how many rows that were."""
    read = InboxPost.status != int(PostStatus.WAITING)
    statements = (
        delete(InboxPost).where(read, InboxPost.received_at < moment),
        delete(KnownEvent).where(KnownEvent.received_at < moment),
    )
    return sum(
        rows_changed(session, statement.execution_options(synchronize_session=False)) for statement in statements
    )


def known_keys(session: Session, keys: Sequence[str]) -> set[str]:
    """Those of these natural keys that have an event already. Each key is one line of text."""
    if is_postgres(session):
        # One string cut into an array by the server: the driver would look at each element of a list three times.
        statement = "SELECT natural_key FROM events WHERE natural_key = ANY(string_to_array(%s, E'\n'))"
        rows = _driver(session, statement, ("\n".join(keys),))
    else:
        statement = "SELECT natural_key FROM events WHERE natural_key IN (SELECT value FROM json_each(?))"
        rows = _driver(session, statement, (json.dumps(keys),))
    return {row[0] for row in rows}


def known_digests(session: Session, digests: Sequence[str]) -> set[str]:
    """Those of these hashed ids (hexadecimal) that were told before."""
    if is_postgres(session):
        chosen = "SELECT decode(told, 'hex') FROM unnest(string_to_array(%s, ',')) AS told"
        statement = f"SELECT digest FROM known_events WHERE digest IN ({chosen})"  # noqa: S608
        return {bytes(row[0]).hex() for row in _driver(session, statement, (",".join(digests),))}
    # JSON holds no bytes; the driver itself asks a thousand times in two milliseconds.
    cursor = session.connection().connection.cursor()
    statement = "SELECT digest FROM known_events WHERE digest = ?"
    found = (cursor.execute(statement, (bytes.fromhex(digest),)) for digest in digests)
    return {bytes(row[0]).hex() for answer in found for row in answer}


def ledger_rows(session: Session, deliveries: Iterable[tuple[int, int]]) -> list[LedgerRow]:
    """Those of these (issue, subscriber) pairs that are in the ledger, locked in order until the transaction ends."""
    pairs = sorted(deliveries)
    columns = "d.issue_id, d.subscriber_id, d.cohort, d.status, d.reason, d.marks"
    if is_postgres(session):
        statement = (
            f"SELECT {columns} FROM unnest(%s::int[], %s::int[]) AS told(issue_id, subscriber_id)"  # noqa: S608
            " JOIN deliveries d USING (issue_id, subscriber_id) ORDER BY 1, 2 FOR UPDATE OF d"
        )
        rows = _driver(session, statement, _arrays(pairs))
    else:
        statement = (
            f"SELECT {columns} FROM json_each(?) told CROSS JOIN deliveries d"  # noqa: S608
            " ON d.issue_id = json_extract(told.value, '$[0]') AND d.subscriber_id = json_extract(told.value, '$[1]')"
        )
        rows = _driver(session, statement, (json.dumps(pairs),))
    return [LedgerRow._make(row) for row in rows]


def write_ledger(session: Session, rows: Sequence[LedgerRow]) -> None:
    """Write status, reason and marks of rows that this transaction has locked."""
    if not rows:
        return
    if is_postgres(session):
        statement = (
            "UPDATE deliveries d SET status = told.status, reason = told.reason, marks = told.marks"
            " FROM unnest(%s::int[], %s::int[], %s::smallint[], %s::smallint[], %s::smallint[])"
            " AS told(issue_id, subscriber_id, status, reason, marks)"
            " WHERE d.issue_id = told.issue_id AND d.subscriber_id = told.subscriber_id"
        )
        issues, people, _, statuses, reasons, marks = _arrays(rows)
        _driver(session, statement, (issues, people, statuses, reasons, marks))
        return
    session.connection().exec_driver_sql(
        "UPDATE deliveries SET status = ?, reason = ?, marks = ? WHERE issue_id = ? AND subscriber_id = ?",
        [(row.status, row.reason, row.marks, row.issue_id, row.subscriber_id) for row in rows],
    )


def insert_events(session: Session, events: Sequence[NewEvent]) -> None:
    """Insert events whose keys are known to be new, in the order of their keys."""
    if not events:
        return
    rows = sorted(events)
    columns = "(natural_key, issue_id, subscriber_id, kind, at, source, detail)"
    stamps = {seconds: _stamp(seconds) for seconds in {row.seconds for row in rows}}
    if is_postgres(session):
        _copy(session, f"COPY events {columns} FROM STDIN", "".join(_copied_lines(rows, stamps)))
        return
    session.connection().exec_driver_sql(
        f"INSERT INTO events {columns} VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608
        [(*row[:4], stamps[row.seconds], *row[5:]) for row in rows],
    )


def insert_digests(session: Session, digests: Iterable[str], *, now: datetime) -> None:
    """Remember hashed ids (hexadecimal) that are known to be new."""
    rows = sorted(digests)
    if not rows:
        return
    stamp = _stamp(now.timestamp())
    if is_postgres(session):
        lines = [f"\\\\x{digest}\t{stamp}+00\n" for digest in rows]
        _copy(session, "COPY known_events (digest, received_at) FROM STDIN", "".join(lines))
        return
    session.connection().exec_driver_sql(
        "INSERT INTO known_events (digest, received_at) VALUES (?, ?)",
        [(bytes.fromhex(digest), stamp) for digest in rows],
    )


def _arrays(rows: Iterable[tuple[int, ...]]) -> tuple[str, ...]:
    """Each column of these rows as an array that Postgres reads; the driver would look at each number three times."""
    return tuple("{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True))


def _driver(session: Session, statement: str, parameters: tuple[Any, ...]) -> Sequence[Any]:
    """Run a statement on the driver itself, which makes plain tuples at half the cost; its rows, if it has any."""
    cursor = session.connection().connection.cursor()
    cursor.execute(statement, parameters)
    rows: Sequence[Any] = cursor.fetchall() if cursor.description else ()
    cursor.close()
    return rows


def _copy(session: Session, statement: str, lines: str) -> None:
    cursor = session.connection().connection.cursor()
    with cursor.copy(statement) as copy:
        copy.write(lines)
    cursor.close()


def _copied_lines(rows: Sequence[NewEvent], stamps: dict[float, str]) -> Iterator[str]:
    """Lines of COPY's text format. Keys and details are one line each: only backslashes need care."""
    for key, issue_id, subscriber_id, kind, seconds, source, detail in rows:
        shown = "\\N" if detail is None else detail.replace("\\", "\\\\") if "\\" in detail else detail
        known_by = key.replace("\\", "\\\\") if "\\" in key else key
        yield f"{known_by}\t{issue_id}\t{subscriber_id}\t{kind}\t{stamps[seconds]}+00\t{source}\t{shown}\n"


def _stamp(seconds: float) -> str:
    """A moment in UTC as both databases read it; the form in which SQLAlchemy writes it on SQLite."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
