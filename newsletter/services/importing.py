"""Importing subscribers from a CSV file: fast, repeatable, and never bringing back somebody who has left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from sqlalchemy.orm import Session

from newsletter.db.queries import imports as queries
from newsletter.db.queries import lists as list_queries
from newsletter.db.queries.imports import ImportTarget, RowOutcome, StagedRow
from newsletter.domain.subscriber import OptIn, SubscriptionStatus
from newsletter.services import audit, lists
from newsletter.services.subscriber_tables import (
    FaultFile,
    Progress,
    SubscriberTable,
    opened,
    people_of,
)

Transactions = Callable[[], AbstractContextManager[Session]]

# Half a second of writing: other writers, who queue for SQLite's one place, hardly notice.
_CHUNK_ROWS = 20_000
_LONGEST_FILE_NAME = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportResult:
    """What became of the rows of a file: rows = created + updated + unchanged + suppressed + invalid.

    created: new people; updated: known people who changed or came onto the list; unchanged: also further rows of
    an address that the file names more than once; suppressed: people who must not be mailed, whatever the file
    says; `errors_file`: where the invalid lines are, and lines of which a value was left out.
    """

    rows: int
    created: int
    updated: int
    unchanged: int
    suppressed: int
    invalid: int
    errors_file: Path | None


def import_subscribers(
    transactions: Transactions,
    source: BinaryIO | Path,
    *,
    list_slug: str,
    file_name: str,
    now: datetime,
    address_key: Callable[[str], bytes],
    errors_path: Path,
    dry_run: bool = False,
    confirmed: bool = False,
    on_progress: Progress | None = None,
    actor_id: int | None = None,
) -> ImportResult:
    """Put the people of a CSV file on a list, in short transactions; doing it twice changes nothing more.

    Nothing is written before the file has been read to its end: InvalidInput for one without addresses.
    A value overwrites only where it is given. `confirmed` says that the people of a double opt-in list have
    confirmed already. `dry_run` gives the same numbers and changes nothing. `on_progress` gets (rows read, None)
    while reading, then (people written, of how many). An interrupted import is completed by importing again.
    """
    origin = " ".join(file_name.split())[:_LONGEST_FILE_NAME]
    with transactions() as session:
        target = _target(
            session,
            list_slug,
            confirmed=confirmed,
            consent_source=f"import:{origin}",
            now=now,
        )
    counts: Counter[RowOutcome] = Counter()
    with opened(source) as stream, closing(FaultFile(errors_path)) as faults:
        table = SubscriberTable(stream, faults=faults, on_progress=on_progress)
        people = people_of(table)
        while chunk := list(islice(people, _CHUNK_ROWS)):
            with transactions() as session:
                counts += _merge(
                    session,
                    chunk,
                    target=target,
                    address_key=address_key,
                    dry_run=dry_run,
                )
            if on_progress:
                on_progress(counts.total(), max(counts.total(), table.rows - table.invalid))
    result = _result(table, counts, faults.written_path)
    if not dry_run:
        with transactions() as session:
            _record(session, result, target=target, actor_id=actor_id, confirmed=confirmed)
    return result


def _target(session: Session, slug: str, *, confirmed: bool, consent_source: str, now: datetime) -> ImportTarget:
    mailing_list = lists.find_list(session, slug)
    is_mailable = confirmed or mailing_list.opt_in == OptIn.SINGLE
    return ImportTarget(
        list_id=mailing_list.id,
        sibling_list_ids=tuple(list_queries.sibling_list_ids(session, mailing_list.id)),
        status=SubscriptionStatus.CONFIRMED if is_mailable else SubscriptionStatus.UNCONFIRMED,
        confirms=confirmed,
        consent_source=consent_source,
        now=now,
    )


def _merge(
    session: Session,
    rows: list[StagedRow],
    *,
    target: ImportTarget,
    address_key: Callable[[str], bytes],
    dry_run: bool,
) -> Counter[RowOutcome]:
    queries.lock_imports(session)
    if queries.erased_exist(session):
        rows = [row._replace(address_key=address_key(row.address)) for row in rows]
    queries.stage_rows(session, rows)
    counts = Counter(queries.count_outcomes(session, target, rows))
    if not dry_run and counts.keys() != {RowOutcome.UNCHANGED}:
        queries.update_subscribers(session, target, rows)
        queries.insert_subscribers(session, target, rows)
        queries.insert_subscriptions(session, target, rows)
        if target.confirms:
            queries.confirm_subscriptions(session, target, rows)
    queries.drop_staged_rows(session)
    return counts


def _result(table: SubscriberTable, counts: Counter[RowOutcome], errors_file: Path | None) -> ImportResult:
    repeated = table.rows - table.invalid - counts.total()
    return ImportResult(
        rows=table.rows,
        created=counts[RowOutcome.CREATED],
        updated=counts[RowOutcome.UPDATED],
        unchanged=counts[RowOutcome.UNCHANGED] + repeated,
        suppressed=counts[RowOutcome.SUPPRESSED],
        invalid=table.invalid,
        errors_file=errors_file,
    )


def _record(
    session: Session,
    result: ImportResult,
    *,
    target: ImportTarget,
    actor_id: int | None,
    confirmed: bool,
) -> None:
    audit.record(
        session,
        action="list.import",
        subject_type="list",
        subject_id=target.list_id,
        actor_id=actor_id,
        detail={
            "source": target.consent_source,
            "confirmed": confirmed,
            "rows": result.rows,
            "created": result.created,
            "updated": result.updated,
            "unchanged": result.unchanged,
            "suppressed": result.suppressed,
            "invalid": result.invalid,
        },
        now=target.now,
    )
