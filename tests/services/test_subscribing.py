"""Facts about the public door: asking tells nothing and is limited, and only the mailed link subscribes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

from newsletter.db.models import OptInRequest, ProviderLift, Subscriber
from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.runtime import Runtime
from newsletter.services import lists, subscribers, subscribing, suppressions
from newsletter.services.subscribing import LinkState
from tests.factories import NOW
from tests.services.door import ANN, WORDS, ask, make_known, open_door, token_of_last


@pytest.fixture(autouse=True)
def door(runtime: Runtime) -> None:
    open_door(runtime)


def count(session: Session) -> int:
    """How many requests were written down."""
    return session.scalar(select(func.count()).select_from(OptInRequest)) or 0


def confirm(session: Session, runtime: Runtime, token: str, *, now: datetime = NOW) -> LinkState:
    return subscribing.confirm(session, token, links=runtime.links, client="192.0.2.9", now=now).state


def status_of(session: Session, email: str = ANN) -> list[tuple[str, str]]:
    """List and status of each of a person's places."""
    places = subscribers.subscriber_profile(session, email)["subscriptions"]
    return [(place["list"], place["status"]) for place in places]


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """The statements that the block executes."""
    seen: list[str] = []

    def see(*arguments: object) -> None:
        seen.append(str(arguments[2]))

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", see)
    yield seen
    event.remove(engine, "before_cursor_execute", see)


def test_asking_does_the_same_work_whoever_the_address_belongs_to(session: Session, runtime: Runtime) -> None:
    kinds = ["stranger", "member", "disabled", *map(str, SuppressionReason)]
    emails = [make_known(session, runtime, kind) for kind in kinds]
    session.flush()
    work = []
    for email in emails:
        with statements(session) as executed:
            assert ask(session, runtime, email)
        work.append(executed)
    assert work == [work[0]] * len(kinds)
    assert not any("subscribers" in statement or "suppressions" in statement for statement in work[0])
    assert count(session) == len(kinds)


def test_an_address_gets_one_mail_in_ten_minutes_and_three_a_day(session: Session, runtime: Runtime) -> None:
    moments = {0: 1, 9: 1, 10: 2, 15: 2, 30: 3, 60: 3, 23 * 60: 3, 24 * 60: 4}
    for minutes, expected in moments.items():
        assert ask(session, runtime, "Ann@EXAMPLE.org", now=NOW + timedelta(minutes=minutes))
        assert count(session) == expected, f"after {minutes} minutes"


def test_a_client_who_types_in_many_addresses_is_stopped_and_others_are_not(session: Session, runtime: Runtime) -> None:
    at_home = "2001:db8::{}"
    answers = [ask(session, runtime, f"a{n}@example.org", client=at_home.format(n)) for n in range(22)]
    assert answers == [True] * 20 + [False] * 2
    assert ask(session, runtime, "b@example.org", client="192.0.2.2")
    assert ask(session, runtime, "c@example.org", client=at_home.format(1), now=NOW + timedelta(hours=1))
    assert count(session) == 22


def test_two_processes_at_once_write_one_request_for_an_address(runtime: Runtime) -> None:
    start = threading.Barrier(4)

    def press() -> None:
        start.wait()
        with runtime.transaction() as own:
            ask(own, runtime)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with runtime.reading() as session:
        assert count(session) == 1


def test_what_is_no_address_is_not_written_down(session: Session, runtime: Runtime) -> None:
    with pytest.raises(InvalidInput):
        ask(session, runtime, "ann@example")
    assert count(session) == 0


def test_private_lists_are_not_offered_and_cannot_be_chosen(session: Session) -> None:
    offer = subscribing.offer_of(session, "harbour-morning-brief")
    assert [row.slug for row in offer.lists] == ["readers", "weekend"]
    assert [row.slug for row in offer.chosen(["board", "weekend"])] == ["weekend"]


def test_the_link_subscribes_once_and_its_consent_says_who_agreed_to_what_and_when(
    session: Session, runtime: Runtime
) -> None:
    ask(session, runtime)
    token = token_of_last(session, runtime)
    later = NOW + timedelta(hours=1)
    with pytest.raises(NotFound, match=r"asked to be subscribed on 2026-06-22 06:00 UTC \(mail waiting\)"):
        subscribers.subscriber_profile(session, ANN)
    assert confirm(session, runtime, token, now=later) is LinkState.SUBSCRIBED
    first = subscribers.subscriber_profile(session, ANN)
    assert confirm(session, runtime, token.upper(), now=later + timedelta(days=30)) is LinkState.SUBSCRIBED
    assert subscribers.subscriber_profile(session, ANN) == first
    (place,) = first["subscriptions"]
    assert (place["list"], place["status"], place["consent_source"]) == ("readers", "confirmed", "opt-in")
    assert (place["consented_at"], place["confirmed_at"]) == (later, later)
    for fact in ("2026-06-22 06:00:00 UTC", "192.0.2.1", "192.0.2.9", WORDS, "(en)"):
        assert fact in place["consent_evidence"]
    (request,) = first["opt_in_requests"]
    assert (request["requested_at"], request["confirmed_at"]) == (NOW, later)


