"""Statements about mail that came back, and the deliveries it may be about."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import Delivery, InboundMail, Issue, Subscriber
from newsletter.domain.issue import DeliveryStatus

# A delivery that nobody handed over, or that was refused on the spot, cannot come back.
_SENT = (int(DeliveryStatus.PENDING), int(DeliveryStatus.ACCEPTED), int(DeliveryStatus.UNKNOWN))


class SentDelivery(NamedTuple):
    """A delivery that may come back: when its issue began, and the person's address; None after an erasure."""

    issue_id: int
    subscriber_id: int
    started_at: datetime | None
    address: str | None


def add_mail(session: Session, **values: Any) -> bool:
    """Keep a mail unless the same body came for the same token before; whether it is new."""
    statement = insert_into(session, InboundMail).values(**values)
    return rows_changed(session, statement.on_conflict_do_nothing(index_elements=["token", "sha256"])) == 1


def sent_delivery(session: Session, issue_id: int, subscriber_id: int) -> SentDelivery | None:
    """The delivery of this pair, if it is in the ledger."""
    row = session.execute(
        select(Delivery.issue_id, Delivery.subscriber_id, Issue.started_at, Subscriber.address)
        .join(Issue, Issue.id == Delivery.issue_id)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == issue_id, Delivery.subscriber_id == subscriber_id)
    ).one_or_none()
    return SentDelivery._make(row) if row else None


def latest_delivery_to(session: Session, address: str, *, since: datetime) -> SentDelivery | None:
    """The last mail that went to this address, in an issue that began after `since`."""
    row = session.execute(
        select(Delivery.issue_id, Delivery.subscriber_id, Issue.started_at, Subscriber.address)
        .join(Issue, Issue.id == Delivery.issue_id)
        .join(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Subscriber.address == address, Issue.started_at >= since, Delivery.status.in_(_SENT))
        .order_by(Issue.started_at.desc(), Issue.id.desc())
        .limit(1)
    ).one_or_none()
    return SentDelivery._make(row) if row else None


def forget_before(session: Session, moment: datetime) -> int:
    """Delete mails that came before a moment; returns how many."""
    return _delete(session, InboundMail.received_at < moment)


def forget_person(session: Session, subscriber_id: int) -> int:
    """Delete the mails about one person; returns how many."""
    return _delete(session, InboundMail.subscriber_id == subscriber_id)


def _delete(session: Session, condition: Any) -> int:
    statement = delete(InboundMail).where(condition).execution_options(synchronize_session=False)
    return rows_changed(session, statement)
