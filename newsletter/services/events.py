"""Provider events: stored as they come, taken in by many at once, each with effect exactly once.

A post is a row before it is answered; the drain reads rows. What is new is decided by the natural key of an event and
by the provider's own id. Statuses move by rank and marks are bits, so order and repetition do not matter.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import orjson
from sqlalchemy.orm import Session

from newsletter.db.queries import doubts as doubt_queries
from newsletter.db.queries import events as queries
from newsletter.db.queries.events import LedgerRow, NewEvent, WaitingPost
from newsletter.domain.counts import Counts
from newsletter.domain.events import EventKind, PostStatus, Settlement, is_moved_by, stronger
from newsletter.domain.issue import DeliveryReason, DeliveryStatus
from newsletter.errors import InvalidInput
from newsletter.jobs import DRAIN_EVENTS, enqueue
from newsletter.links import OPT_IN_START, Links
from newsletter.providers.sendgrid_events import ToldEvent, parse_events
from newsletter.services import doubts, issues, opt_in_returns, reactions

log = logging.getLogger(__name__)

SENDGRID = "sendgrid"
POSTS_AT_ONCE = 20
MAX_BYTES_AT_ONCE = 16 * 1024 * 1024
# SendGrid repeats a post for a day; raw posts are of use a little longer, to look something up.
KEEP_DAYS = 7
_COMPRESSION = 1

Pair = tuple[int, int]
# Whom an event about the account is about.
_NOBODY: Pair = (0, 0)


@dataclass(frozen=True, kw_only=True, slots=True)
class EventCounts(Counts):
    """What became of events: received = new + duplicate + unmatched.

    Test sends and answers at the public door are unmatched: they belong to no issue and are not counted.
    """

    posts: int = 0
    received: int = 0
    new: int = 0
    duplicate: int = 0
    unmatched: int = 0


class Matched(NamedTuple):
    """An event with the delivery that its token names; (0, 0) where it is about the account.

    `digest` is the provider's own id of it, hashed, in hexadecimal digits; "" where it has none.
    """

    pair: Pair
    digest: str
    event: ToldEvent


@dataclass(kw_only=True, slots=True)
class _Told:
    """What all new events together say of one delivery."""

    marks: int = 0
    proof: Settlement | None = field(default=None)


def store_post(session: Session, body: bytes, *, source: str, now: datetime) -> bool:
    """Keep a post until it is drained, and ask for the drain; False where the same bytes are kept already.

    Where other posts wait, their drain has been asked for, and it reads on until none is left; what slips through
    between its last look and our commit is found by the next tick.
    """
    digest = hashlib.sha256(body).digest()
    kept = queries.add_post(session, source=source, sha256=digest, body=zlib.compress(body, _COMPRESSION), now=now)
    if kept.is_new and not kept.others_wait:
        enqueue(session, DRAIN_EVENTS)
    return kept.is_new


def announce_waiting(session: Session, *, now: datetime) -> bool:
    """Ask for a drain where posts wait whose own announcement was lost, and forget old ones; whether any wait."""
    queries.forget_before(session, now - timedelta(days=KEEP_DAYS))
    doubt_queries.forget_heard_before(session, now - doubts.KEEP_HEARD)
    if not queries.has_waiting_posts(session):
        return False
    enqueue(session, DRAIN_EVENTS)
    return True


def drain_posts(session: Session, *, links: Links, now: datetime, limit: int = POSTS_AT_ONCE) -> EventCounts:
    """Take in the oldest waiting posts, about `limit` of them; `posts` is 0 once none is left.

    All or nothing: where the transaction fails, the posts wait on.
    """
    queries.lock_drain(session)
    with _collector_at_rest():
        return _drain_locked(session, links=links, now=now, limit=limit)


def ingest_events(session: Session, told: Sequence[ToldEvent], *, links: Links, now: datetime) -> EventCounts:
    """Take in events that came by another way than a post."""
    queries.lock_drain(session)
    with _collector_at_rest():
        return _take_in(session, told, links=links, now=now)


def _drain_locked(session: Session, *, links: Links, now: datetime, limit: int) -> EventCounts:
    told: list[ToldEvent] = []
    done: list[int] = []
    unreadable: list[int] = []
    size = 0
    for post in queries.waiting_posts(session, limit=limit):
        if size > MAX_BYTES_AT_ONCE:
            break
        size += _read_post(post, told, done, unreadable)
    if not done and not unreadable:
        return EventCounts()
    counts = _take_in(session, told, links=links, now=now)
    queries.set_post_status(session, done, status=PostStatus.DONE)
    queries.set_post_status(session, unreadable, status=PostStatus.UNREADABLE)
    return EventCounts(posts=len(done) + len(unreadable)) + counts


def _read_post(post: WaitingPost, told: list[ToldEvent], done: list[int], unreadable: list[int]) -> int:
    body = zlib.decompress(post.body)
    try:
        told += parse_events(body)
        done.append(post.id)
    except InvalidInput:
        log.warning("post.unreadable post_id=%s", post.id)
        unreadable.append(post.id)
    return len(body)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Half of a drain's time went into looking for cycles among a hundred thousand small values that have none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _take_in(session: Session, told: Sequence[ToldEvent], *, links: Links, now: datetime) -> EventCounts:
    fresh, found = _match(told, links)
    fresh = _without_known(session, fresh)
    touched = _hear_requests(session, fresh.values(), now=now)
    rows = {(row[0], row[1]): row for row in _ledger(session, fresh)}
    new = {key: item for key, item in fresh.items() if item.pair in rows or item.pair == _NOBODY}
    _write_ledger(session, new.values(), rows, touched=touched, now=now)
    queries.insert_events(session, _event_rows(new, now=now))
    queries.insert_digests(session, {item.digest for item in new.values() if item.digest}, now=now)
    weighty = [item for item in new.values() if item.event.meaning.needs_reaction]
    reactions.react(
        session,
        [(*item.pair, item.event.meaning) for item in weighty],
        address_key=links.address_key,
        source=SENDGRID,
        now=now,
        heard_at=_moments(weighty, now=now),
    )
    _hear_answers(session, told, links=links, now=now)
    strange = len(fresh) - len(new)
    return EventCounts(
        received=len(told), new=len(new), duplicate=found - len(fresh), unmatched=len(told) - found + strange
    )


def _hear_answers(session: Session, told: Sequence[ToldEvent], *, links: Links, now: datetime) -> None:
    """Events of answers at the public door have a place of their own, and no row: hearing them again does nothing."""
    for event in told:
        if event.meaning.needs_reaction and event.token.lower().startswith(OPT_IN_START):
            ref = links.read_delivery_token(event.token)
            if ref is not None and ref.opt_in_request_id:
                opt_in_returns.hear(
                    session,
                    ref.opt_in_request_id,
                    event.meaning,
                    source=SENDGRID,
                    address_key=links.address_key,
                    now=now,
                    heard_at=datetime.fromtimestamp(event.seconds, UTC) if event.seconds else now,
                )


def _moments(weighty: Iterable[Matched], *, now: datetime) -> dict[Pair, datetime]:
    """When the last of these events of each delivery happened; now, where SendGrid does not say."""
    last: dict[Pair, float] = {}
    for pair, _, event in weighty:
        last[pair] = max(last.get(pair, 0), event.seconds or now.timestamp())
    return {pair: datetime.fromtimestamp(seconds, UTC) for pair, seconds in last.items()}


def _match(told: Sequence[ToldEvent], links: Links) -> tuple[dict[str, Matched], int]:
    """Each event once, by its natural key and in the order of these keys; and how many name a delivery of ours."""
    pairs: dict[str, Pair | None] = {}
    fresh: dict[str, Matched] = {}
    seen: set[str] = set()
    strangers = 0
    blake2b = hashlib.blake2b
    for event in told:
        token, event_id, said, _, meaning, _, _ = event
        if token in pairs:
            pair = pairs[token]
        else:
            pair = pairs[token] = _pair_of(token, links)
        if pair is None:
            if token or not meaning.stops_provider:
                strangers += 1
                continue
            pair = _NOBODY
        key = f"sg:{pair[0]}:{pair[1]}:{said}"
        told_as = event_id or (key if pair is _NOBODY else "")
        digest = blake2b(told_as.encode(), digest_size=16).hexdigest() if told_as else ""
        if key in fresh or digest in seen:
            continue
        fresh[key] = Matched(pair, digest, event)
        if digest:
            seen.add(digest)
    return {key: fresh[key] for key in sorted(fresh)}, len(told) - strangers


def _pair_of(token: str, links: Links) -> Pair | None:
    ref = links.read_delivery_token(token) if token else None
    # Test sends and answers at the public door are in no ledger.
    return (ref.issue_id, ref.subscriber_id) if ref is not None and ref.is_in_ledger else None


def _without_known(session: Session, fresh: dict[str, Matched]) -> dict[str, Matched]:
    if not fresh:
        return fresh
    keys = queries.known_keys(session, list(fresh))
    digests = queries.known_digests(session, sorted(item.digest for item in fresh.values() if item.digest))
    if not keys and not digests:
        return fresh
    return {key: item for key, item in fresh.items() if key not in keys and item.digest not in digests}


def _ledger(session: Session, fresh: dict[str, Matched]) -> list[LedgerRow]:
    pairs = {item.pair for item in fresh.values()} - {_NOBODY}
    return queries.ledger_rows(session, pairs) if pairs else []


def _hear_requests(session: Session, fresh: Iterable[Matched], *, now: datetime) -> set[int]:
    """An event of one mail proves that the whole request was taken; the issues in which that settled a doubt."""
    told: dict[str, list[Pair]] = {}
    for pair, _, event in fresh:
        if event.request and event.meaning.settles:
            told.setdefault(event.request, []).append(pair)
    return doubts.hear_events(session, told, source=SENDGRID, now=now) if told else set()


def _write_ledger(
    session: Session, new: Iterable[Matched], rows: dict[Pair, LedgerRow], *, touched: set[int], now: datetime
) -> None:
    """Move each delivery by what all its new events say together; `touched` issues had doubts that were settled."""
    told: dict[Pair, _Told] = {}
    for pair, _, event in new:
        if pair not in rows:
            continue
        if pair not in told:
            told[pair] = _Told()
        sum_, meaning = told[pair], event.meaning
        sum_.marks |= meaning.marks
        if sum_.proof is not meaning.settles:
            sum_.proof = stronger(sum_.proof, meaning.settles)
    changed = list(_changes(told, rows))
    queries.write_ledger(session, changed)
    before = [rows[row[0], row[1]] for row in changed]
    was_in_doubt = {
        row.issue_id for row, after in zip(before, changed, strict=True) if row[3] != after[3] and _is_in_doubt(row)
    }
    for issue_id in sorted(was_in_doubt | touched):
        issues.finish_if_done(session, issue_id, now=now)


def _changes(told: dict[Pair, _Told], rows: dict[Pair, LedgerRow]) -> Iterator[LedgerRow]:
    """The rows that their events change, as they are afterwards."""
    # Most rows stand alike and are told alike: what a proof does to a status is looked up once for all of them.
    moves: dict[tuple[int, int, int], bool] = {}
    for pair, sum_ in told.items():
        row, proof = rows[pair], sum_.proof
        issue_id, subscriber_id, cohort, status, reason, marks = row
        place = (status, reason, id(proof))
        if place not in moves:
            moves[place] = is_moved_by(DeliveryStatus(status), DeliveryReason(reason), proof=proof)
        if proof and moves[place]:
            status, reason = int(proof.status), int(proof.reason)
        elif marks | sum_.marks == marks:
            continue
        yield LedgerRow(issue_id, subscriber_id, cohort, status, reason, marks | sum_.marks)


def _is_in_doubt(row: LedgerRow) -> bool:
    return row.status == DeliveryStatus.UNKNOWN or row.reason == DeliveryReason.SKIPPED_IN_DOUBT


def _event_rows(new: dict[str, Matched], *, now: datetime) -> list[NewEvent]:
    this_moment = now.timestamp()
    kinds = {kind: kind.value for kind in EventKind}
    rows: list[NewEvent] = []
    for key, ((issue_id, subscriber_id), _, (_, _, _, seconds, meaning, detail, _)) in new.items():
        if issue_id:
            told = orjson.dumps(detail).decode() if detail else None
            kind = kinds[meaning.kind]
            rows.append(NewEvent(key, issue_id, subscriber_id, kind, seconds or this_moment, SENDGRID, told))
    return rows
