"""The daily slot: when the brief of a day goes out by itself, and until when it may."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from newsletter.domain.cohorts import parse_local_time
from newsletter.errors import InvalidInput

DEFAULT_LATENESS_MINUTES = 180
MAX_LATENESS_MINUTES = 12 * 60
# A slot that was replaced counts no more when its last day is surely over.
_OPEN_FOR = timedelta(days=3)


@dataclass(frozen=True, kw_only=True, slots=True)
class DailySlot:
    """Each day at `at` on the newsletter's clock, to `lists`.

    What is approved by `cutoff` goes out; what is approved later waits for a person. If the system was down, it still
    goes out `lateness_minutes` after `at`, and not later. `since` is when the slot was set: it does nothing for before.
    `earlier` is what stood until then, for days that were open still.
    """

    at: time
    cutoff: time
    lateness_minutes: int
    lists: tuple[str, ...]
    since: datetime
    earlier: DailySlot | None = None

    def in_force(self, day: date, *, zone: str) -> DailySlot | None:
        """What counts for a day: this slot, where its hour was still to come when it was set, else what stood before.

        None where the day was over already when the slot was set.
        """
        if self.moments(day, zone=zone).begins >= self.since:
            return self
        earlier = self.earlier.in_force(day, zone=zone) if self.earlier else None
        return earlier if earlier and earlier.moments(day, zone=zone).ends >= self.since else None

    def replaced_by(self, later: DailySlot) -> DailySlot:
        """The later slot, which remembers this one for as long as a day of it may be open."""
        kept = replace(self, earlier=None) if self.since < later.since - _OPEN_FOR else self
        return replace(later, earlier=kept)

    def moments(self, day: date, *, zone: str) -> SlotMoments:
        """The three moments of the slot of a day; a cutoff later than the slot is one of the day before."""
        begins = _moment(day, self.at, zone)
        before = self.cutoff > self.at
        return SlotMoments(
            cutoff=_moment(day - timedelta(days=1) if before else day, self.cutoff, zone),
            begins=begins,
            ends=begins + timedelta(minutes=self.lateness_minutes),
        )

    def days_at(self, now: datetime, *, zone: str) -> list[date]:
        """The days whose slot may have something to decide now."""
        today = now.astimezone(ZoneInfo(zone)).date()
        days = [today + timedelta(days=offset) for offset in (-1, 0, 1)]
        return [day for day in days if self.in_force(day, zone=zone)]

    def to_json(self) -> dict[str, Any]:
        """The form in which it is stored."""
        return {
            "at": f"{self.at:%H:%M}",
            "cutoff": f"{self.cutoff:%H:%M}",
            "lateness_minutes": self.lateness_minutes,
            "lists": list(self.lists),
            "since": self.since.isoformat(),
            **({"earlier": self.earlier.to_json()} if self.earlier else {}),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotMoments:
    """Until when a brief has to be approved, when it goes out, and when it is too late (all UTC)."""

    cutoff: datetime
    begins: datetime
    ends: datetime


class SlotOutcome(StrEnum):
    """What a slot did with its day."""

    SCHEDULED = "scheduled"
    TOO_LATE = "too_late"
    TAKEN = "taken"


def slot_decision(moments: SlotMoments, *, approved_at: datetime, now: datetime) -> tuple[SlotOutcome, str] | None:
    """What becomes of the brief approved at `approved_at`, and why; None before the cutoff."""
    if now < moments.cutoff:
        return None
    if approved_at > moments.cutoff:
        return SlotOutcome.TOO_LATE, "it was approved after the cutoff of the daily slot: send it by hand, or cancel it"
    if now > moments.ends:
        return SlotOutcome.TOO_LATE, "the daily slot was over before it could be sent: send it by hand, or cancel it"
    return SlotOutcome.SCHEDULED, ""


def make_slot(
    *,
    at: str,
    cutoff: str = "",
    lateness_minutes: int = DEFAULT_LATENESS_MINUTES,
    lists: Sequence[str],
    since: datetime,
) -> DailySlot:
    """A daily slot of what a person typed; InvalidInput in one sentence where it cannot be used."""
    if not lists:
        raise InvalidInput("a daily slot needs at least one list that the issue goes to")
    if not 1 <= lateness_minutes <= MAX_LATENESS_MINUTES:
        raise InvalidInput(f"the daily slot may be 1 to {MAX_LATENESS_MINUTES} minutes late")
    begins = parse_local_time(at)
    return DailySlot(
        at=begins,
        cutoff=parse_local_time(cutoff) if cutoff else begins,
        lateness_minutes=lateness_minutes,
        lists=tuple(dict.fromkeys(lists)),
        since=since,
    )


def slot_from_json(stored: Mapping[str, Any]) -> DailySlot:
    """The daily slot as it was stored."""
    values = {name: value for name, value in stored.items() if name != "earlier"}
    slot = make_slot(**{**values, "since": datetime.fromisoformat(stored["since"])})
    return replace(slot, earlier=slot_from_json(stored["earlier"])) if "earlier" in stored else slot


def values_of(stored: Mapping[str, Any]) -> dict[str, Any]:
    """What a person sets of a stored slot; the rest is its history."""
    return {name: value for name, value in stored.items() if name not in {"since", "earlier"}}


def _moment(day: date, at: time, zone: str) -> datetime:
    return datetime.combine(day, at, ZoneInfo(zone)).astimezone(UTC)