def test_looking_at_a_link_changes_nothing(session: Session, runtime: Runtime) -> None:
    ask(session, runtime)
    for _ in range(2):
        link = subscribing.find_link(session, token_of_last(session, runtime), links=runtime.links, now=NOW)
        assert (link.state, link.masked_email, link.list_names) == (LinkState.OPEN, "a…n@example.org", ("Readers",))
    assert session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_a_used_link_never_brings_back_who_has_left_since(session: Session, runtime: Runtime) -> None:
    ask(session, runtime)
    token = token_of_last(session, runtime)
    confirm(session, runtime, token)
    person = subscribers.find_subscriber(session, ANN)
    newsletter_id = lists.find_list(session, "readers").newsletter_id
    subscribers.unsubscribe(session, subscriber_id=person.id, newsletter_id=newsletter_id, source="link", now=NOW)
    assert confirm(session, runtime, token) is LinkState.USED
    assert status_of(session) == [("readers", "unsubscribed")]
    ask(session, runtime, now=NOW + timedelta(hours=1))
    new = token_of_last(session, runtime)
    assert confirm(session, runtime, new, now=NOW + timedelta(hours=1)) is LinkState.SUBSCRIBED
    assert status_of(session) == [("readers", "confirmed")]


def test_a_confirmed_link_lifts_what_was_said_before_here_and_at_the_provider(
    session: Session, runtime: Runtime
) -> None:
    key, lifted = runtime.links.address_key, []
    for reason in SuppressionReason:
        lifted.append(make_known(session, runtime, str(reason)))
        ask(session, runtime, lifted[-1])
        assert suppressions.is_suppressed(session, address=lifted[-1], address_key=key)
        assert confirm(session, runtime, token_of_last(session, runtime)) is LinkState.SUBSCRIBED
        assert not suppressions.is_suppressed(session, address=lifted[-1], address_key=key)
        assert status_of(session, lifted[-1]) == [("readers", "confirmed")]
    assert session.scalars(select(ProviderLift.address).order_by(ProviderLift.id)).all() == lifted


def test_whom_an_admin_has_shut_out_stays_out_and_nothing_of_it_is_kept(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        email = make_known(session, runtime, "disabled")
        ask(session, runtime, email)
        token = token_of_last(session, runtime)
    with pytest.raises(Conflict), runtime.transaction() as session:
        confirm(session, runtime, token)
    with runtime.reading() as session:
        assert subscribing.find_link(session, token, links=runtime.links, now=NOW).state is LinkState.OPEN


def test_a_link_is_dead_after_a_week_and_says_so_even_when_its_request_is_forgotten(
    session: Session, runtime: Runtime
) -> None:
    ask(session, runtime)
    token = token_of_last(session, runtime)
    late = NOW + timedelta(days=7, seconds=1)
    assert confirm(session, runtime, token, now=late) is LinkState.EXPIRED
    session.delete(session.scalars(select(OptInRequest)).one())
    session.flush()
    assert confirm(session, runtime, token, now=late) is LinkState.EXPIRED
    # Nobody else's request is ever confirmed by it, whatever number that has.
    ask(session, runtime, "bob@example.org", now=late)
    assert confirm(session, runtime, token, now=late) is LinkState.EXPIRED


def test_a_forged_link_is_worth_nothing(session: Session, runtime: Runtime) -> None:
    ask(session, runtime)
    token = token_of_last(session, runtime)
    changed = ["0" if digit != "0" else "1" for digit in token]
    forged = [token[:at] + changed[at] + token[at + 1 :] for at in range(len(token))]
    for other in (*forged, "", "x", token[:-1], token + "0", runtime.links.delivery_token(0, 1)):
        assert confirm(session, runtime, other) is LinkState.FORGED
    assert session.scalar(select(func.count()).select_from(Subscriber)) == 0


def test_an_erasure_takes_the_requests_along_also_of_somebody_who_never_confirmed(
    session: Session, runtime: Runtime
) -> None:
    ask(session, runtime)
    subscribers.erase_subscriber(session, ANN, address_key=runtime.links.address_key, now=NOW)
    assert count(session) == 0
