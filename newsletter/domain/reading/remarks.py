"""Remarks: what is collected on the way to a brief, faults and findings alike."""

from __future__ import annotations

from newsletter.domain.findings import Finding, Level
from newsletter.domain.reading.drafts import BriefDraft, Piece
from newsletter.domain.reading.labels import Field
from newsletter.errors import Fault

LONGEST: dict[Field, int] = {
    Field.TITLE: 300,
    Field.SECTION: 300,
    Field.PREHEADER: 500,
    Field.HEADLINE: 1000,
    Field.SOURCE: 300,
    Field.LINK_TITLE: 1000,
    Field.SUMMARY: 20_000,
    Field.WHY: 20_000,
}


class Remarks:
    """Faults refuse the whole brief; findings come with it. Each is given once, in the order of the lines."""

    def __init__(self, draft: BriefDraft) -> None:
        self._findings = list(draft.findings)
        self._faults = list(draft.faults)

    @property
    def faults(self) -> list[Fault]:
        """All faults, in the order of their lines."""
        return sorted(self._faults, key=lambda fault: fault.line or 0)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order of their lines."""
        return tuple(sorted(self._findings, key=lambda finding: finding.line or 0))

    def fault(self, line: int | None, message: str) -> None:
        """The brief cannot be understood."""
        self._faults.append(Fault(line=line, message=message))

    def block(self, line: int | None, code: str, message: str) -> None:
        """The brief is read, and must not be sent like this."""
        self._add(Level.BLOCKER, line, code, message)

    def warn(self, line: int | None, code: str, message: str) -> None:
        """Somebody has to see this."""
        self._add(Level.WARNING, line, code, message)

    def note(self, line: int | None, code: str, message: str) -> None:
        """Good to know."""
        self._add(Level.NOTE, line, code, message)

    def bounded(self, field: Field, piece: Piece, *, owner: str) -> str:
        """The text of a piece; a fault where it is longer than any such text."""
        text = piece.text
        if len(text) > LONGEST[field]:
            name = "title" if field is Field.SECTION else field
            message = f"the {name} of {owner} is {len(text)} characters long: at most {LONGEST[field]} are allowed"
            self.fault(piece.line, message)
        return text

    def _add(self, level: Level, line: int | None, code: str, message: str) -> None:
        self._findings.append(Finding(level=level, code=code, message=message, line=line))
