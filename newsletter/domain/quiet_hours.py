"""Quiet hours: the part of the day in which a newsletter hands nothing over, by its own clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from newsletter.domain.cohorts import parse_local_time
from newsletter.errors import InvalidInput


@dataclass(frozen=True, kw_only=True, slots=True)
class QuietHours:
    """From `begin` to `end` (not included) on the clock of `zone`; over midnight where `end` is the earlier one."""

    begin: time
    end: time
    zone: str

    def until(self, now: datetime) -> datetime | None:
        """When the quiet that reigns now is over (UTC); None where it is not quiet."""
        today = now.astimezone(ZoneInfo(self.zone)).date()
        for day in (today - timedelta(days=1), today):
            begin = self._moment(day, self.begin)
            end = self._moment(day if self.begin < self.end else day + timedelta(days=1), self.end)
            if begin <= now < end:
                return end
        return None

    def _moment(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, ZoneInfo(self.zone)).astimezone(UTC)


def parse_quiet_hours(text: str, *, zone: str) -> QuietHours | None:
    """Quiet hours given as 22:00-06:00; None where the text is empty; InvalidInput for anything else."""
    if not text.strip():
        return None
    begin, dash, end = text.partition("-")
    if not dash:
        raise InvalidInput(f"“{text}” are no quiet hours: write them as 22:00-06:00")
    hours = QuietHours(begin=parse_local_time(begin.strip()), end=parse_local_time(end.strip()), zone=zone)
    if hours.begin == hours.end:
        raise InvalidInput("quiet hours that begin when they end would last for ever, or never: change one of the two")
    return hours
