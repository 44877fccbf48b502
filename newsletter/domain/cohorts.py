"""Cohorts: the people of an audience who get an issue at the same moment, by the clocks of their time zones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from newsletter.errors import InvalidInput


@dataclass(frozen=True, kw_only=True, slots=True)
class CohortPlan:
    """`due_at[n]` is when cohort n goes out (UTC); `number_of` its number by time zone, 0 for any other zone."""

    due_at: tuple[datetime, ...]
    number_of: Mapping[str, int]


def at_once(now: datetime) -> CohortPlan:
    """One cohort, now."""
    return CohortPlan(due_at=(now,), number_of={})


def plan_cohorts(time_zones: Iterable[str], *, local_time: time, home_zone: str, now: datetime) -> CohortPlan:
    """Everybody at `local_time` of the same calendar day by their own clock.

    The day is the one on which `local_time` comes next in `home_zone`, the newsletter's own. Where that moment has
    passed already (people far to the east), they get it at once: late news is better than none. Unknown or missing time
    zones follow `home_zone`.
    A time that the clocks skip in spring counts as if they had not been changed yet; one that comes twice in autumn
    is taken the first time.
    """
    day = _next_day(local_time, home_zone, now)
    moments = {zone: max(now, _moment(day, local_time, zone)) for zone in time_zones if _is_zone(zone)}
    home = max(now, _moment(day, local_time, home_zone))
    order = [home, *sorted(set(moments.values()) - {home})]
    return CohortPlan(
        due_at=tuple(order), number_of={zone: order.index(moment) for zone, moment in moments.items() if moment != home}
    )


def parse_local_time(text: str) -> time:
    """A time of day given as HH:MM; InvalidInput for anything else."""
    try:
        hours, minutes = text.split(":")
        return time(int(hours), int(minutes))
    except ValueError:
        raise InvalidInput(f"“{text}” is not a time of day: write it as HH:MM, such as 07:00") from None


def _next_day(local_time: time, home_zone: str, now: datetime) -> date:
    today = now.astimezone(ZoneInfo(home_zone)).date()
    return today if _moment(today, local_time, home_zone) >= now else today + timedelta(days=1)


def _moment(day: date, local_time: time, zone: str) -> datetime:
    return datetime.combine(day, local_time, ZoneInfo(zone)).astimezone(UTC)


def _is_zone(zone: str) -> bool:
    try:
        return bool(zone) and bool(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # OSError: “America” is a folder of zones, not one.
        return False
