"""Judging: from a draft to a brief, with a finding or a fault for whatever is not as it should be.

A fault refuses the whole brief: it has no title, no date, no story. What concerns one story is a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from newsletter.domain.brief import Brief, Section, Story
from newsletter.domain.findings import Finding
from newsletter.domain.reading.dates import NotOneDay, date_in, date_of, posted_in
from newsletter.domain.reading.drafts import BriefDraft, Piece
from newsletter.domain.reading.judging_stories import StoryJudge, told_language
from newsletter.domain.reading.labels import Field
from newsletter.domain.reading.language import language_of
from newsletter.domain.reading.remarks import Remarks
from newsletter.errors import UnreadableBrief

PREHEADER_LENGTH = 120
_EMPTY = Piece(line=None, parts=())


@dataclass(frozen=True, kw_only=True, slots=True)
class Judged:
    """A brief and what there is to remark about its source, in the order of its lines."""

    brief: Brief
    findings: tuple[Finding, ...]


def judged(draft: BriefDraft) -> Judged:
    """The brief that a draft amounts to; UnreadableBrief with every fault, in the order of the lines."""
    return _Judge(draft).verdict()


def derived_preheader(headlines: list[str]) -> str:
    """The first three headlines, cut at a word so that at most 120 characters remain."""
    joined = " · ".join([headline for headline in headlines if headline][:3])
    if len(joined) <= PREHEADER_LENGTH:
        return joined
    cut = joined[:PREHEADER_LENGTH]
    if " " in cut:
        cut = cut[: cut.rindex(" ")]
    return cut[: PREHEADER_LENGTH - 1].rstrip(" ·,;:，；：—–-") + "…"


def derived_language(sections: tuple[Section, ...]) -> str:
    """The language that most of a brief is in, judged by what it says; by its headlines where it says nothing."""
    stories = [story for section in sections for story in section.stories]
    told = " ".join(story.summary for story in stories)
    return language_of(told if told.strip() else " ".join(story.headline for story in stories))


class _Judge:
    def __init__(self, draft: BriefDraft) -> None:
        self._draft = draft
        self._remarks = Remarks(draft)

    def verdict(self) -> Judged:
        remarks = self._remarks
        if remarks.faults and not self._draft.sections:
            raise UnreadableBrief(remarks.faults)
        title = self._title()
        posted = posted_in(self._draft.header.get(Field.POSTED, _EMPTY).text)
        day = self._brief_date(title, posted)
        sections = self._sections(day)
        stories = [story for section in sections for story in section.stories]
        self._remark_duplicates(stories)
        preheader = self._preheader([story.headline for story in stories])
        language = told_language(self._draft.header, derived=derived_language(sections), remarks=remarks)
        if remarks.faults or day is None:
            raise UnreadableBrief(remarks.faults)
        brief = Brief(
            title=title,
            date=day,
            posted_at=posted[1] if posted else None,
            preheader=preheader,
            language=language,
            sections=sections,
        )
        return Judged(brief=brief, findings=remarks.findings)

    def _title(self) -> str:
        piece = self._draft.header.get(Field.TITLE, _EMPTY)
        if not piece.text:
            self._remarks.fault(piece.line, "the brief has no title: put a heading above the first story")
        return self._remarks.bounded(Field.TITLE, piece, owner="the brief")

    def _brief_date(self, title: str, posted: tuple[date, datetime | None] | None) -> date | None:
        """The date of a line of its own, else of the title, else of the posting time."""
        near = posted[0] if posted else None
        piece = self._draft.header.get(Field.DATE)
        if piece is not None:
            return self._written_date(piece, near=near)
        found = date_in(title, near=near) or near
        if found is None:
            line = self._draft.header.get(Field.TITLE, _EMPTY).line
            message = "the brief has no date: put it into the heading, as in “Morning Brief — 2026-06-22”"
            self._remarks.fault(line, message)
        return found

    def _written_date(self, piece: Piece, *, near: date | None) -> date | None:
        try:
            found = date_of(piece.text, near=near)
        except NotOneDay as error:
            self._remarks.fault(piece.line, str(error))
            return None
        if found is None:
            self._remarks.fault(piece.line, f"“{piece.text[:40]}” is not a date: write it as 2026-06-22")
        return found

    def _preheader(self, headlines: list[str]) -> str:
        piece = self._draft.header.get(Field.PREHEADER)
        if piece is None:
            return derived_preheader(headlines)
        return self._remarks.bounded(Field.PREHEADER, piece, owner="the brief")

    def _sections(self, day: date | None) -> tuple[Section, ...]:
        sections: list[Section] = []
        judge = StoryJudge(self._remarks, day=day)
        for draft in self._draft.sections:
            stories = tuple(judge.story(story) for story in draft.stories)
            if stories:
                piece = Piece(line=draft.line, parts=(draft.title,))
                title = self._remarks.bounded(Field.SECTION, piece, owner="a section")
                sections.append(Section(title=title, stories=stories))
            elif draft.title:
                message = f"the section “{draft.title[:60]}” has no story and is left out"
                self._remarks.warn(draft.line, "section-empty", message)
        if not judge.count:
            self._remarks.fault(None, "the brief has no story: each begins with a number, as in “1. Headline”")
        judge.remark_renumbering()
        return tuple(sections)

    def _remark_duplicates(self, stories: list[Story]) -> None:
        """The same headline twice, or the same address twice; equal link titles alone mean nothing."""
        headlines: dict[str, int] = {}
        addresses: dict[str, int] = {}
        lines = [story.line for section in self._draft.sections for story in section.stories]
        for story, line in zip(stories, lines, strict=True):
            first = headlines.setdefault(" ".join(story.headline.casefold().split()), story.number)
            if first != story.number and story.headline:
                message = f"story {story.number} has the headline of story {first}"
                self._remarks.warn(line, "duplicate-story", message)
            first = addresses.setdefault(story.url, story.number) if story.url else story.number
            if first != story.number:
                message = f"story {story.number} links to the same address as story {first}"
                self._remarks.warn(line, "duplicate-link", message)
