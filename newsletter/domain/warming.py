"""Warm-up: a new sender's volume grows from day to day, so that mailbox providers learn to trust it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from newsletter.errors import InvalidInput

_DAY = timedelta(days=1)
# Beyond this many mails a day a ramp limits nobody; the power would grow out of all numbers.
_BOUNDLESS = 10**9


@dataclass(frozen=True, kw_only=True, slots=True)
class WarmUp:
    """`first_day` mails on the day that begins at `start`, `growth` times as many on each following one.

    Days are 24 hours from `start`, so the offset that it is given with says when a day begins. Before it, the first
    day's volume holds for each day.
    """

    start: datetime
    first_day: int
    growth: float

    def day_of(self, now: datetime) -> int:
        """Which day it is, counted from 0 at `start`."""
        return (now - self.start) // _DAY

    def volume_of(self, day: int) -> int:
        """How many mails that day may take."""
        exponent = max(day, 0) * math.log(self.growth)
        if math.log(self.first_day) + exponent >= math.log(_BOUNDLESS):
            return _BOUNDLESS
        # A hair more than exact: 100 × 1.1 is 110, whatever the floats say.
        return math.floor(self.first_day * math.exp(exponent) + 1e-6)

    def next_day(self, now: datetime) -> datetime:
        """When the next day begins."""
        return self.start + (self.day_of(now) + 1) * _DAY


def parse_warm_up(start: str, *, first_day: int, growth: float) -> WarmUp | None:
    """The ramp that the settings mean; None where no first day's volume is set; InvalidInput for a bad start."""
    if not first_day:
        return None
    try:
        moment = datetime.fromisoformat(start.strip())
    except ValueError:
        raise InvalidInput(f"“{start}” is not a day: write it as 2026-12-01 or 2026-12-01T00:00+08:00") from None
    return WarmUp(
        start=moment if moment.tzinfo else moment.replace(tzinfo=UTC), first_day=first_day, growth=max(growth, 1.0)
    )
