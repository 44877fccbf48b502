"""Facts about answers at the public door that come back: what suppresses an address, and what never does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Event, OptInRequest, ProviderRetry
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.errors import NotFound
from newsletter.links import OPT_IN_ISSUE
from newsletter.runtime import Runtime
from newsletter.services import bouncing, events, opt_in_mails, subscribers, subscribing, suppressions
from newsletter.services.bouncing import BounceCounts
from newsletter.services.events import SENDGRID, EventCounts
from tests.bounce_mails import autoreply, complaint, delivery_report, return_path
from tests.factories import NOW
from tests.services.door import ANN, ask, open_door, token_of_last
from tests.told_events import BLOCKED, HARD, SOFT
from tests.webhook_posts import event, post

LATER = NOW + timedelta(hours=1)
FULL = {"status": "5.2.2", "diagnostic": "552 5.2.2 mailbox full"}


@pytest.fixture
def request_id(runtime: Runtime) -> int:
    """Somebody typed Ann's address into the form, and the mail that answers has gone out."""
    open_door(runtime)
    with runtime.transaction() as session:
        ask(session, runtime)
    answer(runtime, OutcomeKind.ACCEPTED)
    with runtime.reading() as session:
        return session.scalars(select(OptInRequest.id)).one()


def answer(runtime: Runtime, kind: OutcomeKind, response: str = "") -> None:
    with runtime.transaction() as session:
        claimed = opt_in_mails.claim_next(session, links=runtime.links, now=NOW)
        assert claimed is not None
        outcome = Outcome(subscriber_id=claimed.request_id, kind=kind, response=response)
        opt_in_mails.record(session, claimed.request_id, outcome, source="smtp", links=runtime.links, now=NOW)


def ingest(runtime: Runtime, raw: bytes, *recipients: str) -> BounceCounts:
    with runtime.transaction() as session:
        return bouncing.ingest(session, raw, links=runtime.links, now=LATER, envelope_recipients=recipients)


def tell(runtime: Runtime, request_id: int, name: str, at: datetime = LATER, **fields: Any) -> EventCounts:
    told = event(runtime.links, OPT_IN_ISSUE, request_id, name, timestamp=int(at.timestamp()), **fields)
    with runtime.transaction() as session:
        events.store_post(session, post(told), source=SENDGRID, now=LATER)
        return events.drain_posts(session, links=runtime.links, now=LATER)


def state(runtime: Runtime) -> tuple[str, str | None]:
    """What became of the mail, and why Ann must not be mailed."""
    with runtime.reading() as session:
        found = suppressions.find_suppression(session, address=ANN, address_key=runtime.links.address_key)
        assert session.scalar(select(func.count()).select_from(Event)) == 0
        return session.scalars(select(OptInRequest.mail)).one(), found.reason if found else None


def token_of(runtime: Runtime, request_id: int) -> str:
    return runtime.links.delivery_token(OPT_IN_ISSUE, request_id)


@pytest.mark.parametrize(
    ("report", "counted", "expected"),
    [
        ({}, "hard", ("bounced", "bounced")),
        (FULL, "soft", ("bounced", None)),
        ({"status": "5.7.1", "diagnostic": "554 5.7.1 listed by spamhaus"}, "block", ("bounced", None)),
    ],
)
def test_only_a_hard_bounce_with_the_token_of_the_answer_suppresses_the_address(
    runtime: Runtime, request_id: int, report: dict[str, str], counted: str, expected: tuple[str, str | None]
) -> None:
    path, raw = return_path(token_of(runtime, request_id)), delivery_report(ANN, **report)
    assert ingest(runtime, raw, path) == BounceCounts(read=1, matched=1, **{counted: 1})
    assert ingest(runtime, raw, path) == BounceCounts(read=1, ignored=1)
    assert state(runtime) == expected


def test_what_does_not_carry_the_token_or_names_somebody_else_takes_no_effect(
    runtime: Runtime, request_id: int
) -> None:
    path = return_path(token_of(runtime, request_id))
    assert ingest(runtime, delivery_report(ANN)).unknown == 1
    assert ingest(runtime, delivery_report(ANN), return_path(runtime.links.delivery_token(0, request_id))).ignored == 1
    assert ingest(runtime, delivery_report(ANN), path.replace("b-f", "b-e")).ignored == 1
    assert state(runtime) == ("sent", None)
    assert ingest(runtime, autoreply(path), path).ignored == 1
    assert ingest(runtime, delivery_report("forwarded@elsewhere.example"), path).soft == 1
    assert state(runtime) == ("bounced", None)


