"""What follows from bounces and complaints: who is not mailed any more, and when an issue has to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.domain.alerts import AlertKind
from newsletter.domain.bounces import BounceClass, Category
from newsletter.domain.events import EventKind, Meaning
from newsletter.domain.mailbox_groups import MailboxGroup
from newsletter.domain.subscriber import SuppressionReason

SOFT_RUN_ISSUES = 5
SOFT_RUN_DAYS = 14
# A mail server keeps trying for up to five days; what has not come back then has arrived.
SILENCE = timedelta(days=5)


@dataclass(frozen=True, kw_only=True, slots=True)
class PastIssue:
    """How one issue ended for one person: returned softly at `at`, or not returned."""

    at: datetime
    is_soft: bool


def suppression_for(
    event: Meaning, history: Sequence[PastIssue] = (), *, is_proven: bool = True
) -> SuppressionReason | None:
    """Why the address of an event must not be mailed any more; None where it may be.

    `history` holds one entry per issue, the oldest first, the issue of the event included; issues of which nothing
    was heard are left out. `is_proven` is False where only an address says whom a bounce is about: it may be forged,
    and counts as soft.
    """
    if event.suppress is not None:
        return event.suppress
    if event.kind is EventKind.COMPLAINED:
        return SuppressionReason.COMPLAINED
    if event.kind is not EventKind.BOUNCED or event.category is Category.THROTTLE:
        return None
    if event.bounce_class is BounceClass.HARD and is_proven:
        return SuppressionReason.BOUNCED
    if event.bounce_class in (BounceClass.HARD, BounceClass.SOFT) and is_soft_run(history):
        return SuppressionReason.BOUNCED
    return None


def is_soft_run(history: Sequence[PastIssue]) -> bool:
    """Whether the last issues all came back softly: at least five, over at least fourteen days."""
    run: list[PastIssue] = []
    for past in reversed(history):
        if not past.is_soft:
            break
        run.append(past)
    return len(run) >= SOFT_RUN_ISSUES and run[0].at - run[-1].at >= timedelta(days=SOFT_RUN_DAYS)


def is_soft_past(kind: str, bounce_class: str | None) -> bool:
    """Whether an earlier event counts for a soft run; a hard bounce that suppressed nobody does too."""
    return kind == EventKind.BOUNCED and bounce_class in (BounceClass.SOFT, BounceClass.HARD)


def refusal_kind(event: Meaning) -> AlertKind | None:
    """The alert for an event that is about us and not about the reader; None for all others."""
    if event.category is Category.THROTTLE:
        return AlertKind.MAILBOX_THROTTLES
    return AlertKind.MAILBOX_BLOCKS if event.bounce_class is BounceClass.BLOCK else None


class GroupAct(StrEnum):
    """What is done about a mailbox provider that refuses us."""

    SLOW = "slow"
    PAUSE = "pause"


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupLimit:
    """A share of the mail of an issue to one mailbox provider that must not be refused, and what is done above it."""

    kind: AlertKind
    share: float
    act: GroupAct
    hours: float


# The strongest first. A few refusals are daily business, and an hour of half speed is no price for them.
GROUP_LIMITS: tuple[GroupLimit, ...] = (
    GroupLimit(kind=AlertKind.MAILBOX_BLOCKS, share=0.05, act=GroupAct.PAUSE, hours=6),
    GroupLimit(kind=AlertKind.MAILBOX_BLOCKS, share=0.01, act=GroupAct.SLOW, hours=1),
    GroupLimit(kind=AlertKind.MAILBOX_THROTTLES, share=0.01, act=GroupAct.SLOW, hours=1),
)
GROUP_MIN_REFUSED = 20
SLOW_FACTOR = 0.5


def is_time_to_look(*, before: int, after: int) -> bool:
    """Whether refusals have passed 20, 40, 80, …: to know their share takes a walk through the ledger."""
    step = GROUP_MIN_REFUSED
    while step <= after:
        if before < step:
            return True
        step *= 2
    return False


def refusals_that_count(group: MailboxGroup, by_domain: Mapping[str, int]) -> int:
    """How many refusals speak for a whole group.

    One operator's domains are of one mind. "rest" is many mail servers: what one of them refuses must not slow the
    others, so the domain that refused most is left out, and only what many refuse is left.
    """
    refused = sum(by_domain.values())
    return refused - max(by_domain.values(), default=0) if group is MailboxGroup.REST else refused


def limit_passed(kind: AlertKind, *, refused: int, tried: int) -> GroupLimit | None:
    """The strongest limit that the refusals of one mailbox provider have passed; None for a few of them."""
    if refused < GROUP_MIN_REFUSED:
        return None
    return next((limit for limit in GROUP_LIMITS if limit.kind is kind and refused > limit.share * tried), None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Health:
    """How an issue fares: deliveries handed over, and how many of them had which trouble."""

    sent: int
    hard: int = 0
    blocked: int = 0
    complaints: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Breaker:
    """A share of what was sent that must not be passed, once at least `min_sent` are out."""

    trouble: str
    share: float
    min_sent: int
    stops: bool
    words: str


BREAKERS: tuple[Breaker, ...] = (
    Breaker(trouble="hard", share=0.05, min_sent=100, stops=True, words="addresses that do not exist"),
    Breaker(trouble="blocked", share=0.10, min_sent=100, stops=True, words="mails refused for what we are or say"),
    Breaker(trouble="complaints", share=0.003, min_sent=500, stops=True, words="complaints"),
    Breaker(trouble="complaints", share=0.001, min_sent=500, stops=False, words="complaints"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Alarm:
    """One breaker that was passed; `stops` says whether the issue must be paused for a person."""

    trouble: str
    count: int
    share: float
    stops: bool
    sentence: str


def alarms_for(health: Health) -> list[Alarm]:
    """Which breakers an issue has passed, one for each kind of trouble, the stopping ones first."""
    alarms: dict[str, Alarm] = {}
    for breaker in BREAKERS:
        count: int = getattr(health, breaker.trouble)
        if health.sent < breaker.min_sent or count <= breaker.share * health.sent:
            continue
        share = count / health.sent
        sentence = (
            f"{count} of {health.sent} mails ({share:.1%}) are {breaker.words}, more than {breaker.share:.1%}:"
            " find the cause, then resume"
        )
        alarm = Alarm(trouble=breaker.trouble, count=count, share=share, stops=breaker.stops, sentence=sentence)
        alarms.setdefault(breaker.trouble, alarm)
    return sorted(alarms.values(), key=lambda alarm: not alarm.stops)
