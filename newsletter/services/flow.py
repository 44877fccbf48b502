"""Flow control, one for all workers: rates by mailbox group, warm-up, quiet hours, and what was learned from refusals.

What may not go now waits in its batch, which is due later; nobody sleeps on it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.db.models import GroupState, Issue
from newsletter.db.queries import flow as queries
from newsletter.db.queries import rates
from newsletter.domain.flow import (
    DAY_IS_FULL,
    NO_RULE,
    PAUSED,
    QUIET,
    FlowPlan,
    Grant,
    GroupRule,
    Hold,
    Limits,
    eased_at,
    factor_after_throttle,
    grant,
    rate_in_force,
    time_taken,
    together,
)
from newsletter.domain.mailbox_groups import MailboxGroup
from newsletter.domain.quiet_hours import parse_quiet_hours
from newsletter.domain.retrying import DEADLINE
from newsletter.errors import InvalidInput

# How far ahead a worker may take a group's time, and sleep on it, where nothing else is due before.
AHEAD_SECONDS = 0.5
# A batch is due at the earliest so much after it was handed back.
LEAST_SECONDS = 0.25
# Moments are stored in microseconds: a turn that is so near has come.
_HAIR_SECONDS = 0.001
# Over how long it is measured how fast mail goes where no rate is set.
MEASURED_SECONDS, LEAST_MEASURED_SECONDS = 10.0, 1.0
_FORGET_AFTER = timedelta(days=2)

WHOLE_PROVIDER = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turns:
    """When each of some people may be handed over: 0 is at once, None is not now. `day` is whose volume they took."""

    moments: tuple[float | None, ...]
    hold: Hold | None
    day: int | None

    @property
    def granted(self) -> int:
        """How many have a turn."""
        return sum(moment is not None for moment in self.moments)


def limits_of(session: Session, issue_id: int, *, provider: str) -> Limits:
    """What holds for an issue besides the settings. An issue at its readers' own hour knows no quiet hours."""
    quiet_hours, zone, local_time = queries.hours_of_issue(session, issue_id)
    return Limits(
        rules=_rules(session, provider),
        quiet=None if local_time else parse_quiet_hours(quiet_hours, zone=zone),
    )


def take_turns(
    session: Session,
    issue_id: int,
    groups: Sequence[str],
    *,
    provider: str,
    plan: FlowPlan,
    limits: Limits,
    planned_at: datetime,
    promised: Mapping[str, float],
    now: datetime,
) -> Turns:
    """Take the next turns for people of these mailbox groups, in their order.

    Only as many as may go at once, or before another batch of the issue is due: nobody sleeps on the turns of one group
    while those of another go unused. Who was `promised` a later moment keeps that place.
    """
    moments: list[float | None] = [0.0] * len(groups)
    holds: list[Hold] = []
    ahead = _time_to_spare(session, issue_id, now=now)
    # One order for all workers, or two of them would wait for each other.
    for group, count in sorted(Counter(groups).items()):
        rule = limits.rule(group)
        if rule.is_paused(now):
            assert rule.paused_until is not None
            until = max(min(rule.paused_until, planned_at + DEADLINE), now + timedelta(seconds=LEAST_SECONDS))
            given: Sequence[float] = ()
            holds.append(Hold(until=until, cause=f"{PAUSED}:{group}", is_planned=False))
        elif (rate := rate_in_force(group, rates=plan.rates, rule=rule, now=now)) and (
            promised.get(group, 0.0) > now.timestamp() + ahead + _HAIR_SECONDS
        ):
            given = ()
            holds.append(_wait_for(promised[group], group=group, ahead=ahead, now=now))
        elif rate:
            found = _take_group(session, f"{provider}/{group}", count, rate=rate, ahead=ahead, now=now)
            given = found.moments
            if group in promised and len(given) < count:
                # Its place has come: it stays at the head of the queue.
                holds.append(_wait_for(found.taken_until, group=group, ahead=ahead, now=now))
            elif len(given) < count:
                queue = f"{provider}/{group}/{issue_id}"
                turn = rates.take_window(session, queue, seconds=(count - len(given)) / rate, now=now.timestamp())
                holds.append(_wait_for(turn, group=group, ahead=ahead, now=now))
        else:
            continue
        _hand_out(moments, groups, group, given)
    day = _take_day(session, issue_id, moments, holds, provider=provider, plan=plan, now=now)
    return Turns(moments=tuple(moments), hold=together(holds), day=day)


