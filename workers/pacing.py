"""Pacing: all workers together send no faster than the rate, evenly, also across restarts.

A worker reserves the time its batch may take in one row of the database, behind everybody else's, and hands the batch
over in small portions spread over that time. Nothing is kept in memory that a restart would forget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from newsletter.db.queries import rates
from newsletter.runtime import Runtime

PORTION_SECONDS = 0.25
NAP_SECONDS = 0.1

T = TypeVar("T")


class Pace:
    """The rate of one provider, shared with all other workers. A rate of 0 means as fast as it goes."""

    def __init__(self, runtime: Runtime, *, name: str, should_stop: Callable[[], bool]) -> None:
        self._runtime = runtime
        self._name = name
        self._rate = runtime.settings.rate_per_second
        self._should_stop = should_stop

    def has_turn(self, *, until: float) -> bool:
        """Wait until the time that others reserved is over; False where it lasts beyond `until` (monotonic seconds)."""
        if not self._rate:
            return True
        while True:
            with self._runtime.reading() as session:
                ahead = rates.taken_until(session, self._name) - self._epoch()
            if ahead <= PORTION_SECONDS:
                return True
            if self._should_stop() or time.monotonic() + ahead > until:
                return False
            time.sleep(min(ahead, NAP_SECONDS))

    def portions(self, batch: Sequence[T], *, is_stopped: Callable[[], bool]) -> Iterator[Sequence[T]]:
        """The batch in portions, each when its time has come; ends early where it is stopped."""
        if not self._rate or not batch:
            yield batch
            return
        with self._runtime.transaction() as session:
            begins = rates.take_window(session, self._name, seconds=len(batch) / self._rate, now=self._epoch())
        size = max(1, round(self._rate * PORTION_SECONDS))
        for start in range(0, len(batch), size):
            if not self._sleep_until(begins + start / self._rate, is_stopped=is_stopped):
                return
            yield batch[start : start + size]

    def _sleep_until(self, moment: float, *, is_stopped: Callable[[], bool]) -> bool:
        while (ahead := moment - self._epoch()) > 0:
            if self._should_stop() or is_stopped():
                return False
            time.sleep(min(ahead, NAP_SECONDS))
        return not (self._should_stop() or is_stopped())

    def _epoch(self) -> float:
        return self._runtime.now().timestamp()
