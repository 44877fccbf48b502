"""Ahead: what the lines below a line tell about it."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.domain.reading import looks
from newsletter.domain.reading.labels import HEADER_FIELDS, STORY_FIELDS, Field
from newsletter.domain.reading.lines import Kind, Line, is_chinese_numeral
from newsletter.domain.reading.open_drafts import OpenStory

FIELDS_OF_STORIES_ONLY = STORY_FIELDS - HEADER_FIELDS
_LINES_AHEAD = 3
_EVIDENCE_AHEAD = 6
_SHORTEST_WRAPPED = 40


class Ahead:
    """Looks a bounded number of lines ahead, so that a brief is read in time linear to its length."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines

    def following(self, at: int) -> Line | None:
        """The next line."""
        return self._lines[at + 1] if at + 1 < len(self._lines) else None

    def field(self, at: int, *, of: OpenStory | None = None) -> Field | None:
        """The field that stands below a line, if it shows that the line is a headline.

        Inside a story it must be a source, or a field that this story has already.
        """
        for line in self._lines[at + 1 : at + 1 + _LINES_AHEAD]:
            if line.kind in (Kind.HEADING, Kind.NUMBERED):
                return None
            field = looks.field_begun_by(line)
            if field is Field.HEADLINE:
                return None
            if field is not None:
                starts = of is None or field in of.pieces or (field is Field.SOURCE and Field.LINK in of.pieces)
                return field if starts else None
            if line.kind is Kind.TEXT and not wraps(self._lines[at], line):
                return None
        return None

    def shows_headline(self, at: int) -> bool:
        """Whether two fields stand below a line outside of any story: titles and menus have at most a date there."""
        if self.field(at) not in FIELDS_OF_STORIES_ONLY:
            return False
        shown: set[Field] = set()
        for line in self._lines[at + 1 : at + 1 + _EVIDENCE_AHEAD]:
            if line.kind in (Kind.HEADING, Kind.NUMBERED):
                break
            field = looks.field_begun_by(line) or (Field.SUMMARY if looks.is_prose(line.text) else None)
            if field is None and line.kind is Kind.TEXT and line.after_blank:
                break
            shown |= {field} if field else set()
        return len(shown) > 1

    def numbers_section(self, at: int) -> bool:
        """Whether "一、政策" titles a section: a number in figures comes next."""
        line, following = self._lines[at], self.following(at)
        if line.kind is not Kind.NUMBERED or following is None or following.kind is not Kind.NUMBERED:
            return False
        return is_chinese_numeral(line.raw) and not is_chinese_numeral(following.raw) and following.ordinal == 1


def wraps(first: Line, following: Line) -> bool:
    """Whether a line looks like the rest of the one before, which was broken at a margin."""
    return not following.after_blank and (len(first.raw) >= _SHORTEST_WRAPPED or following.text[:1].islower())
