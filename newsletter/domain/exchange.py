"""The exchange of suppressions with a provider: which of its entries mean that somebody must not be mailed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.domain.bounces import BounceClass
from newsletter.domain.events import meaning_of_bounce
from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import InvalidInput

PAGE_SIZE = 500
# Entries may appear with a date before the end of the last round.
OVERLAP = timedelta(days=2)
# Once a night; a little less than a day, so that it does not wander through the hours.
ROUND_EVERY = timedelta(hours=22)
# A lift is remembered for longer than soft bounces before it could count again, and given up if it cannot be done.
REMEMBER_LIFT = timedelta(days=90)
# How long after a lift the provider may still drop mail because of what its lists said before.
ECHOES_FOR = timedelta(days=7)
# Longer than a weekly issue takes to come round twice.
REMEMBER_RETRY = timedelta(days=21)
# Sources of events that stop mailing whoever bounced, full mailboxes included, until they are told to forget it.
LISTS_BOUNCES = frozenset({"sendgrid"})
# How long a push that was begun may still be on its way there: longer than all its time-outs and repetitions.
PUSH_PATIENCE = timedelta(hours=1)
# The name under which the position of our own list is kept beside those of the provider's.
PUSHES = "pushes"
RETRIES = "retries"


class ProviderList(StrEnum):
    """One of SendGrid's lists of addresses that it does not mail."""

    BOUNCES = "bounces"
    BLOCKS = "blocks"
    INVALID_EMAILS = "invalid_emails"
    SPAM_REPORTS = "spam_reports"
    UNSUBSCRIBES = "unsubscribes"


# A block is a refusal of ourselves: it never touches the reader, whom SendGrid goes on mailing too.
REASONS: dict[ProviderList, SuppressionReason | None] = {
    ProviderList.BOUNCES: SuppressionReason.BOUNCED,
    ProviderList.BLOCKS: None,
    ProviderList.INVALID_EMAILS: SuppressionReason.INVALID,
    ProviderList.SPAM_REPORTS: SuppressionReason.COMPLAINED,
    ProviderList.UNSUBSCRIBES: SuppressionReason.UNSUBSCRIBED,
}


# What SendGrid, too, would block for the whole account if it had seen it itself. The others may be about newsletters
# alone, and the account may send other mail (new passwords) to the same people.
PUSHED_BY_DEFAULT = "complained,bounced,invalid"
_PUSHABLE = {str(reason): reason for reason in SuppressionReason if reason is not SuppressionReason.ERASED}


def parse_pushed_reasons(text: str) -> frozenset[SuppressionReason]:
    """Which of our suppressions the provider is told of: reasons separated by commas, `all`, or nothing.

    InvalidInput for other words. Erased addresses are unknown, and so never among them.
    """
    words = {word.strip().lower() for word in text.split(",")} - {""}
    if words == {"all"}:
        return frozenset(_PUSHABLE.values())
    if unknown := sorted(words - _PUSHABLE.keys()):
        raise InvalidInput(f"{unknown[0]} is no reason to push: write all, or some of {', '.join(_PUSHABLE)}")
    return frozenset(_PUSHABLE[word] for word in words)


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedAddress:
    """One entry of a provider's list, as it is told; `created_at` is when the provider made it."""

    email: str
    created_at: datetime
    reason: str = ""
    status: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What an entry means here; `reason` None where the reader is spared."""

    reason: SuppressionReason | None
    evidence: str


def verdict_on(list_: ProviderList, entry: ListedAddress) -> Verdict:
    """What an entry means: bounces are judged by our own rules, as full mailboxes and blocks are among them."""
    evidence = f"SendGrid’s list {list_.replace('_', ' ')}"
    if list_ is not ProviderList.BOUNCES:
        return Verdict(reason=REASONS[list_], evidence=evidence)
    meaning = meaning_of_bounce(type_="bounce", status=entry.status, reason=entry.reason, classification="")
    is_hard = meaning.bounce_class is BounceClass.HARD
    return Verdict(reason=SuppressionReason.BOUNCED if is_hard else None, evidence=f"{evidence} ({meaning.category})")


def is_outdated(entry: ListedAddress, *, lifted_at: datetime | None) -> bool:
    """Whether an entry is older than our own lift of the address, of which the provider may not know yet."""
    return lifted_at is not None and entry.created_at <= lifted_at


def is_round_due(*, finished_at: datetime | None, is_under_way: bool, now: datetime) -> bool:
    """Whether a list is to be read: the last round broke off, or was a night ago."""
    return is_under_way or finished_at is None or now - finished_at >= ROUND_EVERY
