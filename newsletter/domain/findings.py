"""Findings: what a reader of a brief or a preflight check has to say about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding weighs: a blocker stops submission, a warning must be seen, a note informs."""

    BLOCKER = "blocker"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One remark. `code` is stable and machine-readable ("link-missing"); `line` counts from 1."""

    level: Level
    code: str
    message: str
    line: int | None = None

    def as_dict(self) -> dict[str, object]:
        """The JSON form that the contract names: level, code, message, line."""
        return {"level": str(self.level), "code": self.code, "message": self.message, "line": self.line}


def blockers(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that stop a submission."""
    return [finding for finding in findings if finding.level is Level.BLOCKER]


def warnings(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that an approver must have seen."""
    return [finding for finding in findings if finding.level is Level.WARNING]
