"""Judging stories: what one story says, and what it lacks. Nothing about one story refuses the whole brief.

A story without headline or summary must not be sent: a blocker. So is what was written and had to be left out (an
address nobody can follow, a date that is none). What is merely absent is a warning.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

from newsletter.domain.brief import Story
from newsletter.domain.reading.dates import NotOneDay, date_at_end, date_at_start, date_of
from newsletter.domain.reading.drafts import Piece, StoryDraft
from newsletter.domain.reading.labels import Field, label_inside
from newsletter.domain.reading.language import language_of
from newsletter.domain.reading.links import Link, NotAnAddress, checked_address, link_in
from newsletter.domain.reading.remarks import Remarks

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}")
NO_DATE = frozenset({"", "-", "–", "—", "none", "unknown", "n/a", "无"})
_SEPARATORS = "·•|—–-,，、/／(;；"
# "Sohu | Date: 2026-06-22" in one line
_DATE_LABEL = re.compile(r"(?<=[·•|—–,，/／(（\s-])(?:date|日期)\s?[:：]\s?\Z", re.IGNORECASE)
_SOURCE_BEHIND = re.compile(r"(?<=\S)\s?[(（\[【]([^()（）\[\]【】]{3,100})[)）\]】]\Z")
_IN_BRACKETS = {"(": ")", "（": "）", "[": "]", "【": "】"}
_EMPTY = Piece(line=None, parts=())


def source_and_date(text: str, *, near: date | None = None) -> tuple[str, date | None]:
    """Split "Xinhua · 2026-06-22" (or the date first); the whole text is the source where no date is in it.

    Raises NotOneDay for a date that is none or could be two.
    """
    closing = _IN_BRACKETS.get(text[:1])
    if closing and text.endswith(closing) and closing not in text[1:-1] and text[0] not in text[1:]:
        source, day = source_and_date(text[1:-1].strip(), near=near)
        if day is not None:  # "(Xinhua, 22 June 2026)"
            return source, day
    found = date_at_end(text, near=near)
    if found is not None:
        before = _DATE_LABEL.sub("", text[: found.start]).rstrip()
        return before.rstrip(_SEPARATORS + "（").rstrip(), found.day
    found = date_at_start(text, near=near)
    rest = text[found.end :] if found else ""
    if found is not None and rest[:1] and (rest[0].isspace() or rest[0] in _SEPARATORS):
        return rest.lstrip().lstrip(_SEPARATORS).strip(), found.day
    return text, None


def told_language(pieces: Mapping[Field, Piece], *, derived: str, remarks: Remarks) -> str:
    """The language that a line names, else the derived one."""
    piece = pieces.get(Field.LANGUAGE)
    if piece is None:
        return derived
    if LANGUAGE_TAG.fullmatch(piece.text) is None:
        message = f"“{piece.text[:40]}” is not a language tag and is left out: write one like en, zh-Hans or zh-Hant"
        remarks.warn(piece.line, "language-invalid", message)
        return derived
    return piece.text


class StoryJudge:
    """Judges story after story and numbers them through the whole brief."""

    def __init__(self, remarks: Remarks, *, day: date | None) -> None:
        self.count = 0
        self._remarks = remarks
        self._day = day
        self._moved: StoryDraft | None = None

    def story(self, draft: StoryDraft) -> Story:
        """The story that a draft amounts to; what it lacks is remarked."""
        self.count += 1
        if self._moved is None and draft.ordinal not in (None, self.count):
            self._moved = draft
        name = f"story {self.count}"
        draft = _with_source_of_headline(draft, near=self._day)
        headline = self._required(draft, Field.HEADLINE, name=name, advice="give it one after its number")
        source, day = self._source_and_date(draft, name)
        summary = self._required(draft, Field.SUMMARY, name=name, advice="give it one (“Summary: …”)")
        why = self._remarks.bounded(Field.WHY, draft.pieces.get(Field.WHY, _EMPTY), owner=name)
        if not why:
            self._remarks.warn(draft.line, "why-missing", f"{name} does not say why it matters")
        link = self._link(draft, name, headline=headline)
        self._remark_inside(draft, name)
        return Story(
            number=self.count,
            headline=headline,
            source=source,
            date=day,
            summary=summary,
            why_it_matters=why,
            link_title=link.title,
            url=link.url,
            language=told_language(draft.pieces, derived=language_of(headline), remarks=self._remarks),
        )

    def remark_renumbering(self) -> None:
        """Say once where the numbers of the source were not 1, 2, 3 and so on."""
        if self._moved is not None:
            message = f"the stories are renumbered from 1 to {self.count} through the whole brief"
            self._remarks.note(self._moved.line, "renumbered", message)

    def _required(self, draft: StoryDraft, field: Field, *, name: str, advice: str) -> str:
        piece = draft.pieces.get(field, _EMPTY)
        if not piece.text:
            line = piece.line or draft.line
            self._remarks.block(line, f"{field}-missing", f"{name} has no {field}: {advice}")
        return self._remarks.bounded(field, piece, owner=name)

    # Source and date

    def _source_and_date(self, draft: StoryDraft, name: str) -> tuple[str, date | None]:
        piece = draft.pieces.get(Field.SOURCE, _EMPTY)
        dated = draft.pieces.get(Field.DATE)
        source = self._remarks.bounded(Field.SOURCE, piece, owner=name)
        line = (dated.line if dated else piece.line) or draft.line
        try:
            source, day = self._split_date(draft, source) if dated is None else (source, self._date_of(dated.text))
        except NotOneDay as error:
            self._remarks.block(line, "story-date-invalid", f"{name}: {error}")
            return source, None
        if not source:
            self._remarks.warn(line, "source-missing", f"{name} names no source")
        if day is None:
            self._remarks.warn(line, "story-date-missing", f"{name} has no date")
        return source, day

    def _split_date(self, draft: StoryDraft, source: str) -> tuple[str, date | None]:
        return source_and_date(_source_words(draft, source), near=self._day)

    def _date_of(self, text: str) -> date | None:
        if text.casefold() in NO_DATE:
            return None
        day = date_of(text, near=self._day)
        if day is None:
            raise NotOneDay(f"“{text[:40]}” is not a date: write it as 2026-06-22")
        return day

    # The link

    def _link(self, draft: StoryDraft, name: str, *, headline: str) -> Link:
        """The link of the URL line, else of the source or headline; a missing title is the headline's words."""
        piece = _link_piece(draft)
        words = draft.pieces.get(Field.LINK_TITLE, _EMPTY)
        line = (piece or _EMPTY).line or draft.line
        if piece is None or not (piece.text or piece.url or words.text):
            self._remarks.warn(line, "link-missing", f"{name} has no link: give it one (“URL: …”)")
            return Link(title="", url=None)
        try:
            link = Link(title="", url=None) if piece is words else _link_of(piece)
        except NotAnAddress as error:
            self._remarks.block(line, "link-invalid", f"{name}: {error}; the address is left out")
            return Link(title=words.text or error.title, url=None)
        title = self._remarks.bounded(Field.LINK_TITLE, words, owner=name) or link.title
        self._remarks.bounded(Field.LINK_TITLE, Piece(line=piece.line, parts=(title,)), owner=name)
        if link.url is None:
            shown = title if len(title) <= 60 else title[:59] + "…"
            self._remarks.warn(line, "link-missing", f"{name} has a link title without an address: “{shown}”")
        if not title or title == link.url:
            self._remarks.warn(line, "link-title-missing", f"{name} has no link title: its headline stands in")
            title = headline
        return Link(title=title, url=link.url)

    def _remark_inside(self, draft: StoryDraft, name: str) -> None:
        for field in (Field.HEADLINE, Field.SUMMARY, Field.WHY):
            piece = draft.pieces.get(field, _EMPTY)
            if piece.url is not None and field is not Field.HEADLINE:
                message = f"{name}: the link in its {field} is left out, its words stay"
                self._remarks.note(piece.line, "inline-link-removed", message)
            label = label_inside(piece.text)
            if label:
                message = f"{name}: “{label}” stands inside its {field}: begin a new line with it"
                self._remarks.warn(piece.line, "label-inside", message)


