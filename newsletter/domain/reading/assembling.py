"""Assembling: from lines of any format to a draft. The rules about what a line is in its place stand here, once."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.domain.findings import Finding, Level
from newsletter.domain.reading.dates import NotOneDay, date_at_end, date_of, posted_in
from newsletter.domain.reading.decoding import MAX_LINES
from newsletter.domain.reading.drafts import MAX_STORIES, BriefDraft, Piece, SectionDraft, StoryDraft
from newsletter.domain.reading.labels import HEADER_FIELDS, STORY_FIELDS, Field, field_named, split_label
from newsletter.domain.reading.lines import Kind, Line, trim
from newsletter.domain.reading.links import NotAnAddress, link_in
from newsletter.errors import Fault

_LONGEST_HEADING = 100
_MOST_NAMED = 50
_PROSE_FIELDS = frozenset({Field.SUMMARY, Field.WHY})


def assemble(lines: Sequence[Line]) -> BriefDraft:
    """Sort lines into a draft. Text that belongs nowhere is named in a warning, never silently dropped."""
    if len(lines) > MAX_LINES:
        message = f"the source has {len(lines)} lines and paragraphs: at most {MAX_LINES} are allowed"
        return BriefDraft(header={}, sections=(), faults=(Fault(line=None, message=message),))
    assembler = _Assembler()
    for at, line in enumerate(lines):
        assembler.take(line, lines[at + 1] if at + 1 < len(lines) else None)
        if assembler.count > MAX_STORIES:
            fault = Fault(line=line.number, message=f"more than {MAX_STORIES} stories: split the brief")
            return BriefDraft(header={}, sections=(), faults=(fault,))
    return assembler.finished()


def is_plain_heading(text: str) -> bool:
    """Whether a paragraph is short enough, and without the full stop of a sentence, to title a section."""
    return 0 < len(text) <= _LONGEST_HEADING and text[-1] not in ".。,，;；…"


def is_dated_source(text: str) -> bool:
    """Whether a line without a label reads like "Xinhua · 2026-06-22"."""
    try:
        return date_at_end(text) is not None
    except NotOneDay:
        return True


class _OpenPiece:
    def __init__(self, line: int, text: str, *, url: str | None) -> None:
        self.line, self.parts, self.url = line, [text] if text else [], url

    def closed(self) -> Piece:
        return Piece(line=self.line, parts=tuple(self.parts), url=self.url)


class _OpenStory:
    def __init__(self, line: Line, text: str) -> None:
        self.line, self.ordinal, self.indent = line.number, line.ordinal, line.indent
        self.pieces: dict[Field, _OpenPiece] = {}
        self.repeated: set[Field] = set()
        self.open(Field.HEADLINE, text, number=line.number, url=line.url)

    def open(self, field: Field, text: str, *, number: int, url: str | None) -> None:
        self.field = field
        self.piece = self.pieces[field] = _OpenPiece(number, text, url=url)

    def add(self, line: Line) -> None:
        self.piece.parts.append(line.raw)
        self.piece.url = self.piece.url or line.url

    def closed(self) -> StoryDraft:
        return StoryDraft(
            line=self.line, ordinal=self.ordinal, pieces={field: piece.closed() for field, piece in self.pieces.items()}
        )


class _OpenSection:
    def __init__(self, title: str, line: int | None) -> None:
        self.title, self.line = title, line
        self.stories: list[StoryDraft] = []

    def closed(self) -> SectionDraft:
        return SectionDraft(title=self.title, line=self.line, stories=tuple(self.stories))


class _Assembler:
    """Reads line after line; `take` also sees the line that follows, which tells a heading from a paragraph."""

    def __init__(self) -> None:
        self.count = 0
        self._header: dict[Field, Piece] = {}
        self._plain: list[Line] = []
        self._sections: list[_OpenSection] = []
        self._story: _OpenStory | None = None
        self._indent = 0
        self._last_ordinal = 0
        self._ignored: list[Line] = []
        self._faults: list[Fault] = []

    def take(self, line: Line, following: Line | None) -> None:
        if self._begins_story(line):
            self._open_story(line)
        elif line.kind is Kind.HEADING:
            self._take_heading(line, following)
        elif self._story is not None:
            self._take_in_story(self._story, line, following=following)
        else:
            self._take_outside(line)

    def finished(self) -> BriefDraft:
        self._close_story()
        self._settle_plain()
        return BriefDraft(
            header=self._header,
            sections=tuple(section.closed() for section in self._sections),
            findings=_remarks_on(self._ignored),
            faults=tuple(self._faults),
        )

    # Stories

    def _begins_story(self, line: Line) -> bool:
        """A number begins a story if it comes after a gap, is the expected one, or follows a complete story."""
        if line.kind is not Kind.NUMBERED:
            return False
        if self._story is None or line.level:
            return True
        if line.indent > self._indent + 1:
            return False
        expected = line.ordinal == self._last_ordinal + 1
        return line.after_blank or expected or Field.LINK in self._story.pieces

    def _open_story(self, line: Line) -> None:
        self._close_story()
        self._settle_plain(before_story=True)
        if not self._sections:
            self._open_section("", None)
        if self.count == 0:
            self._indent = line.indent
        self.count += 1
        self._last_ordinal = line.ordinal if line.ordinal is not None else self._last_ordinal + 1
        self._story = _OpenStory(line, line.text)

    def _close_story(self) -> None:
        if self._story is not None:
            self._sections[-1].stories.append(self._story.closed())
            self._story = None

    def _take_in_story(self, story: _OpenStory, line: Line, *, following: Line | None) -> None:
        label = split_label(line.text)
        bare = field_named(line.text) if line.after_blank or line.kind is Kind.BULLET else None
        if label and label[0] is Field.SECTION:
            self._open_section(label[1], line.number)
        elif label and label[0] in STORY_FIELDS:
            self._open_field(story, label[0], line=line, text=label[1])
        elif bare in STORY_FIELDS:
            self._open_field(story, bare, line=line, text="")
        elif line.kind is Kind.BULLET:
            self._take_bullet(story, line, following=following)
        elif self._heads_section(line, following):
            self._open_section(line.text, line.number)
        else:
            self._take_paragraph(story, line)

    def _open_field(self, story: _OpenStory, field: Field, *, line: Line, text: str) -> None:
        if field is Field.SOURCE and Field.SOURCE in story.pieces and Field.LINK not in story.pieces:
            field = Field.LINK  # "Sohu · 2026-06-22" and later "Source: title (https://…)"
        if field in story.pieces and field not in story.repeated:
            story.repeated.add(field)
            message = f"story {self.count} has a second {field}: begin the next story with a number above this line"
            self._faults.append(Fault(line=line.number, message=message))
        story.open(field, text, number=line.number, url=line.url)

    def _take_bullet(self, story: _OpenStory, line: Line, *, following: Line | None) -> None:
        field = _field_of_bullet(story, line)
        if field is Field.SOURCE and _wraps_headline(story, line, following=following):
            story.add(line)
        elif field is not None:
            story.open(field, line.text, number=line.number, url=line.url)
        elif story.field in _PROSE_FIELDS:
            story.add(line)
        else:
            self._ignored.append(line)

    def _take_paragraph(self, story: _OpenStory, line: Line) -> None:
        if story.field is Field.HEADLINE and story.piece.parts and (line.after_blank or is_dated_source(line.text)):
            story.open(Field.SOURCE, line.text, number=line.number, url=line.url)
        elif line.after_blank and Field.LINK not in story.pieces and _is_link(line):
            story.open(Field.LINK, line.text, number=line.number, url=line.url)
        elif not line.after_blank or not story.piece.parts or story.field in _PROSE_FIELDS:
            story.add(line)
        else:
            self._ignored.append(line)

    # Sections and the header

    def _heads_section(self, line: Line, following: Line | None) -> bool:
        if line.kind is not Kind.TEXT or following is None or following.kind is not Kind.NUMBERED:
            return False
        restarts = following.ordinal == 1 and line.indent <= self._indent and not following.after_blank
        return (line.after_blank or restarts) and is_plain_heading(line.text)

    def _open_section(self, title: str, line: int | None) -> None:
        self._close_story()
        self._settle_plain()
        self._sections.append(_OpenSection(title, line))

    def _take_heading(self, line: Line, following: Line | None) -> None:
        label = split_label(line.text)
        if label and label[0] is Field.SECTION:
            self._open_section(label[1], line.number)
        elif self._story is not None and (label or field_named(line.text)):
            self._take_in_story(self._story, line, following=following)
        elif self._story is None and label and label[0] in HEADER_FIELDS:
            self._take_outside(line)
        elif self._is_title(line):
            self._header.setdefault(Field.TITLE, Piece(line=line.number, parts=(line.text,)))
        elif following is not None and _opens_story(following):
            self._open_story(line)
        else:
            self._open_section(line.text, line.number)

    def _is_title(self, line: Line) -> bool:
        """A heading is the title if it is the first text, the highest heading, or the title once more."""
        title = self._header.get(Field.TITLE)
        if title is not None:
            return line.text == title.text
        return self._story is None and not self._sections and (line.level == 1 or not self._plain)

    def _take_outside(self, line: Line) -> None:
        label = split_label(line.text)
        if label and label[0] is Field.SECTION:
            self._open_section(label[1], line.number)
        elif label and label[0] in HEADER_FIELDS:
            self._header.setdefault(label[0], Piece(line=line.number, parts=(label[1],)))
        elif posted_in(line.text):
            self._header.setdefault(Field.POSTED, Piece(line=line.number, parts=(line.text,)))
        elif _is_date(line.text):
            self._header.setdefault(Field.DATE, Piece(line=line.number, parts=(line.text,)))
        else:
            self._plain.append(line)

    def _settle_plain(self, *, before_story: bool = False) -> None:
        """Give the unmarked lines above a story or section their parts: title first, section title last."""
        plain, self._plain = self._plain, []
        if plain and Field.TITLE not in self._header:
            self._header[Field.TITLE] = Piece(line=plain[0].number, parts=(plain[0].raw,))
        title = self._header.get(Field.TITLE)
        rest = [line for line in plain if title is None or line.raw != title.text]
        if rest and before_story and not self._sections and is_plain_heading(rest[-1].text):
            heading = rest.pop()
            self._sections.append(_OpenSection(heading.text, heading.number))
        for line in rest:
            self._ignored.append(line)


def _remarks_on(ignored: Sequence[Line]) -> tuple[Finding, ...]:
    """A warning for each line that was left out; beyond some dozens, one for all the others."""
    named, others = ignored[:_MOST_NAMED], ignored[_MOST_NAMED:]
    remarks = [(line.number, f"this text belongs to no field and is left out: “{_shown(line.raw)}”") for line in named]
    if others:
        remarks.append((others[0].number, f"{len(others)} more lines belong to no field and are left out"))
    return tuple(
        Finding(level=Level.WARNING, code="text-ignored", message=message, line=number) for number, message in remarks
    )


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:59] + "…"


def _field_of_bullet(story: _OpenStory, line: Line) -> Field | None:
    """What a bullet without a label gives, or None."""
    if Field.SOURCE not in story.pieces and (len(story.pieces) == 1 or is_dated_source(line.text)):
        return Field.SOURCE
    if Field.DATE not in story.pieces and _is_date(line.text):
        return Field.DATE
    return Field.LINK if Field.LINK not in story.pieces and _is_link(line) else None


def _wraps_headline(story: _OpenStory, line: Line, *, following: Line | None) -> bool:
    """Whether what looks like a bullet is the dash inside a headline that was broken there: the source comes next."""
    if story.field is not Field.HEADLINE or line.after_blank or following is None or is_dated_source(line.text):
        return False
    return split_label(following.text) is None and is_dated_source(following.text)


def _opens_story(following: Line) -> bool:
    """Whether what stands below an unnumbered heading shows that it is a headline."""
    if following.kind is Kind.BULLET:
        return True
    label = split_label(following.text)
    return following.kind is Kind.TEXT and (
        (label is not None and label[0] in STORY_FIELDS) or is_dated_source(following.text)
    )


def _is_date(text: str) -> bool:
    try:
        return date_of(trim(text)) is not None
    except NotOneDay:
        return True


def _is_link(line: Line) -> bool:
    """Whether a line without a label is a link rather than prose that mentions one."""
    try:
        link = link_in(line.text)
    except NotAnAddress:
        return True
    return (link.url is not None or line.url is not None) and len(link.title) <= _LONGEST_HEADING
