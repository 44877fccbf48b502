"""Facts about deliveries in doubt: what settles them, what does not, and that nobody gets it twice without a reason."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.issue import DeliveryReason, DeliveryStatus, IssueStatus
from newsletter.domain.mail import OutcomeKind
from newsletter.runtime import Runtime
from newsletter.services import events, issues
from newsletter.services.events import SENDGRID
from newsletter.services.users import OPERATOR
from tests.doubtful import WAIT, Doubtful, ids_of, silent_except_for_others, tag_of

SECONDS = timedelta(seconds=1)
MINUTES = timedelta(minutes=1)
UNKNOWN, ACCEPTED, REFUSED = OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED, OutcomeKind.REFUSED


@pytest.fixture
def site(runtime: Runtime) -> Doubtful:
    return Doubtful(runtime)


# Rule 1: an event of the request proves that it was accepted.


def test_one_event_settles_exactly_the_deliveries_of_its_request(site: Doubtful) -> None:
    first, second = site.hand_over(UNKNOWN), site.hand_over(UNKNOWN)
    site.tell(first, ids_of(first)[3])
    assert site.tally() == {"accepted": 5, "unknown": 5}
    assert site.outcomes() == ["accepted", "open"]
    assert {site.row(person)[0] for person in ids_of(second)} == {DeliveryStatus.UNKNOWN}
    kinds = [kind for kind, _ in site.timeline(ids_of(first)[0])]
    assert kinds == ["in_doubt", "doubt_accepted"]
    assert site.audited() == ["doubt.accepted"]


def test_of_a_paced_batch_an_event_settles_its_own_portion_alone(site: Doubtful) -> None:
    claim = site.lose()
    one, two, three, four, five = ids_of(claim)
    site.tell(claim, two, request=tag_of(claim, [one, two]))
    assert site.tally()["accepted"] == 2
    site.tell(claim, four, request=tag_of(claim, [three, four]))
    assert site.tally()["accepted"] == 4
    assert site.row(five)[0] is DeliveryStatus.UNKNOWN
    assert site.outcomes() == ["open"]


def test_a_request_with_gaps_proves_its_own_mails_only(site: Doubtful) -> None:
    claim = site.hand_over(UNKNOWN)
    site.tell(claim, ids_of(claim)[1], request=str(claim.attempt_id))
    assert site.tally()["accepted"] == 1
    site.later(WAIT)
    other = site.hand_over()
    site.later(WAIT + MINUTES)
    site.tell(other)
    site.tick()
    assert site.tally()["unknown"] == 4, "the attempt was heard of: silence about the rest proves nothing"


@pytest.mark.parametrize("tag", ["", "x", "0:1-5", "999:1-5", "1:9-2", "1:6-10", "1:1-5:2", "١:1-5", "99999999999:1-5"])
def test_a_tag_that_does_not_fit_its_event_settles_nothing_but_the_event_does(site: Doubtful, tag: str) -> None:
    claim = site.hand_over(UNKNOWN)
    assert (claim.attempt_id, ids_of(claim)) == (1, [1, 2, 3, 4, 5])
    site.tell(claim, 1, request=tag)
    assert site.tally()["accepted"] == 1


def test_events_that_came_before_the_doubt_was_known_settle_it_when_it_arises(site: Doubtful) -> None:
    claim = site.claim()
    assert claim is not None
    site.tell(claim, ids_of(claim)[0])
    assert site.tally()["accepted"] == 1
    site.answer(claim, UNKNOWN)
    site.finish(claim, provider_message_id="")
    assert site.tally()["accepted"] == 5
    assert site.outcomes() == ["accepted"]


def test_an_event_ends_an_issue_that_waited_for_nothing_else(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5)
    claim = site.hand_over(UNKNOWN)
    site.tick()
    assert site.status() is IssueStatus.INCOMPLETE
    site.tell(claim)
    assert site.status() is IssueStatus.SENT


# Rule 2: silence while events of other requests come.


def test_silence_while_others_are_heard_means_not_accepted_and_it_goes_out_once_more(site: Doubtful) -> None:
    doubtful, _ = silent_except_for_others(site)
    site.later(WAIT - 3 * MINUTES)
    site.tick()
    assert site.outcomes() == ["open"], "events may still come"
    site.later(MINUTES)
    site.tick()
    site.tick()
    assert site.outcomes() == ["resent"]
    assert site.tally() == {"accepted": 5, "pending": 5}
    again = site.claim()
    assert again is not None
    assert (ids_of(again), again.attempt_number) == (ids_of(doubtful), 2)
    kind, detail = site.timeline(1)[-1]
    assert (kind, detail["requests_heard"], detail["requests_mute"]) == ("doubt_sent_again", 1, 0)
    assert site.audited() == ["doubt.resent"]


def test_the_second_attempt_keeps_the_deadline_of_the_first(site: Doubtful) -> None:
    doubtful, _ = silent_except_for_others(site)
    site.later(WAIT)
    site.tick()
    again = site.claim()
    assert again is not None
    assert again.planned_at == doubtful.planned_at


def test_silence_is_no_proof_while_nobody_else_is_heard(site: Doubtful) -> None:
    site.hand_over(UNKNOWN)
    site.hand_over()
    site.later(WAIT + MINUTES)
    site.tick()
    assert site.tally()["unknown"] == 5


def test_silence_is_no_proof_where_an_accepted_request_is_as_silent(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=15)
    silent_except_for_others(site)
    site.hand_over()
    site.later(2 * WAIT)
    site.tick()
    assert site.tally()["unknown"] == 5


def test_silence_is_no_proof_by_what_was_heard_before_the_doubt_arose(site: Doubtful) -> None:
    other = site.hand_over()
    site.tell(other)
    site.later(MINUTES)
    site.hand_over(UNKNOWN)
    site.later(WAIT + MINUTES)
    site.tick()
    assert site.tally()["unknown"] == 5


def test_a_witness_that_was_made_long_before_is_none(site: Doubtful) -> None:
    other = site.hand_over()
    site.later(6 * MINUTES)
    site.hand_over(UNKNOWN)
    site.later(MINUTES)
    site.tell(other)
    site.later(WAIT)
    site.tick()
    assert site.tally()["unknown"] == 5


def test_silence_is_no_proof_while_posts_wait_that_were_not_read(site: Doubtful) -> None:
    silent_except_for_others(site)
    with site.runtime.transaction() as session:
        events.store_post(session, b"[{}]", source=SENDGRID, now=site.now)
    site.later(WAIT)
    site.tick()
    assert site.tally()["unknown"] == 5
    site.drain()
    site.later(MINUTES)
    site.tick()
    assert site.outcomes() == ["resent"]


def test_silence_is_no_proof_where_a_post_could_not_be_read(site: Doubtful) -> None:
    silent_except_for_others(site)
    with site.runtime.transaction() as session:
        events.store_post(session, b"[no json]", source=SENDGRID, now=site.now)
    site.drain()
    site.later(WAIT)
    site.tick()
    assert site.tally()["unknown"] == 5


def test_silence_is_no_proof_while_an_outage_of_the_webhook_is_being_made_up_for(site: Doubtful) -> None:
    """Posts that nobody took for twenty minutes are repeated; the one about the doubt is not the first to come."""
    doubtful, other = site.hand_over(UNKNOWN), site.hand_over()
    site.later(20 * MINUTES)
    site.tell(other)
    site.tick()
    assert site.outcomes() == ["open"]
    site.later(15 * MINUTES)
    site.tell(doubtful)
    assert (site.outcomes(), site.tally()["accepted"]) == (["accepted"], 10)


def test_silence_is_proof_once_an_outage_of_the_webhook_is_made_up_for(site: Doubtful) -> None:
    _, other = site.hand_over(UNKNOWN), site.hand_over()
    site.later(20 * MINUTES)
    site.tell(other)
    site.later(24 * MINUTES)
    site.tick()
    assert site.outcomes() == ["open"]
    site.later(6 * MINUTES)
    site.tick()
    assert site.outcomes() == ["resent"]
    assert site.timeline(1)[-1][1]["by"] == "silence"


def test_what_a_dead_worker_held_is_sent_again_but_for_the_requests_that_were_heard(site: Doubtful) -> None:
    lost = site.lose()
    one, two, *rest = ids_of(lost)
    site.tell(lost, one, request=tag_of(lost, [one, two]))
    other = site.hand_over()
    site.later(MINUTES)
    site.tell(other)
    site.later(WAIT)
    site.tick()
    again = site.claim()
    assert again is not None
    assert ids_of(again) == rest


def test_a_batch_that_a_worker_holds_again_is_not_touched(site: Doubtful) -> None:
    """Half of a batch is in doubt, and the other half is just being handed over."""
    claim = site.claim()
    assert claim is not None
    one, two, *rest = ids_of(claim)
    site.answer(claim, UNKNOWN, [one, two])
    site.finish(claim, outcome="handed_back", provider_message_id="")
    held = site.claim()
    assert held is not None
    assert ids_of(held) == rest
    other = site.hand_over()
    site.later(MINUTES)
    site.tell(other)
    site.later(WAIT)
    site.keep(held)
    site.tick()
    assert site.outcomes() == ["open"]
    site.answer(held)
    assert site.tally()["unknown"] == 2
    site.finish(held)
    site.tell(held)
    # No post came for a quarter of an hour: that might have been an outage.
    site.later(2 * WAIT)
    site.tick()
    again = site.claim()
    assert again is not None
    assert ids_of(again) == [one, two]


def test_what_was_not_accepted_is_not_sent_when_it_is_too_late(site: Doubtful) -> None:
    silent_except_for_others(site)
    site.later(timedelta(hours=12))
    site.tick()
    assert site.outcomes() == ["expired"]
    assert site.row(1) == (DeliveryStatus.FAILED, DeliveryReason.EXPIRED)


def test_what_was_not_accepted_of_a_cancelled_issue_is_not_sent(site: Doubtful) -> None:
    silent_except_for_others(site)
    with site.runtime.transaction() as session:
        issues.cancel_issue(session, site.issue_id, actor=OPERATOR, now=site.now)
    site.later(WAIT)
    site.tick()
    assert site.outcomes() == ["cancelled"]
    assert site.row(1) == (DeliveryStatus.SUPPRESSED, DeliveryReason.CANCELLED)


def test_of_an_issue_that_had_ended_in_doubt_only_the_rest_goes_out(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=10)
    doubtful, _ = silent_except_for_others(site)
    site.tick()
    assert site.status() is IssueStatus.INCOMPLETE
    site.later(WAIT)
    site.tick()
    assert site.status() is IssueStatus.SENDING
    again = site.hand_over()
    assert ids_of(again) == ids_of(doubtful)
    site.tick()
    assert (site.status(), site.tally()) == (IssueStatus.SENT, {"accepted": 10})


# Late news about a request that was sent again: never silent.


def test_an_event_before_the_second_attempt_stops_it(site: Doubtful) -> None:
    doubtful, _ = silent_except_for_others(site)
    site.later(WAIT)
    site.tick()
    site.tell(doubtful, ids_of(doubtful)[2])
    assert (site.status(), site.tally()) == (IssueStatus.SENT, {"accepted": 10})
    assert site.claim() is None


def test_an_event_after_the_second_attempt_is_a_known_double(site: Doubtful) -> None:
    doubtful, _ = silent_except_for_others(site)
    site.later(WAIT)
    site.tick()
    again = site.hand_over()
    site.tell(again)
    assert site.doubled() == []
    for _ in range(2):
        site.tell(doubtful, ids_of(doubtful)[2], name="delivered")
    assert site.doubled() == ids_of(doubtful)
    assert site.tally() == {"accepted": 10, "delivered": 1, "doubled": 5}
    assert [kind for kind, _ in site.timeline(1)][-2:] == ["doubt_accepted", "doubt_out_twice"]
    assert site.audited()[-2:] == ["doubt.accepted", "doubt.doubled"]


def test_an_event_while_a_worker_holds_the_second_attempt_counts_as_double(site: Doubtful) -> None:
    doubtful, _ = silent_except_for_others(site)
    site.later(WAIT)
    site.tick()
    again = site.claim()
    assert again is not None
    site.tell(doubtful)
    site.answer(again)
    site.finish(again)
    assert (site.doubled(), site.tally()["accepted"]) == (ids_of(doubtful), 10)


def test_two_attempts_in_doubt_that_are_both_proven_are_a_double(site: Doubtful) -> None:
    doubtful, _ = silent_except_for_others(site)
    site.later(WAIT)
    site.tick()
    again = site.hand_over(UNKNOWN)
    assert ids_of(again) == ids_of(doubtful)
    site.tell(doubtful)
    assert (site.tally()["accepted"], site.doubled()) == (10, [])
    site.later(SECONDS)
    site.tell(again)
    assert site.doubled() == ids_of(doubtful)


def test_an_answer_that_comes_after_the_second_attempt_is_a_known_double(site: Doubtful) -> None:
    lost = site.lose()
    other = site.hand_over()
    site.later(MINUTES)
    site.tell(other)
    site.later(WAIT)
    site.tick()
    site.hand_over()
    site.answer(lost)
    assert site.doubled() == ids_of(lost)


def test_a_late_answer_touches_only_its_own_mails(site: Doubtful) -> None:
    """A worker that was asleep for an hour must not claim for itself what others hold of the same batch by now."""
    first = site.claim()
    assert first is not None
    one, two, *rest = ids_of(first)
    site.answer(first, UNKNOWN, [one, two])
    site.finish(first, outcome="handed_back", provider_message_id="")
    asleep = site.lose()
    assert ids_of(asleep) == rest
    other = site.hand_over()
    site.later(MINUTES)
    site.tell(other)
    site.tell(asleep, request=tag_of(asleep))
    site.later(WAIT)
    site.tick()
    holds = site.claim()
    assert holds is not None
    assert ids_of(holds) == [one, two]
    site.answer(asleep, ACCEPTED, rest)
    site.answer(asleep, UNKNOWN, rest)
    site.finish(asleep)
    assert site.tally() == {"accepted": 8, "claimed": 2}
