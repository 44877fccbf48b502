"""Statements about subscribers and their places on lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, cast, delete, exists, func, null, or_, select, true, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, is_postgres, rows_changed
from newsletter.db.models import (
    BriefRow,
    Delivery,
    Event,
    Issue,
    MailingList,
    NewsletterRow,
    Subscriber,
    Subscription,
    Suppression,
)
from newsletter.domain.subscriber import SubscriberStatus, SubscriptionStatus

_EXPORT_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A subscription with the names of its list and newsletter."""

    subscription: Subscription
    list_slug: str
    list_name: str
    newsletter_name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PastDelivery:
    """A row of the ledger with the title and date of its issue's brief."""

    issue_id: int
    title: str
    date: date
    status: int
    reason: int
    marks: int


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportedPerson:
    """What an export tells about one person; `place` is their SubscriptionStatus on the list, if one was asked for."""

    email: str
    name: str
    language: str
    time_zone: str
    attributes: dict[str, Any]
    status: int
    place: int | None
    is_suppressed: bool


def subscriber_by_address(session: Session, address: str) -> Subscriber | None:
    """The subscriber of this normalised address."""
    return session.scalar(select(Subscriber).where(Subscriber.address == address))


def add_subscriber(session: Session, *, email: str, address: str, now: datetime) -> bool:
    """Insert a subscriber unless there is one with this address; whether it was inserted."""
    values = {
        "email": email,
        "address": address,
        "name": "",
        "language": "",
        "time_zone": "",
        "attributes": null(),
        "status": int(SubscriberStatus.ENABLED),
        "created_at": now,
        "updated_at": now,
    }
    statement = insert_into(session, Subscriber).values(**values).on_conflict_do_nothing(index_elements=["address"])
    return rows_changed(session, statement) == 1


def add_subscription(
    session: Session,
    *,
    list_id: int,
    subscriber_id: int,
    status: SubscriptionStatus,
    consent_source: str,
    consent_evidence: str | None,
    consented_at: datetime | None,
    confirmed_at: datetime | None,
) -> bool:
    """Put a person on a list unless they have a place there; whether they had none."""
    statement = insert_into(session, Subscription).values(
        list_id=list_id,
        subscriber_id=subscriber_id,
        status=int(status),
        consent_source=consent_source,
        consent_evidence=consent_evidence,
        consented_at=consented_at,
        confirmed_at=confirmed_at,
    )
    return rows_changed(session, statement.on_conflict_do_nothing()) == 1


def move_subscription(
    session: Session,
    *,
    list_id: int,
    subscriber_id: int,
    from_status: SubscriptionStatus,
    to_status: SubscriptionStatus,
    **values: Any,
) -> bool:
    """Compare and set: change a person's place on a list; whether it was as expected."""
    statement = (
        update(Subscription)
        .where(
            Subscription.list_id == list_id,
            Subscription.subscriber_id == subscriber_id,
            Subscription.status == int(from_status),
        )
        .values(status=int(to_status), **values)
        .execution_options(synchronize_session="fetch")
    )
    return rows_changed(session, statement) == 1


def subscription_status(session: Session, *, list_id: int, subscriber_id: int) -> SubscriptionStatus | None:
    """A person's place on one list; None where they have none."""
    found = session.scalar(
        select(Subscription.status).where(Subscription.list_id == list_id, Subscription.subscriber_id == subscriber_id)
    )
    return None if found is None else SubscriptionStatus(found)


def places_on_newsletter(session: Session, *, subscriber_id: int, newsletter_id: int) -> set[SubscriptionStatus]:
    """The different statuses that a person has on the lists of a newsletter."""
    found = session.scalars(
        select(Subscription.status)
        .distinct()
        .where(Subscription.subscriber_id == subscriber_id, Subscription.list_id.in_(_lists_of(newsletter_id)))
    )
    return {SubscriptionStatus(status) for status in found}


def leave_newsletter(session: Session, *, subscriber_id: int, newsletter_id: int, source: str, now: datetime) -> int:
    """Unsubscribe a person from all lists of a newsletter; returns from how many they were not yet."""
    statement = (
        update(Subscription)
        .where(
            Subscription.subscriber_id == subscriber_id,
            Subscription.list_id.in_(_lists_of(newsletter_id)),
            Subscription.status != int(SubscriptionStatus.UNSUBSCRIBED),
        )
        .values(status=int(SubscriptionStatus.UNSUBSCRIBED), unsubscribed_at=now, unsubscribe_source=source)
        .execution_options(synchronize_session="fetch")
    )
    return rows_changed(session, statement)


def places_of(session: Session, subscriber_id: int) -> list[Place]:
    """A person's places on lists, by the name of the list."""
    rows = session.execute(
        select(Subscription, MailingList.slug, MailingList.name, NewsletterRow.name)
        .join(MailingList, MailingList.id == Subscription.list_id)
        .join(NewsletterRow, NewsletterRow.id == MailingList.newsletter_id)
        .where(Subscription.subscriber_id == subscriber_id)
        .order_by(MailingList.name)
    )
    return [
        Place(subscription=place, list_slug=slug, list_name=name, newsletter_name=newsletter)
        for place, slug, name, newsletter in rows
    ]