def next_turn(session: Session, issue_id: int) -> datetime | None:
    """When the next batch of an issue is due that waits for the turn of a mailbox group; None where none does."""
    return queries.next_turn(session, issue_id)


def give_back(session: Session, provider: str, *, day: int, count: int) -> None:
    """Return turns of a day's volume that were not used."""
    rates.give_back_volume(session, provider, day=day, count=count)


def keep_quiet(session: Session, issue_id: int, *, until: datetime, now: datetime) -> None:
    """Plan what waits of an issue for the end of its quiet hours."""
    queries.postpone_batches(session, issue_id, until=until, cause=QUIET, now=now)


def time_taken_by(session: Session, issue: Issue, *, plan: FlowPlan, now: datetime) -> timedelta:
    """How long an issue takes at the rate that its provider has now; nothing where there is no limit."""
    rule = _rules(session, issue.provider or "").get(WHOLE_PROVIDER, NO_RULE)
    rate = rate_in_force(WHOLE_PROVIDER, rates=plan.rates, rule=rule, now=now)
    return time_taken(issue.audience or 0, per_second=rate)


def slow_group(
    session: Session,
    provider: str,
    group: MailboxGroup,
    *,
    factor: float,
    until: datetime,
    reason: str,
    now: datetime,
    base_per_second: float = 0.0,
) -> None:
    """Send to a mailbox group at a fraction of its rate until a time.

    The fraction is of the rate that is set; of `base_per_second` where none is (20 a second where that is 0).
    """
    _set_factor(
        session,
        provider,
        str(group),
        factor=factor,
        factor_until=until,
        base_per_second=base_per_second,
        reason=reason,
        now=now,
    )


def lower_rate(
    session: Session,
    provider: str,
    *,
    factor: float,
    until: datetime,
    now: datetime,
    reason: str = "",
    base_per_second: float = 0.0,
) -> None:
    """Send everything through a provider at a fraction of its rate until a time; as `slow_group` (100 a second)."""
    _set_factor(
        session,
        provider,
        WHOLE_PROVIDER,
        factor=factor,
        factor_until=until,
        base_per_second=base_per_second,
        reason=reason,
        now=now,
    )


def slow_down(session: Session, provider: str, *, wait: timedelta, batch_size: int, reason: str, now: datetime) -> None:
    """Halve the rate of a provider that asks us to slow down; it rises again after the wait that it asked for.

    Where no rate is set, it is half of what went out in the last seconds, and of a batch of this size at least.
    """
    rule = _rules(session, provider).get(WHOLE_PROVIDER, NO_RULE)
    factor = factor_after_throttle(rule, begins=now + wait, now=now)
    if factor is None:
        return
    base = rule.base_per_second
    if rule.factor_at(now) == 1.0:
        mails, first = queries.handed_over(session, provider, since=now - timedelta(seconds=MEASURED_SECONDS))
        # Over the time that was used: who is told after a tenth of a second has not been sending for ten.
        seconds = max((now - first).total_seconds(), LEAST_MEASURED_SECONDS) if first else LEAST_MEASURED_SECONDS
        base = max(mails, batch_size) / seconds
    until = eased_at(factor, begins=now + wait)
    lower_rate(session, provider, factor=factor, until=until, reason=reason, base_per_second=base, now=now)


def pause_group(
    session: Session, provider: str, group: MailboxGroup, *, until: datetime, reason: str, now: datetime
) -> None:
    """Send nothing to a mailbox group until a time. Its people wait; those of other groups do not."""
    queries.set_group_state(session, provider, str(group), paused_until=until, reason=reason, now=now)


def resume_group(session: Session, provider: str, group: MailboxGroup | str, *, now: datetime) -> None:
    """Let a mailbox group ("" for the whole provider) have its full rate again, now."""
    queries.set_group_state(
        session, provider, str(group), paused_until=None, factor=1.0, factor_until=None, reason="", now=now
    )
    queries.release_held(session, cause=f"{PAUSED}:{group}", now=now)