def _with_source_of_headline(draft: StoryDraft, *, near: date | None) -> StoryDraft:
    """Give a story its source and date where they stand in parentheses behind its headline: "… (Xinhua, 22 June)"."""
    headline = draft.pieces.get(Field.HEADLINE, _EMPTY)
    found = _SOURCE_BEHIND.search(headline.text) if len(headline.text) < 1000 else None
    if found is None or Field.SOURCE in draft.pieces or Field.DATE in draft.pieces:
        return draft
    try:
        source, day = source_and_date(found[1], near=near)
    except NotOneDay:
        return draft
    if not source or day is None:
        return draft
    shorter = Piece(line=headline.line, parts=(headline.text[: found.start()],), url=headline.url)
    behind = Piece(line=headline.line, parts=(found[1],))
    return replace(draft, pieces={**draft.pieces, Field.HEADLINE: shorter, Field.SOURCE: behind})


def _source_words(draft: StoryDraft, source: str) -> str:
    """The source without an address behind it, where that serves as the story's link."""
    if Field.LINK in draft.pieces or Field.LINK_TITLE in draft.pieces:
        return source
    try:
        link = link_in(source)
    except NotAnAddress:
        return source
    return link.title if link.url else source


def _link_piece(draft: StoryDraft) -> Piece | None:
    if Field.LINK in draft.pieces:
        return draft.pieces[Field.LINK]
    if Field.LINK_TITLE in draft.pieces:
        return draft.pieces[Field.LINK_TITLE]
    source, headline = draft.pieces.get(Field.SOURCE, _EMPTY), draft.pieces.get(Field.HEADLINE, _EMPTY)
    if source.url is not None or _address_in(source.text):
        return source
    return headline if headline.url is not None and _is_web_address(headline.url) else None


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
    return Link(title=piece.text, url=checked_address(piece.url, title=piece.text))


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
