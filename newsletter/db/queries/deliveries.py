"""Statements about the ledger. Status moves by compare and set; what is settled stays settled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, bindparam, exists, func, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed, table_of
from newsletter.db.models import Attempt, Batch, Delivery, Event
from newsletter.domain.bounces import BounceClass
from newsletter.domain.issue import BatchStatus, DeliveryReason, DeliveryStatus
from newsletter.domain.retrying import RETRYABLE_REASONS

_OPEN = (DeliveryStatus.PENDING, DeliveryStatus.UNKNOWN)
# Built once: it runs for each batch.
_ledger = table_of(Delivery)
_SETTLE_RANGE = (
    update(_ledger)
    .where(
        _ledger.c.issue_id == bindparam("of_issue"),
        _ledger.c.cohort == bindparam("of_cohort"),
        _ledger.c.subscriber_id.between(bindparam("first"), bindparam("last")),
        _ledger.c.status == int(DeliveryStatus.PENDING),
    )
    .values(status=bindparam("to_status"), reason=bindparam("why"))
)


def settle(
    session: Session,
    issue_id: int,
    subscriber_ids: Sequence[int],
    *,
    status: DeliveryStatus,
    reason: DeliveryReason = DeliveryReason.NONE,
    from_statuses: Sequence[DeliveryStatus] = _OPEN,
) -> int:
    """Compare and set: write the outcome of deliveries that still stand at one of these; returns how many changed."""
    if not subscriber_ids:
        return 0
    statement = (
        update(Delivery)
        .where(
            Delivery.issue_id == issue_id,
            # The range keeps the database on the batch's few pages; the list names the exact rows.
            Delivery.subscriber_id.between(min(subscriber_ids), max(subscriber_ids)),
            Delivery.subscriber_id.in_(subscriber_ids),
            Delivery.status.in_([int(status) for status in from_statuses]),
        )
        .values(status=int(status), reason=int(reason))
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement)


def settle_range(
    session: Session,
    issue_id: int,
    *,
    cohort: int,
    first_id: int,
    last_id: int,
    status: DeliveryStatus,
    reason: DeliveryReason,
) -> int:
    """Write one outcome for all deliveries of a batch that are still pending; returns how many changed."""
    values = {
        "of_issue": issue_id,
        "of_cohort": cohort,
        "first": first_id,
        "last": last_id,
        "to_status": int(status),
        "why": int(reason),
    }
    return rows_changed(session, _SETTLE_RANGE, values)


def cancel_unclaimed(session: Session, issue_id: int) -> int:
    """Take every delivery out of the sending that no worker holds; returns how many."""
    held = exists().where(
        Batch.issue_id == issue_id,
        Batch.status == int(BatchStatus.CLAIMED),
        Batch.cohort == Delivery.cohort,
        Delivery.subscriber_id.between(Batch.first_id, Batch.last_id),
    )
    statement = (
        update(Delivery)
        .where(Delivery.issue_id == issue_id, Delivery.status == int(DeliveryStatus.PENDING), ~held)
        .values(status=int(DeliveryStatus.SUPPRESSED), reason=int(DeliveryReason.CANCELLED))
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement)


def change_status(
    session: Session,
    issue_id: int,
    *,
    from_status: DeliveryStatus,
    to_status: DeliveryStatus,
    reason: DeliveryReason = DeliveryReason.NONE,
) -> int:
    """Move all deliveries of one status to another; returns how many."""
    statement = (
        update(Delivery)
        .where(Delivery.issue_id == issue_id, Delivery.status == int(from_status))
        .values(status=int(to_status), reason=int(reason))
    )
    return rows_changed(session, statement.execution_options(synchronize_session=False))


def count_retryable(session: Session, issue_id: int) -> int:
    """How many failed deliveries of an issue may succeed at another try."""
    statement = select(func.count()).select_from(Delivery).where(*_is_retryable(issue_id))
    return session.scalar(statement) or 0


def retry_failed(session: Session, issue_id: int) -> int:
    """Let exactly those wait again; returns how many."""
    statement = (
        update(Delivery)
        .where(*_is_retryable(issue_id))
        .values(status=int(DeliveryStatus.PENDING), reason=int(DeliveryReason.NONE))
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement)


def _is_retryable(issue_id: int) -> tuple[ColumnElement[bool], ...]:
    """Failed for a reason that may pass, and not because there is no such mailbox."""
    has_no_mailbox = exists().where(
        Event.issue_id == Delivery.issue_id,
        Event.subscriber_id == Delivery.subscriber_id,
        Event.kind == "bounced",
        Event.detail["class"].as_string() == str(BounceClass.HARD),
    )
    return (
        Delivery.issue_id == issue_id,
        Delivery.status == int(DeliveryStatus.FAILED),
        Delivery.reason.in_([int(reason) for reason in RETRYABLE_REASONS]),
        ~has_no_mailbox,
    )


def set_marks(session: Session, issue_id: int, subscriber_id: int, marks: int) -> None:
    """Add bits of Mark to a delivery."""
    session.execute(
        update(Delivery)
        .where(Delivery.issue_id == issue_id, Delivery.subscriber_id == subscriber_id)
        .values(marks=Delivery.marks.op("|")(marks))
        .execution_options(synchronize_session=False)
    )


def delivery(session: Session, issue_id: int, subscriber_id: int) -> Delivery | None:
    """One row of the ledger."""
    return session.get(Delivery, (issue_id, subscriber_id), populate_existing=True)


def batch_of(session: Session, issue_id: int, subscriber_id: int) -> Batch | None:
    """The batch that one delivery goes out with: of its cohort's, which do not overlap, the last that begins before."""
    cohort = select(Delivery.cohort).where(Delivery.issue_id == issue_id, Delivery.subscriber_id == subscriber_id)
    last = session.scalar(
        select(Batch)
        .where(Batch.issue_id == issue_id, Batch.cohort == cohort.scalar_subquery(), Batch.first_id <= subscriber_id)
        .order_by(Batch.first_id.desc())
        .limit(1)
    )
    return last if last is not None and last.last_id >= subscriber_id else None


def events_of(session: Session, issue_id: int, subscriber_id: int) -> Sequence[Event]:
    """What was heard about one delivery, in order of time."""
    return session.scalars(
        select(Event)
        .where(Event.issue_id == issue_id, Event.subscriber_id == subscriber_id)
        .order_by(Event.at, Event.id)
    ).all()


def add_events(session: Session, events: Sequence[dict[str, Any]]) -> int:
    """Insert events, ignoring those whose natural key is known; returns how many were new."""
    if not events:
        return 0
    statement = insert_into(session, Event).values(list(events)).on_conflict_do_nothing(index_elements=["natural_key"])
    return rows_changed(session, statement)


def attempts_of_batch(session: Session, batch_id: int) -> Sequence[Attempt]:
    """The tries to hand a batch over, in order."""
    return session.scalars(select(Attempt).where(Attempt.batch_id == batch_id).order_by(Attempt.id)).all()
