"""Drafts: what a source says, sorted into fields but not yet judged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from newsletter.domain.findings import Finding
from newsletter.domain.reading.labels import Field
from newsletter.domain.reading.lines import join_wrapped
from newsletter.errors import Fault

MAX_STORIES = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """The value of one field as the source has it: the lines of its text, and the address of a link in it."""

    line: int | None
    parts: tuple[str, ...]
    url: str | None = None

    @property
    def text(self) -> str:
        """The value in one line."""
        return join_wrapped(list(self.parts))


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryDraft:
    """One story; `ordinal` is the number that the source gives it, if any."""

    line: int | None
    ordinal: int | None
    pieces: Mapping[Field, Piece]


@dataclass(frozen=True, kw_only=True, slots=True)
class SectionDraft:
    """A section; its title may be empty."""

    title: str
    line: int | None
    stories: tuple[StoryDraft, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class BriefDraft:
    """A whole brief, with what was already remarked and found wrong on the way."""

    header: Mapping[Field, Piece]
    sections: tuple[SectionDraft, ...]
    findings: tuple[Finding, ...] = field(default=())
    faults: tuple[Fault, ...] = field(default=())
