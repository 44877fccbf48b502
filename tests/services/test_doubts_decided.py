"""Facts about deliveries in doubt that nothing was heard of: the provider's log, the policy, a person."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from newsletter.domain.doubt import MAX_ASKS, LogAnswer
from newsletter.domain.issue import IssueStatus
from newsletter.domain.mail import OutcomeKind
from newsletter.runtime import Runtime
from newsletter.services import events, issues
from tests.doubtful import LEASE, WAIT, Doubtful, ids_of, silent_except_for_others, tag_of

SECONDS = timedelta(seconds=1)
MINUTES = timedelta(minutes=1)
UNKNOWN, ACCEPTED, REFUSED = OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED, OutcomeKind.REFUSED


@pytest.fixture
def site(runtime: Runtime) -> Doubtful:
    return Doubtful(runtime)


# Rule 3: the provider's own log.


def ask_until_exhausted(site: Doubtful) -> int:
    asked = 0
    for _ in range(200):
        site.tick(has_log=True)
        if site.inquire() is not None:
            asked += 1
            site.report(LogAnswer.UNCLEAR)
        site.later(MINUTES)
    return asked


def test_the_log_is_asked_about_three_of_a_silent_request_when_the_wait_is_over(site: Doubtful) -> None:
    claim = site.hand_over(UNKNOWN)
    site.tick(has_log=True)
    site.later(WAIT)
    site.tick(has_log=True)
    inquiry = site.inquire()
    assert inquiry is not None
    assert [question.subscriber_id for question in inquiry.questions] == [1, 3, 5]
    assert inquiry.questions[0].token == site.runtime.links.delivery_token(site.issue_id, 1)
    assert site.inquire() is None, "of two who want to ask, one does"
    site.report(LogAnswer.FOUND, (3, tag_of(claim)))
    assert site.outcomes() == ["accepted"]
    assert site.tally()["accepted"] == 5
    assert [kind for kind, _ in site.timeline(1)] == ["in_doubt", "doubt_accepted"]


def test_a_mail_that_the_log_has_without_a_run_proves_itself_and_the_rest_is_asked_again(site: Doubtful) -> None:
    claim = site.hand_over(UNKNOWN)
    site.later(WAIT)
    site.tick(has_log=True)
    site.inquire()
    site.report(LogAnswer.FOUND, (3, str(claim.attempt_id)))
    assert (site.tally()["accepted"], site.outcomes()) == (1, ["open"])
    site.later(2 * MINUTES)
    again = site.inquire()
    assert again is not None
    assert [question.subscriber_id for question in again.questions] == [1, 4, 5]


def test_what_the_log_certainly_has_not_goes_out_once_more(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5)
    doubtful = site.hand_over(UNKNOWN)
    site.later(WAIT)
    site.tick(has_log=True)
    site.inquire()
    site.report(LogAnswer.ABSENT)
    assert site.outcomes() == ["open"], "the log may be late: it is asked once more"
    site.later(2 * MINUTES)
    site.inquire()
    site.report(LogAnswer.UNCLEAR)
    assert site.outcomes() == ["open"]
    site.later(4 * MINUTES)
    site.inquire()
    site.report(LogAnswer.ABSENT)
    assert site.outcomes() == ["resent"]
    again = site.claim()
    assert again is not None
    assert ids_of(again) == ids_of(doubtful)
    detail = site.timeline(1)[-1][1]
    assert (detail["log"], detail["by"]) == ("so it said", "log")


def test_what_the_log_has_not_got_is_counted_from_when_it_last_had_some_of_the_doubt(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5)
    claim = site.lose()
    one, two, *rest = ids_of(claim)
    site.later(WAIT)
    for answer, found in (
        (LogAnswer.ABSENT, []),
        (LogAnswer.FOUND, [(two, tag_of(claim, [one, two]))]),
        (LogAnswer.ABSENT, []),
    ):
        site.report(answer, *found)
    assert (site.outcomes(), site.tally()) == (["open"], {"accepted": 2, "unknown": len(rest)})
    site.report(LogAnswer.ABSENT)
    assert site.tally() == {"accepted": 2, "pending": len(rest)}


def test_a_log_that_gives_no_answer_is_asked_a_few_times_with_pauses_and_then_a_person_decides(site: Doubtful) -> None:
    site.hand_over(UNKNOWN)
    assert ask_until_exhausted(site) == MAX_ASKS
    assert (site.outcomes(), site.tally()["unknown"]) == (["open"], 5)
    assert site.audited() == ["doubt.log_asked"] * MAX_ASKS + ["doubt.held"]


def test_the_policy_waits_for_the_log(runtime: Runtime) -> None:
    site = Doubtful(runtime, policy="skip")
    site.hand_over(UNKNOWN)
    site.later(WAIT)
    site.tick(has_log=True)
    assert site.outcomes() == ["open"]
    ask_until_exhausted(site)
    assert site.outcomes() == ["skipped"]


def test_an_event_outweighs_a_log_that_has_not_seen_the_mail(site: Doubtful) -> None:
    claim = site.hand_over(UNKNOWN)
    site.later(WAIT)
    site.tick(has_log=True)
    site.inquire()
    site.tell(claim)
    site.report(LogAnswer.ABSENT)
    assert (site.outcomes(), site.tally()["accepted"]) == (["accepted"], 5)


def test_a_log_that_finds_the_mail_after_it_went_out_again_makes_it_a_known_double(site: Doubtful) -> None:
    doubtful, _ = silent_except_for_others(site)
    site.later(WAIT)
    site.tick(has_log=False)
    site.hand_over()
    site.report(LogAnswer.FOUND, (1, tag_of(doubtful)))
    assert site.doubled() == ids_of(doubtful)


def test_a_log_that_knows_another_attempts_mail_proves_that_attempt(site: Doubtful) -> None:
    doubtful, _ = silent_except_for_others(site)
    site.later(WAIT)
    site.tick()
    again = site.hand_over(UNKNOWN)
    site.report(LogAnswer.FOUND, (1, tag_of(doubtful)))
    assert site.tally()["accepted"] == 10
    assert site.doubled() == []
    site.tell(again)
    assert site.doubled() == ids_of(doubtful)


def test_the_logs_own_wish_makes_the_pause_longer(site: Doubtful) -> None:
    site.hand_over(UNKNOWN)
    site.later(WAIT)
    site.tick(has_log=True)
    site.inquire()
    site.report(LogAnswer.UNCLEAR, retry_after_seconds=600)
    site.later(9 * MINUTES)
    assert site.inquire() is None
    site.later(2 * MINUTES)
    assert site.inquire() is not None


# Rule 4: the policy, and a person.


@pytest.mark.parametrize(
    ("policy", "outcome", "left"),
    [("hold", "open", "unknown"), ("skip", "skipped", "failed"), ("resend", "resent", "pending")],
)
@pytest.mark.parametrize("provider", ["sendgrid", "smtp"])
def test_what_nobody_can_tell_follows_the_policy(
    runtime: Runtime, provider: str, policy: str, outcome: str, left: str
) -> None:
    site = Doubtful(runtime, people=5, policy=policy, provider=provider)
    site.hand_over(UNKNOWN)
    site.tick()
    site.later(WAIT - SECONDS)
    site.tick()
    assert site.outcomes() == ["open"]
    site.later(MINUTES)
    site.tick()
    site.tick()
    assert (site.outcomes(), site.tally()) == ([outcome], {left: 5})


def test_the_policy_sends_again_once_and_no_more(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5, policy="resend")
    for outcomes in (["resent"], ["resent", "open"]):
        site.hand_over(UNKNOWN)
        site.tick()
        site.later(WAIT + MINUTES)
        site.tick()
        assert site.outcomes() == outcomes
    assert site.tally() == {"unknown": 5}


def test_silence_means_nothing_to_a_provider_without_events(runtime: Runtime) -> None:
    site = Doubtful(runtime, provider="smtp")
    silent_except_for_others(site)
    site.later(WAIT)
    site.tick(has_log=True)
    assert site.outcomes() == ["open"]


@pytest.mark.parametrize(("decision", "outcome"), [("resend", "resent"), ("skip", "skipped")])
def test_a_person_decides_and_the_timeline_says_who(runtime: Runtime, decision: str, outcome: str) -> None:
    site = Doubtful(runtime, people=5)
    claim = site.hand_over(UNKNOWN)
    site.tick()
    site.resolve(decision)
    assert site.outcomes() == [outcome]
    assert site.timeline(1)[-1][1]["why"] == "decided by command"
    assert site.audited() == [f"doubt.{outcome}"]
    site.tell(claim)
    assert (site.status() is IssueStatus.SENT) is (decision == "skip") or site.tally() == {"accepted": 5}
    assert site.tally() == {"accepted": 5}


def test_a_delivery_that_was_settled_by_itself_closes_its_doubt(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5)
    claim = site.hand_over(UNKNOWN)
    for person in ids_of(claim):
        site.tell(claim, person, request="")
    assert site.status() is IssueStatus.SENDING or site.tally() == {"accepted": 5}
    site.later(WAIT)
    site.tick()
    assert site.outcomes() == ["settled"]


def test_two_ticks_at_once_decide_once(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=15)
    site.hand_over(UNKNOWN)
    silent_except_for_others(site)
    site.tick()
    site.later(WAIT)
    threads = [threading.Thread(target=site.tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert site.outcomes() == ["resent", "resent"]
    assert site.audited() == ["doubt.resent"] * 2


def test_a_delivery_that_waits_in_a_closed_batch_is_found_by_the_tick(site: Doubtful) -> None:
    """A person sent the doubts again while a worker was just closing the batch."""
    site.hand_over(UNKNOWN)
    held = site.claim()
    assert held is not None
    site.answer(held, UNKNOWN)
    with site.runtime.transaction() as session:
        issues.finish_if_done(session, site.issue_id, now=site.now)
    site.resolve("resend")
    site.finish(held)
    site.hand_over()
    assert site.claim() is None
    site.tick()
    again = site.claim()
    assert again is not None
    assert ids_of(again) == ids_of(held)


def test_a_doubt_told_twice_is_one(site: Doubtful) -> None:
    claim = site.claim()
    assert claim is not None
    site.answer(claim, UNKNOWN)
    site.answer(claim, UNKNOWN)
    assert len(site.doubts()) == 1
    site.later(LEASE + SECONDS)
    with site.runtime.transaction() as session:
        events.announce_waiting(session, now=site.now)
    site.tick()
    assert len(site.doubts()) == 1
