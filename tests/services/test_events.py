"""Facts about provider events: each has effect once, whatever its order, and closes the loop. On both databases."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from newsletter.db.models import Event, ProviderState, Suppression
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, IssueStatus
from newsletter.domain.mail import OutcomeKind
from newsletter.runtime import Runtime
from newsletter.services import issues, lost_claims, reactions, sending
from newsletter.services.events import SENDGRID, EventCounts
from newsletter.services.users import OPERATOR
from tests.factories import NOW, add_people, make_approved_brief, make_list, make_newsletter
from tests.told_events import (
    BLOCKED,
    HARD,
    LEASE,
    SOFT,
    hand_over,
    request_of,
    row_of,
    start,
    state,
    suppressed,
    tally,
    tell,
)
from tests.webhook_posts import SECOND, event


def test_events_mark_the_delivery_that_their_token_names(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    one, two, *_ = hand_over(runtime, issue_id)
    said = [event(runtime.links, issue_id, one, name) for name in ("processed", "delivered", "open", "click")]
    said.append(event(runtime.links, issue_id, two, "delivered"))
    assert tell(runtime, *said) == EventCounts(posts=1, received=5, new=5)
    expected = {"audience": 10, "pending": 5, "accepted": 5, "delivered": 2, "opened": 1, "clicked": 1}
    assert tally(runtime, issue_id) == expected


def test_an_event_told_twice_counts_once_by_its_id_and_by_what_it_says(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    first = event(runtime.links, issue_id, person, "open")
    other_id = first | {"sg_event_id": "another"}
    other_second = first | {"timestamp": SECOND + 61}
    without_id = {name: value for name, value in first.items() if name != "sg_event_id"}
    assert tell(runtime, first, first, other_id) == EventCounts(posts=1, received=3, new=1, duplicate=2)
    assert tell(runtime, other_second, without_id) == EventCounts(posts=1, received=2, duplicate=2)
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Event)) == 1


def test_two_clicks_of_one_second_on_two_links_are_two_events(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    clicks = [event(runtime.links, issue_id, person, "click", url=f"https://example.org/{n}") for n in range(2)]
    assert tell(runtime, *clicks).new == 2


@pytest.mark.parametrize(
    "said",
    [
        {"sg_event_id": None, "sg_message_id": None},
        {"email": "", "category": "one"},
        {"category": ["a", "b"], "timestamp": str(SECOND)},
        {"timestamp": None},
        {"timestamp": 10**30, "response": ["odd"]},
        {"response": "250 caf\u00e9 \\ \t\n\u0000 done", "sg_event_id": "😀"},
    ],
)
def test_odd_and_missing_fields_do_no_harm(runtime: Runtime, said: dict[str, Any]) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    assert tell(runtime, event(runtime.links, issue_id, person, "delivered", **said)).new == 1
    assert tally(runtime, issue_id)["delivered"] == 1


def test_what_names_no_delivery_of_ours_is_unmatched_and_not_kept(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    good = event(runtime.links, issue_id, person, "open")
    forged = good | {"nl_delivery": good["nl_delivery"][:-1] + "x", "sg_event_id": "1"}
    foreign = event(runtime.links, issue_id, 9999, "bounce", **HARD)
    test_send = event(runtime.links, 0, person, "spamreport")
    without = {"event": "delivered", "email": "reader000001@example.org"}
    counts = tell(runtime, forged, foreign, test_send, without, "no object", 7)
    assert counts == EventCounts(posts=1, received=6, unmatched=6)
    assert suppressed(runtime) == {}
    with runtime.reading() as session:
        assert session.scalars(select(Event)).all() == []


def test_an_unknown_event_is_kept_and_has_no_effect(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    people = hand_over(runtime, issue_id, OutcomeKind.UNKNOWN)
    assert tell(runtime, event(runtime.links, issue_id, people[0], "teleported")).new == 1
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 5, "unknown": 5}
    with runtime.reading() as session:
        kept = session.scalars(select(Event).where(Event.natural_key.like("sg:%"))).one()
        assert (kept.kind, kept.detail) == ("unknown", {"event": "teleported"})


@pytest.mark.parametrize("name", ["processed", "deferred", "delivered", "bounce", "open", "click", "spamreport"])
def test_any_event_settles_an_unknown_delivery_and_the_rest_of_its_request(runtime: Runtime, name: str) -> None:
    issue_id, _ = start(runtime)
    people = hand_over(runtime, issue_id, OutcomeKind.UNKNOWN)
    request = request_of(runtime, people)
    hand_over(runtime, issue_id)
    with runtime.transaction() as session:
        assert issues.finish_if_done(session, issue_id, now=NOW) is IssueStatus.INCOMPLETE
    more = {"nl_attempt": request} | (SOFT if name == "bounce" else {})
    tell(runtime, event(runtime.links, issue_id, people[2], name, **more))
    found = tally(runtime, issue_id)
    assert (found["accepted"], found.get("unknown", 0)) == (10, 0)
    with runtime.reading() as session:
        assert issues.find_issue(session, issue_id).status == IssueStatus.SENT


def test_after_a_second_attempt_an_event_settles_its_own_delivery_alone(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    people = hand_over(runtime, issue_id, OutcomeKind.UNKNOWN)
    hand_over(runtime, issue_id)
    with runtime.transaction() as session:
        issues.finish_if_done(session, issue_id, now=NOW)
        issues.resolve_unknown(session, issue_id, decision="resend", actor=OPERATOR, now=NOW)
    hand_over(runtime, issue_id, OutcomeKind.UNKNOWN)
    tell(runtime, event(runtime.links, issue_id, people[0], "processed"))
    assert tally(runtime, issue_id) == {"audience": 10, "accepted": 6, "unknown": 4}


def test_what_a_dead_worker_held_is_settled_one_by_one(runtime: Runtime) -> None:
    issue_id, ids = start(runtime, people=4)
    with runtime.transaction() as session:
        sending.claim_batch(session, issue_id, worker="w", provider=SENDGRID, now=NOW, lease=LEASE)
        lost_claims.expire_claims(session, now=NOW + LEASE * 2)
    tell(runtime, event(runtime.links, issue_id, ids[0], "delivered"))
    assert tally(runtime, issue_id) == {"audience": 4, "accepted": 1, "unknown": 3, "delivered": 1}


def test_an_event_before_our_own_record_is_not_lost(runtime: Runtime) -> None:
    issue_id, ids = start(runtime, people=2)
    with runtime.transaction() as session:
        sending.claim_batch(session, issue_id, worker="w", provider=SENDGRID, now=NOW, lease=LEASE)
    tell(runtime, event(runtime.links, issue_id, ids[0], "processed"))
    with runtime.transaction() as session:
        lost_claims.expire_claims(session, now=NOW + LEASE * 2)
    assert tally(runtime, issue_id) == {"audience": 2, "accepted": 1, "unknown": 1}


@pytest.mark.parametrize(
    ("reason", "status", "why", "suppression"),
    [
        ("Bounced Address", DeliveryStatus.SUPPRESSED, DeliveryReason.SUPPRESSED_ADDRESS, "bounced"),
        ("Spam Reporting Address", DeliveryStatus.SUPPRESSED, DeliveryReason.SUPPRESSED_ADDRESS, "complained"),
        ("Unsubscribed Address", DeliveryStatus.SUPPRESSED, DeliveryReason.UNSUBSCRIBED, "unsubscribed"),
        ("Invalid", DeliveryStatus.FAILED, DeliveryReason.INVALID_ADDRESS, "invalid"),
        ("Spam Content", DeliveryStatus.FAILED, DeliveryReason.REFUSED, None),
    ],
)
def test_a_drop_moves_an_accepted_delivery_on_and_tells_us_what_sendgrid_knows(
    runtime: Runtime, reason: str, status: DeliveryStatus, why: DeliveryReason, suppression: str | None
) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    tell(runtime, event(runtime.links, issue_id, person, "dropped", reason=reason, email=""))
    tell(runtime, event(runtime.links, issue_id, person, "processed"))
    assert row_of(runtime, issue_id, person) == (status, why)
    assert list(suppressed(runtime).values()) == ([suppression] if suppression else [])


def test_a_complaint_suppresses_the_address_at_once_and_takes_the_reader_off(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    tell(runtime, event(runtime.links, issue_id, person, "bounce", **HARD))
    tell(runtime, event(runtime.links, issue_id, person, "spamreport"))
    assert list(suppressed(runtime).values()) == ["complained"]
    assert state(runtime)["left"] == {person}


@pytest.mark.parametrize(("name", "suppression"), [("unsubscribe", ["unsubscribed"]), ("group_unsubscribe", [])])
def test_an_unsubscribe_at_the_provider_is_one_here_and_from_everything_a_suppression(
    runtime: Runtime, name: str, suppression: list[str]
) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    tell(runtime, event(runtime.links, issue_id, person, name))
    assert state(runtime)["left"] == {person}
    assert tally(runtime, issue_id)["unsubscribed"] == 1
    tell(runtime, event(runtime.links, issue_id, person, "group_resubscribe"))
    assert state(runtime)["left"] == {person}
    assert list(suppressed(runtime).values()) == suppression


def test_a_hard_bounce_suppresses_and_a_block_touches_nobody(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    one, two, *_ = hand_over(runtime, issue_id)
    tell(
        runtime,
        event(runtime.links, issue_id, one, "bounce", **HARD),
        event(runtime.links, issue_id, two, "bounce", **BLOCKED),
    )
    with runtime.reading() as session:
        row = session.scalars(select(Suppression)).one()
    assert (row.address, row.reason) == ("reader000000@example.org", "bounced")
    assert f"issue {issue_id}" in row.evidence
    assert tally(runtime, issue_id)["bounced"] == 1


def test_soft_bounces_suppress_after_a_run_of_issues_only(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        mailing_list = make_list(session, make_newsletter(session))
        ids = add_people(session, mailing_list, 2)
        brief_id = make_approved_brief(session)
    faithful, unlucky = ids
    for week in range(5):
        assert suppressed(runtime) == {}
        with runtime.transaction() as session:
            issue = issues.create_issue(
                session, brief_id=brief_id, list_slugs=["readers"], actor=OPERATOR, now=NOW, again=True
            )
            issues.send_issue(session, issue.id, actor=OPERATOR, provider=SENDGRID, batch_size=5, now=NOW)
        hand_over(runtime, issue.id)
        at = SECOND + week * 7 * 86400
        other = ("delivered", {}) if week == 2 else ("bounce", SOFT)
        tell(
            runtime,
            event(runtime.links, issue.id, unlucky, "bounce", timestamp=at, **SOFT),
            event(runtime.links, issue.id, faithful, other[0], timestamp=at, **other[1]),
        )
    assert suppressed(runtime) == {"reader000001@example.org": "bounced"}


def test_a_suspended_account_pauses_the_provider_once(runtime: Runtime) -> None:
    start(runtime)
    said = {"event": "account_status_change", "type": "compliance_suspend", "timestamp": SECOND, "sg_event_id": "s1"}
    assert tell(runtime, said).new == 1
    with runtime.transaction() as session:
        assert session.get_one(ProviderState, SENDGRID).needs_person
        sending.resume_provider(session, SENDGRID, now=NOW)
    assert tell(runtime, said, said).duplicate == 2
    with runtime.reading() as session:
        assert not session.get_one(ProviderState, SENDGRID).is_paused


@pytest.mark.parametrize("fields", [HARD, BLOCKED])
def test_too_many_refusals_pause_the_issue_and_a_resume_counts_anew(runtime: Runtime, fields: dict[str, str]) -> None:
    issue_id, _ = start(runtime, people=300, batch_size=150)
    people = hand_over(runtime, issue_id)
    tell(runtime, *(event(runtime.links, issue_id, person, "bounce", **fields) for person in people[:7]))
    assert status_of(runtime, issue_id) == IssueStatus.SENDING
    tell(runtime, *(event(runtime.links, issue_id, person, "bounce", **fields) for person in people[7:20]))
    assert status_of(runtime, issue_id) == IssueStatus.PAUSED
    with runtime.transaction() as session:
        issues.resume_issue(session, issue_id, actor=OPERATOR, now=NOW)
    tell(runtime, *(event(runtime.links, issue_id, person, "bounce", **fields) for person in people[20:40]))
    assert status_of(runtime, issue_id) == IssueStatus.SENDING


def test_one_bounce_in_a_hundred_does_not_pause(runtime: Runtime) -> None:
    issue_id, _ = start(runtime, people=200, batch_size=200)
    people = hand_over(runtime, issue_id)
    tell(runtime, *(event(runtime.links, issue_id, person, "bounce", **HARD) for person in people[:2]))
    assert status_of(runtime, issue_id) == IssueStatus.SENDING
    with runtime.reading() as session:
        health = reactions.health_of(session, issue_id)
        assert (health.sent, health.hard, health.blocked) == (200, 2, 0)


def status_of(runtime: Runtime, issue_id: int) -> str:
    with runtime.reading() as session:
        return issues.find_issue(session, issue_id).status


def test_two_refusals_of_one_second_both_count_whichever_came_first(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    one, two, *_ = hand_over(runtime, issue_id)
    for person, order in ((one, (SOFT, HARD)), (two, (HARD, SOFT))):
        assert tell(runtime, *(event(runtime.links, issue_id, person, "bounce", **said) for said in order)).new == 2
    assert list(suppressed(runtime).values()) == ["bounced", "bounced"]
