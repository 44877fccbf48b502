"""Writing: a brief as text that an editor can change and paste back; reading it gives an equal brief."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Protocol

from newsletter.domain.brief import Brief, Section, Story
from newsletter.domain.reading.dates import NotOneDay, date_in, date_of, posted_in, posted_line
from newsletter.domain.reading.judging import derived_language, derived_preheader
from newsletter.domain.reading.judging_stories import source_and_date
from newsletter.domain.reading.labels import field_named, split_label
from newsletter.domain.reading.language import language_of
from newsletter.domain.reading.lines import Kind, shape_of
from newsletter.domain.reading.links import Link, NotAnAddress, link_in
from newsletter.domain.reading.looks import ends_with_date, is_footer, is_plain_heading, is_prose
from newsletter.domain.reading.markdown_format import ENTITY


class _Style(Protocol):
    def title(self, words: str) -> str: ...
    def header(self, words: str) -> str: ...
    def section(self, words: str) -> str: ...
    def headline(self, number: int, words: str) -> str: ...
    def bullet(self, label: str | None, words: str) -> str: ...
    def link(self, title: str, url: str) -> str | None: ...


def brief_as_text(brief: Brief) -> str:
    """The brief as plain text in the shape it is published in, an address in parentheses after its title.

    What its place alone would not tell ("Title:", "Source:", "Language:", "Link title:") gets a label.
    """
    return "".join(_written(brief, _Text())).rstrip("\n") + "\n"


def brief_as_markdown(brief: Brief) -> str:
    """The brief as Markdown: # title, ## section, ### 1. headline, bullets with bold labels."""
    return "".join(_written(brief, _Markdown())).rstrip("\n") + "\n"


class _Text:
    """Plain text, as `text_format` reads it."""

    def title(self, words: str) -> str:
        return words

    def header(self, words: str) -> str:
        return words

    def section(self, words: str) -> str:
        return words

    def headline(self, number: int, words: str) -> str:
        return f"{number}. {words}"

    def bullet(self, label: str | None, words: str) -> str:
        return f"  • {label}: {words}" if label else f"  • {words}"

    def link(self, title: str, url: str) -> str | None:
        form = f"{title} ({url})"
        return form if _read_link(form) == Link(title=title, url=url) else None


class _Markdown:
    """Markdown, as `markdown_format` reads it."""

    _SPECIAL = re.compile(r"[\\`*_\[\]<>&#]")
    _PLAIN_ADDRESS = re.compile(r"[^\s()<>\[\]\\*]+")

    def title(self, words: str) -> str:
        return f"# {self._escaped(words)}"

    def header(self, words: str) -> str:
        return self._escaped(words)

    def section(self, words: str) -> str:
        return f"## {self._escaped(words)}"

    def headline(self, number: int, words: str) -> str:
        return f"### {number}. {self._escaped(words)}"

    def bullet(self, label: str | None, words: str) -> str:
        return f"- **{label}:** {self._escaped(words)}" if label else f"- {self._escaped(words)}"

    def link(self, title: str, url: str) -> str | None:
        written = _read_link(title)
        if written != Link(title=title, url=None) or ENTITY.search(url) or not self._PLAIN_ADDRESS.fullmatch(url):
            return None
        return f"[{self._escaped(title)}]({url})"

    def _escaped(self, words: str) -> str:
        return re.sub(r"(?i)(https?):(?=//)", r"\1\\:", self._SPECIAL.sub(r"\\\g<0>", words))


def _written(brief: Brief, style: _Style) -> Iterator[str]:
    yield style.title(brief.title if _stands_alone(brief.title) else f"Title: {brief.title}") + "\n\n"
    if brief.posted_at:
        yield style.header(posted_line(brief.posted_at)) + "\n\n"
    near = brief.posted_at.date() if brief.posted_at else None
    if (date_in(brief.title, near=near) or near) != brief.date:
        yield style.header(f"Date: {brief.date.isoformat()}") + "\n\n"
    if brief.preheader != derived_preheader([story.headline for story in brief.stories]):
        yield style.header(f"Preheader: {brief.preheader}") + "\n\n"
    if brief.language != derived_language(brief.sections):
        yield style.header(f"Language: {brief.language}") + "\n\n"
    for at, section in enumerate(brief.sections):
        yield from _written_section(section, style, brief=brief, is_first=at == 0)


def _written_section(section: Section, style: _Style, *, brief: Brief, is_first: bool) -> Iterator[str]:
    plain = _stands_alone(section.title) and is_plain_heading(section.title) and section.title != brief.title
    plain = plain and not ends_with_date(section.title)  # else it could pass for the title of the brief
    if section.title or not is_first:
        yield style.section(section.title if plain else f"Section: {section.title}".rstrip()) + "\n\n"
    for story in section.stories:
        yield style.headline(story.number, story.headline) + "\n\n"
        yield from (line + "\n" for line in _bullets(story, style, near=brief.date))
        yield "\n"


def _bullets(story: Story, style: _Style, *, near: date) -> Iterator[str]:
    yield from _source_bullets(story, style, near=near)
    yield style.bullet("Summary", story.summary)
    if story.why_it_matters:
        yield style.bullet("Why It Matters", story.why_it_matters)
    if story.language != language_of(story.headline):
        yield style.bullet("Language", story.language)
    form = story.link_title if story.url is None else None
    if not story.link_title and story.url is None:
        yield style.bullet("URL", "").rstrip()
    elif story.url is not None and (linked := style.link(story.link_title, story.url)):
        yield style.bullet("URL", "").rstrip() + " " + linked
    elif form is not None and _read_link(form) == Link(title=form, url=None):
        yield style.bullet("URL", form)
    else:
        yield style.bullet("Link title", story.link_title)
        if story.url is not None:
            yield style.bullet("URL", story.url)


def _source_bullets(story: Story, style: _Style, *, near: date) -> Iterator[str]:
    day = story.date.isoformat() if story.date else ""
    form = f"{story.source} · {day}" if story.source and day else story.source or day
    if not form:
        if story.headline.endswith((")", "）", "]", "】")):  # what stands there could pass for a source
            yield style.bullet("Source", "").rstrip()
        return
    has_words = any(char.isalnum() for char in form)  # else it could pass for a rule of dashes
    is_label = split_label(form) or field_named(form) or is_footer(form)
    if (
        has_words
        and not is_label
        and not is_prose(form)
        and _read_source(form, near=near) == (story.source, story.date)
    ):
        yield style.bullet(None, form)
        return
    yield style.bullet("Source", story.source)
    yield style.bullet("Date", day or "unknown")


def _read_link(form: str) -> Link | None:
    try:
        return link_in(form)
    except NotAnAddress:
        return None


def _read_source(form: str, *, near: date) -> tuple[str, object] | None:
    try:
        return None if link_in(form).url else source_and_date(form, near=near)
    except (NotOneDay, NotAnAddress):
        return None


def _stands_alone(words: str) -> bool:
    """Whether a line is what it is by its place, so that it needs no label."""
    if not words[:1].isalnum() or shape_of(words).kind is not Kind.TEXT:
        return False
    try:
        dated = date_of(words) is not None
    except NotOneDay:
        dated = True
    return not (dated or split_label(words) or field_named(words) or posted_in(words) or is_footer(words))
