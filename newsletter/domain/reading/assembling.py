"""Assembling: from lines of any format to a draft. The rules about what a line is in its place stand here, once."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.domain.reading import looks
from newsletter.domain.reading.ahead import FIELDS_OF_STORIES_ONLY, Ahead, wraps
from newsletter.domain.reading.dates import posted_in
from newsletter.domain.reading.decoding import MAX_LINES
from newsletter.domain.reading.drafts import MAX_STORIES, BriefDraft, Piece
from newsletter.domain.reading.labels import HEADER_FIELDS, STORY_FIELDS, Field, split_label
from newsletter.domain.reading.line_remarks import LineRemarks
from newsletter.domain.reading.lines import Kind, Line
from newsletter.domain.reading.open_drafts import OpenSection, OpenStory
from newsletter.domain.reading.places import field_of_bullet, field_of_paragraph
from newsletter.domain.reading.titles import title_among
from newsletter.errors import Fault

_PROSE_FIELDS = frozenset({Field.SUMMARY, Field.WHY})
_NAMED_BY_LABEL = frozenset({Field.SUMMARY, Field.WHY, Field.LINK_TITLE})


def assemble(lines: Sequence[Line]) -> BriefDraft:
    """Sort lines into a draft. Text that belongs nowhere is named in a warning, never silently dropped."""
    if len(lines) > MAX_LINES:
        message = f"the source has {len(lines)} lines and paragraphs: at most {MAX_LINES} are allowed"
        return BriefDraft(header={}, sections=(), faults=(Fault(line=None, message=message),))
    assembler = _Assembler(lines)
    for at, line in enumerate(lines):
        assembler.take(at)
        if assembler.count > MAX_STORIES:
            fault = Fault(line=line.number, message=f"more than {MAX_STORIES} stories: split the brief")
            return BriefDraft(header={}, sections=(), faults=(fault,))
    return assembler.finished()


class _Assembler:
    """Reads line after line, looking a few lines ahead, which tells a heading or a headline from a paragraph."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.count = 0
        self._lines = lines
        self._ahead = Ahead(lines)
        self._header: dict[Field, Piece] = {}
        self._plain: list[Line] = []
        self._sections: list[OpenSection] = []
        self._story: OpenStory | None = None
        self._in_footer = False
        self._indent = 0
        self._last_ordinal = 0
        self._remarks = LineRemarks()

    def take(self, at: int) -> None:
        """Give the line its place."""
        line = self._lines[at]
        if self._ahead.numbers_section(at):
            self._open_section(line.text, line.number)
        elif self._begins_story(at):
            self._open_story(line, line.text)
        elif self._lacks_headline(line):
            self._take_in_story(self._open_story(line, ""), at)
        elif self._is_in_footer(at):
            self._remarks.ignored(line.number, line.raw)
        elif line.kind is Kind.HEADING:
            self._take_heading(at)
        elif self._story is not None:
            self._take_in_story(self._story, at)
        else:
            self._take_outside(line)

    def finished(self) -> BriefDraft:
        """The draft of all lines taken."""
        self._close_story()
        self._settle_plain()
        return BriefDraft(
            header=self._header,
            sections=tuple(section.closed() for section in self._sections),
            findings=tuple(self._remarks.findings()),
        )

    # Where a story begins

    def _begins_story(self, at: int) -> bool:
        line = self._lines[at]
        if line.kind is Kind.NUMBERED:
            return self._number_begins_story(at)
        label = split_label(line.text)
        if label is not None and label[0] in (Field.HEADLINE, Field.TITLE):
            return self._headline_label_begins_story(at, label[0])
        return line.kind is Kind.TEXT and self._is_headline_without_number(at)

    def _number_begins_story(self, at: int) -> bool:
        """A number begins a story where it is the expected one, or where the fields of a story follow it."""
        line, story = self._lines[at], self._story
        if line.level:
            return True
        if self._in_footer:
            return self._ahead.field(at) is not None
        if story is None:
            return self.count > 0 or bool(self._header or self._plain) or self._ahead.field(at) is not None
        if line.indent > self._indent + 1:
            return False
        if Field.LINK in story.pieces or self._ahead.field(at, of=story) is not None:
            return True
        is_expected = line.ordinal == self._last_ordinal + 1
        return (line.after_blank and is_expected) or (
            story.field not in _PROSE_FIELDS and (is_expected or line.after_blank)
        )

    def _headline_label_begins_story(self, at: int, field: Field) -> bool:
        """ "Headline: …" begins a story, and so does "Title: …" once the brief has a title; below a number it fills in."""
        if self._story is not None:
            headline = self._story.pieces[Field.HEADLINE]
            return bool(headline.parts) and len(self._story.pieces) > 1
        has_title = Field.TITLE in self._header or bool(self._plain)
        return field is Field.HEADLINE or (has_title and self._ahead.field(at) in FIELDS_OF_STORIES_ONLY)

    def _is_headline_without_number(self, at: int) -> bool:
        line, story = self._lines[at], self._story
        if not looks.is_plain_headline(line.text) or looks.label_of(line) or looks.is_dated_source(line.text):
            return False
        if story is None:
            has_title = Field.TITLE in self._header or bool(self._plain)
            return has_title and not posted_in(line.text) and self._ahead.shows_headline(at)
        if not line.after_blank and Field.LINK not in story.pieces:
            return False
        return len(story.pieces) > 1 and self._ahead.field(at, of=story) is not None

    def _lacks_headline(self, line: Line) -> bool:
        """Whether a source with its date begins a further story, the headline of which is missing."""
        story = self._story
        if story is None or line.kind is not Kind.BULLET or not line.after_blank or story.field is Field.HEADLINE:
            return False
        is_complete = Field.SOURCE in story.pieces and Field.SUMMARY in story.pieces
        return is_complete and looks.field_begun_by(line) is Field.SOURCE and not split_label(line.text)

    # Stories

    def _open_story(self, line: Line, text: str) -> OpenStory:
        self._close_story()
        self._settle_plain(before_story=True)
        if not self._sections:
            self._open_section("", None)
        if self.count == 0:
            self._indent = line.indent
        self.count += 1
        self._last_ordinal = line.ordinal if line.ordinal is not None else self._last_ordinal + 1
        label = split_label(text) if line.kind is not Kind.NUMBERED else None
        story = OpenStory(line, label[1] if label and label[0] in (Field.HEADLINE, Field.TITLE) else text)
        self._story = story
        return story

    def _close_story(self) -> None:
        self._in_footer = False
        if self._story is not None:
            self._sections[-1].stories.append(self._story.closed())
            self._story = None

    def _take_in_story(self, story: OpenStory, at: int) -> None:
        line = self._lines[at]
        label = looks.label_of(line)
        if label and label[0] is Field.SECTION:
            self._open_section(label[1], line.number)
        elif label and not label[1] and self._heads_section(at):
            self._open_section_below(line)
        elif label and (label[0] in STORY_FIELDS or label[0] is Field.TITLE):
            self._open_field(story, Field.HEADLINE if label[0] is Field.TITLE else label[0], line=line, text=label[1])
        elif line.kind is Kind.BULLET:
            self._take_bullet(story, at)
        elif self._heads_section(at):
            self._open_section_below(line)
        else:
            self._take_paragraph(story, at)

    def _open_field(self, story: OpenStory, field: Field, *, line: Line, text: str) -> None:
        if field is Field.SOURCE and Field.SOURCE in story.pieces and Field.LINK not in story.pieces:
            field = self._field_of_second_source(story, line)
        known = story.pieces.get(field)
        if known is None or not (known.parts or known.url):
            story.open(field, text, number=line.number, url=line.url)
        elif field is Field.LINK and story.lacks_address() and (line.url or "://" in text):
            story.reopen(field)  # the title on one line, the address on the next
            story.add(text, url=line.url)
        elif field in _PROSE_FIELDS:
            story.reopen(field)
            story.add(text, url=line.url)
            self._remarks.joined(line, field=field, story=self.count)
        elif text or line.url:
            self._remarks.second(line, field=field, story=self.count)

    def _field_of_second_source(self, story: OpenStory, line: Line) -> Field:
        """ "Sohu · 2026-06-22" and later "Source: title (https://…)" is the link; what was no source gives way."""
        first = story.pieces[Field.SOURCE]
        if looks.is_dated_source(" ".join(first.parts)) or line.url or "://" in line.text or Field.DATE in story.pieces:
            return Field.LINK
        if first.parts:
            self._remarks.ignored(first.line, " ".join(first.parts))
        del story.pieces[Field.SOURCE]
        return Field.SOURCE

    def _open_unlabelled(self, story: OpenStory, field: Field, line: Line) -> None:
        story.open(field, line.text, number=line.number, url=line.url)
        story.unlabelled.add(field)
        self._remarks.unlabelled(line, field=field, story=self.count)

    def _take_bullet(self, story: OpenStory, at: int) -> None:
        line = self._lines[at]
        field = field_of_bullet(story, line)
        if field is Field.SOURCE and self._wraps_headline(story, at):
            story.add(line.raw, url=line.url)
        elif field in _NAMED_BY_LABEL:
            self._open_unlabelled(story, field, line)
        elif field is not None:
            story.open(field, line.text, number=line.number, url=line.url)
        elif story.field in _PROSE_FIELDS:
            self._remarks.continued(line, field=story.field, story=self.count)
            story.add(line.raw, url=line.url)
        else:
            self._remarks.ignored(line.number, line.raw)

    def _take_paragraph(self, story: OpenStory, at: int) -> None:
        line = self._lines[at]
        field = Field.LINK if self._titles_link(story, at) else field_of_paragraph(story, line)
        if field is Field.SUMMARY:
            self._open_unlabelled(story, field, line)
        elif field is Field.LINK and Field.LINK in story.pieces:
            story.reopen(field)
            story.add(line.text, url=line.url)
        elif field is not None:
            text = looks.without_symbols(line.text) if field is Field.LINK else line.text
            story.open(field, text, number=line.number, url=line.url)
        elif not line.after_blank or not story.piece.parts or story.field in _PROSE_FIELDS:
            self._remarks.continued(line, field=story.field, story=self.count)
            story.add(line.raw, url=line.url)
        else:
            self._remarks.ignored(line.number, line.raw)

    def _titles_link(self, story: OpenStory, at: int) -> bool:
        """Whether an address stands alone below this paragraph, which then is its title."""
        line, following = self._lines[at], self._ahead.following(at)
        if following is None or not following.is_link or following.after_blank or Field.LINK in story.pieces:
            return False
        return line.after_blank and story.field is not Field.HEADLINE and not looks.is_prose(line.text)

    def _wraps_headline(self, story: OpenStory, at: int) -> bool:
        """Whether what looks like a bullet is the dash inside a headline that was broken there: the source comes next."""
        line, following = self._lines[at], self._ahead.following(at)
        if story.field is not Field.HEADLINE or line.after_blank or following is None:
            return False
        if looks.is_dated_source(line.text):
            return False
        return split_label(following.text) is None and looks.is_dated_source(following.text)

    # Sections and the header

    def _heads_section(self, at: int) -> bool:
        line, following, story = self._lines[at], self._ahead.following(at), self._story
        if line.kind is not Kind.TEXT or following is None or line.is_link or not looks.is_section_heading(line.text):
            return False
        if story is not None and story.awaits_text and line.after_blank:
            return False
        if following.kind is Kind.NUMBERED:
            restarts = following.ordinal == 1 and line.indent <= self._indent and not following.after_blank
            return line.after_blank or restarts
        is_apart = line.after_blank or (story is not None and Field.LINK in story.pieces and not wraps(line, following))
        return is_apart and following.kind is Kind.TEXT and self._is_headline_without_number(at + 1)

    def _open_section(self, title: str, line: int | None) -> None:
        self._close_story()
        self._settle_plain()
        self._sections.append(OpenSection(title, line))

    def _open_section_below(self, line: Line) -> None:
        self._open_section(looks.without_colon(line.text), line.number)

    def _take_heading(self, at: int) -> None:
        line = self._lines[at]
        label = looks.label_of(line)
        following = self._ahead.following(at)
        is_section = following is not None and following.kind is Kind.NUMBERED
        if label and label[0] is Field.SECTION:
            self._open_section(label[1], line.number)
        elif self._story is not None and label and not (is_section and not label[1]):
            self._take_in_story(self._story, at)
        elif self._story is None and label and label[0] in HEADER_FIELDS:
            self._take_outside(line)
        elif self._is_title(line):
            self._header.setdefault(Field.TITLE, Piece(line=line.number, parts=(line.text,)))
        elif self._ahead.field(at) in FIELDS_OF_STORIES_ONLY:
            self._open_story(line, line.text)
        else:
            self._open_section(line.text, line.number)

    def _is_title(self, line: Line) -> bool:
        """A heading is the title if it is the first text, the highest heading, or the title once more."""
        title = self._header.get(Field.TITLE)
        if title is not None:
            return line.text == title.text
        return self._story is None and not self._sections and (line.level == 1 or not self._plain)

    def _is_in_footer(self, at: int) -> bool:
        """Whether a line belongs to what stands below the content; a section or a story ends it."""
        line = self._lines[at]
        if self._story is None:
            return False
        if self._in_footer:
            self._in_footer = not self._heads_section(at) and not split_label(line.text)
        elif line.after_blank and line.kind is not Kind.NUMBERED:
            self._in_footer = looks.is_footer(line.text) and not self._heads_section(at)
        return self._in_footer

    def _take_outside(self, line: Line) -> None:
        label = split_label(line.text)
        if posted_in(line.text):
            self._header.setdefault(Field.POSTED, Piece(line=line.number, parts=(line.text,)))
        elif label and label[0] is Field.SECTION:
            self._open_section(label[1], line.number)
        elif label and label[0] in HEADER_FIELDS:
            self._header.setdefault(label[0], Piece(line=line.number, parts=(label[1],)))
        elif looks.is_date(line.text):
            self._header.setdefault(Field.DATE, Piece(line=line.number, parts=(line.text,)))
        else:
            self._plain.append(line)
            if self._plain[0] is not line and (day := looks.dateline_day(line.text)):
                self._header.setdefault(Field.DATE, Piece(line=line.number, parts=(day,)))

    def _settle_plain(self, *, before_story: bool = False) -> None:
        """Give the unmarked lines above a story or section their parts: title first, section title last."""
        plain, self._plain = self._plain, []
        if plain and Field.TITLE not in self._header:
            title_line = title_among(plain)
            self._header[Field.TITLE] = Piece(line=title_line.number, parts=(title_line.raw,))
        title = self._header.get(Field.TITLE)
        rest = [line for line in plain if title is None or line.raw != title.text]
        if rest and before_story and not self._sections and looks.is_section_heading(rest[-1].text):
            heading = rest.pop()
            self._sections.append(OpenSection(looks.without_colon(heading.text), heading.number))
        for line in rest:
            self._remarks.ignored(line.number, line.raw)
