"""A time on a clock becomes a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from newsletter.errors import InvalidInput


def moment_of(text: str, *, zone: str) -> datetime:
    """The moment that a clock of this zone shows as `text` (2026-06-23T07:00), in UTC.

    A time that the clock shows twice, when it is put back, means the earlier; one that it leaps over is InvalidInput.
    """
    try:
        shown = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"“{text[:40]}” is not a time: write it as 2026-06-23T07:00") from None
    if shown.tzinfo is not None:
        return shown.astimezone(UTC)
    moment = shown.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    if moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != shown:
        raise InvalidInput(f"the clock in {zone} leaps over {shown:%H:%M} on {shown:%Y-%m-%d}: choose another time")
    return moment
