"""Facts about the ledger: who is in it, who may claim, and what each outcome makes of it. On both databases."""

from __future__ import annotations

import threading
from dataclasses import asdict
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from newsletter.db.models import Delivery, Doubt, Event, Rendering, Subscriber
from newsletter.db.queries import batches as batch_queries
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, IssueStatus
from newsletter.domain.last_words import LastWords
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.domain.subscriber import SubscriberStatus, SubscriptionStatus, SuppressionReason
from newsletter.errors import Conflict, NewsletterError
from newsletter.runtime import Runtime
from newsletter.services import briefs, issues, lost_claims, newsletters, sending, subscribers, suppressions, ticking
from newsletter.services.sending import Claim
from newsletter.services.users import OPERATOR
from tests.factories import NOW, add_people, make_issue, make_list, make_newsletter, start_issue

LEASE = timedelta(seconds=60)


def claim_next(runtime: Runtime, issue_id: int, *, now=NOW) -> Claim | None:
    with runtime.transaction() as session:
        return sending.claim_batch(session, issue_id, worker="w", provider="outbox", now=now, lease=LEASE)


def record(runtime: Runtime, claim: Claim, kind: OutcomeKind, ids: list[int] | None = None) -> bool:
    chosen = [person.subscriber_id for person in claim.addressees] if ids is None else ids
    outcomes = [Outcome(subscriber_id=id_, kind=kind, response="said so") for id_ in chosen]
    with runtime.transaction() as session:
        return sending.record_outcomes(session, claim, outcomes, source="outbox", now=NOW, lease=LEASE)


def finish(runtime: Runtime, claim: Claim, **values) -> None:
    with runtime.transaction() as session:
        sending.finish_claim(session, claim, **({"outcome": "done", "now": NOW} | values))


def tally(runtime: Runtime, issue_id: int) -> dict[str, int]:
    with runtime.reading() as session:
        numbers = asdict(issues.tally_of(session, issue_id))
    parts = ("pending", "claimed", "accepted", "failed", "suppressed", "unknown")
    assert sum(numbers[part] for part in parts) == numbers["audience"]
    return {name: number for name, number in numbers.items() if number}


@pytest.fixture
def issue_id(runtime: Runtime) -> int:
    """An issue for ten people that has begun to be sent in batches of four."""
    with runtime.transaction() as session:
        issue, _ = make_issue(session)
        start_issue(session, issue)
        return issue.id


