"""Facts about the hours of the wall clock, in every time zone, around every change of its clocks in a year.

The judge walks through the days in quarters of an hour, and knows nothing of folds and gaps.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from newsletter.domain.cohorts import plan_cohorts
from newsletter.domain.quiet_hours import parse_quiet_hours
from newsletter.domain.slots_of_day import make_slot

YEAR = 2026
QUARTER, DAY = timedelta(minutes=15), timedelta(days=1)
TIMES = [time(hour, minute) for hour in range(24) for minute in (0, 15, 30, 45)]
# The easternmost day begins here: nobody's hour of it has passed yet.
EAST = ZoneInfo("Pacific/Kiritimati")
# Clocks that change by half an hour, at midnight, at one in the morning back to midnight, by two hours, and twice for
# Ramadan: they must be among what is walked through.
KNOWN = {"Australia/Lord_Howe", "Africa/Cairo", "America/Havana", "Antarctica/Troll", "Africa/Casablanca"}


@cache
def changes() -> list[tuple[str, date]]:
    """Each zone with each day on which its clocks may change, by its own date; of zones that always agree, one."""
    found: dict[tuple[object, ...], str] = {}
    for zone in [*sorted(KNOWN), *sorted(available_timezones())]:
        days = [datetime(YEAR, 1, 1, tzinfo=UTC) + number * DAY for number in range(366)]
        offsets = [(day, day.astimezone(ZoneInfo(zone)).utcoffset()) for day in days]
        turns = tuple((day, before, after) for (day, before), (_, after) in pairwise(offsets) if before != after)
        found.setdefault(turns, zone)
    return [
        (zone, turn[0].date() + around * DAY) for turns, zone in found.items() for turn in turns for around in (0, 1)
    ]


@cache
def walk(zone: str, day: date) -> list[tuple[datetime, datetime]]:
    """Each quarter of an hour of a day and of its neighbours, with what the clock on the wall says then."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC) - DAY
    moments = [begin + number * QUARTER for number in range(3 * 96)]
    return [(moment, moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)) for moment in moments]


def first_moments(zone: str, day: date) -> list[datetime]:
    """When each quarter of a day is first on the wall; one that the clocks leap over, as if they had not."""
    found: dict[datetime, datetime] = {}
    for (moment, wall), (_, following) in pairwise(walk(zone, day)):
        for number in range(max(1, (following - wall) // QUARTER)):
            found.setdefault(wall + number * QUARTER, moment + number * QUARTER)
    return [found[datetime.combine(day, at)] for at in TIMES]


def is_twice(zone: str, wall: datetime) -> bool:
    """Whether the clocks show this twice."""
    first, second = (wall.replace(tzinfo=ZoneInfo(zone), fold=fold).utcoffset() for fold in (0, 1))
    return first != second


def test_the_clocks_that_are_hard_are_among_those_that_are_tried() -> None:
    assert {zone for zone, _ in changes()} >= KNOWN
    assert len(changes()) > 80


def test_everybody_gets_it_at_their_hour_in_every_zone_when_its_clocks_change() -> None:
    for zone, day in changes():
        begin = datetime(day.year, day.month, day.day, tzinfo=EAST)
        expected = first_moments(zone, day)
        for at, moment in zip(TIMES, expected, strict=True):
            plan = plan_cohorts([zone], local_time=at, home_zone=str(EAST), now=begin)
            assert plan.due_at[plan.number_of.get(zone, 0)] == moment, (zone, day, at)


def test_a_slot_begins_once_on_each_day_at_its_hour_when_the_clocks_change() -> None:
    for zone, day in changes():
        expected = first_moments(zone, day)
        slots = [make_slot(at=f"{at:%H:%M}", lists=["readers"], since=datetime.min.replace(tzinfo=UTC)) for at in TIMES]
        assert [slot.moments(day, zone=zone).begins for slot in slots] == expected, (zone, day)


@pytest.mark.parametrize("text", ["21:45-06:15", "09:30-17:00"])
def test_quiet_hours_are_those_of_the_wall_when_the_clocks_change(text: str) -> None:
    begin, end = (time.fromisoformat(part) for part in text.split("-"))
    for zone, day in changes():
        quiet = parse_quiet_hours(text, zone=zone)
        assert quiet is not None
        for moment, wall in walk(zone, day):
            is_quiet = begin <= wall.time() < end if begin < end else wall.time() >= begin or wall.time() < end
            until = quiet.until(moment)
            assert until is not None or not is_quiet, (zone, moment)
            # Quiet that has begun does not end because the clocks are set back.
            assert until is None or is_quiet or is_twice(zone, wall), (zone, moment)
            assert until is None or (until > moment and quiet.until(until) is None)


def test_on_a_day_that_a_zone_leaves_out_nobody_is_left_out() -> None:
    """Samoa had no 30 December 2011: its clocks leapt over the date line."""
    begin = datetime(2011, 12, 29, 12, tzinfo=UTC)
    for at in TIMES:
        plan = plan_cohorts(["Pacific/Apia"], local_time=at, home_zone="Asia/Tokyo", now=begin)
        moment = plan.due_at[plan.number_of.get("Pacific/Apia", 0)]
        assert timedelta() <= moment - begin <= 2 * DAY
        wall = moment.astimezone(ZoneInfo("Pacific/Apia"))
        assert (wall.hour, wall.minute) == (at.hour, at.minute) or moment == begin