def standing_of(
    session: Session, provider: str, group: str, *, plan: FlowPlan, now: datetime
) -> dict[str, float | datetime | str | None]:
    """What holds for a mailbox group now: mails a second (0 is no limit), paused until, and why."""
    rule = _rules(session, provider).get(group, NO_RULE)
    is_paused = rule.is_paused(now)
    return {
        "per_second": rate_in_force(group, rates=plan.rates, rule=rule, now=now),
        "paused_until": rule.paused_until if is_paused else None,
        "reason": rule.reason if is_paused or rule.factor_at(now) != 1.0 else "",
    }


def waiting_batches(session: Session) -> Mapping[str, int]:
    """How many batches wait, by what for: mailbox groups, paused:GROUP, day (tomorrow's volume), quiet."""
    return queries.waiting_by_cause(session)


def volume_taken(session: Session, provider: str, *, day: int) -> int:
    """How much of a day's volume of the warm-up is taken."""
    return rates.volume_taken(session, provider, day=day)


def forget_windows(session: Session, *, now: datetime) -> None:
    """Remove rows of rates that nobody has used for days."""
    rates.forget_windows(session, before=(now - _FORGET_AFTER).timestamp())


def _time_to_spare(session: Session, issue_id: int, *, now: datetime) -> float:
    """For how many seconds a worker may sleep on the turns of one batch without keeping another waiting."""
    due = queries.next_due(session, issue_id)
    return AHEAD_SECONDS if due is None else min(max((due - now).total_seconds(), 0.0), AHEAD_SECONDS)


def _take_group(session: Session, name: str, count: int, *, rate: float, ahead: float, now: datetime) -> Grant:
    found = grant(
        count,
        per_second=rate,
        taken_until=rates.lock_window(session, name),
        now=now.timestamp(),
        ahead_seconds=ahead,
    )
    if found.moments:
        rates.set_window(session, name, found.taken_until)
    return found


def _wait_for(turn: float, *, group: str, ahead: float, now: datetime) -> Hold:
    """A wait for a turn, which may be a guess; who has time to spare comes so much before, to sleep on it."""
    due = max(turn - ahead, now.timestamp() + LEAST_SECONDS)
    return Hold(until=datetime.fromtimestamp(due, UTC), cause=group, is_planned=True, turns={group: turn})


def _hand_out(moments: list[float | None], groups: Sequence[str], group: str, given: Sequence[float]) -> None:
    turns = iter(given)
    for index, found in enumerate(groups):
        if found == group:
            moments[index] = next(turns, None)


def _take_day(
    session: Session,
    issue_id: int,
    moments: list[float | None],
    holds: list[Hold],
    *,
    provider: str,
    plan: FlowPlan,
    now: datetime,
) -> int | None:
    """Take the volume of those who have a turn; who is over today's waits for tomorrow, with all that is due today."""
    if plan.warm_up is None:
        return None
    day = plan.warm_up.day_of(now)
    wanted = [index for index, moment in enumerate(moments) if moment is not None]
    given = rates.take_volume(session, provider, day=day, wanted=len(wanted), volume=plan.warm_up.volume_of(day))
    if given < len(wanted):
        for index in wanted[given:]:
            moments[index] = None
        tomorrow = plan.warm_up.next_day(now)
        holds.append(Hold(until=tomorrow, cause=DAY_IS_FULL, is_planned=True))
        queries.postpone_batches(session, issue_id, until=tomorrow, cause=DAY_IS_FULL, now=now)
    return day


def _set_factor(session: Session, provider: str, group: str, *, factor: float, now: datetime, **values: object) -> None:
    if not 0 < factor <= 1:
        raise InvalidInput("a rate is lowered by a factor between 0 and 1: pause it to send nothing")
    queries.set_group_state(session, provider, group, factor=factor, now=now, **values)


def _rules(session: Session, provider: str) -> dict[str, GroupRule]:
    return {row.mailbox_group: _rule(row) for row in queries.group_states(session, provider)}


def _rule(row: GroupState) -> GroupRule:
    return GroupRule(
        paused_until=row.paused_until,
        factor=row.factor,
        factor_until=row.factor_until,
        base_per_second=row.base_per_second,
        reason=row.reason,
    )
