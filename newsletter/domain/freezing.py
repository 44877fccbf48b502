"""Bursts of hard bounces: when a mail server's "no such user" is not to be believed, and what a person may decide."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

BURST_BOUNCES = 50
BURST_WINDOW = timedelta(minutes=10)
ISSUE_SHARE = 0.05
ISSUE_MIN_SENT = 100
# An old address that is now unknown is news; one that never took mail was wrong from the start.
ACCEPTED_BEFORE_SHARE = 0.5
# More people need not be asked about to know what a domain was like.
SAMPLE_PEOPLE = 200


class FreezeDecision(StrEnum):
    """What a person says about the bounces held at a domain."""

    REAL = "real"
    OUTAGE = "outage"


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainBounces:
    """Hard bounces at one domain: of one issue in all, within the last minutes, and of how many mails sent."""

    domain: str
    issue_id: int
    in_issue: int
    in_window: int
    sent: int = 0


def is_too_many(bounces: DomainBounces) -> bool:
    """Whether hard bounces at one domain come so fast, or are so large a part of an issue, that they need a look."""
    is_fast = bounces.in_window > BURST_BOUNCES
    is_large = bounces.sent >= ISSUE_MIN_SENT and bounces.in_issue > ISSUE_SHARE * bounces.sent
    return is_fast or is_large


def used_to_accept(*, people: int, accepted_before: int) -> bool:
    """Whether a domain took mail for those who are unknown there now: at least half of them had an earlier issue."""
    return people > 0 and accepted_before >= ACCEPTED_BEFORE_SHARE * people
