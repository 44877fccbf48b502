"""Judging: from a draft to a brief, with a finding or a fault for whatever is not as it should be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from newsletter.domain.brief import Brief, Section, Story
from newsletter.domain.findings import Finding, Level
from newsletter.domain.reading.dates import NotOneDay, date_at_end, date_at_start, date_in, date_of, posted_in
from newsletter.domain.reading.drafts import BriefDraft, Piece, StoryDraft
from newsletter.domain.reading.labels import Field
from newsletter.domain.reading.language import language_of
from newsletter.domain.reading.links import Link, NotAnAddress, checked_address, link_in
from newsletter.errors import Fault, UnreadableBrief

PREHEADER_LENGTH = 120
LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")
NO_DATE = frozenset({"", "-", "–", "—", "none", "unknown", "n/a", "无"})
LONGEST: Mapping[Field, int] = {
    Field.TITLE: 300,
    Field.SECTION: 300,
    Field.PREHEADER: 500,
    Field.HEADLINE: 1000,
    Field.SOURCE: 300,
    Field.LINK_TITLE: 1000,
    Field.SUMMARY: 20_000,
    Field.WHY: 20_000,
}
_SEPARATORS = "·•|—–-,，/／("
# "Sohu | Date: 2026-06-22" in one line
_DATE_LABEL = re.compile(r"(?<=[·•|—–,，/／(（\s-])(?:date|日期)\s?[:：]\s?\Z", re.IGNORECASE)
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
    joined = " · ".join(headlines[:3])
    if len(joined) <= PREHEADER_LENGTH:
        return joined
    cut = joined[:PREHEADER_LENGTH]
    if " " in cut:
        cut = cut[: cut.rindex(" ")]
    return cut[: PREHEADER_LENGTH - 1].rstrip(" ·,;:，；：—–-") + "…"


def derived_language(sections: tuple[Section, ...]) -> str:
    """The language that most of a brief is in, judged by what it says rather than by its headlines."""
    return language_of(" ".join(story.summary for section in sections for story in section.stories))


def source_and_date(text: str, *, near: date | None = None) -> tuple[str, date | None]:
    """Split "Xinhua · 2026-06-22" (or the date first); the whole text is the source where no date is in it.

    Raises NotOneDay for a date that is none or could be two.
    """
    found = date_at_end(text, near=near)
    if found is not None:
        before = _DATE_LABEL.sub("", text[: found.start]).rstrip()
        return before.rstrip(_SEPARATORS + "（").rstrip(), found.day
    found = date_at_start(text, near=near)
    rest = text[found.end :].lstrip() if found else ""
    if found is not None and rest[:1] and rest[0] in _SEPARATORS:
        return rest.lstrip(_SEPARATORS).strip(), found.day
    return text, None


class _Judge:
    def __init__(self, draft: BriefDraft) -> None:
        self._draft = draft
        self._findings = list(draft.findings)
        self._faults = list(draft.faults)
        self._day: date | None = None

    def verdict(self) -> Judged:
        if self._faults and not self._draft.sections:
            raise UnreadableBrief(self._faults)
        title = self._title()
        posted_at = self._posted_at()
        self._day = self._brief_date(title)
        sections = self._sections()
        stories = [story for section in sections for story in section.stories]
        self._remark_duplicates(stories)
        preheader = self._preheader([story.headline for story in stories])
        language = self._language(self._draft.header, derived_language(sections))
        if self._faults or self._day is None:
            raise UnreadableBrief(sorted(self._faults, key=lambda fault: fault.line or 0))
        brief = Brief(
            title=title,
            date=self._day,
            posted_at=posted_at,
            preheader=preheader,
            language=language,
            sections=sections,
        )
        return Judged(brief=brief, findings=tuple(sorted(self._findings, key=lambda finding: finding.line or 0)))

    # The header

    def _title(self) -> str:
        piece = self._draft.header.get(Field.TITLE, _EMPTY)
        if not piece.text:
            self._fault(piece.line, "the brief has no title: put a heading above the first story")
        return self._bounded(Field.TITLE, piece, owner="the brief")

    def _posted(self) -> tuple[date, datetime | None] | None:
        piece = self._draft.header.get(Field.POSTED, _EMPTY)
        return posted_in(piece.text)

    def _posted_at(self) -> datetime | None:
        posted = self._posted()
        return posted[1] if posted else None

    def _brief_date(self, title: str) -> date | None:
        """The date of a line of its own, else of the title, else of the posting time."""
        posted = self._posted()
        near = posted[0] if posted else None
        piece = self._draft.header.get(Field.DATE)
        if piece is not None:
            try:
                found = date_of(piece.text, near=near)
            except NotOneDay as error:
                self._fault(piece.line, str(error))
                return None
            if found is None:
                self._fault(piece.line, f"“{piece.text[:40]}” is not a date: write it as 2026-06-22")
            return found
        found = date_in(title, near=near) or near
        if found is None:
            line = self._draft.header.get(Field.TITLE, _EMPTY).line
            self._fault(line, "the brief has no date: put it into the heading, as in “Morning Brief — 2026-06-22”")
        return found

    def _preheader(self, headlines: list[str]) -> str:
        piece = self._draft.header.get(Field.PREHEADER)
        return (
            derived_preheader(headlines) if piece is None else self._bounded(Field.PREHEADER, piece, owner="the brief")
        )

    def _language(self, pieces: Mapping[Field, Piece], derived: str) -> str:
        piece = pieces.get(Field.LANGUAGE)
        if piece is None:
            return derived
        if LANGUAGE_TAG.fullmatch(piece.text) is None:
            self._fault(piece.line, f"“{piece.text[:40]}” is not a language tag: write one like en, zh-Hans or zh-Hant")
        return piece.text

    # The stories

    def _sections(self) -> tuple[Section, ...]:
        sections: list[Section] = []
        number, moved = 0, None
        for draft in self._draft.sections:
            stories = []
            for story in draft.stories:
                number += 1
                if moved is None and story.ordinal not in (None, number):
                    moved = story
                stories.append(self._story(story, number))
            if stories:
                title = self._bounded(Field.SECTION, Piece(line=draft.line, parts=(draft.title,)), owner="a section")
                sections.append(Section(title=title, stories=tuple(stories)))
            elif draft.title:
                self._warn(
                    draft.line, "section-empty", f"the section “{draft.title[:60]}” has no story and is left out"
                )
        if not number:
            self._fault(None, "the brief has no story: each begins with a number, as in “1. Headline”")
        if moved is not None:
            self._note(
                moved.line, "renumbered", f"the stories are renumbered from 1 to {number} through the whole brief"
            )
        return tuple(sections)

    def _story(self, draft: StoryDraft, number: int) -> Story:
        name = f"story {number}"
        headline = self._required(draft, Field.HEADLINE, name=name, wanted="headline: give it one after its number")
        source, day = self._source_and_date(draft, name)
        summary = self._required(draft, Field.SUMMARY, name=name, wanted="summary: give it one (“Summary: …”)")
        why = self._bounded(Field.WHY, draft.pieces.get(Field.WHY, _EMPTY), owner=name)
        if not why:
            self._warn(draft.line, "why-missing", f"{name} does not say why it matters")
        link = self._link(draft, name, headline=headline)
        self._remark_lost_links(draft, name)
        return Story(
            number=number,
            headline=headline,
            source=source,
            date=day,
            summary=summary,
            why_it_matters=why,
            link_title=link.title,
            url=link.url,
            language=self._language(draft.pieces, language_of(headline)),
        )

    def _required(self, draft: StoryDraft, field: Field, *, name: str, wanted: str) -> str:
        piece = draft.pieces.get(field, _EMPTY)
        if not piece.text:
            self._fault(piece.line or draft.line, f"{name} has no {wanted}")
        return self._bounded(field, piece, owner=name)

    def _source_and_date(self, draft: StoryDraft, name: str) -> tuple[str, date | None]:
        piece = draft.pieces.get(Field.SOURCE, _EMPTY)
        source, day = self._bounded(Field.SOURCE, piece, owner=name), None
        dated = draft.pieces.get(Field.DATE)
        line = dated.line if dated else piece.line
        try:
            if dated is None:
                source, day = source_and_date(self._source_words(draft, source), near=self._day)
            elif dated.text.casefold() not in NO_DATE:
                day = date_of(dated.text, near=self._day)
                if day is None:
                    self._fault(line, f"{name}: “{dated.text[:40]}” is not a date: write it as 2026-06-22")
                    return source, None
        except NotOneDay as error:
            self._fault(line, f"{name}: {error}")
            return source, None
        if not source:
            self._warn(line or draft.line, "source-missing", f"{name} names no source")
        if day is None:
            self._warn(line or draft.line, "story-date-missing", f"{name} has no date")
        return source, day

    @staticmethod
    def _source_words(draft: StoryDraft, source: str) -> str:
        """The source without an address behind it, where that serves as the story's link."""
        if Field.LINK in draft.pieces or Field.LINK_TITLE in draft.pieces:
            return source
        try:
            link = link_in(source)
        except NotAnAddress:
            return source
        return link.title if link.url else source

    def _link(self, draft: StoryDraft, name: str, *, headline: str) -> Link:
        """The link of the URL line, else of the source or headline; a missing title is the headline's words."""
        piece = self._link_piece(draft)
        words = draft.pieces.get(Field.LINK_TITLE, _EMPTY)
        if piece is None or not (piece.text or piece.url or words.text):
            line = draft.pieces.get(Field.LINK, _EMPTY).line or draft.line
            self._fault(line, f"{name} has no link: give it one (“URL: …”)")
            return Link(title=headline, url=None)
        try:
            link = Link(title="", url=None) if piece is words else _link_of(piece)
        except NotAnAddress as error:
            self._fault(piece.line, f"{name}: {error}")
            return Link(title=headline, url=None)
        title = self._bounded(Field.LINK_TITLE, words, owner=name) or link.title
        self._bounded(Field.LINK_TITLE, Piece(line=piece.line, parts=(title,)), owner=name)
        if link.url is None:
            shown = title if len(title) <= 60 else title[:59] + "…"
            self._warn(piece.line, "link-missing", f"{name} has a link title without an address: “{shown}”")
        if not title or title == link.url:
            self._warn(piece.line, "link-title-missing", f"{name} has no link title: its headline stands in")
            title = headline
        return Link(title=title, url=link.url)

    @staticmethod
    def _link_piece(draft: StoryDraft) -> Piece | None:
        if Field.LINK in draft.pieces:
            return draft.pieces[Field.LINK]
        if Field.LINK_TITLE in draft.pieces:
            return draft.pieces[Field.LINK_TITLE]
        source, headline = draft.pieces.get(Field.SOURCE, _EMPTY), draft.pieces.get(Field.HEADLINE, _EMPTY)
        if source.url is not None or _address_in(source.text):
            return source
        return headline if headline.url is not None and _is_web_address(headline.url) else None

    def _remark_lost_links(self, draft: StoryDraft, name: str) -> None:
        for field in (Field.SUMMARY, Field.WHY):
            piece = draft.pieces.get(field, _EMPTY)
            if piece.url is not None:
                message = f"{name}: the link in its {field} is left out, its words stay"
                self._note(piece.line, "inline-link-removed", message)

    def _remark_duplicates(self, stories: list[Story]) -> None:
        """The same headline twice, or the same address twice; equal link titles alone mean nothing."""
        headlines: dict[str, int] = {}
        addresses: dict[str, int] = {}
        lines = [story.line for section in self._draft.sections for story in section.stories]
        for story, line in zip(stories, lines, strict=True):
            first = headlines.setdefault(" ".join(story.headline.casefold().split()), story.number)
            if first != story.number and story.headline:
                message = f"story {story.number} has the headline of story {first}"
                self._warn(line, "duplicate-story", message)
            first = addresses.setdefault(story.url, story.number) if story.url else story.number
            if first != story.number:
                self._warn(line, "duplicate-link", f"story {story.number} links to the same address as story {first}")

    # Remarks

    def _bounded(self, field: Field, piece: Piece, *, owner: str) -> str:
        text = piece.text
        if len(text) > LONGEST[field]:
            name = "title" if field is Field.SECTION else field
            message = f"the {name} of {owner} is {len(text)} characters long: at most {LONGEST[field]} are allowed"
            self._fault(piece.line, message)
        return text

    def _fault(self, line: int | None, message: str) -> None:
        self._faults.append(Fault(line=line, message=message))

    def _warn(self, line: int | None, code: str, message: str) -> None:
        self._findings.append(Finding(level=Level.WARNING, code=code, message=message, line=line))

    def _note(self, line: int | None, code: str, message: str) -> None:
        self._findings.append(Finding(level=Level.NOTE, code=code, message=message, line=line))


def _link_of(piece: Piece) -> Link:
    """The link of a piece whose address may be in its words, beside them, or both."""
    try:
        written = link_in(piece.text)
    except NotAnAddress:
        if piece.url is None or piece.text == piece.url:
            raise
        written = Link(title=piece.text, url=None)
    if piece.url is None or written.url == piece.url:
        return written
    return Link(title=piece.text, url=checked_address(piece.url))


def _address_in(text: str) -> bool:
    try:
        return link_in(text).url is not None
    except NotAnAddress:
        return True


def _is_web_address(url: str) -> bool:
    try:
        checked_address(url)
    except NotAnAddress:
        return False
    return True
