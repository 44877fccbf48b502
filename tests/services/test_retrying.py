"""Facts about trying again: by class, with a schedule and a deadline, and never to those who have it or may have it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.db.models import Batch, ProviderState, Subscriber
from newsletter.db.queries import deliveries
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, IssueStatus
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.errors import Conflict
from newsletter.runtime import Runtime
from newsletter.services import issues, ledger, sending
from newsletter.services.sending import Claim
from newsletter.services.users import OPERATOR
from tests.doubtful import Doubtful, ids_of
from tests.factories import NOW

MINUTE = timedelta(minutes=1)


def test_retry_touches_exactly_what_another_try_could_help(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5)
    claim = site.claim()
    assert claim is not None
    accepted, doubtful, full, gone, late = ids_of(claim)
    said = {
        accepted: (OutcomeKind.ACCEPTED, "250 ok"),
        doubtful: (OutcomeKind.UNKNOWN, "no answer"),
        full: (OutcomeKind.REFUSED, "552 5.2.2 mailbox full"),
        gone: (OutcomeKind.REFUSED, "550 5.1.1 no such user"),
        late: (OutcomeKind.DEFERRED, "451 4.3.0 try later"),
    }
    told = [Outcome(subscriber_id=id_, kind=kind, response=text) for id_, (kind, text) in said.items()]
    with runtime.transaction() as session:
        sending.record_outcomes(session, claim, told, source="sendgrid", now=site.now, lease=timedelta(days=1))
    site.later(timedelta(hours=13))
    site.finish(claim, deferred=1)
    site.tick()
    assert site.tally() == {"accepted": 1, "unknown": 1, "failed": 3}
    with runtime.transaction() as session:
        assert issues.count_retryable(session, site.issue_id) == 2
        issues.retry_issue(session, site.issue_id, actor=OPERATOR, now=site.now)
    again = site.claim()
    assert again is not None
    assert ids_of(again) == [full, late]
    assert site.row(gone) == (DeliveryStatus.FAILED, DeliveryReason.REFUSED)
    assert (site.row(accepted)[0], site.row(doubtful)[0]) == (DeliveryStatus.ACCEPTED, DeliveryStatus.UNKNOWN)
    with runtime.reading() as session:
        email = str(session.get_one(Subscriber, gone).email)
        timeline = ledger.delivery_timeline(session, site.issue_id, email, links=runtime.links)["timeline"]
    assert [entry["kind"] for entry in timeline][:2] == ["queued", "batch_claimed"]


@pytest.mark.parametrize("reason", [DeliveryReason.INVALID_ADDRESS, DeliveryReason.SKIPPED_IN_DOUBT])
def test_what_no_try_can_help_is_not_retried(runtime: Runtime, reason: DeliveryReason) -> None:
    site = Doubtful(runtime, people=5)
    claim = site.claim()
    assert claim is not None
    with runtime.transaction() as session:
        deliveries.settle(session, site.issue_id, ids_of(claim), status=DeliveryStatus.FAILED, reason=reason)
    site.finish(claim)
    site.tick()
    assert site.status() is IssueStatus.SENT
    with pytest.raises(Conflict, match="no failed deliveries that another try"), runtime.transaction() as session:
        issues.retry_issue(session, site.issue_id, actor=OPERATOR, now=site.now)


def test_a_provider_that_is_down_is_left_alone_ever_longer_and_forgiven_at_once(runtime: Runtime) -> None:
    """One batch after the other finds it closed: the pause counts failures of the provider, not of the batch."""
    site = Doubtful(runtime, people=50)
    pauses: list[float] = []
    for _ in range(8):
        claim = site.claim()
        assert claim is not None
        fail(site, claim)
        assert site.claim() is None
        with runtime.reading() as session:
            until = session.get_one(ProviderState, site.provider).until
        assert until is not None
        pauses.append((until - site.now).total_seconds())
        site.now = until
        with runtime.transaction() as session:
            assert sending.wake_providers(session, now=site.now) == 1
    assert pauses == [2, 5, 10, 20, 30, 60, 60, 60]
    site.later(MINUTE)
    with runtime.transaction() as session:
        sending.wake_providers(session, now=site.now)
    site.hand_over()
    claim = site.claim()
    assert claim is not None
    fail(site, claim)
    site.later(timedelta(seconds=3))
    with runtime.transaction() as session:
        assert sending.wake_providers(session, now=site.now) == 1
    assert site.tally()["accepted"] == 5


def fail(site: Doubtful, claim: Claim) -> None:
    wait = timedelta(seconds=2)
    with site.runtime.transaction() as session:
        sending.finish_claim(session, claim, outcome="unavailable", wait=wait, now=site.now)
        sending.pause_provider(
            session, site.provider, reason="down", needs_person=False, until=site.now + wait, now=site.now
        )


def test_a_rate_limit_is_kept_to_the_second_where_the_provider_says_how_long(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5)
    claim = site.claim()
    assert claim is not None
    wait = timedelta(seconds=90)
    with runtime.transaction() as session:
        sending.finish_claim(session, claim, outcome="unavailable", wait=wait, now=site.now)
        sending.pause_provider(
            session, site.provider, reason="429", needs_person=False, until=site.now + wait, now=site.now
        )
    site.later(timedelta(seconds=89))
    with runtime.transaction() as session:
        assert sending.wake_providers(session, now=site.now) == 0
    site.later(timedelta(seconds=1))
    with runtime.transaction() as session:
        assert sending.wake_providers(session, now=site.now) == 1
    assert site.claim() is not None


def test_a_temporary_failure_is_tried_again_on_a_schedule_until_it_is_too_late(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5)
    pauses: list[float] = []
    while (claim := site.claim()) is not None:
        site.answer(claim, OutcomeKind.DEFERRED)
        site.finish(claim, deferred=5)
        with runtime.reading() as session:
            due_at = session.get_one(Batch, claim.batch_id).due_at
        pauses.append((due_at - site.now).total_seconds())
        site.now = due_at
    assert pauses[:7] == [15, 60, 240, 600, 1200, 1800, 1800]
    site.tick()
    assert site.tally() == {"failed": 5}
    assert site.row(1)[1] is DeliveryReason.EXPIRED
    assert timedelta(hours=12) <= site.now - NOW <= timedelta(hours=12, minutes=30)
