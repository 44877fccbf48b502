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
    due = moments(["", "Mars/Olympus", "../etc/passwd", BERLIN], now=evening)
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


def test_at_once_is_one_cohort() -> None:
    now = datetime(2026, 6, 22, tzinfo=UTC)
    assert at_once(now).due_at == (now,)


@pytest.mark.parametrize("text", ["", "7", "25:00", "07:60", "seven", "07:00:00", "-1:00"])
def test_what_is_no_time_of_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="HH:MM"):
        parse_local_time(text)
