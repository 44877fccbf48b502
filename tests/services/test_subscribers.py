from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import AuditEntry, Delivery, Event, Subscriber, Subscription, Suppression
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, Mark
from newsletter.domain.subscriber import OptIn, SubscriberStatus, SubscriptionStatus, SuppressionReason
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.runtime import Runtime
from newsletter.services import lists, subscribers, suppressions
from tests.factories import NOW, add_people, make_issue, make_list, make_newsletter, start_issue

LATER = NOW + timedelta(days=1)


def add(session: Session, runtime: Runtime, email: str = "anna@example.org", **values: Any) -> Subscriber:
    given: dict[str, Any] = {"list_slug": "readers", "now": NOW} | values
    return subscribers.add_subscriber(session, email=email, address_key=runtime.links.address_key, **given)


def place(session: Session, person: Subscriber) -> Subscription:
    session.expire_all()
    return session.scalars(select(Subscription).where(Subscription.subscriber_id == person.id)).one()


@pytest.fixture
def newsletter_id(session: Session) -> int:
    """A newsletter with one list, "readers"."""
    newsletter = make_newsletter(session)
    make_list(session, newsletter)
    return newsletter.id


@pytest.mark.usefixtures("newsletter_id")
def test_a_person_is_added_with_their_consent(session: Session, runtime: Runtime) -> None:
    person = add(
        session,
        runtime,
        " Anna@Example.ORG ",
        name="  Anna   Schmidt ",
        language="DE",
        time_zone="Europe/Berlin",
        attributes={"city": "Köln"},
        consent_source="fair",
        consent_evidence="card 17",
    )
    assert (person.email, person.address, person.name) == ("Anna@Example.ORG", "anna@example.org", "Anna Schmidt")
    assert (person.language, person.time_zone, person.attributes) == ("de", "Europe/Berlin", {"city": "Köln"})
    found = place(session, person)
    assert (found.status, found.consent_source, found.consent_evidence) == (
        SubscriptionStatus.CONFIRMED,
        "fair",
        "card 17",
    )
    assert (found.consented_at, found.confirmed_at) == (NOW, None)


@pytest.mark.usefixtures("newsletter_id")
def test_adding_twice_keeps_one_person_and_overwrites_what_is_given(session: Session, runtime: Runtime) -> None:
    first = add(session, runtime, name="Anna", attributes={"city": "Köln", "desk": "news"})
    second = add(session, runtime, language="en", attributes={"city": "Bonn"}, now=LATER)
    assert (second.id, second.name, second.language) == (first.id, "Anna", "en")
    assert second.attributes == {"city": "Bonn", "desk": "news"}
    assert second.updated_at == LATER
    assert place(session, second).consented_at == NOW


