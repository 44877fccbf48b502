"""Facts about what a provider's words mean, and what follows from them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.domain.bounces import BounceClass, Category
from newsletter.domain.events import (
    ACCEPTED,
    SENDGRID_MEANINGS,
    EventKind,
    Meaning,
    Settlement,
    is_moved_by,
    meaning_of_account_change,
    meaning_of_bounce,
    meaning_of_drop,
    stronger,
)
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, Mark
from newsletter.domain.reacting import Health, PastIssue, alarms_for, suppression_for
from newsletter.domain.subscriber import SuppressionReason

START = datetime(2026, 6, 1, tzinfo=UTC)


def bounce(type_: str = "bounce", *, status: str = "", reason: str = "", classification: str = "") -> Meaning:
    return meaning_of_bounce(type_=type_, status=status, reason=reason, classification=classification)


def soft_issues(count: int, *, every_days: float) -> list[PastIssue]:
    return [PastIssue(at=START + timedelta(days=every_days * number), is_soft=True) for number in range(count)]


@pytest.mark.parametrize(
    ("status", "reason", "classification", "expected"),
    [
        ("5.1.1", "550 5.1.1 The email account that you tried to reach does not exist", "", BounceClass.HARD),
        ("", "", "Invalid Address", BounceClass.HARD),
        ("", "", "INVALID ADDRESS", BounceClass.HARD),
        ("5.2.2", "552 5.2.2 mailbox is full", "Mailbox Unavailable", BounceClass.SOFT),
        ("", "", "Mailbox Unavailable", BounceClass.SOFT),
        ("", "", "Technical", BounceClass.SOFT),
        ("", "", "Unclassified", BounceClass.SOFT),
        ("5.0.0", "550 go away", "", BounceClass.SOFT),
        ("", "", "", BounceClass.SOFT),
        ("5.7.1", "550 5.7.1 blocked, see spamhaus", "Reputation", BounceClass.BLOCK),
        ("5.7.1", "550 5.7.1 message rejected as spam", "Invalid Address", BounceClass.BLOCK),
        ("", "", "Content", BounceClass.BLOCK),
    ],
)
def test_a_bounce_is_hard_only_with_evidence_and_without_contradiction(
    status: str, reason: str, classification: str, expected: BounceClass
) -> None:
    assert bounce(status=status, reason=reason, classification=classification).bounce_class is expected


@pytest.mark.parametrize(
    "reason", ["550 5.1.1 user unknown", "550 5.7.1 blocked", "452 4.2.2 full", "421 4.7.0 slow", ""]
)
def test_a_blocked_mail_is_no_bounce_of_the_person(reason: str) -> None:
    meaning = bounce("blocked", reason=reason)
    assert meaning.kind is EventKind.REJECTED
    assert meaning.marks == 0
    assert meaning.settles == ACCEPTED
    assert meaning.bounce_class is not BounceClass.HARD
    assert suppression_for(meaning, soft_issues(30, every_days=1)) is None


@pytest.mark.parametrize(
    ("reason", "status", "suppress"),
    [
        ("Bounced Address", DeliveryStatus.SUPPRESSED, SuppressionReason.BOUNCED),
        ("Unsubscribed Address", DeliveryStatus.SUPPRESSED, SuppressionReason.UNSUBSCRIBED),
        ("Spam Reporting Address", DeliveryStatus.SUPPRESSED, SuppressionReason.COMPLAINED),
        ("Invalid", DeliveryStatus.FAILED, SuppressionReason.INVALID),
        ("Invalid SMTPAPI header", DeliveryStatus.FAILED, None),
        ("Spam Content (if Spam Checker app is enabled)", DeliveryStatus.FAILED, None),
        ("Recipient List over Package Quota", DeliveryStatus.FAILED, None),
        ("something new", DeliveryStatus.FAILED, None),
        ("", DeliveryStatus.FAILED, None),
    ],
)
def test_a_drop_says_by_its_reason_what_became_of_the_mail(
    reason: str, status: DeliveryStatus, suppress: SuppressionReason | None
) -> None:
    meaning = meaning_of_drop(reason)
    assert meaning.settles is not None
    assert (meaning.settles.status, meaning.suppress) == (status, suppress)


def test_a_quota_and_a_suspended_account_stop_the_provider_and_good_news_do_not() -> None:
    assert meaning_of_drop("Recipient List over Package Quota").stops_provider
    assert meaning_of_account_change("compliance_suspend").stops_provider
    assert meaning_of_account_change("").stops_provider
    assert not meaning_of_account_change("compliance_reactivated").stops_provider


def test_each_event_sets_the_mark_of_its_kind_and_proves_acceptance() -> None:
    expected = {
        "processed": 0,
        "deferred": 0,
        "delivered": Mark.DELIVERED,
        "open": Mark.OPENED,
        "click": Mark.CLICKED,
        "spamreport": Mark.COMPLAINED,
        "unsubscribe": Mark.UNSUBSCRIBED,
        "group_unsubscribe": Mark.UNSUBSCRIBED,
        "group_resubscribe": 0,
    }
    assert {name: meaning.marks for name, meaning in SENDGRID_MEANINGS.items()} == expected
    assert all(meaning.settles == ACCEPTED for meaning in SENDGRID_MEANINGS.values())


@pytest.mark.parametrize("status", list(DeliveryStatus))
def test_a_proof_of_acceptance_settles_what_is_open_and_nothing_else(status: DeliveryStatus) -> None:
    is_open = status in (DeliveryStatus.PENDING, DeliveryStatus.UNKNOWN)
    assert is_moved_by(status, DeliveryReason.NONE, proof=ACCEPTED) is is_open


def test_an_event_knows_better_than_who_gave_up_in_doubt() -> None:
    assert is_moved_by(DeliveryStatus.FAILED, DeliveryReason.SKIPPED_IN_DOUBT, proof=ACCEPTED)


def test_of_two_proofs_the_stronger_counts_whichever_comes_first() -> None:
    failed = Settlement(status=DeliveryStatus.FAILED, reason=DeliveryReason.REFUSED)
    suppressed = Settlement(status=DeliveryStatus.SUPPRESSED, reason=DeliveryReason.UNSUBSCRIBED)
    for one, other, winner in [(ACCEPTED, failed, failed), (failed, suppressed, suppressed), (None, failed, failed)]:
        assert stronger(one, other) == stronger(other, one) == winner


def test_hard_bounces_and_complaints_suppress_at_once() -> None:
    assert suppression_for(bounce(classification="Invalid Address")) is SuppressionReason.BOUNCED
    assert suppression_for(SENDGRID_MEANINGS["spamreport"]) is SuppressionReason.COMPLAINED


def test_a_hard_bounce_known_by_address_alone_counts_as_soft() -> None:
    hard = bounce(classification="Invalid Address")
    assert suppression_for(hard, is_proven=False) is None
    assert suppression_for(hard, soft_issues(5, every_days=7), is_proven=False) is SuppressionReason.BOUNCED


@pytest.mark.parametrize(
    ("history", "is_suppressed"),
    [
        (soft_issues(4, every_days=7), False),
        (soft_issues(5, every_days=7), True),
        (soft_issues(14, every_days=1), False),
        (soft_issues(15, every_days=1), True),
        (soft_issues(5, every_days=1), False),
    ],
)
def test_soft_bounces_suppress_after_five_issues_in_a_row_over_fourteen_days(
    history: list[PastIssue], is_suppressed: bool
) -> None:
    assert (suppression_for(bounce(), history) is not None) is is_suppressed


def test_one_delivery_ends_a_run_of_soft_bounces() -> None:
    run = soft_issues(20, every_days=1)
    interrupted = [*run[:10], PastIssue(at=run[10].at, is_soft=False), *run[11:]]
    assert suppression_for(bounce(), run) is SuppressionReason.BOUNCED
    assert suppression_for(bounce(), interrupted) is None


def test_throttling_never_touches_the_subscriber() -> None:
    throttled = bounce(
        status="4.7.28", reason="421 4.7.28 too many messages", classification="Frequency or Volume Too High"
    )
    assert throttled.category is Category.THROTTLE
    assert suppression_for(throttled, soft_issues(30, every_days=1)) is None


@pytest.mark.parametrize(
    ("health", "expected"),
    [
        (Health(sent=1000, hard=50), []),
        (Health(sent=1000, hard=51), [("hard", True)]),
        (Health(sent=99, hard=99), []),
        (Health(sent=1000, blocked=100), []),
        (Health(sent=1000, blocked=101), [("blocked", True)]),
        (Health(sent=1000, complaints=1), []),
        (Health(sent=1000, complaints=2), [("complaints", False)]),
        (Health(sent=1000, complaints=4), [("complaints", True)]),
        (Health(sent=499, complaints=10), []),
        (Health(sent=1000, complaints=2, hard=60), [("hard", True), ("complaints", False)]),
    ],
)
def test_breakers_open_above_their_share_of_a_large_enough_sample(
    health: Health, expected: list[tuple[str, bool]]
) -> None:
    assert [(alarm.trouble, alarm.stops) for alarm in alarms_for(health)] == expected
