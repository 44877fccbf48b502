"""Dates as newsrooms write them: ISO, English, Chinese, and figures where they can mean one day only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

_MONTHS = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?"
    r"|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAY = r"(?P<{0}>\d{{1,2}})(?:st|nd|rd|th)?"
_YEAR = r"(?P<{0}>\d{{4}})(?!\d)"
_DATE = re.compile(
    r"(?<![\d.])(?:"
    r"(?P<y1>\d{4})(?P<sep>[-/.])(?P<m1>\d{1,2})(?P=sep)(?P<d1>\d{1,2})(?!\d)"
    r"|(?:(?P<y2>\d{4})\s?年\s?)?(?P<m2>\d{1,2})\s?月\s?(?P<d2>\d{1,2})\s?[日号號]"
    rf"|(?<![a-z])(?P<m3>{_MONTH})\.?\s{{1,3}}{_DAY.format('d3')}(?!\d|:)(?:,?\s{{1,3}}{_YEAR.format('y3')})?"
    rf"|{_DAY.format('d4')}\s{{1,3}}(?:of\s)?(?P<m4>{_MONTH})\b\.?(?:,?\s{{1,3}}{_YEAR.format('y4')})?"
    r"|(?P<a>\d{1,2})(?P<cut>[/.])(?P<b>\d{1,2})(?P=cut)(?P<y5>\d{4})(?!\d)"
    r")",
    re.IGNORECASE,
)
_WEEKDAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\.?,?\s{1,3}"
_LEAD = re.compile(rf"\s*(?:{_WEEKDAY})?", re.IGNORECASE)
_ENDING_WEEKDAY = re.compile(rf"{_WEEKDAY}\Z", re.IGNORECASE)
_TAIL = re.compile(
    r"(?:,?[T\s]\s?\d{1,2}:\d{2}(?::\d{2})?(?:\s?[ap]\.?m\.?)?(?:\s?(?:UTC|GMT|Z))?)?\s*[)）]?\Z", re.IGNORECASE
)
_TIME = re.compile(r"(?<!\d)(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s?([ap])\.?m\.?(?![a-z]))?", re.IGNORECASE)
_POSTED = re.compile(
    r"(?:posted|published|发布于|发布时间|發佈於|發佈時間|发表于)(?![a-z])(?:\s(?:on|at))?[:：\s]*", re.IGNORECASE
)
_ENGLISH_MONTHS = tuple(name.capitalize() for name in _MONTHS)
_LONGEST_POSTED = 120


class NotOneDay(ValueError):
    """A date that is none, or that could be two: the message says which and what to write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FoundDate:
    """A date and where it stands in its text, from `start` up to `end`."""

    day: date
    start: int
    end: int


def date_in(text: str, *, near: date | None = None) -> date | None:
    """The first date that a heading names; a year left out is the one that puts it closest to `near`."""
    for match in _DATE.finditer(text):
        try:
            day = _day(match, near=near)
        except NotOneDay:
            continue
        if day is not None:
            return day
    return None


def date_of(text: str, *, near: date | None = None) -> date | None:
    """The date if the text is nothing but one date (a time of day may follow), else None; raises NotOneDay."""
    found = _found(_DATE.match(text, _LEAD.match(text).end()), text, near=near)  # type: ignore[union-attr]
    return found.day if found and _TAIL.match(text, found.end) else None


def date_at_end(text: str, *, near: date | None = None) -> FoundDate | None:
    """The date that the text ends with; raises NotOneDay."""
    for match in _DATE.finditer(text):
        if _TAIL.match(text, match.end()):
            found = _found(match, text, near=near)
            weekday = _ENDING_WEEKDAY.search(text, max(0, match.start() - 15), match.start())
            if found and weekday:
                return FoundDate(day=found.day, start=weekday.start(), end=found.end)
            return found
    return None


def date_at_start(text: str, *, near: date | None = None) -> FoundDate | None:
    """The date that the text begins with; raises NotOneDay."""
    return _found(_DATE.match(text), text, near=near)


def posted_in(text: str) -> tuple[date, datetime | None] | None:
    """The day, and the time if there is one, of a line like "Posted on June 22, 2026 at 08:28 PM"; else None."""
    lead = _POSTED.match(text)
    if lead is None or len(text) > _LONGEST_POSTED:
        return None
    match = _DATE.search(text, lead.end())
    try:
        day = _day(match, near=None) if match else None
    except NotOneDay:
        return None
    return (day, _time_on(day, text[match.end() :])) if match and day else None


def posted_line(moment: datetime) -> str:
    """The line that says when a brief was posted, as `posted_in` reads it."""
    seconds = f":{moment.second:02}" if moment.second else ""
    clock = f"{moment.hour % 12 or 12:02}:{moment.minute:02}{seconds} {'AM' if moment.hour < 12 else 'PM'}"
    return f"Posted on {_ENGLISH_MONTHS[moment.month - 1]} {moment.day}, {moment.year:04} at {clock}"


def _time_on(day: date, text: str) -> datetime | None:
    match = _TIME.search(text)
    if match is None:
        return None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        hour = hour % 12 + (12 if match[4].lower() == "p" else 0)
    try:
        return datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001 - the source names no zone
    except ValueError:
        return None


def _found(match: re.Match[str] | None, text: str, *, near: date | None) -> FoundDate | None:
    day = _day(match, near=near) if match else None
    return FoundDate(day=day, start=match.start(), end=match.end()) if match and day else None


def _day(match: re.Match[str], *, near: date | None) -> date | None:
    """None where the year is left out and nothing is near."""
    year, month, day = _figures(match)
    try:
        if year is not None:
            return date(year, month, day)
        if near is None:
            return None
        years = [guess for guess in (near.year - 1, near.year, near.year + 1) if _is_day(guess, month, day)]
        return min((date(guess, month, day) for guess in years), key=lambda guess: abs(guess - near))
    except ValueError:
        raise NotOneDay(f"{match[0]} is not a day of the calendar: write it as 2026-06-22") from None


def _is_day(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def _figures(match: re.Match[str]) -> tuple[int | None, int, int]:
    for number in ("1", "2", "3", "4"):
        month = match["m" + number]
        if month:
            year = match["y" + number]
            return (int(year) if year else None), _month_number(month), int(match["d" + number])
    return int(match["y5"]), *_month_and_day(match)


def _month_number(month: str) -> int:
    if month.isdigit():
        return int(month)
    return next(at for at, name in enumerate(_MONTHS, start=1) if name.startswith(month.lower()[:3]))


def _month_and_day(match: re.Match[str]) -> tuple[int, int]:
    first, second = int(match["a"]), int(match["b"])
    if first != second and first <= 12 and second <= 12:
        raise NotOneDay(f"{match[0]} could be two days: write it as year-month-day, like 2026-06-22")
    return (second, first) if first > 12 else (first, second)