def test_a_complaint_about_the_answer_suppresses_and_outweighs_a_bounce(runtime: Runtime, request_id: int) -> None:
    ingest(runtime, delivery_report(ANN), return_path(token_of(runtime, request_id)))
    assert ingest(runtime, complaint(token_of(runtime, request_id))).complaint == 1
    assert state(runtime) == ("complained", "complained")


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("bounce", HARD, ("bounced", "bounced")),
        ("bounce", SOFT, ("bounced", None)),
        ("bounce", BLOCKED, ("bounced", None)),
        ("dropped", {"reason": "Bounced Address"}, ("bounced", "bounced")),
        ("dropped", {"reason": "Spam Content"}, ("bounced", None)),
        ("spamreport", {}, ("complained", "complained")),
        ("delivered", {}, ("sent", None)),
        ("open", {}, ("sent", None)),
    ],
)
def test_sendgrids_events_of_the_answer_say_the_same(
    runtime: Runtime, request_id: int, name: str, fields: dict[str, Any], expected: tuple[str, str | None]
) -> None:
    for _ in range(2):
        assert tell(runtime, request_id, name, **fields).unmatched == 1
    assert state(runtime) == expected


def test_a_full_mailbox_at_sendgrid_is_tried_again_and_its_echo_is_not_believed(
    runtime: Runtime, request_id: int
) -> None:
    full: dict[str, Any] = SOFT
    tell(runtime, request_id, "bounce", **full)
    with runtime.reading() as session:
        assert session.scalars(select(ProviderRetry.address)).all() == [ANN]
    with runtime.transaction() as session:
        ask(session, runtime, now=LATER)
    answer_late(runtime)
    tell(runtime, request_id + 1, "dropped", reason="Bounced Address")
    with runtime.reading() as session:
        assert not suppressions.is_suppressed(session, address=ANN, address_key=runtime.links.address_key)


def answer_late(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        claimed = opt_in_mails.claim_next(session, links=runtime.links, now=LATER)
        assert claimed is not None
        outcome = Outcome(subscriber_id=claimed.request_id, kind=OutcomeKind.ACCEPTED)
        opt_in_mails.record(session, claimed.request_id, outcome, source="smtp", links=runtime.links, now=LATER)


def test_who_confirmed_has_had_the_mail_and_only_a_later_complaint_counts(runtime: Runtime, request_id: int) -> None:
    with runtime.transaction() as session:
        confirm(session, runtime)
    ingest(runtime, delivery_report(ANN), return_path(token_of(runtime, request_id)))
    tell(runtime, request_id, "spamreport", at=NOW)
    assert state(runtime)[1] is None
    tell(runtime, request_id, "spamreport", at=NOW + timedelta(days=1))
    assert state(runtime)[1] == "complained"


def confirm(session: Session, runtime: Runtime) -> None:
    token = token_of_last(session, runtime)
    subscribing.confirm(session, token, client="192.0.2.1", links=runtime.links, now=NOW + timedelta(minutes=30))


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ("550 5.1.1 no such user", "bounced"),
        ("552 5.2.2 mailbox full", None),
        ("“x” is not an email address: no such user", None),
    ],
)
def test_a_server_that_knows_nobody_of_this_name_says_so_at_once(
    runtime: Runtime, response: str, reason: str | None
) -> None:
    open_door(runtime)
    with runtime.transaction() as session:
        ask(session, runtime)
    answer(runtime, OutcomeKind.REFUSED, response)
    assert state(runtime) == ("refused", reason)


def test_a_return_path_is_open_as_long_as_its_request_is_known(runtime: Runtime, request_id: int) -> None:
    path = return_path(token_of(runtime, request_id))
    with runtime.reading() as session:
        assert bouncing.is_awaited(session, path, links=runtime.links, now=LATER)
    with runtime.transaction() as session:
        opt_in_mails.tend(session, lease=timedelta(minutes=2), now=NOW + timedelta(days=31))
    with runtime.reading() as session:
        assert not bouncing.is_awaited(session, path, links=runtime.links, now=LATER)


def test_what_became_of_the_answer_is_shown(runtime: Runtime, request_id: int) -> None:
    ingest(runtime, delivery_report(ANN), return_path(token_of(runtime, request_id)))
    with runtime.reading() as session, pytest.raises(NotFound, match="mail bounced"):
        subscribers.subscriber_profile(session, ANN)
    with runtime.transaction() as session:
        confirm(session, runtime)
        [shown] = subscribers.subscriber_profile(session, ANN)["opt_in_requests"]
    assert (shown["mail"], shown["response"]) == ("bounced", "bounced (hard, mailbox_unknown)")
