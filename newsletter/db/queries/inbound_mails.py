"""Statements about mail that came back, and the deliveries it may be about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, delete, select
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import Delivery, Event, InboundMail, Issue, Subscriber
from newsletter.db.queries.troubles import is_trouble
from newsletter.domain.bounces import BounceClass
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


def mails_after(session: Session, after_id: int, *, limit: int) -> list[int]:
    """The numbers of kept mails after a place, in the order in which they came."""
    statement = select(InboundMail.id).where(InboundMail.id > after_id).order_by(InboundMail.id).limit(limit)
    return list(session.scalars(statement))


def latest_mails(session: Session, *, kind: str | None, limit: int) -> Sequence[Row[Any]]:
    """What is known of kept mails, the latest first, without the mails themselves."""
    columns = (InboundMail.id, InboundMail.received_at, InboundMail.kind, InboundMail.understood)
    statement = select(*columns, InboundMail.issue_id, InboundMail.subscriber_id).order_by(InboundMail.id.desc())
    if kind:
        statement = statement.where(InboundMail.kind == kind)
    return session.execute(statement.limit(limit)).all()


def raw_of(session: Session, mail_id: int) -> bytes | None:
    """One kept mail, compressed as it is kept; None where there is none of this number."""
    return session.scalar(select(InboundMail.raw).where(InboundMail.id == mail_id))


def mail_for_update(session: Session, mail_id: int) -> InboundMail | None:
    """One kept mail, locked until the transaction ends; None once it is forgotten."""
    return session.get(InboundMail, mail_id, with_for_update=True)


def forget_events(session: Session, keys: Sequence[str]) -> int:
    """Take back what was heard under these natural keys; returns how many events that were."""
    statement = delete(Event).where(Event.natural_key.in_(keys)).execution_options(synchronize_session=False)
    return rows_changed(session, statement)


def has_hard_bounce(session: Session, subscriber_id: int) -> bool:
    """Whether anything says that a person's address is dead."""
    is_hard = Event.detail["class"].as_string() == str(BounceClass.HARD)
    statement = select(Event.id).where(is_trouble(), Event.subscriber_id == subscriber_id, is_hard).limit(1)
    return session.scalar(statement) is not None


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
