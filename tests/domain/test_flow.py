"""Facts about rates, warm-up, quiet hours and daily slots as pure decisions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from newsletter.domain.flow import NO_RULE, GroupRule, grant, parse_group_rates, rate_in_force
from newsletter.domain.quiet_hours import parse_quiet_hours
from newsletter.domain.slots_of_day import SlotOutcome, make_slot, slot_decision, slot_from_json
from newsletter.domain.warming import parse_warm_up
from newsletter.errors import InvalidInput

NOW = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)


def test_turns_are_evenly_apart_and_idle_time_is_not_saved_up() -> None:
    found = grant(100, per_second=10, taken_until=0, now=1000.0, ahead_seconds=2)
    assert len(found.moments) == 25  # half a second before, two seconds ahead
    steps = [later - earlier for earlier, later in zip(found.moments, found.moments[1:], strict=False)]
    assert steps == pytest.approx([0.1] * 24)
    assert found.taken_until == pytest.approx(found.moments[-1]) == pytest.approx(1002.0)
    assert grant(100, per_second=10, taken_until=found.taken_until, now=1000.0, ahead_seconds=2).moments == ()


def test_a_rate_below_one_a_second_gives_a_turn_now_and_then() -> None:
    first = grant(5, per_second=0.1, taken_until=0, now=1000.0, ahead_seconds=0)
    assert first.moments == (1000.0,)
    assert grant(5, per_second=0.1, taken_until=first.taken_until, now=1009.0, ahead_seconds=0).moments == ()
    assert grant(5, per_second=0.1, taken_until=first.taken_until, now=1010.0, ahead_seconds=0).moments == (1010.0,)


def test_rates_of_groups_are_read_and_nonsense_is_refused() -> None:
    assert parse_group_rates(" gmail=50, Tencent=0.5 ,") == {"gmail": 50.0, "tencent": 0.5}
    assert parse_group_rates("") == {}
    for wrong in ("gmail", "gmail=fast", "gmail=-1", "hotmail=5", "gmail=inf", "gmail=nan"):
        with pytest.raises(InvalidInput, match="gmail=50"):
            parse_group_rates(wrong)


def test_a_factor_counts_until_its_time_from_the_rate_that_is_set() -> None:
    rule = GroupRule(factor=0.5, factor_until=NOW + timedelta(hours=1), base_per_second=300)
    assert rate_in_force("gmail", rates={"gmail": 50}, rule=rule, now=NOW) == 25
    assert rate_in_force("gmail", rates={}, rule=rule, now=NOW) == 150
    assert rate_in_force("gmail", rates={"gmail": 50}, rule=rule, now=NOW + timedelta(hours=1)) == 50
    assert rate_in_force("gmail", rates={}, rule=NO_RULE, now=NOW) == 0


def test_a_warm_up_grows_day_by_day_from_midnight_where_the_sender_is() -> None:
    ramp = parse_warm_up("2026-06-20T00:00+08:00", first_day=100, growth=1.5)
    assert ramp is not None
    assert [ramp.volume_of(day) for day in (-3, 0, 1, 2, 3, 10_000)] == [100, 100, 150, 225, 337, 10**9]
    before, after = (datetime(2026, 6, 22, 15, 59, tzinfo=UTC), datetime(2026, 6, 22, 16, 0, tzinfo=UTC))
    assert (ramp.day_of(before), ramp.day_of(after)) == (2, 3)
    assert ramp.next_day(before) == after
    assert parse_warm_up("2026-06-20", first_day=0, growth=2) is None


@pytest.mark.parametrize(
    ("text", "now", "until"),
    [
        ("22:00-06:00", "2026-06-22T23:00", "2026-06-23T06:00"),
        ("22:00-06:00", "2026-06-22T05:59", "2026-06-22T06:00"),
        ("22:00-06:00", "2026-06-22T06:00", None),
        ("12:00-13:00", "2026-06-22T12:00", "2026-06-22T13:00"),
        ("12:00-13:00", "2026-06-22T11:59", None),
        # The nights when clocks change: the end is what the clock on the wall says.
        ("22:00-06:00", "2026-03-29T01:00", "2026-03-29T06:00"),
        ("22:00-06:00", "2026-10-25T01:00", "2026-10-25T06:00"),
    ],
)
def test_quiet_hours_end_when_the_clock_on_the_wall_says_so(text: str, now: str, until: str | None) -> None:
    zone = ZoneInfo("Europe/Berlin")
    hours = parse_quiet_hours(text, zone="Europe/Berlin")
    assert hours is not None
    found = hours.until(datetime.fromisoformat(now).replace(tzinfo=zone))
    assert found == (None if until is None else datetime.fromisoformat(until).replace(tzinfo=zone))


@pytest.mark.parametrize("text", ["22:00", "22:00-", "22:00-22:00", "10pm-6am"])
def test_what_are_no_quiet_hours_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_quiet_hours(text, zone="UTC")


def test_a_slot_is_on_the_newsletters_clock_also_when_clocks_change_and_survives_storage() -> None:
    slot = make_slot(at="07:00", cutoff="22:00", lists=["readers"], since=NOW)
    assert slot_from_json(slot.to_json()) == slot
    for day in (date(2026, 10, 24), date(2026, 10, 25), date(2027, 3, 28)):
        moments = slot.moments(day, zone="Europe/Berlin")
        assert f"{moments.begins.astimezone(ZoneInfo('Europe/Berlin')):%Y-%m-%d %H:%M}" == f"{day} 07:00"
        # A cutoff later than the slot is the evening before.
        assert moments.begins - timedelta(hours=10, minutes=1) < moments.cutoff < moments.begins
        assert moments.ends - moments.begins == timedelta(hours=3)


def test_a_slot_decides_at_its_cutoff() -> None:
    moments = make_slot(at="07:00", cutoff="06:30", lists=["r"], since=NOW).moments(date(2026, 6, 23), zone="UTC")
    early, late = moments.cutoff - timedelta(hours=1), moments.cutoff + timedelta(seconds=1)
    assert slot_decision(moments, approved_at=early, now=moments.cutoff - timedelta(seconds=1)) is None
    for approved_at, now, outcome in (
        (early, moments.cutoff, SlotOutcome.SCHEDULED),
        (early, moments.ends, SlotOutcome.SCHEDULED),
        (early, moments.ends + timedelta(seconds=1), SlotOutcome.TOO_LATE),
        (late, late, SlotOutcome.TOO_LATE),
    ):
        decided = slot_decision(moments, approved_at=approved_at, now=now)
        assert decided is not None
        assert decided[0] is outcome
