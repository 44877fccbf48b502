"""Pacing: all workers together send no faster than they may, evenly, also across restarts.

A worker takes turns in rows of the database, behind everybody else's, and hands its batch over in portions when their
time has come. Whoever has no turn soon goes back with the batch, which is due later. Nothing is kept in memory that a
restart would forget.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Protocol, TypeVar

from newsletter.db.queries import rates
from newsletter.domain.flow import QUIET, Hold, Limits, rate_in_force, time_taken
from newsletter.domain.mailbox_groups import mailbox_group
from newsletter.domain.retrying import is_too_late
from newsletter.runtime import Runtime
from newsletter.services import flow
from newsletter.services.flow import Turns
from newsletter.services.sending import Claim

PORTION_SECONDS = 0.25
NAP_SECONDS = 0.1
LIMITS_SECONDS = 1.0
MAX_SLEEP_SECONDS, LEAST_SLEEP_SECONDS = 1.0, 0.01


class Addressed(Protocol):
    """Somebody with an address."""

    @property
    def email(self) -> str:
        """Their address."""
        ...


T = TypeVar("T", bound=Addressed)


class Pace:
    """The flow of one provider's mail, shared with all other workers.

    After `portions`, `hold` says what the people who had no turn wait for; None where everybody had one.
    """

    def __init__(self, runtime: Runtime, *, name: str, should_stop: Callable[[], bool]) -> None:
        self.hold: Hold | None = None
        self._runtime = runtime
        self._name = name
        self._plan = runtime.flow_plan
        self._should_stop = should_stop
        self._limits: dict[int, tuple[float, Limits]] = {}

    def has_turn(self, issue_id: int, *, until: float) -> bool:
        """Wait until the time that others took is over; False where it lasts beyond `until` (monotonic seconds).

        False too in the quiet hours of the issue's newsletter: what waits is planned for their end.
        """
        if quiet_until := self._limits_now(issue_id).quiet_until(self._runtime.now()):
            with self._runtime.transaction() as session:
                flow.keep_quiet(session, issue_id, until=quiet_until, now=self._runtime.now())
            return False
        while self._rate(issue_id):
            with self._runtime.reading() as session:
                ahead = rates.taken_until(session, self._name) - self._epoch()
            if ahead <= PORTION_SECONDS:
                break
            if self._should_stop() or time.monotonic() + ahead > until:
                return False
            time.sleep(min(ahead, NAP_SECONDS))
        return True

    def awaits_turn(self, issue_id: int, *, until: float) -> bool:
        """Where nothing is due: sleep until a mailbox group's next turn; False where none comes before `until`."""
        with self._runtime.reading() as session:
            turn = flow.next_turn(session, issue_id)
        if turn is None or self._should_stop():
            return False
        ahead = (turn - self._runtime.now()).total_seconds()
        # What has been due for longer is not ours to take: the issue is paused, or somebody has it.
        if not -NAP_SECONDS < ahead < until - time.monotonic():
            return False
        time.sleep(min(max(ahead, 0.0), MAX_SLEEP_SECONDS) + LEAST_SLEEP_SECONDS)
        return True

    def portions(self, batch: Sequence[T], *, claim: Claim, is_stopped: Callable[[], bool]) -> Iterator[Sequence[T]]:
        """The people of a batch who have a turn, in portions, each when its time has come; ends early where stopped."""
        issue_id = claim.issue_id
        turns = self._take_turns(batch, claim)
        self.hold = turns.hold
        left = turns.granted
        order = sorted((moment, index) for index, moment in enumerate(turns.moments) if moment is not None)
        try:
            while left:
                size, moment = self._next_portion(order[-left:], issue_id)
                if not self._wait(moment, claim, is_stopped=is_stopped):
                    return
                # In the order of the batch again, whoever's turn came first.
                portion = [batch[index] for index in sorted(index for _, index in order[-left:][:size])]
                left -= size
                yield portion
        finally:
            if left and turns.day is not None:
                with self._runtime.transaction() as session:
                    flow.give_back(session, self._name, day=turns.day, count=left)

    def _take_turns(self, batch: Sequence[T], claim: Claim) -> Turns:
        limits = self._limits_now(claim.issue_id)
        groups = [""] * len(batch)
        if any(self._plan.rates.get(group) for group in self._plan.rates if group) or any(filter(None, limits.rules)):
            groups = [str(mailbox_group(person.email)) for person in batch]
        elif self._plan.warm_up is None:
            return Turns(moments=(0.0,) * len(batch), hold=None, day=None)
        with self._runtime.transaction() as session:
            return flow.take_turns(
                session,
                claim.issue_id,
                groups,
                provider=self._name,
                plan=self._plan,
                limits=limits,
                planned_at=claim.planned_at,
                promised=claim.turns,
                now=self._runtime.now(),
            )

    def _next_portion(self, waiting: Sequence[tuple[float, int]], issue_id: int) -> tuple[int, float]:
        """How many of those who wait go next, together, and when: also behind all that others took of the rate."""
        rate = self._rate(issue_id)
        first = max(waiting[0][0], self._epoch())
        near = sum(moment <= first + PORTION_SECONDS for moment, _ in waiting)
        if not rate:
            return near, first
        # Who sets a rate wants it even. A provider that asked to slow down counts requests, and gets fewer.
        is_set = bool(self._plan.rates.get(""))
        size = min(near, max(1, round(rate * PORTION_SECONDS))) if is_set else near
        with self._runtime.transaction() as session:
            begins = rates.take_window(session, self._name, seconds=size / rate, now=self._epoch())
        return size, max(first, begins)

    def _wait(self, moment: float, claim: Claim, *, is_stopped: Callable[[], bool]) -> bool:
        """Sleep until the moment has come; False where sending stops before, it is too late, or quiet hours begin."""
        while True:
            if self._should_stop() or is_stopped() or is_too_late(planned_at=claim.planned_at, now=self._runtime.now()):
                self.hold = None
                return False
            if quiet_until := self._limits_now(claim.issue_id).quiet_until(self._runtime.now()):
                self.hold = Hold(until=quiet_until, cause=QUIET, is_planned=True)
                return False
            ahead = moment - self._epoch()
            if ahead <= 0:
                return True
            time.sleep(min(ahead, NAP_SECONDS))

    def time_taken(self, issue_id: int, *, mails: int) -> timedelta:
        """How long so many mails take at the rate in force; nothing where there is no limit."""
        return time_taken(mails, per_second=self._rate(issue_id))

    def _rate(self, issue_id: int) -> float:
        limits = self._limits_now(issue_id)
        return rate_in_force("", rates=self._plan.rates, rule=limits.rule(""), now=self._runtime.now())

    def _limits_now(self, issue_id: int) -> Limits:
        """What holds now besides the settings, not older than a second."""
        read_at, limits = self._limits.get(issue_id, (0.0, None))
        if limits is None or time.monotonic() - read_at > LIMITS_SECONDS:
            with self._runtime.reading() as session:
                limits = flow.limits_of(session, issue_id, provider=self._name)
            self._limits = {issue_id: (time.monotonic(), limits)}
        return limits

    def _epoch(self) -> float:
        return self._runtime.now().timestamp()