@pytest.mark.usefixtures("newsletter_id")
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"email": "rubbish"}, "not an email address"),
        ({"time_zone": "Mars/Olympus"}, "not a time zone"),
        ({"language": "??"}, "language code"),
        ({"name": "x" * 300}, "longer than 200"),
    ],
)
def test_values_that_cannot_be_used_are_refused(
    session: Session, runtime: Runtime, values: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        add(session, runtime, **values)
    assert session.scalars(select(Subscriber)).all() == []


def test_on_a_double_opt_in_list_a_person_waits_for_their_confirmation(
    session: Session, runtime: Runtime, newsletter_id: int
) -> None:
    lists.create_list(session, name="Double", newsletter_id=newsletter_id, opt_in=OptIn.DOUBLE, now=NOW)
    person = add(session, runtime, list_slug="double")
    assert place(session, person).status == SubscriptionStatus.UNCONFIRMED
    add(session, runtime, list_slug="double", now=LATER)
    assert place(session, person).status == SubscriptionStatus.UNCONFIRMED
    add(session, runtime, list_slug="double", confirmed=True, now=LATER)
    found = place(session, person)
    assert (found.status, found.confirmed_at) == (SubscriptionStatus.CONFIRMED, LATER)


@pytest.mark.usefixtures("newsletter_id")
def test_who_must_not_be_mailed_is_not_added(session: Session, runtime: Runtime) -> None:
    key = runtime.links.address_key
    suppressions.suppress(
        session, address="anna@example.org", reason=SuppressionReason.COMPLAINED, address_key=key, now=NOW
    )
    with pytest.raises(Conflict, match=r"is suppressed \(complained\): .*newsletter suppression remove"):
        add(session, runtime)
    add(session, runtime, "bob@example.org")
    subscribers.set_status(session, "bob@example.org", status=SubscriberStatus.DISABLED, now=NOW)
    with pytest.raises(Conflict, match="disabled"):
        add(session, runtime, "bob@example.org")


def test_who_has_left_comes_back_only_with_new_consent(session: Session, runtime: Runtime, newsletter_id: int) -> None:
    lists.create_list(session, name="Second", newsletter_id=newsletter_id, now=NOW)
    person = add(session, runtime)
    subscribers.unsubscribe(session, subscriber_id=person.id, newsletter_id=newsletter_id, source="link", now=NOW)
    for slug in ("readers", "second"):
        with pytest.raises(Conflict, match="left this newsletter"):
            add(session, runtime, list_slug=slug)
    add(session, runtime, consent_evidence="mail of 23 June", now=LATER)
    found = place(session, person)
    assert (found.status, found.consent_evidence) == (SubscriptionStatus.CONFIRMED, "mail of 23 June")
    assert (found.unsubscribed_at, found.unsubscribe_source) == (None, None)


def test_unsubscribing_leaves_all_lists_of_this_newsletter_and_no_other(
    session: Session, runtime: Runtime, newsletter_id: int
) -> None:
    second = lists.create_list(session, name="Second", newsletter_id=newsletter_id, now=NOW)
    other = make_newsletter(session, slug="other", name="Other")
    elsewhere = make_list(session, other, "elsewhere")
    person = add(session, runtime)
    add(session, runtime, list_slug="second")
    add(session, runtime, list_slug="elsewhere")
    assert subscribers.unsubscribe(
        session, subscriber_id=person.id, newsletter_id=newsletter_id, source="one-click", now=LATER
    )
    session.expire_all()
    by_list = {
        row.list_id: row for row in session.scalars(select(Subscription).where(Subscription.subscriber_id == person.id))
    }
    assert by_list[elsewhere.id].status == SubscriptionStatus.CONFIRMED
    assert by_list[second.id].status == SubscriptionStatus.UNSUBSCRIBED
    assert (by_list[second.id].unsubscribed_at, by_list[second.id].unsubscribe_source) == (LATER, "one-click")
    assert not subscribers.is_subscribed(session, subscriber_id=person.id, newsletter_id=newsletter_id)
    assert subscribers.is_subscribed(session, subscriber_id=person.id, newsletter_id=other.id)


def test_unsubscribing_twice_is_the_same_as_once(session: Session, runtime: Runtime, newsletter_id: int) -> None:
    person = add(session, runtime)
    given = {"subscriber_id": person.id, "newsletter_id": newsletter_id}
    assert subscribers.unsubscribe(session, **given, source="link", now=NOW)
    assert not subscribers.unsubscribe(session, **given, source="again", now=LATER)
    assert place(session, person).unsubscribe_source == "link"
    entries = session.scalars(select(AuditEntry).where(AuditEntry.action == "subscriber.unsubscribe")).all()
    assert len(entries) == 1


def test_a_profile_tells_consent_and_what_was_sent(session: Session, runtime: Runtime) -> None:
    issue, ids = make_issue(session, people=3)
    start_issue(session, issue)
    row = session.get_one(Delivery, (issue.id, ids[1]))
    row.status, row.reason = DeliveryStatus.FAILED, DeliveryReason.REFUSED
    row.marks = Mark.DELIVERED | Mark.OPENED
    session.flush()
    email = "Reader000001@example.org"
    suppressions.suppress(
        session, address=email, reason=SuppressionReason.BOUNCED, address_key=runtime.links.address_key, now=NOW
    )
    profile = subscribers.subscriber_profile(session, email)
    assert (profile["subscriber_id"], profile["name"], profile["status"]) == (ids[1], "Reader 1", "enabled")
    assert profile["suppression"]["reason"] == "bounced"
    assert [(kept["list"], kept["status"]) for kept in profile["subscriptions"]] == [("readers", "confirmed")]
    (delivery,) = profile["deliveries"]
    assert (delivery["issue_id"], delivery["status"], delivery["reason"]) == (issue.id, "failed", "refused")
    assert delivery["marks"] == ["delivered", "opened"]
    assert delivery["title"]


def test_nobody_is_found_under_an_unknown_address(session: Session) -> None:
    with pytest.raises(NotFound, match=r"no subscriber nobody@example\.org"):
        subscribers.find_subscriber(session, "nobody@example.org")


def test_a_search_finds_parts_of_addresses_and_names(session: Session, newsletter_id: int, runtime: Runtime) -> None:
    second = lists.create_list(session, name="Second", newsletter_id=newsletter_id, now=NOW)
    add(session, runtime, "anna@example.org", name="Anna Schmidt")
    add(session, runtime, "bob_b@example.org", name="李明")
    add(session, runtime, "bobxb@example.net", list_slug="second")
    subscribers.set_status(session, "anna@example.org", status=SubscriberStatus.DISABLED, now=NOW)

    def found(**given: Any) -> list[str]:
        return [row.email for row in subscribers.search_subscribers(session, **given)]

    assert found(query="EXAMPLE.org") == ["anna@example.org", "bob_b@example.org"]
    assert found(query="schm") == ["anna@example.org"]
    assert found(query="李") == ["bob_b@example.org"]
    assert found(query="b_b") == ["bob_b@example.org"]
    assert found(list_id=second.id) == ["bobxb@example.net"]
    assert found(status=SubscriberStatus.DISABLED) == ["anna@example.org"]
    assert found(list_id=second.id, status=SubscriptionStatus.UNSUBSCRIBED) == []
    assert len(found(status=SubscriptionStatus.CONFIRMED)) == 3


def test_pages_of_a_search_follow_each_other_without_gaps(session: Session) -> None:
    readers = make_list(session, make_newsletter(session))
    ids = add_people(session, readers, 25)
    seen: list[int] = []
    while page := subscribers.search_subscribers(session, after_id=seen[-1] if seen else 0, limit=10):
        seen += [row.id for row in page]
    assert seen == ids


@pytest.mark.usefixtures("newsletter_id")
def test_an_export_holds_everything_and_is_safe_in_a_spreadsheet(session: Session, runtime: Runtime) -> None:
    add(session, runtime, "b@example.org", name="=HYPERLINK()", attributes={"city": "上海", "+x": "-1"})
    add(session, runtime, "a@example.org", language="en", time_zone="UTC")
    add(session, runtime, "c@example.org")
    suppressions.suppress(
        session,
        address="c@example.org",
        reason=SuppressionReason.MANUAL,
        address_key=runtime.links.address_key,
        now=NOW,
    )
    assert list(subscribers.export_subscribers(session, list_slug="readers")) == [
        ["email", "name", "language", "time_zone", "subscription_status", "'+x", "city"],
        ["a@example.org", "", "en", "UTC", "confirmed", "", ""],
        ["b@example.org", "'=HYPERLINK()", "", "", "confirmed", "'-1", "上海"],
        ["c@example.org", "", "", "", "suppressed", "", ""],
    ]
    assert [row[4] for row in subscribers.export_subscribers(session)] == [
        "subscription_status",
        "enabled",
        "enabled",
        "suppressed",
    ]


def test_an_export_of_a_list_holds_nobody_else(session: Session, runtime: Runtime, newsletter_id: int) -> None:
    lists.create_list(session, name="Second", newsletter_id=newsletter_id, now=NOW)
    add(session, runtime, "a@example.org", attributes={"secret": "x"})
    add(session, runtime, "b@example.org", list_slug="second")
    header, *rows = subscribers.export_subscribers(session, list_slug="second")
    assert "secret" not in header
    assert [row[0] for row in rows] == ["b@example.org"]


def test_erasing_leaves_nothing_of_a_person_but_the_key_of_their_address(session: Session, runtime: Runtime) -> None:
    issue, ids = make_issue(session, people=2)
    start_issue(session, issue)
    email = "reader000000@example.org"
    event = Event(natural_key="x", issue_id=issue.id, subscriber_id=ids[0], kind="opened", at=NOW, source="test")
    event.detail = {"email": email}
    session.add(event)
    suppressions.suppress(
        session,
        address=email,
        reason=SuppressionReason.BOUNCED,
        evidence=f"550 {email}",
        address_key=runtime.links.address_key,
        now=NOW,
    )
    subscribers.set_status(session, email, status=SubscriberStatus.DISABLED, now=NOW)
    erasure = subscribers.erase_subscriber(session, email, address_key=runtime.links.address_key, now=LATER, actor_id=9)
    assert erasure == subscribers.Erasure(subscriber_id=ids[0], subscriptions=1, audit_details=1, event_details=1)
    session.expire_all()
    assert [row.id for row in session.scalars(select(Subscriber))] == [ids[1]]
    assert [row.subscriber_id for row in session.scalars(select(Subscription))] == [ids[1]]
    assert session.get_one(Delivery, (issue.id, ids[0])).issue_id == issue.id
    assert session.scalars(select(Event)).one().detail is None
    kept = session.scalars(select(Suppression)).one()
    assert (kept.address, kept.reason, kept.evidence) == (None, "erased", "")
    assert kept.address_key == runtime.links.address_key(email)
    entries = session.scalars(select(AuditEntry).where(AuditEntry.subject_type == "subscriber")).all()
    assert [(entry.action, entry.detail) for entry in entries] == [
        ("subscriber.set_status", None),
        ("subscriber.erase", None),
    ]


@pytest.mark.usefixtures("newsletter_id")
def test_erasing_twice_is_the_same_as_once(session: Session, runtime: Runtime) -> None:
    key = runtime.links.address_key
    add(session, runtime)
    assert subscribers.erase_subscriber(session, "anna@example.org", address_key=key, now=NOW).subscriber_id
    again = subscribers.erase_subscriber(session, "anna@example.org", address_key=key, now=NOW)
    assert (again.subscriber_id, again.subscriptions) == (None, 0)
    with pytest.raises(NotFound, match="nothing to erase"):
        subscribers.erase_subscriber(session, "bob@example.org", address_key=key, now=NOW)


@pytest.mark.usefixtures("newsletter_id")
def test_an_erased_person_is_not_added_before_their_suppression_is_lifted(session: Session, runtime: Runtime) -> None:
    key = runtime.links.address_key
    add(session, runtime)
    subscribers.erase_subscriber(session, "anna@example.org", address_key=key, now=NOW)
    with pytest.raises(Conflict, match="was erased"):
        add(session, runtime)
    suppressions.lift(session, address="anna@example.org", address_key=key, now=NOW)
    assert add(session, runtime).address == "anna@example.org"
