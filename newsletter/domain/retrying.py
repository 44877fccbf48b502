"""When a batch that could not be handed over is tried again, and when it is too late."""

from __future__ import annotations

from datetime import datetime, timedelta

from newsletter.domain.issue import DeliveryReason

# Short at first, since most faults pass; yesterday's news is not sent tomorrow.
DELAYS = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 240, 600, 1200, 1800))
# A provider that does not answer is asked again soon: nothing was handed over, nobody can get it twice.
DOWN_DELAYS = tuple(timedelta(seconds=seconds) for seconds in (2, 5, 10, 20, 30, 60))
DEADLINE = timedelta(hours=12)

# "Retry the failures" sends again to these. Who has no such mailbox, who was left out in doubt, and who was dropped as
# invalid gets nothing by being tried again.
RETRYABLE_REASONS = frozenset({DeliveryReason.REFUSED, DeliveryReason.EXPIRED})


def retry_delay(attempts: int) -> timedelta:
    """How long to wait after this many attempts (counted from 1)."""
    return DELAYS[min(max(attempts, 1), len(DELAYS)) - 1]


def is_too_late(*, planned_at: datetime, now: datetime) -> bool:
    """Whether mail that was to go out at `planned_at` is no longer worth retrying."""
    return now - planned_at >= DEADLINE


def provider_down_delay(attempts: int) -> timedelta:
    """How long to leave a provider alone that could not be reached, after this many attempts (counted from 1)."""
    return DOWN_DELAYS[min(max(attempts, 1), len(DOWN_DELAYS)) - 1]


def spread(delay: timedelta, *, chance: float) -> timedelta:
    """The delay, longer by up to a quarter: so that not everybody who waits comes back at once. `chance` is 0 to 1."""
    return delay * (1 + 0.25 * chance)
