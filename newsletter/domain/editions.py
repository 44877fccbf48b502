"""Editions: the place that an issue takes on a list: one for each list and date, so that nothing goes out twice."""

from __future__ import annotations

from datetime import date


def edition_of(day: date, *, corrects_id: int | None = None, sha256: str = "") -> str:
    """The place of the brief of `day`; a correction takes one beside it, by what it corrects and its bytes."""
    if corrects_id is None:
        return day.isoformat()
    return f"{day.isoformat()} corrects {corrects_id} with {sha256[:16]}"
