"""Statements about audiences: who an issue is for, and the snapshot that freezes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, exists, func, insert, literal, select
from sqlalchemy.orm import Session

from newsletter.db.dialects import rows_changed
from newsletter.db.models import Batch, Delivery, IssueList, MailingList, Subscriber, Subscription, Suppression
from newsletter.domain.issue import BatchStatus, DeliveryReason, DeliveryStatus
from newsletter.domain.subscriber import SubscriberStatus, SubscriptionStatus


def _is_mailable(list_ids: Select[int] | Sequence[int]) -> list[ColumnElement[bool]]:
    """Enabled, confirmed on at least one of the lists, and not suppressed: one row per person."""
    return [
        Subscriber.status == int(SubscriberStatus.ENABLED),
        exists().where(
            Subscription.subscriber_id == Subscriber.id,
            Subscription.list_id.in_(list_ids),
            Subscription.status == int(SubscriptionStatus.CONFIRMED),
        ),
        ~exists().where(Suppression.address == Subscriber.address),
    ]


def count_audience(session: Session, list_ids: Sequence[int]) -> int:
    """How many people these lists would reach now."""
    return session.scalar(select(func.count()).select_from(Subscriber).where(*_is_mailable(list_ids))) or 0


def snapshot_audience(session: Session, issue_id: int) -> int:
    """Freeze the audience of an issue into the ledger with one statement; returns how many rows it made."""
    list_ids = select(IssueList.list_id).where(IssueList.issue_id == issue_id)
    people = select(
        literal(issue_id),
        Subscriber.id,
        literal(int(DeliveryStatus.PENDING)),
        literal(int(DeliveryReason.NONE)),
        literal(0),
    ).where(*_is_mailable(list_ids))
    columns = ["issue_id", "subscriber_id", "status", "reason", "marks"]
    statement = insert(Delivery).from_select(columns, people.order_by(Subscriber.id))
    return rows_changed(session, statement)


def make_batches(session: Session, issue_id: int, *, size: int, now: datetime) -> int:
    """Cut the ledger of an issue into ranges of at most `size` deliveries; returns how many batches that makes."""
    position = (func.row_number().over(order_by=Delivery.subscriber_id) - 1) // size
    numbered = select(Delivery.subscriber_id, position.label("number")).where(Delivery.issue_id == issue_id).subquery()
    ranges = select(
        literal(issue_id),
        func.min(numbered.c.subscriber_id),
        func.max(numbered.c.subscriber_id),
        func.count(),
        literal(int(BatchStatus.PENDING)),
        literal(0),
        literal(now, Batch.due_at.type),
    ).group_by(numbered.c.number)
    columns = ["issue_id", "first_id", "last_id", "size", "status", "attempts", "due_at"]
    statement = insert(Batch).from_select(columns, ranges)
    return rows_changed(session, statement)


def lists_of_issue(session: Session, issue_id: int) -> Sequence[MailingList]:
    """The lists that make an issue's audience."""
    return session.scalars(
        select(MailingList).join(IssueList, IssueList.list_id == MailingList.id).where(IssueList.issue_id == issue_id)
    ).all()
