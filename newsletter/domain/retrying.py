"""When a batch that could not be handed over is tried again, and when it is too late."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from newsletter.domain.issue import DeliveryReason
from newsletter.errors import InvalidInput

# Short at first, since most faults pass; yesterday's news is not sent tomorrow.
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 240, 600, 1200, 1800))
# A provider that does not answer is asked again soon: nothing was handed over, nobody can get it twice.
DOWN_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 10, 20, 30, 60))
DEADLINE = timedelta(hours=12)
# What waits for its turn at a rate gets a new plan, and with it a new Date, in steps of this.
_PLAN_STEP = timedelta(hours=1)
# After a pause one claim tries the provider with this many mails; the next has its turn where no answer came in time.
PROBE_SIZE = 10
PROBE_PATIENCE = timedelta(seconds=30)

# "Retry the failures" sends again to these. Who has no such mailbox, who was left out in doubt, and who was dropped as
# invalid gets nothing by being tried again.
RETRYABLE_REASONS = frozenset({DeliveryReason.REFUSED, DeliveryReason.EXPIRED})


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after this many attempts (counted from 1)."""
    return DELAYS[min(max(attempts, 1), len(DELAYS)) - 1]


def is_too_late(*, planned_at: datetime, now: datetime) -> bool:
    """Whether mail that was to go out at `planned_at` is no longer worth retrying."""
    return now - planned_at >= DEADLINE


def send_before(send_at: datetime | None, *, now: datetime) -> datetime | None:
    """Until when an issue that is scheduled for a time may begin; InvalidInput where that is over already."""
    if send_at is None:
        return None
    if is_too_late(planned_at=send_at, now=now):
        raise InvalidInput(
            f"{send_at:%Y-%m-%d %H:%M %Z} was more than {DEADLINE // timedelta(hours=1)} hours ago: give a time to"
            " come, or none to send the issue by hand"
        )
    return send_at + DEADLINE


class PlanLimits(NamedTuple):
    """Which plans are too old to be sent `now`: those up to `fresh_after`, or `tried_after` where it was tried before.

    What waited for its first try since before `moved_before` waited for the rate: it is planned anew.
    """

    now: datetime
    fresh_after: datetime
    tried_after: datetime
    moved_before: datetime


def plan_limits(now: datetime, *, taking: timedelta) -> PlanLimits:
    """The limits now for an issue that takes so long at the rate that is set; zero where no rate is."""
    tried_after = now - DEADLINE
    fresh_after = tried_after - taking
    return PlanLimits(
        now=now,
        fresh_after=fresh_after,
        tried_after=tried_after,
        moved_before=now - _PLAN_STEP if taking else fresh_after,
    )


def moved_plan(planned_at: datetime, *, was_tried: bool, now: datetime, until: datetime) -> datetime:
    """The plan of what waits until then because we want it to: what was tried before is that much younger then.

    Beginning anew would let a mail that is refused each day live for ever.
    """
    return planned_at + max(until - now, timedelta()) if was_tried else max(planned_at, until)


def provider_down_delay(attempts: int) -> timedelta:
    """How long to leave a provider alone that could not be reached, after this many attempts (counted from 1)."""
    return DOWN_DELAYS[min(max(attempts, 1), len(DOWN_DELAYS)) - 1]


def spread(delay: timedelta, *, chance: float) -> timedelta:
    """The delay, longer by up to a quarter: so that not everybody who waits comes back at once. `chance` is 0 to 1."""
    return delay * (1 + 0.25 * chance)
