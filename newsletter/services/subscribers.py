"""Subscribers: adding, finding, showing, exporting and erasing people, and letting them go."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy.orm import Session

from newsletter.db.models import MailingList, OptInRequest, Subscriber
from newsletter.db.queries import audit as audit_queries
from newsletter.db.queries import imports as import_queries
from newsletter.db.queries import inbound_mails as inbound_queries
from newsletter.db.queries import opting_in as opt_in_queries
from newsletter.db.queries import subscribers as queries
from newsletter.db.queries import suppressions as suppression_queries
from newsletter.db.queries.subscribers import ExportedPerson, PastDelivery, Place
from newsletter.domain.csv_columns import STATUS_COLUMN, read_language, read_name
from newsletter.domain.csv_table import guard_cell
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, Mark
from newsletter.domain.subscriber import (
    OptIn,
    SubscriberStatus,
    SubscriptionStatus,
    SuppressionReason,
    normalise_address,
)
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.services import audit, lists, suppressions

AddressKey = Callable[[str], bytes]

MOST_DELIVERIES_SHOWN = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """What was erased: the person (None where they had been erased before), their places on lists, the details of
    audit entries and of events about them. The ledger keeps the bare number of the person.
    """

    subscriber_id: int | None
    subscriptions: int
    audit_details: int
    event_details: int


def find_subscriber(session: Session, email: str) -> Subscriber:
    """The subscriber with this address."""
    address = normalise_address(email)
    person = queries.subscriber_by_address(session, address)
    if person is None:
        raise NotFound(f"there is no subscriber {email.strip()}: see `newsletter subscriber ls`")
    return person


def search_subscribers(
    session: Session,
    *,
    query: str = "",
    list_id: int | None = None,
    status: SubscriberStatus | SubscriptionStatus | None = None,
    after_id: int = 0,
    limit: int = 50,
) -> Sequence[Subscriber]:
    """A page of subscribers by id, whose address or name contains `query`.

    A SubscriptionStatus means their place on the list, or on any list where none is named.
    """
    return queries.search_subscribers(
        session, query=query.strip(), list_id=list_id, status=status, after_id=after_id, limit=limit
    )


def subscriber_profile(session: Session, email: str) -> dict[str, Any]:
    """All that is known about a person, ready for JSON but for its dates.

    Keys: subscriber_id, email, name, language, time_zone, status, created_at, updated_at, attributes, suppression
    (reason, evidence, since; None), subscriptions (each with its consent), opt_in_requests (what was asked for at the
    public door) and deliveries, the latest first.
    """
    requests = opt_in_queries.requests_of(session, normalise_address(email))
    person = _find_or_tell(session, email, requests)
    suppression = suppression_queries.suppression_of(session, address=person.address, address_key=b"")
    places = queries.places_of(session, person.id)
    history = queries.past_deliveries(session, person.id, limit=MOST_DELIVERIES_SHOWN)
    return {
        "subscriber_id": person.id,
        "email": person.email,
        "name": person.name,
        "language": person.language,
        "time_zone": person.time_zone,
        "status": SubscriberStatus(person.status).name.lower(),
        "created_at": person.created_at,
        "updated_at": person.updated_at,
        "attributes": dict(person.attributes or {}),
        "suppression": suppression
        and {"reason": suppression.reason, "evidence": suppression.evidence, "since": suppression.created_at},
        "subscriptions": [_place_as_dict(place) for place in places],
        "opt_in_requests": [_request_as_dict(row) for row in requests],
        "deliveries": [_delivery_as_dict(row) for row in history],
    }


def _find_or_tell(session: Session, email: str, requests: Sequence[OptInRequest]) -> Subscriber:
    try:
        return find_subscriber(session, email)
    except NotFound:
        if not requests:
            raise
        last = requests[0]
        raise NotFound(
            f"{email.strip()} is no subscriber yet: asked to be subscribed on {last.requested_at:%Y-%m-%d %H:%M} UTC"
            f" (mail {last.mail}), and has not confirmed"
        ) from None


def _place_as_dict(place: Place) -> dict[str, Any]:
    row = place.subscription
    return {
        "list": place.list_slug,
        "list_name": place.list_name,
        "newsletter": place.newsletter_name,
        "status": SubscriptionStatus(row.status).name.lower(),
        "consent_source": row.consent_source,
        "consent_evidence": row.consent_evidence,
        "consented_at": row.consented_at,
        "confirmed_at": row.confirmed_at,
        "unsubscribed_at": row.unsubscribed_at,
        "unsubscribe_source": row.unsubscribe_source,
    }


def _request_as_dict(row: OptInRequest) -> dict[str, Any]:
    return {
        "request_id": row.id,
        "list_ids": list(row.list_ids),
        "language": row.language,
        "client": row.client,
        "requested_at": row.requested_at,
        "mail": row.mail,
        "response": row.response,
        "confirmed_at": row.confirmed_at,
    }


def _delivery_as_dict(row: PastDelivery) -> dict[str, Any]:
    reason = DeliveryReason(row.reason)
    return asdict(row) | {
        "status": DeliveryStatus(row.status).name.lower(),
        "reason": "" if reason is DeliveryReason.NONE else reason.name.lower(),
        "marks": [mark.name.lower() for mark in Mark if row.marks & mark],
    }


def add_subscriber(
    session: Session,
    *,
    email: str,
    list_slug: str,
    name: str = "",
    language: str = "",
    time_zone: str = "",
    attributes: Mapping[str, str] | None = None,
    confirmed: bool = False,
    consent_source: str = "manual",
    consent_evidence: str | None = None,
    address_key: AddressKey,
    now: datetime,
    actor_id: int | None = None,
) -> Subscriber:
    """Put one person on a list; what is given overwrites what was known, and twice is the same as once.

    Conflict for who must not be mailed: suppressed, erased or disabled. Someone who has left the newsletter comes
    back only with `consent_evidence` of their new wish.
    """
    mailing_list = lists.find_list(session, list_slug)
    values = _checked(name=name, language=language, time_zone=time_zone)
    import_queries.lock_imports(session)
    _require_mailable(session, email, address_key=address_key)
    address = normalise_address(email)
    queries.add_subscriber(session, email=email.strip(), address=address, now=now)
    person = find_subscriber(session, address)
    if person.status == SubscriberStatus.DISABLED:
        raise Conflict(f"{person.email} is disabled: enable them first")
    _overwrite(person, values, attributes or {}, now=now)
    _place(
        session,
        person,
        mailing_list,
        confirmed=confirmed,
        consent_source=consent_source,
        consent_evidence=consent_evidence,
        now=now,
    )
    _audit(session, "add", person.id, actor_id=actor_id, now=now, detail={"list_id": mailing_list.id})
    return person


def _checked(*, name: str, language: str, time_zone: str) -> dict[str, str]:
    read = {"name": read_name(name), "language": read_language(language)}
    for fault in filter(None, (fault for _, fault in read.values())):
        raise InvalidInput(fault.removesuffix(" and was left out"))
    zone = time_zone.strip()
    if zone and zone not in available_timezones():
        raise InvalidInput(f"“{zone}” is not a time zone: use a name such as Europe/Berlin or Asia/Shanghai")
    return {field: value for field, (value, _) in read.items()} | {"time_zone": zone}


def _require_mailable(session: Session, email: str, *, address_key: AddressKey) -> None:
    found = suppressions.find_suppression(session, address=email, address_key=address_key)
    if found is not None:
        reason = "was erased" if found.reason == SuppressionReason.ERASED else f"is suppressed ({found.reason})"
        raise Conflict(f"{email.strip()} {reason}: to mail them again, lift it with `newsletter suppression remove`")


def _overwrite(person: Subscriber, values: Mapping[str, str], attributes: Mapping[str, str], *, now: datetime) -> None:
    changed = {name: value for name, value in values.items() if value and value != getattr(person, name)}
    merged = dict(person.attributes or {}) | dict(attributes)
    for name, value in changed.items():
        setattr(person, name, value)
    if merged != (person.attributes or {}):
        person.attributes = merged
    elif not changed:
        return
    person.updated_at = now


def _place(
    session: Session,
    person: Subscriber,
    mailing_list: MailingList,
    *,
    confirmed: bool,
    consent_source: str,
    consent_evidence: str | None,
    now: datetime,
) -> None:
    is_mailable = confirmed or mailing_list.opt_in == OptIn.SINGLE
    key: dict[str, Any] = {"list_id": mailing_list.id, "subscriber_id": person.id}
    consent: dict[str, Any] = {
        "consent_source": consent_source,
        "consent_evidence": consent_evidence,
        "consented_at": now if is_mailable else None,
        "confirmed_at": now if confirmed else None,
    }
    target = SubscriptionStatus.CONFIRMED if is_mailable else SubscriptionStatus.UNCONFIRMED
    if not consent_evidence and _has_left(session, person, mailing_list):
        raise Conflict(f"{person.email} has left this newsletter: only their new consent brings them back, so name it")
    if queries.add_subscription(session, status=target, **key, **consent):
        return
    stale = [SubscriptionStatus.UNSUBSCRIBED] if consent_evidence else []
    stale += [SubscriptionStatus.UNCONFIRMED] if confirmed else []
    consent |= {"unsubscribed_at": None, "unsubscribe_source": None}
    for status in stale:
        queries.move_subscription(session, from_status=status, to_status=target, **key, **consent)


def _has_left(session: Session, person: Subscriber, mailing_list: MailingList) -> bool:
    """Whether a person has unsubscribed from this list, or from the newsletter altogether."""
    here = queries.subscription_status(session, list_id=mailing_list.id, subscriber_id=person.id)
    anywhere = queries.places_on_newsletter(session, subscriber_id=person.id, newsletter_id=mailing_list.newsletter_id)
    return here is SubscriptionStatus.UNSUBSCRIBED or anywhere == {SubscriptionStatus.UNSUBSCRIBED}


def is_subscribed(session: Session, *, subscriber_id: int, newsletter_id: int) -> bool:
    """Whether a person is on a list of this newsletter, confirmed or waiting for it."""
    found = queries.places_on_newsletter(session, subscriber_id=subscriber_id, newsletter_id=newsletter_id)
    return bool(found - {SubscriptionStatus.UNSUBSCRIBED})


def unsubscribe(session: Session, *, subscriber_id: int, newsletter_id: int, source: str, now: datetime) -> bool:
    """Take a person off all lists of a newsletter; whether they were still on one. Twice is the same as once."""
    left = queries.leave_newsletter(
        session, subscriber_id=subscriber_id, newsletter_id=newsletter_id, source=source, now=now
    )
    if left:
        detail = {"newsletter_id": newsletter_id, "source": source}
        _audit(session, "unsubscribe", subscriber_id, actor_id=None, now=now, detail=detail)
    return left > 0


def set_status(
    session: Session, email: str, *, status: SubscriberStatus, now: datetime, actor_id: int | None = None
) -> Subscriber:
    """Enable or disable a person: who is disabled keeps their places on lists and is not mailed."""
    person = find_subscriber(session, email)
    if person.status != status:
        person.status = int(status)
        person.updated_at = now
        _audit(session, "set_status", person.id, actor_id=actor_id, now=now, detail={"status": status.name.lower()})
        session.flush()
    return person


def export_subscribers(session: Session, *, list_slug: str | None = None) -> Iterator[list[str]]:
    """Header and rows of a CSV file of all people, or of one list's, streamed by address.

    Imported again, it changes nothing. The status column keeps those who have left from coming back elsewhere.
    Cells that a spreadsheet would calculate are marked as text; an import takes the mark off.
    """
    list_id = lists.find_list(session, list_slug).id if list_slug else None
    names = queries.attribute_names(session, list_id)
    yield ["email", "name", "language", "time_zone", STATUS_COLUMN, *map(guard_cell, names)]
    for person in queries.each_person(session, list_id):
        profile = [person.email, person.name, person.language, person.time_zone]
        values = [_attribute_text(person.attributes.get(name)) for name in names]
        yield [*map(guard_cell, profile), _exported_status(person), *map(guard_cell, values)]


def _exported_status(person: ExportedPerson) -> str:
    if person.is_suppressed:
        return "suppressed"
    if person.status == SubscriberStatus.DISABLED or person.place is None:
        return SubscriberStatus(person.status).name.lower()
    return SubscriptionStatus(person.place).name.lower()


def _attribute_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def erase_subscriber(
    session: Session, email: str, *, address_key: AddressKey, now: datetime, actor_id: int | None = None
) -> Erasure:
    """Erase a person for good, and see to it that no import brings them back.

    What stays: rows of the ledger with the bare number, that audit entries existed, and a keyed hash of the address
    among the suppressions. NotFound for an address that nobody knows.
    """
    import_queries.lock_imports(session)
    address = normalise_address(email)
    person = queries.subscriber_by_address(session, address)
    known = suppressions.find_suppression(session, address=address, address_key=address_key)
    requests = opt_in_queries.forget_address(session, address)
    if person is None and known is None and not requests:
        raise NotFound(f"there is nothing to erase about {email.strip()}: nobody here has this address")
    suppressions.mark_erased(session, address=address, address_key=address_key, now=now)
    if person is None:
        return Erasure(subscriber_id=None, subscriptions=0, audit_details=0, event_details=0)
    return _erase(session, person.id, now=now, actor_id=actor_id)


def _erase(session: Session, subscriber_id: int, *, now: datetime, actor_id: int | None) -> Erasure:
    history = queries.past_deliveries(session, subscriber_id, limit=1_000_000)
    inbound_queries.forget_person(session, subscriber_id)
    erasure = Erasure(
        subscriber_id=subscriber_id,
        event_details=queries.blank_events(session, subscriber_id, [row.issue_id for row in history]),
        audit_details=audit_queries.blank_details(session, "subscriber", subscriber_id),
        subscriptions=queries.delete_subscriber(session, subscriber_id),
    )
    _audit(session, "erase", subscriber_id, actor_id=actor_id, now=now, detail=None)
    return erasure


def _audit(
    session: Session,
    act: str,
    subscriber_id: int,
    *,
    actor_id: int | None,
    now: datetime,
    detail: dict[str, Any] | None,
) -> None:
    audit.record(
        session,
        action=f"subscriber.{act}",
        subject_type="subscriber",
        subject_id=subscriber_id,
        actor_id=actor_id,
        detail=detail,
        now=now,
    )
