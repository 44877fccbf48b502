"""Flow: how many mails may go now, and when the others have their turn. Moments are seconds since the epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from newsletter.domain.mailbox_groups import MailboxGroup
from newsletter.domain.quiet_hours import QuietHours
from newsletter.domain.warming import WarmUp
from newsletter.errors import InvalidInput

# So much unused time a group's window keeps: enough to lose nothing between two batches, too little for a burst.
SAVED_SECONDS = 0.5
# What a factor counts from where no rate is set and nobody said how fast it went.
ASSUMED_PER_SECOND = {"": 100.0} | {str(group): 20.0 for group in MailboxGroup}

# Nothing is sent for longer than this, however low its rate is.
_LONGEST = timedelta(days=365)

PAUSED, DAY_IS_FULL, QUIET = "paused", "day", "quiet"


@dataclass(frozen=True, kw_only=True, slots=True)
class Hold:
    """Until when part of a batch waits, and for what: a mailbox group, a paused one, tomorrow's volume, quiet hours.

    `is_planned` says that waiting is what the operator wanted: the deadline of the news counts from its end. `turns`
    says when people of a mailbox group may hope for their turn, so that they keep their place until then.
    """

    until: datetime
    cause: str
    is_planned: bool
    turns: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grant:
    """The moments that were given, in order, and until when the window's time is taken then."""

    moments: tuple[float, ...]
    taken_until: float


def grant(count: int, *, per_second: float, taken_until: float, now: float, ahead_seconds: float) -> Grant:
    """Up to `count` moments at an even distance, after what is taken, none later than `ahead_seconds` from now."""
    step = 1 / per_second
    begins = max(taken_until, now - max(SAVED_SECONDS, step))
    # A hair more than exact: a sum of steps must not miss the moment that it adds up to.
    fitting = math.floor((now + ahead_seconds - begins) * per_second + 1e-6)
    given = min(count, max(0, fitting))
    return Grant(moments=tuple(begins + (n + 1) * step for n in range(given)), taken_until=begins + given * step)


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupRule:
    """What holds for one mailbox group, or for a provider ("") as a whole: paused until, slower by a factor until."""

    paused_until: datetime | None = None
    factor: float = 1.0
    factor_until: datetime | None = None
    base_per_second: float = 0.0
    reason: str = ""

    def is_paused(self, now: datetime) -> bool:
        """Whether nothing may go now."""
        return self.paused_until is not None and self.paused_until > now

    def factor_at(self, now: datetime) -> float:
        """What the rate is multiplied by now: it doubles with each of the last minutes before its time is over."""
        if self.factor_until is None or self.factor_until <= now:
            return 1.0
        return max(self.factor, THROTTLE_FACTOR ** math.ceil((self.factor_until - now) / EASING_STEP))


# What a provider's "slow down" does to its rate: half of it, from when it may be tried again. Then it doubles in steps.
THROTTLE_FACTOR, LEAST_FACTOR = 0.5, 1 / 16
EASING_STEP = timedelta(minutes=1)
# Where no rate is set, several halvings end here, or at half of what was measured: providers count requests, not mails.
LEAST_PER_SECOND = 100.0

NO_RULE = GroupRule()

# Requests that were out at the same time are told to slow down once.
_ONE_THROTTLE = timedelta(seconds=30)


def factor_after_throttle(rule: GroupRule, *, begins: datetime, now: datetime) -> float | None:
    """What the rate is multiplied by when a provider asks to slow down and may be tried again at `begins`.

    None where it was just done.
    """
    factor = rule.factor_at(now)
    if factor != 1.0 and rule.factor_until is not None:
        began = rule.factor_until - _easing(rule.factor)
        if begins - began < _ONE_THROTTLE:
            return None
    return max(factor * THROTTLE_FACTOR, LEAST_FACTOR)


def eased_at(factor: float, *, begins: datetime) -> datetime:
    """When a rate that is lowered by a factor at `begins`, and doubles with each step, is whole again."""
    return begins + _easing(factor)


def _easing(factor: float) -> timedelta:
    """How long a rate lowered by a factor takes to be whole again."""
    return EASING_STEP * round(math.log(factor, THROTTLE_FACTOR))


def rate_in_force(group: str, *, rates: Mapping[str, float], rule: GroupRule, now: datetime) -> float:
    """Mails a second for a group, or for the provider (""), by the settings and what was learned; 0 is no limit."""
    rate = rates.get(group, 0.0)
    factor = rule.factor_at(now)
    if factor == 1.0:
        return rate
    if rate:
        return rate * factor
    base = rule.base_per_second or ASSUMED_PER_SECOND[group]
    least = 0.0 if group else min(base * THROTTLE_FACTOR, LEAST_PER_SECOND)
    return max(base * factor, least)


def time_taken(mails: int, *, per_second: float) -> timedelta:
    """How long so many mails take at a rate; nothing where there is no limit."""
    if not per_second:
        return timedelta()
    return timedelta(seconds=min(mails / per_second, _LONGEST.total_seconds()))


def parse_group_rates(text: str) -> dict[str, float]:
    """Mails a second by mailbox group, given as gmail=50,tencent=10; InvalidInput for anything else."""
    rates: dict[str, float] = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = item.partition("=")
        try:
            group, rate = MailboxGroup(name.strip().lower()), float(value)
        except ValueError:
            rate = -1.0
        if not 0 <= rate < math.inf:
            known = ", ".join(MailboxGroup)
            raise InvalidInput(f"“{item}” is not a rate: write it as gmail=50 (mails a second) with one of {known}")
        rates[str(group)] = rate
    return rates


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowPlan:
    """What the operator set: mails a second by mailbox group ("" for all together), and the ramp of a warm-up."""

    rates: Mapping[str, float]
    warm_up: WarmUp | None


NO_PLAN = FlowPlan(rates={}, warm_up=None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What holds for one issue now besides the plan: rules by mailbox group, and its newsletter's quiet hours."""

    rules: Mapping[str, GroupRule]
    quiet: QuietHours | None

    def rule(self, group: str) -> GroupRule:
        """The rule of a mailbox group, or of the provider ("")."""
        return self.rules.get(group, NO_RULE)

    def quiet_until(self, now: datetime) -> datetime | None:
        """When the quiet that reigns now is over; None where it is not quiet."""
        return self.quiet.until(now) if self.quiet else None


def together(holds: Sequence[Hold]) -> Hold | None:
    """What a batch waits for whose people wait for several things: the first of them."""
    if not holds:
        return None
    return Hold(
        until=min(hold.until for hold in holds),
        cause=" ".join(sorted({hold.cause for hold in holds})),
        is_planned=all(hold.is_planned for hold in holds),
        turns={group: moment for hold in holds for group, moment in hold.turns.items()},
    )
