"""Facts about flow control, by the tests' own clock: rates of mailbox groups, warm-up, quiet hours, pauses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.db.models import Batch, DayVolume, Delivery, Subscriber
from newsletter.db.queries import flow as flow_queries
from newsletter.domain.flow import SAVED_SECONDS, FlowPlan
from newsletter.domain.issue import DeliveryReason
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.domain.mailbox_groups import MailboxGroup, mailbox_group
from newsletter.domain.warming import WarmUp
from newsletter.errors import InvalidInput
from newsletter.runtime import Runtime
from newsletter.services import flow, issues, newsletters, sending, ticking
from newsletter.services.flow import Turns
from newsletter.services.sending import Claim
from tests.factories import NOW, make_issue, start_issue

LEASE = timedelta(seconds=120)
NO_PLAN = FlowPlan(rates={}, warm_up=None)
PROVIDER = "outbox"
CLAIMS_A_STEP = 5


def make_audience(runtime: Runtime, *, people: int, domains: Sequence[str], batch_size: int) -> int:
    """A started issue whose people have mailboxes at these domains in turn; returns its id."""
    with runtime.transaction() as session:
        issue, ids = make_issue(session, people=people)
        for number, domain in enumerate(domains):
            some = Subscriber.id.in_(ids[number :: len(domains)])
            email = func.replace(Subscriber.email, "example.org", domain)
            session.execute(update(Subscriber).where(some).values(email=email, address=email))
        start_issue(session, issue, batch_size=batch_size)
        return issue.id


def claim_at(session: Session, issue_id: int, now: datetime) -> Claim | None:
    return sending.claim_batch(session, issue_id, worker="w", provider=PROVIDER, now=now, lease=LEASE)


def turns_of(session: Session, claim: Claim, *, plan: FlowPlan = NO_PLAN, now: datetime) -> Turns:
    return flow.take_turns(
        session,
        claim.issue_id,
        [str(mailbox_group(person.email)) for person in claim.addressees],
        provider=PROVIDER,
        plan=plan,
        limits=flow.limits_of(session, claim.issue_id, provider=PROVIDER),
        planned_at=claim.planned_at,
        promised=claim.turns,
        now=now,
    )


def hand_over(session: Session, claim: Claim, turns: Turns, *, now: datetime) -> None:
    """Record everybody who had a turn as accepted and end the claim, as the dispatch loop does."""
    due = [person for person, moment in zip(claim.addressees, turns.moments, strict=True) if moment is not None]
    outcomes = [Outcome(subscriber_id=person.subscriber_id, kind=OutcomeKind.ACCEPTED) for person in due]
    sending.record_outcomes(session, claim, outcomes, source=PROVIDER, now=now, lease=LEASE)
    ended = "done" if len(due) == len(claim.addressees) else "handed_back"
    sending.finish_claim(session, claim, outcome=ended, hold=turns.hold, now=now)


def run_workers(
    runtime: Runtime,
    issue_id: int,
    *,
    plan: FlowPlan,
    workers: int,
    until: datetime,
    restart_at: datetime | None = None,
) -> dict[str, list[float]]:
    """Play some workers in steps of a tenth of a second; returns the seconds of each hand-over by mailbox group.

    A worker is busy until the last turn that it took. At `restart_at` all stop, and begin anew three seconds later.
    """
    heard: dict[str, list[float]] = {}
    busy_until = [0.0] * workers
    now = NOW
    while now < until:
        now += timedelta(seconds=0.1)
        if restart_at is not None and restart_at <= now < restart_at + timedelta(seconds=3):
            continue
        # A claim takes some milliseconds where nobody has to be waited for.
        for worker in [*range(workers)] * CLAIMS_A_STEP:
            if busy_until[worker] > now.timestamp():
                continue
            with runtime.transaction() as session:
                claim = claim_at(session, issue_id, now)
                if claim is None:
                    continue
                turns = turns_of(session, claim, plan=plan, now=now)
                for person, moment in zip(claim.addressees, turns.moments, strict=True):
                    if moment is not None:
                        at = max(moment, now.timestamp())
                        heard.setdefault(mailbox_group(person.email), []).append(at - NOW.timestamp())
                        busy_until[worker] = max(busy_until[worker], at)
                hand_over(session, claim, turns, now=max(now, datetime.fromtimestamp(busy_until[worker], UTC)))
    return heard


def test_a_group_keeps_to_its_rate_evenly_and_holds_up_nobody_else(runtime: Runtime) -> None:
    issue_id = make_audience(
        runtime, people=400, domains=["gmail.com", "gmail.com", "qq.com", "example.org"], batch_size=20
    )
    plan = FlowPlan(rates={"": 0.0, "gmail": 10.0, "tencent": 20.0}, warm_up=None)
    heard = run_workers(runtime, issue_id, plan=plan, workers=2, until=NOW + timedelta(seconds=30))
    assert {group: len(times) for group, times in heard.items()} == {"gmail": 200, "tencent": 100, "rest": 100}
    # Twenty batches, two workers, ten steps a second: a first pass with nobody asleep takes about a second.
    assert max(heard["rest"]) <= 2
    for group, rate in (("gmail", 10.0), ("tencent", 20.0)):
        times = sorted(heard[group])
        # Two per cent, and one step of the clock; half a second's turns go at once in the beginning.
        whole = len(times) / rate
        assert times[-1] - times[0] == pytest.approx(whole - SAVED_SECONDS, abs=0.02 * whole + 0.1)
        seconds = Counter(int(at) for at in times if 1 <= at < int(times[-1]))
        # Half a second's turns may be made up for where none was used.
        assert max(seconds.values()) <= rate * 1.5
    with runtime.reading() as session:
        assert issues.tally_of(session, issue_id).accepted == 400


def test_two_workers_never_take_the_same_turn(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=20, domains=["gmail.com"], batch_size=10)
    plan = FlowPlan(rates={"gmail": 10.0}, warm_up=None)
    taken: list[float] = []
    for _ in range(2):
        with runtime.transaction() as session:
            claim = claim_at(session, issue_id, NOW)
            assert claim is not None
            turns = turns_of(session, claim, plan=plan, now=NOW)
            taken += [moment for moment in turns.moments if moment is not None]
    assert len(taken) == len(set(taken)) == 10
    assert min(later - earlier for earlier, later in zip(sorted(taken), sorted(taken)[1:], strict=False)) > 0.099


def test_a_warm_up_hands_over_its_volume_and_leaves_the_rest_for_tomorrow(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=40, domains=["example.org"], batch_size=10)
    midnight = NOW.replace(hour=0)
    plan = FlowPlan(rates={}, warm_up=WarmUp(start=midnight, first_day=15, growth=1.5))
    heard: list[int] = []
    for day in range(3):
        now = max(NOW, midnight + timedelta(days=day))
        before = sum(heard)
        while True:
            with runtime.transaction() as session:
                claim = claim_at(session, issue_id, now)
                if claim is None:
                    break
                hand_over(session, claim, turns_of(session, claim, plan=plan, now=now), now=now)
        with runtime.reading() as session:
            heard.append(issues.tally_of(session, issue_id).accepted - before)
            assert issues.tally_of(session, issue_id).failed == 0
    # 15, then 22 (15 × 1.5, rounded down), then what is left; a day late is what the ramp wants, not old news.
    assert heard == [15, 22, 3]


def test_turns_of_the_day_that_were_not_used_are_given_back(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=10, domains=["example.org"], batch_size=10)
    plan = FlowPlan(rates={}, warm_up=WarmUp(start=NOW, first_day=100, growth=2))
    with runtime.transaction() as session:
        claim = claim_at(session, issue_id, NOW)
        assert claim is not None
        turns = turns_of(session, claim, plan=plan, now=NOW)
        assert (turns.granted, turns.day) == (10, 0)
        flow.give_back(session, PROVIDER, day=0, count=4)
        assert flow.volume_taken(session, PROVIDER, day=0) == 6
        assert session.scalars(select(DayVolume.provider)).all() == [PROVIDER]


def test_a_paused_group_waits_alone_and_goes_on_at_once_when_it_is_resumed(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=20, domains=["yahoo.com", "example.org"], batch_size=10)
    with runtime.transaction() as session:
        until = NOW + timedelta(hours=3)
        flow.pause_group(session, PROVIDER, MailboxGroup.YAHOO, until=until, reason="TSS04", now=NOW)
    heard = run_workers(runtime, issue_id, plan=NO_PLAN, workers=1, until=NOW + timedelta(seconds=2))
    assert {group: len(times) for group, times in heard.items()} == {"rest": 10}
    with runtime.transaction() as session:
        assert flow.waiting_batches(session) == {"paused:yahoo": 2}
        flow.resume_group(session, PROVIDER, MailboxGroup.YAHOO, now=NOW)
    heard = run_workers(runtime, issue_id, plan=NO_PLAN, workers=1, until=NOW + timedelta(seconds=2))
    assert {group: len(times) for group, times in heard.items()} == {"yahoo": 10}


def test_what_a_pause_makes_older_than_the_deadline_is_not_sent(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=10, domains=["yahoo.com", "example.org"], batch_size=10)
    with runtime.transaction() as session:
        until = NOW + timedelta(days=3)
        flow.pause_group(session, PROVIDER, MailboxGroup.YAHOO, until=until, reason="blocked", now=NOW)
    with runtime.transaction() as session:
        claim = claim_at(session, issue_id, NOW)
        assert claim is not None
        hand_over(session, claim, turns_of(session, claim, now=NOW), now=NOW)
    with runtime.transaction() as session:
        later = NOW + timedelta(hours=12)
        assert claim_at(session, issue_id, later) is None
        ticking.run_tick(session, now=later, unknown_policy="hold", unknown_wait=LEASE)
    with runtime.reading() as session:
        tally = issues.tally_of(session, issue_id)
        assert (tally.accepted, tally.failed) == (5, 5)
        assert (
            session.scalars(select(Delivery.reason).where(Delivery.status == 3)).all() == [DeliveryReason.EXPIRED] * 5
        )


def test_a_slower_group_and_a_lowered_rate_count_until_their_time_is_over(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=80, domains=["gmail.com"], batch_size=80)
    later = NOW + timedelta(minutes=10)
    with runtime.transaction() as session:
        flow.slow_group(session, PROVIDER, MailboxGroup.GMAIL, factor=0.25, until=later, reason="421", now=NOW)
        claim = claim_at(session, issue_id, NOW)
        assert claim is not None
        plan = FlowPlan(rates={"gmail": 40.0}, warm_up=None)
        # Ten a second: a while ahead, and half a second that was not used before.
        assert turns_of(session, claim, plan=plan, now=NOW).granted == 10 * (flow.AHEAD_SECONDS + SAVED_SECONDS)
        assert turns_of(session, claim, plan=NO_PLAN, now=later).granted == 80
        with pytest.raises(InvalidInput, match="pause it"):
            flow.lower_rate(session, PROVIDER, factor=0, until=later, now=NOW)


def rate_now(runtime: Runtime, *, now: datetime, rates: dict[str, float] | None = None) -> object:
    with runtime.reading() as session:
        plan = FlowPlan(rates=rates or {}, warm_up=None)
        return flow.standing_of(session, PROVIDER, flow.WHOLE_PROVIDER, plan=plan, now=now)["per_second"]


def test_a_provider_that_asks_to_slow_down_gets_half_of_what_it_got(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=300, domains=["example.org"], batch_size=100)
    for _ in range(3):
        with runtime.transaction() as session:
            claim = claim_at(session, issue_id, NOW)
            assert claim is not None
            hand_over(session, claim, turns_of(session, claim, now=NOW), now=NOW)

    def ask(after: timedelta) -> None:
        with runtime.transaction() as session:
            minute = timedelta(minutes=1)
            flow.slow_down(session, PROVIDER, wait=minute, batch_size=100, reason="429", now=NOW + after)

    soon = NOW + timedelta(seconds=5)
    for seconds in (1, 2, 3):  # three requests that were out at the same time
        ask(timedelta(seconds=seconds))
    # 300 mails went out in the one second before they were told.
    assert rate_now(runtime, now=soon) == 300 / 2
    assert rate_now(runtime, now=soon, rates={"": 400.0}) == 200
    # Asked again once it may be tried, and again and again.
    for minutes in range(1, 7):
        ask(timedelta(minutes=minutes, seconds=40))
    last = NOW + timedelta(minutes=6, seconds=40)
    assert rate_now(runtime, now=last, rates={"": 400.0}) == 400 / 16
    # Where no rate is set it is never less than a hundred a second.
    assert rate_now(runtime, now=last) == 100
    # A minute's wait, and then each minute twice as much.
    after_wait = [rate_now(runtime, now=last + timedelta(minutes=m, seconds=1), rates={"": 400.0}) for m in range(1, 6)]
    assert after_wait == [25, 50, 100, 200, 400]


def test_the_speed_of_a_send_is_measured_over_the_time_that_it_used(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=110, domains=["example.org"], batch_size=100)
    with runtime.transaction() as session:
        claim = claim_at(session, issue_id, NOW)
        assert claim is not None
        hand_over(session, claim, turns_of(session, claim, now=NOW), now=NOW)
        later, minute = NOW + timedelta(seconds=4), timedelta(minutes=1)
        flow.slow_down(session, PROVIDER, wait=minute, batch_size=10, reason="429", now=later)
    assert rate_now(runtime, now=later) == 100 / 4 / 2


def test_a_provider_whose_first_answer_is_to_slow_down_gets_half_a_batch_a_second(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        flow.slow_down(session, PROVIDER, wait=timedelta(minutes=1), batch_size=500, reason="429", now=NOW)
    assert rate_now(runtime, now=NOW) == 250


def test_in_quiet_hours_an_issue_is_planned_for_their_end(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=10, domains=["example.org"], batch_size=10)
    night = datetime(2026, 6, 22, 21, 0, tzinfo=UTC)  # 23:00 in Berlin
    with runtime.transaction() as session:
        slug = newsletters.newsletter_of(session, issues.find_issue(session, issue_id).newsletter_id).slug
        newsletters.edit_newsletter(session, slug, now=NOW, quiet_hours="22:30-06:00")
        limits = flow.limits_of(session, issue_id, provider=PROVIDER)
        until = limits.quiet_until(night)
        assert until == datetime(2026, 6, 23, 4, 0, tzinfo=UTC)
        assert limits.quiet_until(NOW) is None
        flow.keep_quiet(session, issue_id, until=until, now=NOW)
        assert claim_at(session, issue_id, night) is None
        claim = claim_at(session, issue_id, until)
        assert claim is not None
        # The Date of the mails, and from when on they are old news.
        assert claim.planned_at == until


def test_an_issue_at_the_readers_own_hour_knows_no_quiet_hours(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, _ = make_issue(session)
        slug = newsletters.newsletter_of(session, issue.newsletter_id).slug
        newsletters.edit_newsletter(session, slug, now=NOW, quiet_hours="00:00-23:59")
        issue.local_time = "07:00"
        session.flush()
        assert flow.limits_of(session, issue.id, provider=PROVIDER).quiet_until(NOW) is None


def test_a_wait_for_a_turn_is_no_try(runtime: Runtime) -> None:
    issue_id = make_audience(runtime, people=10, domains=["gmail.com"], batch_size=10)
    plan = FlowPlan(rates={"gmail": 1.0}, warm_up=None)
    with runtime.transaction() as session:
        claim = claim_at(session, issue_id, NOW)
        assert claim is not None
        hand_over(session, claim, turns_of(session, claim, plan=plan, now=NOW), now=NOW)
        assert session.scalars(select(Batch.attempts)).all() == [0]
        assert flow_queries.waiting_by_cause(session) == {"gmail": 1}