def past_deliveries(session: Session, subscriber_id: int, *, limit: int) -> list[PastDelivery]:
    """What was sent to a person, the latest first: one look into the ledger's key for each issue."""
    rows = session.execute(
        select(Issue.id, BriefRow.title, BriefRow.date, Delivery.status, Delivery.reason, Delivery.marks)
        .join(Delivery, (Delivery.issue_id == Issue.id) & (Delivery.subscriber_id == subscriber_id))
        .join(BriefRow, BriefRow.id == Issue.brief_id)
        .order_by(Issue.id.desc())
        .limit(limit)
    )
    return [
        PastDelivery(issue_id=row[0], title=row[1], date=row[2], status=row[3], reason=row[4], marks=row[5])
        for row in rows
    ]


def search_subscribers(
    session: Session,
    *,
    query: str,
    list_id: int | None,
    status: SubscriberStatus | SubscriptionStatus | None,
    after_id: int,
    limit: int,
) -> Sequence[Subscriber]:
    """Subscribers by id after a keyset position, whose address or name contains `query`."""
    statement = select(Subscriber).where(Subscriber.id > after_id).order_by(Subscriber.id).limit(limit)
    if query:
        in_address = Subscriber.address.contains(query.lower(), autoescape=True)
        statement = statement.where(or_(in_address, Subscriber.name.icontains(query, autoescape=True)))
    if isinstance(status, SubscriberStatus):
        statement = statement.where(Subscriber.status == int(status))
    if list_id is not None or isinstance(status, SubscriptionStatus):
        place = exists().where(Subscription.subscriber_id == Subscriber.id)
        if list_id is not None:
            place = place.where(Subscription.list_id == list_id)
        if isinstance(status, SubscriptionStatus):
            place = place.where(Subscription.status == int(status))
        statement = statement.where(place)
    return session.scalars(statement).all()


def attribute_names(session: Session, list_id: int | None) -> list[str]:
    """The names of all attributes that people (of one list) have, in order of the alphabet."""
    attributes = func.coalesce(func.nullif(cast(Subscriber.attributes, Text), "null"), "{}")
    name: ColumnElement[str]
    if is_postgres(session):
        keys = func.jsonb_object_keys(cast(attributes, JSONB)).table_valued("value").render_derived()
        name = keys.c.value
    else:
        keys = func.json_each(attributes).table_valued("key")
        name = keys.c.key
    statement = select(name).distinct().select_from(Subscriber).join(keys, true())
    if list_id is not None:
        statement = statement.where(_is_on(list_id))
    return sorted(session.scalars(statement))


def each_person(session: Session, list_id: int | None) -> Iterator[ExportedPerson]:
    """All people (of one list) by address, streamed."""
    statement = select(
        Subscriber.email,
        Subscriber.name,
        Subscriber.language,
        Subscriber.time_zone,
        Subscriber.attributes,
        Subscriber.status,
        _place_on(list_id),
        exists().where(Suppression.address == Subscriber.address),
    ).order_by(Subscriber.address)
    if list_id is not None:
        statement = statement.where(_is_on(list_id))
    for row in session.execute(statement.execution_options(yield_per=_EXPORT_ROWS_AT_ONCE)):
        yield ExportedPerson(
            email=row[0],
            name=row[1],
            language=row[2],
            time_zone=row[3],
            attributes=row[4] or {},
            status=row[5],
            place=row[6],
            is_suppressed=row[7],
        )


def delete_subscriber(session: Session, subscriber_id: int) -> int:
    """Delete a person with their places on lists; returns how many places that were."""
    places = rows_changed(session, delete(Subscription).where(Subscription.subscriber_id == subscriber_id))
    rows_changed(session, delete(Subscriber).where(Subscriber.id == subscriber_id))
    return places


def blank_events(session: Session, subscriber_id: int, issue_ids: Sequence[int]) -> int:
    """Forget the details of what was heard about a person's deliveries; returns how many events changed."""
    if not issue_ids:
        return 0
    statement = (
        update(Event)
        .where(Event.issue_id.in_(issue_ids), Event.subscriber_id == subscriber_id, Event.detail.is_not(None))
        .values(detail=null())
        .execution_options(synchronize_session="fetch")
    )
    return rows_changed(session, statement)


def _lists_of(newsletter_id: int) -> Any:
    return select(MailingList.id).where(MailingList.newsletter_id == newsletter_id).scalar_subquery()


def _is_on(list_id: int) -> ColumnElement[bool]:
    return exists().where(Subscription.list_id == list_id, Subscription.subscriber_id == Subscriber.id)


def _place_on(list_id: int | None) -> Any:
    if list_id is None:
        return null()
    found = select(Subscription.status).where(
        Subscription.list_id == list_id, Subscription.subscriber_id == Subscriber.id
    )
    return found.correlate(Subscriber).scalar_subquery()
