"""Statements about audiences: who an issue is for, and the snapshot that freezes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, case, exists, func, insert, literal, select
from sqlalchemy.orm import Session

from newsletter.db.dialects import rows_changed
from newsletter.db.models import Batch, Delivery, IssueList, MailingList, Subscriber, Subscription, Suppression
from newsletter.domain.issue import BatchStatus, DeliveryReason, DeliveryStatus
from newsletter.domain.subscriber import SubscriberStatus, SubscriptionStatus


def _is_mailable(list_ids: Select[int] | Sequence[int], *, corrects_id: int | None = None) -> list[ColumnElement[bool]]:
    """Enabled, confirmed on at least one of the lists, and not suppressed: one row per person.

    For a correction only those whose delivery of the corrected issue was accepted.
    """
    was_sent = exists().where(
        Delivery.issue_id == corrects_id,
        Delivery.subscriber_id == Subscriber.id,
        Delivery.status == int(DeliveryStatus.ACCEPTED),
    )
    return [
        *([] if corrects_id is None else [was_sent]),
        Subscriber.status == int(SubscriberStatus.ENABLED),
        exists().where(
            Subscription.subscriber_id == Subscriber.id,
            Subscription.list_id.in_(list_ids),
            Subscription.status == int(SubscriptionStatus.CONFIRMED),
        ),
        ~exists().where(Suppression.address == Subscriber.address),
    ]


def count_audience(session: Session, list_ids: Sequence[int], *, corrects_id: int | None = None) -> int:
    """How many people these lists would reach now; with `corrects_id` those of them who were sent that issue."""
    people = _is_mailable(list_ids, corrects_id=corrects_id)
    return session.scalar(select(func.count()).select_from(Subscriber).where(*people)) or 0


def time_zones_of_audience(session: Session, issue_id: int, *, corrects_id: int | None = None) -> Sequence[str]:
    """The different time zones of the people whom an issue would reach now."""
    list_ids = select(IssueList.list_id).where(IssueList.issue_id == issue_id)
    people = _is_mailable(list_ids, corrects_id=corrects_id)
    return session.scalars(select(Subscriber.time_zone).where(*people).distinct()).all()


def snapshot_audience(
    session: Session, issue_id: int, *, cohort_of_zone: Mapping[str, int], corrects_id: int | None = None
) -> int:
    """Freeze the audience of an issue into the ledger with one statement; returns how many rows it made.

    Who lives in none of the time zones named is in cohort 0.
    """
    list_ids = select(IssueList.list_id).where(IssueList.issue_id == issue_id)
    cohort = case(dict(cohort_of_zone), value=Subscriber.time_zone, else_=0) if cohort_of_zone else literal(0)
    people = select(
        literal(issue_id),
        Subscriber.id,
        literal(int(DeliveryStatus.PENDING)),
        literal(int(DeliveryReason.NONE)),
        literal(0),
        cohort,
    ).where(*_is_mailable(list_ids, corrects_id=corrects_id))
    columns = ["issue_id", "subscriber_id", "status", "reason", "marks", "cohort"]
    statement = insert(Delivery).from_select(columns, people.order_by(Subscriber.id))
    return rows_changed(session, statement)


def make_batches(session: Session, issue_id: int, *, size: int, due_at: Sequence[datetime]) -> int:
    """Cut each cohort of an issue into ranges of at most `size` deliveries; returns how many batches that makes.

    Cohort n is due at `due_at[n]`.
    """
    rank = func.row_number().over(partition_by=Delivery.cohort, order_by=Delivery.subscriber_id)
    numbered = (
        select(Delivery.cohort, Delivery.subscriber_id, ((rank - 1) // size).label("number"))
        .where(Delivery.issue_id == issue_id)
        .subquery()
    )
    moments = {cohort: literal(moment, Batch.due_at.type) for cohort, moment in enumerate(due_at)}
    moment = case(moments, value=numbered.c.cohort) if len(due_at) > 1 else moments[0]
    ranges = select(
        literal(issue_id),
        numbered.c.cohort,
        func.min(numbered.c.subscriber_id),
        func.max(numbered.c.subscriber_id),
        func.count(),
        literal(int(BatchStatus.PENDING)),
        literal(0),
        moment,
        moment,
    ).group_by(numbered.c.cohort, numbered.c.number)
    ordered = ranges.order_by(numbered.c.cohort, numbered.c.number)
    columns = ["issue_id", "cohort", "first_id", "last_id", "size", "status", "attempts", "planned_at", "due_at"]
    statement = insert(Batch).from_select(columns, ordered)
    return rows_changed(session, statement)


def lists_of_issue(session: Session, issue_id: int) -> Sequence[MailingList]:
    """The lists that make an issue's audience."""
    return session.scalars(
        select(MailingList).join(IssueList, IssueList.list_id == MailingList.id).where(IssueList.issue_id == issue_id)
    ).all()
