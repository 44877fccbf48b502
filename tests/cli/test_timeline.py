"""The timeline of one delivery: snapshot, attempts, events and marks, in order of time. On both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.db.queries import deliveries
from newsletter.domain.issue import Mark
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.errors import NotFound
from newsletter.runtime import Runtime
from newsletter.services import ledger, sending
from newsletter.services.sending import Claim
from tests.factories import NOW, make_issue, start_issue

LEASE = timedelta(seconds=60)
FIRST = "reader000000@example.org"


def started(runtime: Runtime) -> int:
    with runtime.transaction() as session:
        issue, _ = make_issue(session, people=2)
        return start_issue(session, issue).id


def claimed(runtime: Runtime, issue_id: int, *, minutes: int) -> Claim:
    now = NOW + timedelta(minutes=minutes)
    with runtime.transaction() as session:
        claim = sending.claim_batch(session, issue_id, worker="w1", provider="outbox", now=now, lease=LEASE)
    assert claim is not None
    return claim


def told(runtime: Runtime, claim: Claim, kind: OutcomeKind, *, minutes: int) -> None:
    now = NOW + timedelta(minutes=minutes)
    outcomes = [
        Outcome(subscriber_id=person.subscriber_id, kind=kind, response="550 5.1.1 no such user")
        for person in claim.addressees
    ]
    with runtime.transaction() as session:
        sending.record_outcomes(session, claim, outcomes, source="outbox", now=now, lease=LEASE)
        sending.finish_claim(session, claim, outcome="done", now=now)


def timeline(runtime: Runtime, issue_id: int) -> dict[str, object]:
    with runtime.reading() as session:
        return ledger.delivery_timeline(session, issue_id, FIRST, links=runtime.links)


def kinds(found: dict[str, object]) -> list[str]:
    entries = found["timeline"]
    assert isinstance(entries, list)
    assert [entry["at"] for entry in entries] == sorted(entry["at"] for entry in entries)
    return [entry["kind"] for entry in entries]


def test_a_delivery_is_claimed_while_a_worker_holds_its_batch(runtime: Runtime) -> None:
    issue_id = started(runtime)
    assert timeline(runtime, issue_id)["status"] == "pending"
    claimed(runtime, issue_id, minutes=1)
    found = timeline(runtime, issue_id)
    assert found["status"] == "claimed"
    assert kinds(found) == ["queued", "batch_claimed"]


def test_a_refusal_is_told_with_the_providers_own_words(runtime: Runtime) -> None:
    issue_id = started(runtime)
    told(runtime, claimed(runtime, issue_id, minutes=1), OutcomeKind.REFUSED, minutes=2)
    found = timeline(runtime, issue_id)
    assert (found["status"], found["reason"]) == ("failed", "refused")
    assert set(kinds(found)) == {"queued", "batch_claimed", "bounced", "batch_finished"}
    entries = found["timeline"]
    assert isinstance(entries, list)
    told_of = [entry["detail"] for entry in entries if entry["kind"] == "bounced"]
    assert [(detail["response"], detail["class"]) for detail in told_of] == [("550 5.1.1 no such user", "hard")]


def test_what_was_heard_later_stands_in_marks_and_timeline(runtime: Runtime) -> None:
    issue_id = started(runtime)
    claim = claimed(runtime, issue_id, minutes=1)
    told(runtime, claim, OutcomeKind.ACCEPTED, minutes=2)
    subscriber_id = claim.addressees[0].subscriber_id
    with runtime.transaction() as session:
        deliveries.set_marks(session, issue_id, subscriber_id, int(Mark.DELIVERED | Mark.OPENED))
        deliveries.add_events(
            session,
            [
                {
                    "natural_key": f"event:{kind}",
                    "issue_id": issue_id,
                    "subscriber_id": subscriber_id,
                    "kind": kind,
                    "at": NOW + timedelta(minutes=minutes),
                    "source": "sendgrid",
                    "detail": None,
                }
                for kind, minutes in (("opened", 9), ("delivered", 4))
            ],
        )
    found = timeline(runtime, issue_id)
    assert (found["status"], found["reason"], found["marks"]) == ("accepted", "", ["delivered", "opened"])
    assert kinds(found) == ["queued", "batch_claimed", "batch_finished", "delivered", "opened"]


def test_the_token_is_the_one_in_the_mails_links(runtime: Runtime) -> None:
    issue_id = started(runtime)
    found = timeline(runtime, issue_id)
    ref = runtime.links.read_delivery_token(str(found["token"]))
    assert ref is not None
    assert (ref.issue_id, ref.subscriber_id) == (issue_id, found["subscriber_id"])


def test_a_stranger_has_no_timeline(runtime: Runtime) -> None:
    issue_id = started(runtime)
    with runtime.reading() as session, pytest.raises(NotFound, match="stranger@example"):
        ledger.delivery_timeline(session, issue_id, "stranger@example.org", links=runtime.links)
