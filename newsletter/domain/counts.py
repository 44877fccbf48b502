"""Counts: numbers that are added up, each for itself."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What all tallies have in common: a sum is the sum of each number."""

    def __add__(self, other: Self) -> Self:
        sums: dict[str, Any] = {
            each.name: getattr(self, each.name) + getattr(other, each.name) for each in fields(self)
        }
        return replace(self, **sums)
