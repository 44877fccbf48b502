"""Facts about news that grows old: against our will it expires, by our own plan it does not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.db.models import Batch
from newsletter.domain.flow import NO_PLAN, FlowPlan, Hold
from newsletter.domain.issue import DeliveryReason, IssueStatus
from newsletter.domain.mail import OutcomeKind
from newsletter.runtime import Runtime
from newsletter.services import flow, issues, sending, ticking
from newsletter.services.sending import Claim
from newsletter.services.users import OPERATOR
from tests.doubtful import LEASE, WAIT, Doubtful
from tests.factories import NOW

HOUR = timedelta(hours=1)
JUST = timedelta(minutes=1)


@pytest.fixture
def site(runtime: Runtime) -> Doubtful:
    """An issue of two batches."""
    return Doubtful(runtime)


def tick(site: Doubtful, *, plan: FlowPlan = NO_PLAN) -> None:
    with site.runtime.transaction() as session:
        ticking.run_tick(session, now=site.now, unknown_policy="hold", unknown_wait=WAIT, plan=plan)


def claim_at_rate(site: Doubtful, *, per_second: float) -> Claim | None:
    """The next batch of an issue whose provider gets so many mails a second."""
    with site.runtime.transaction() as session:
        issue = issues.find_issue(session, site.issue_id)
        plan = FlowPlan(rates={"": per_second}, warm_up=None)
        taking = flow.time_taken_by(session, issue, plan=plan, now=site.now)
        return sending.claim_batch(
            session, site.issue_id, worker="w", provider=site.provider, now=site.now, lease=LEASE, taking=taking
        )


def test_yesterdays_news_is_not_sent_after_an_outage_of_ours_or_of_the_providers(site: Doubtful) -> None:
    site.hand_over()
    site.later(12 * HOUR - JUST)
    tick(site)
    assert site.tally() == {"accepted": 5, "pending": 5}
    site.later(JUST)
    assert site.claim() is None
    tick(site)
    assert site.tally() == {"accepted": 5, "failed": 5}
    assert site.row(site.ids[-1])[1] is DeliveryReason.EXPIRED
    assert site.status() is IssueStatus.SENT


def test_what_waits_for_a_low_rate_is_planned_anew_and_does_not_grow_old(site: Doubtful) -> None:
    # Ten mails take two hours: what was never tried may be fourteen hours late.
    rate = 10 / (2 * HOUR).total_seconds()
    site.later(13 * HOUR)
    tick(site, plan=FlowPlan(rates={"": rate}, warm_up=None))
    claim = claim_at_rate(site, per_second=rate)
    assert claim is not None
    assert claim.planned_at == site.now
    site.answer(claim, OutcomeKind.DEFERRED)
    site.finish(claim, deferred=5)
    assert site.tally() == {"pending": 10}
    site.later(HOUR)
    tick(site, plan=FlowPlan(rates={"": rate}, warm_up=None))
    assert site.tally() == {"pending": 5, "failed": 5}


def test_what_was_tried_is_no_older_after_quiet_hours_and_still_expires_in_the_end(site: Doubtful) -> None:
    claim = site.claim()
    assert claim is not None
    site.later(4 * HOUR)
    site.answer(claim, OutcomeKind.DEFERRED)
    site.finish(claim, deferred=5, wait=timedelta())
    for night in range(1, 4):
        morning = site.now + 9 * HOUR
        with site.runtime.transaction() as session:
            flow.keep_quiet(session, site.issue_id, until=morning, now=site.now)
        site.now = morning
        tick(site)
        assert site.tally() == {"pending": 10}
        again = site.claim()
        assert again is not None
        assert again.batch_id == claim.batch_id
        assert again.planned_at == NOW + night * 9 * HOUR
        site.later(2 * HOUR)
        site.answer(again, OutcomeKind.DEFERRED)
        site.finish(again, deferred=5, wait=timedelta())
    # Awake for 4 + 3 × 2 hours by now.
    site.later(2 * HOUR)
    tick(site)
    assert site.row(site.ids[0])[1] is DeliveryReason.EXPIRED


def test_a_turn_that_is_waited_for_makes_a_tried_batch_no_older_and_no_younger(site: Doubtful) -> None:
    claim = site.claim()
    assert claim is not None
    site.later(3 * HOUR)
    site.answer(claim, OutcomeKind.DEFERRED, people=[1])
    hold = Hold(until=site.now + HOUR, cause="gmail", is_planned=True, turns={"gmail": 1.0})
    site.finish(claim, outcome="handed_back", deferred=1, hold=hold)
    with site.runtime.reading() as session:
        assert session.get_one(Batch, claim.batch_id).planned_at == NOW + HOUR


def test_an_issue_that_a_person_resumes_is_news_again(site: Doubtful) -> None:
    with site.runtime.transaction() as session:
        issues.pause_issue(session, site.issue_id, actor=OPERATOR, now=site.now)
    site.later(30 * HOUR)
    tick(site)
    with site.runtime.transaction() as session:
        issues.resume_issue(session, site.issue_id, actor=OPERATOR, now=site.now)
    tick(site)
    for _ in range(2):
        site.hand_over()
    assert site.tally() == {"accepted": 10}
