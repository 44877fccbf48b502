"""Line remarks: what the assembler has to say about single lines; some dozens of each kind are named, the others counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from newsletter.domain.findings import Finding, Level
from newsletter.domain.reading import looks
from newsletter.domain.reading.labels import Field
from newsletter.domain.reading.lines import Line

_MOST_NAMED = 50
_PROSE_FIELDS = frozenset({Field.SUMMARY, Field.WHY})


class LineRemarks:
    """Collects findings while lines are sorted."""

    def __init__(self) -> None:
        self._findings: dict[str, list[Finding]] = defaultdict(list)

    def ignored(self, line: int, text: str) -> None:
        """The line fits nowhere."""
        shown = text if len(text) <= 60 else text[:59] + "…"
        self._add(line, "text-ignored", f"this text belongs to no field and is left out: “{shown}”")

    def unlabelled(self, line: Line, *, field: Field, story: int) -> None:
        """The line was given a field by its place alone."""
        label = looks.unknown_label(line)
        lacks = f"“{label}:” is no label that is known, so this text" if label else "this text has no label and"
        self._add(line.number, "label-missing", f"story {story}: {lacks} is read as its {field}")

    def continued(self, line: Line, *, field: Field, story: int) -> None:
        """The line was added to a text, although it begins with what could be a label."""
        label = looks.unknown_label(line) if field in _PROSE_FIELDS else None
        if label:
            message = f"story {story}: “{label}:” is no label that is known, so this text was added to its {field}"
            self._add(line.number, "label-unknown", message)

    def joined(self, line: Line, *, field: Field, story: int) -> None:
        """A story has a text twice: perhaps it is two stories, so it must not be sent like this."""
        message = f"story {story} has a second {field}: both were joined; if a story begins here, give it a number"
        self._add(line.number, "field-repeated", message, level=Level.BLOCKER)

    def second(self, line: Line, *, field: Field, story: int) -> None:
        """A story has something twice of which one is enough."""
        self._add(line.number, "field-repeated", f"story {story} has a second {field}: this one is left out")

    def findings(self) -> Iterator[Finding]:
        """All of them; of each code, those beyond some dozens are one."""
        for code, found in self._findings.items():
            named, others = found[:_MOST_NAMED], found[_MOST_NAMED:]
            yield from named
            if others:
                level = min((finding.level for finding in others), key=list(Level).index)
                message = f"{len(others)} more lines like this (from here on): {others[0].message}"
                yield Finding(level=level, code=code, message=message, line=others[0].line)

    def _add(self, line: int, code: str, message: str, *, level: Level = Level.WARNING) -> None:
        self._findings[code].append(Finding(level=level, code=code, message=message, line=line))
