"""Facts about sending at the reader's own hour."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from newsletter.domain.cohorts import at_once, parse_local_time, plan_cohorts
from newsletter.errors import InvalidInput

SEVEN = time(7, 0)
BERLIN, SHANGHAI, NEW_YORK = "Europe/Berlin", "Asia/Shanghai", "America/New_York"


def moments(zones: list[str], *, now: datetime, local_time: time = SEVEN, home: str = BERLIN) -> dict[str, datetime]:
    plan = plan_cohorts(zones, local_time=local_time, home_zone=home, now=now)
    return {zone: plan.due_at[plan.number_of.get(zone, 0)] for zone in zones}


def test_everybody_gets_it_at_the_hour_of_their_own_clock() -> None:
    evening = datetime(2026, 6, 22, 20, 0, tzinfo=ZoneInfo(BERLIN))
    due = moments([BERLIN, SHANGHAI, NEW_YORK], now=evening)
    for zone, moment in due.items():
        assert moment.astimezone(ZoneInfo(zone)) == datetime(2026, 6, 23, 7, 0, tzinfo=ZoneInfo(zone))


def test_whose_hour_has_passed_gets_it_at_once() -> None:
    early = datetime(2026, 6, 23, 6, 0, tzinfo=ZoneInfo(BERLIN))
    due = moments([BERLIN, SHANGHAI], now=early)
    assert due[SHANGHAI] == early
    assert due[BERLIN] == datetime(2026, 6, 23, 7, 0, tzinfo=ZoneInfo(BERLIN))


def test_unknown_zones_follow_the_newsletters_own() -> None:
    evening = datetime(2026, 6, 22, 20, 0, tzinfo=ZoneInfo(BERLIN))
    due = moments(["", "Mars/Olympus", "../etc/passwd", "America", BERLIN], now=evening)
    assert len(set(due.values())) == 1


def test_people_of_one_moment_are_one_cohort() -> None:
    evening = datetime(2026, 6, 22, 20, 0, tzinfo=ZoneInfo(BERLIN))
    plan = plan_cohorts(sorted(available_timezones()), local_time=SEVEN, home_zone=BERLIN, now=evening)
    assert len(plan.due_at) == len(set(plan.due_at)) <= 40


@pytest.mark.parametrize(
    ("day", "changes"), [("2026-03-29", "the clocks go forward in Europe"), ("2026-10-25", "the clocks go back")]
)
def test_on_the_days_when_clocks_change_it_is_still_seven_by_the_wall(day: str, changes: str) -> None:
    before = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(BERLIN)) - timedelta(hours=4)
    for zone, moment in moments([BERLIN, "Europe/London", SHANGHAI, NEW_YORK], now=before).items():
        assert f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}" == f"{day} 07:00", changes


def test_a_time_that_the_clocks_skip_comes_within_the_hour_after_and_one_that_comes_twice_is_taken_once() -> None:
    half_past_two = time(2, 30)
    spring = moments([BERLIN], now=datetime(2026, 3, 28, 20, tzinfo=UTC), local_time=half_past_two)[BERLIN]
    assert f"{spring.astimezone(ZoneInfo(BERLIN)):%H:%M}" == "03:30"
    autumn = moments([BERLIN], now=datetime(2026, 10, 24, 20, tzinfo=UTC), local_time=half_past_two)[BERLIN]
    assert autumn == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2026-03-29"),
        ("America/New_York", "2026-11-01"),
        ("Australia/Sydney", "2026-10-04"),
        ("Australia/Lord_Howe", "2026-04-05"),
        ("Pacific/Auckland", "2026-09-27"),
        ("Africa/Cairo", "2026-04-24"),
        ("America/Santiago", "2026-09-06"),
    ],
)
def test_no_hour_of_a_day_on_which_clocks_change_is_on_another_day_or_more_than_an_hour_off(
    zone: str, day: str
) -> None:
    """In Cairo and Santiago the clocks leap at midnight: there is no 00:00 on that day."""
    before = datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=ZoneInfo(zone)) - timedelta(minutes=1)
    assert before.utcoffset() != (before + timedelta(hours=30)).utcoffset()
    for hour in range(24):
        moment = moments([zone], now=before, local_time=time(hour, 0), home=zone)[zone].astimezone(ZoneInfo(zone))
        wanted = datetime.fromisoformat(f"{day}T{hour:02}:00")
        assert moment.date() == wanted.date()
        assert timedelta() <= moment.replace(tzinfo=None) - wanted <= timedelta(hours=1)


def test_at_once_is_one_cohort() -> None:
    now = datetime(2026, 6, 22, tzinfo=UTC)
    assert at_once(now).due_at == (now,)


@pytest.mark.parametrize("text", ["", "7", "25:00", "07:60", "seven", "07:00:00", "-1:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="HH:MM"):
        parse_local_time(text)