def test_the_audience_is_everyone_confirmed_once_less_the_suppressed(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, ids = make_issue(session, people=5)
        second = make_list(session, newsletters.newsletter_of(session, issue.newsletter_id), slug="second")
        add_people(session, second, 2, prefix="unconfirmed", status=SubscriptionStatus.UNCONFIRMED)
        disabled = add_people(session, second, 1, prefix="disabled")
        blocked = add_people(session, second, 1, prefix="blocked")
        session.execute(
            update(Subscriber).where(Subscriber.id.in_(disabled)).values(status=int(SubscriberStatus.DISABLED))
        )
        suppressions.suppress(
            session,
            address="blocked000000@example.org",
            reason=SuppressionReason.MANUAL,
            evidence="asked",
            address_key=runtime.links.address_key,
            now=NOW,
        )
        subscribers.add_subscriber(
            session,
            email="reader000000@example.org",
            list_slug="second",
            address_key=runtime.links.address_key,
            now=NOW,
        )
        both = issues.create_issue(
            session, brief_id=issue.brief_id, list_slugs=["readers", "second"], actor=OPERATOR, now=NOW, again=True
        )
        start_issue(session, both)
        assert blocked
        assert list(session.scalars(select(Delivery.subscriber_id).where(Delivery.issue_id == both.id))) == ids


def test_an_issue_without_an_audience_is_not_sent(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, _ = make_issue(session, people=1)
        subscribers.unsubscribe(session, subscriber_id=1, newsletter_id=issue.newsletter_id, source="test", now=NOW)
    with pytest.raises(Conflict, match="nobody to go to"), runtime.transaction() as session:
        start_issue(session, issue)
    with runtime.reading() as session:
        assert issues.find_issue(session, issue.id).status == IssueStatus.DRAFT


def test_of_many_sends_at_once_one_goes_through(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, _ = make_issue(session, people=50)
    results: list[str] = []

    def send() -> None:
        try:
            with runtime.transaction() as session:
                start_issue(session, issue)
            results.append("sent")
        except NewsletterError:
            results.append("refused")

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused"] * 3 + ["sent"]
    assert tally(runtime, issue.id) == {"audience": 50, "pending": 50}


def test_each_delivery_is_claimed_once_however_many_workers_ask(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, ids = make_issue(session, people=60)
        start_issue(session, issue, batch_size=3)
    claimed: list[int] = []
    lock = threading.Lock()

    def work() -> None:
        while (claim := claim_next(runtime, issue.id)) is not None:
            with lock:
                claimed.extend(person.subscriber_id for person in claim.addressees)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == ids


def test_a_claim_makes_its_deliveries_claimed_and_an_answer_accepted(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 6, "claimed": 4}
    assert record(runtime, claim, OutcomeKind.ACCEPTED)
    finish(runtime, claim)
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 6, "accepted": 4}


def test_an_unsubscribe_after_the_snapshot_stops_a_mail_not_yet_claimed(runtime: Runtime, issue_id: int) -> None:
    with runtime.transaction() as session:
        newsletter_id = issues.find_issue(session, issue_id).newsletter_id
        subscribers.unsubscribe(session, subscriber_id=2, newsletter_id=newsletter_id, source="link", now=NOW)
    claim = claim_next(runtime, issue_id)
    assert 2 not in [person.subscriber_id for person in claim.addressees]
    with runtime.reading() as session:
        row = session.get(Delivery, (issue_id, 2))
        assert (row.status, row.reason) == (DeliveryStatus.SUPPRESSED, DeliveryReason.UNSUBSCRIBED)


def test_a_suppression_after_the_snapshot_stops_a_mail_not_yet_claimed(runtime: Runtime, issue_id: int) -> None:
    with runtime.transaction() as session:
        suppressions.suppress(
            session,
            address="reader000002@example.org",
            reason=SuppressionReason.COMPLAINED,
            evidence="",
            address_key=runtime.links.address_key,
            now=NOW,
        )
    claim = claim_next(runtime, issue_id)
    assert "reader000002@example.org" not in [person.email for person in claim.addressees]
    assert tally(runtime, issue_id)["suppressed"] == 1


def test_an_erased_person_is_not_mailed_and_stays_counted(runtime: Runtime, issue_id: int) -> None:
    with runtime.transaction() as session:
        subscribers.erase_subscriber(
            session, "reader000001@example.org", address_key=runtime.links.address_key, now=NOW, actor_id=None
        )
    claim = claim_next(runtime, issue_id)
    assert len(claim.addressees) == 3
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 6, "claimed": 3, "suppressed": 1}


def test_what_a_dead_worker_held_becomes_unknown_and_nothing_else(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    record(runtime, claim, OutcomeKind.ACCEPTED, [claim.addressees[0].subscriber_id])
    with runtime.transaction() as session:
        assert lost_claims.expire_claims(session, now=NOW + timedelta(seconds=30)) == []
    with runtime.transaction() as session:
        assert lost_claims.expire_claims(session, now=NOW + timedelta(seconds=61)) == [claim.claim]
    with runtime.transaction() as session:
        assert lost_claims.expire_claims(session, now=NOW + timedelta(seconds=61)) == []
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 6, "accepted": 1, "unknown": 3}


def test_an_answer_after_the_lease_settles_what_was_unknown(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    with runtime.transaction() as session:
        lost_claims.expire_claims(session, now=NOW + timedelta(seconds=61))
    assert tally(runtime, issue_id)["unknown"] == 4
    assert not record(runtime, claim, OutcomeKind.ACCEPTED)
    finish(runtime, claim)
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 6, "accepted": 4}


def test_an_outcome_told_twice_counts_once(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    for _ in range(2):
        record(runtime, claim, OutcomeKind.REFUSED)
        finish(runtime, claim)
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 6, "failed": 4}
    with runtime.reading() as session:
        assert len(session.scalars(select(Event)).all()) == 4


def test_deferred_deliveries_wait_for_another_attempt(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    record(runtime, claim, OutcomeKind.DEFERRED)
    finish(runtime, claim, deferred=4)
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 10}
    other = claim_next(runtime, issue_id)
    assert other.batch_id != claim.batch_id
    again = claim_next(runtime, issue_id, now=NOW + timedelta(seconds=20))
    third = claim_next(runtime, issue_id, now=NOW + timedelta(seconds=20))
    assert {again.batch_id, third.batch_id} >= {claim.batch_id}


def test_deferred_deliveries_fail_when_it_is_too_late(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    record(runtime, claim, OutcomeKind.DEFERRED)
    finish(runtime, claim, deferred=4, now=NOW + timedelta(hours=13))
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 6, "failed": 4}


def test_what_was_handed_back_is_pending_at_once(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    record(runtime, claim, OutcomeKind.ACCEPTED, [claim.addressees[0].subscriber_id])
    finish(runtime, claim, outcome="handed_back")
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 9, "accepted": 1}
    again = claim_next(runtime, issue_id)
    assert again.batch_id == claim.batch_id
    assert len(again.addressees) == 3


def test_a_broken_batch_is_in_doubt(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    with runtime.transaction() as session:
        sending.abandon_claim(session, claim, response="RuntimeError", now=NOW)
    assert tally(runtime, issue_id) == {"audience": 10, "pending": 6, "unknown": 4}


def test_a_paused_issue_is_not_claimed_and_a_resumed_one_is(runtime: Runtime, issue_id: int) -> None:
    with runtime.transaction() as session:
        issues.pause_issue(session, issue_id, actor=OPERATOR, now=NOW)
    assert claim_next(runtime, issue_id) is None
    with runtime.transaction() as session:
        issues.resume_issue(session, issue_id, actor=OPERATOR, now=NOW)
    assert claim_next(runtime, issue_id) is not None


def test_a_pause_tells_the_worker_to_stop(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    with runtime.transaction() as session:
        issues.pause_issue(session, issue_id, actor=OPERATOR, now=NOW)
    assert not record(runtime, claim, OutcomeKind.ACCEPTED, [claim.addressees[0].subscriber_id])


def test_a_cancelled_issue_keeps_what_was_sent_and_withholds_the_rest(runtime: Runtime, issue_id: int) -> None:
    done, held = claim_next(runtime, issue_id), claim_next(runtime, issue_id)
    record(runtime, done, OutcomeKind.ACCEPTED)
    finish(runtime, done)
    with runtime.transaction() as session:
        issues.cancel_issue(session, issue_id, actor=OPERATOR, now=NOW)
    assert tally(runtime, issue_id) == {"audience": 10, "accepted": 4, "claimed": 4, "suppressed": 2}
    finish(runtime, held, outcome="handed_back")
    assert tally(runtime, issue_id) == {"audience": 10, "accepted": 4, "suppressed": 6}
    assert claim_next(runtime, issue_id) is None


def drain(runtime: Runtime, issue_id: int, kinds: list[OutcomeKind]) -> None:
    for kind in kinds:
        claim = claim_next(runtime, issue_id)
        record(runtime, claim, kind)
        finish(runtime, claim)
    with runtime.transaction() as session:
        issues.finish_if_done(session, issue_id, now=NOW)


def status_of(runtime: Runtime, issue_id: int) -> str:
    with runtime.reading() as session:
        return issues.find_issue(session, issue_id).status


def test_an_issue_ends_as_sent_when_everybody_is_accounted_for(runtime: Runtime, issue_id: int) -> None:
    drain(runtime, issue_id, [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED, OutcomeKind.ACCEPTED])
    assert status_of(runtime, issue_id) == IssueStatus.SENT


def test_retry_touches_exactly_the_failures(runtime: Runtime, issue_id: int) -> None:
    drain(runtime, issue_id, [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED, OutcomeKind.UNKNOWN])
    assert status_of(runtime, issue_id) == IssueStatus.INCOMPLETE
    with runtime.transaction() as session:
        issues.retry_issue(session, issue_id, actor=OPERATOR, now=NOW)
    assert tally(runtime, issue_id) == {"audience": 10, "accepted": 4, "pending": 4, "unknown": 2}
    claim = claim_next(runtime, issue_id)
    assert len(claim.addressees) == 4
    assert claim_next(runtime, issue_id) is None


def test_unknown_deliveries_are_resent_only_when_somebody_says_so(runtime: Runtime, issue_id: int) -> None:
    drain(runtime, issue_id, [OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED])
    assert claim_next(runtime, issue_id) is None
    with runtime.transaction() as session:
        issues.resolve_unknown(session, issue_id, decision="resend", actor=OPERATOR, now=NOW)
    drain(runtime, issue_id, [OutcomeKind.ACCEPTED])
    assert status_of(runtime, issue_id) == IssueStatus.SENT
    assert tally(runtime, issue_id) == {"audience": 10, "accepted": 10}


def test_unknown_deliveries_that_are_skipped_are_never_retried(runtime: Runtime, issue_id: int) -> None:
    drain(runtime, issue_id, [OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED, OutcomeKind.REFUSED])
    with runtime.transaction() as session:
        issues.resolve_unknown(session, issue_id, decision="skip", actor=OPERATOR, now=NOW)
    assert status_of(runtime, issue_id) == IssueStatus.SENT
    with runtime.transaction() as session:
        issues.retry_issue(session, issue_id, actor=OPERATOR, now=NOW)
    assert tally(runtime, issue_id) == {"audience": 10, "accepted": 4, "failed": 4, "pending": 2}


@pytest.mark.parametrize(
    ("policy", "accepted_or_failed"), [("skip", "failed"), ("resend", "pending"), ("hold", "unknown")]
)
def test_the_policy_decides_about_the_unknown_after_the_wait(
    runtime: Runtime, issue_id: int, policy: str, accepted_or_failed: str
) -> None:
    drain(runtime, issue_id, [OutcomeKind.UNKNOWN, OutcomeKind.ACCEPTED, OutcomeKind.ACCEPTED])
    wait = timedelta(minutes=15)
    for now in (NOW + timedelta(minutes=14), NOW + timedelta(minutes=16)):
        assert tally(runtime, issue_id).get("unknown") == 4
        with runtime.transaction() as session:
            ticking.run_tick(session, now=now, unknown_policy=policy, unknown_wait=wait)
    assert tally(runtime, issue_id)[accepted_or_failed] == 4


def test_a_tick_finishes_what_is_done_and_two_ticks_do_no_harm(runtime: Runtime, issue_id: int) -> None:
    drain(runtime, issue_id, [OutcomeKind.ACCEPTED] * 2)
    claim = claim_next(runtime, issue_id)
    record(runtime, claim, OutcomeKind.ACCEPTED)
    finish(runtime, claim)
    for expected in (1, 0):
        with runtime.transaction() as session:
            report = ticking.run_tick(session, now=NOW, unknown_policy="hold", unknown_wait=LEASE)
            assert report.finished_issues == expected
    assert status_of(runtime, issue_id) == IssueStatus.SENT


def test_a_paused_provider_is_left_alone_until_its_time(runtime: Runtime, issue_id: int) -> None:
    until = NOW + timedelta(seconds=30)
    with runtime.transaction() as session:
        sending.pause_provider(session, "outbox", reason="429", needs_person=False, until=until, now=NOW)
    assert claim_next(runtime, issue_id) is None
    with runtime.transaction() as session:
        assert sending.wake_providers(session, now=NOW + timedelta(seconds=31)) == 1
    assert claim_next(runtime, issue_id) is not None


def test_a_provider_that_needs_a_person_waits_for_one(runtime: Runtime, issue_id: int) -> None:
    with runtime.transaction() as session:
        sending.pause_provider(session, "outbox", reason="401", needs_person=True, until=None, now=NOW)
        sending.pause_provider(session, "outbox", reason="429", needs_person=False, until=NOW, now=NOW)
        assert sending.wake_providers(session, now=NOW + timedelta(days=1)) == 0
        issues.pause_issue(session, issue_id, actor=None, now=NOW, reason="401")
    with runtime.transaction() as session:
        issues.resume_issue(session, issue_id, actor=OPERATOR, now=NOW)
    assert claim_next(runtime, issue_id) is not None


def test_one_changed_byte_stops_the_send_with_the_reason(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, _ = make_issue(session)
        stored = session.get(Rendering, issue.rendering_id)
        stored.document = (
            stored.document.replace(b"Hello", b"Hallo")
            if b"Hello" in stored.document
            else (stored.document[:100] + bytes([stored.document[100] ^ 1]) + stored.document[101:])
        )
    with pytest.raises(Conflict, match="not the bytes that were approved"), runtime.transaction() as session:
        start_issue(session, issue)


def test_a_byte_changed_in_mid_send_stops_the_workers(runtime: Runtime, issue_id: int) -> None:
    with runtime.transaction() as session:
        stored = session.get(Rendering, issues.find_issue(session, issue_id).rendering_id)
        stored.document = stored.document + b" "
    with pytest.raises(Conflict, match="not the bytes that were approved"), runtime.reading() as session:
        sending.load_approved(session, issue_id)


def test_an_edit_after_the_approval_stops_the_send_with_the_reason(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, _ = make_issue(session)
        row = briefs.find_brief(session, issue.brief_id)
        source = briefs.version_of(session, row).source_text
        briefs.edit_brief(session, row.id, source.replace("Summary: ", "Summary: Indeed, ", 1), actor=OPERATOR, now=NOW)
    with pytest.raises(Conflict, match="is not approved"), runtime.transaction() as session:
        start_issue(session, issue)


def test_the_lists_of_another_newsletter_are_refused(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, _ = make_issue(session)
        other = make_newsletter(session, slug="other", name="Other")
        make_list(session, other, slug="elsewhere")
    with pytest.raises(NewsletterError, match="another newsletter"), runtime.transaction() as session:
        issues.create_issue(session, brief_id=issue.brief_id, list_slugs=["elsewhere"], actor=OPERATOR, now=NOW)


def test_an_attempt_is_written_down_before_the_first_byte_leaves(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    with runtime.reading() as session:
        assert session.get_one(batch_queries.Attempt, claim.attempt_id).finished_at is None


def test_an_issue_at_the_local_hour_goes_out_zone_by_zone(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        draft, ids = make_issue(session, people=30)
        for number, zone in enumerate(["Asia/Shanghai", "America/New_York", ""]):
            session.execute(update(Subscriber).where(Subscriber.id.in_(ids[number::3])).values(time_zone=zone))
        issue = issues.create_issue(
            session,
            brief_id=draft.brief_id,
            list_slugs=["readers"],
            actor=OPERATOR,
            now=NOW,
            local_time="07:00",
            again=True,
        )
    evening = datetime(2026, 6, 22, 20, 0, tzinfo=ZoneInfo("Europe/Berlin"))
    with runtime.transaction() as session:
        issues.send_issue(session, issue.id, actor=OPERATOR, provider="outbox", batch_size=4, now=evening)
    heard: dict[str, list[int]] = {}
    for zone, offset in (("Asia/Shanghai", 0), ("", 1), ("America/New_York", 2)):
        home = ZoneInfo(zone or "Europe/Berlin")
        seven = datetime(2026, 6, 23, 7, 0, tzinfo=home)
        assert claim_next(runtime, issue.id, now=seven - timedelta(seconds=1)) is None
        while (claim := claim_next(runtime, issue.id, now=seven)) is not None:
            heard.setdefault(zone, []).extend(person.subscriber_id for person in claim.addressees)
            record(runtime, claim, OutcomeKind.ACCEPTED)
            finish(runtime, claim, now=seven)
        assert sorted(heard[zone]) == ids[{0: 0, 1: 2, 2: 1}[offset] :: 3]
    assert tally(runtime, issue.id) == {"audience": 30, "accepted": 30}


def test_last_words_tell_a_provider_that_never_answered_from_a_mail_in_the_dead_workers_hands(
    runtime: Runtime, issue_id: int
) -> None:
    claim = claim_next(runtime, issue_id)
    first, second = (person.subscriber_id for person in claim.addressees[:2])
    last_words = LastWords(
        accepted=frozenset(), refused=frozenset(), unanswered=frozenset({first}), in_doubt=frozenset({second})
    )
    with runtime.transaction() as session:
        later = NOW + timedelta(seconds=61)
        lost_claims.expire_claims(session, now=later, last_words_of={claim.claim: last_words}.get)
    expected = {first: DeliveryReason.NO_ANSWER, second: DeliveryReason.WORKER_DIED}
    with runtime.reading() as session:
        unknown = session.query(Delivery).filter_by(issue_id=issue_id, status=int(DeliveryStatus.UNKNOWN))
        assert {row.subscriber_id: row.reason for row in unknown} == expected
        assert {doubt.members[0]: doubt.reason for doubt in session.query(Doubt)} == expected


def test_last_words_leave_only_the_mail_in_flight_in_doubt(runtime: Runtime, issue_id: int) -> None:
    claim = claim_next(runtime, issue_id)
    first, second, third, fourth = (person.subscriber_id for person in claim.addressees)
    last_words = LastWords(
        accepted=frozenset({first}), refused=frozenset({second}), unanswered=frozenset(), in_doubt=frozenset({third})
    )
    with runtime.transaction() as session:
        later = NOW + timedelta(seconds=61)
        assert lost_claims.expire_claims(session, now=later, last_words_of={claim.claim: last_words}.get) == [
            claim.claim
        ]
    assert tally(runtime, issue_id) == {"audience": 10, "accepted": 1, "failed": 1, "unknown": 1, "pending": 7}
    claimed = [claim_next(runtime, issue_id, now=later) for _ in range(3)]
    again = next(found for found in claimed if found.batch_id == claim.batch_id)
    assert [person.subscriber_id for person in again.addressees] == [fourth]
