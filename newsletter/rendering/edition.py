"""An edition: a brief as the templates see it, with every word, date and number ready to be shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from newsletter.domain.brief import Brief, Section, Story
from newsletter.domain.newsletter import Newsletter
from newsletter.domain.reading.dates import NotOneDay, date_at_end
from newsletter.domain.reading.language import language_of
from newsletter.rendering.guards import check_text, check_url
from newsletter.rendering.wording import Wording, long_date, reading_minutes, short_date, wording_for

_BLANKS = re.compile(r"[ \t\r\n\f\v\x85\u2028\u2029]+")
_SEPARATORS = " \u00a0\u3000—–-|·:：,，("
_HAS_WORD = re.compile(r"[^\W\d_]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """A text on one line, and its BCP 47 tag where it is in another language than the brief."""

    text: str
    language: str | None = None

    def __str__(self) -> str:
        return self.text

    def __bool__(self) -> bool:
        return bool(self.text)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryView:
    """A story to be shown. `url` is "" where the source gave only a title."""

    number: int
    headline: Phrase
    source: Phrase
    date: str
    iso_date: str
    summary: Phrase
    why_it_matters: Phrase
    link_title: Phrase
    url: str


@dataclass(frozen=True, kw_only=True, slots=True)
class SectionView:
    """A section to be shown."""

    title: Phrase
    stories: tuple[StoryView, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Edition:
    """Everything that a template may say about a brief. `title` is without the date, which is shown apart."""

    language: str
    newsletter_name: str
    title: Phrase
    iso_date: str
    long_date: str
    story_count: str
    reading_time: str
    preheader: str
    sections: tuple[SectionView, ...]
    publisher: str
    postal_address: str
    words: Wording

    @property
    def stories(self) -> Iterator[StoryView]:
        """All stories in reading order."""
        return (story for section in self.sections for story in section.stories)

    @property
    def has_sections(self) -> bool:
        """Whether there is more than one section, so that their titles tell the reader something."""
        return len(self.sections) > 1


def edition_of(brief: Brief, newsletter: Newsletter) -> Edition:
    """What the templates get; RenderingError for a text or a link that no mail can carry."""
    words = wording_for(brief.language)
    sections = tuple(_section(section, brief) for section in brief.sections)
    count = sum(len(section.stories) for section in sections)
    minutes = reading_minutes(texts_of(brief))
    return Edition(
        language=brief.language,
        newsletter_name=_line(newsletter.name, "the newsletter’s name"),
        title=_phrase(_undated(brief), brief, "the title"),
        iso_date=brief.date.isoformat(),
        long_date=long_date(brief.date, language=brief.language),
        story_count=words.one_story if count == 1 else words.stories.format(count=count),
        reading_time=words.minutes.format(count=minutes),
        preheader=preheader_of(brief),
        sections=sections,
        publisher=_line(newsletter.from_name or newsletter.name, "the From name"),
        postal_address=_line(newsletter.postal_address, "the postal address"),
        words=words,
    )


def preheader_of(brief: Brief) -> str:
    """The brief's own preheader, or its first headline."""
    first = next(brief.stories, None)
    return _line(brief.preheader or (first.headline if first else ""), "the preheader")


def texts_of(brief: Brief) -> Iterator[str]:
    """What a reader reads of each story: headline, summary, why it matters."""
    for story in brief.stories:
        yield from (story.headline, story.summary, story.why_it_matters)


def one_line(text: str) -> str:
    """The text with every run of line ends and ASCII blanks as one space; no-break and ideographic spaces stay."""
    return _BLANKS.sub(" ", text).strip(" ")


def _section(section: Section, brief: Brief) -> SectionView:
    return SectionView(
        title=_phrase(section.title, brief, "a section title"),
        stories=tuple(_story(story, brief) for story in section.stories),
    )


def _story(story: Story, brief: Brief) -> StoryView:
    what = f"story {story.number}"
    return StoryView(
        number=story.number,
        headline=_phrase(story.headline, brief, what),
        source=_phrase(story.source, brief, what),
        date=short_date(story.date, language=brief.language, year=brief.date.year),
        iso_date=story.date.isoformat() if story.date else "",
        summary=_phrase(story.summary, brief, what),
        why_it_matters=_phrase(story.why_it_matters, brief, what),
        link_title=_phrase(story.link_title or story.url or "", brief, what),
        url=check_url(story.url.strip(), what=what) if story.url else "",
    )


def _phrase(text: str, brief: Brief, what: str) -> Phrase:
    line = _line(text, what)
    language = language_of(line, default="en") if _HAS_WORD.search(line) else brief.language
    return Phrase(text=line, language=None if _is_same(language, brief.language) else language)


def _is_same(tag: str, other: str) -> bool:
    """Whether one tag is the other or a narrower form of it ("zh-Hans" in a brief in "zh")."""
    one, two = tag.lower(), other.lower()
    return one == two or one.startswith(two + "-") or two.startswith(one + "-")


def _line(text: str, what: str) -> str:
    return one_line(check_text(text, what=what))


def _undated(brief: Brief) -> str:
    """The title without the brief's date at its end: "China AI Brief — 2026-06-22" is "China AI Brief"."""
    try:
        found = date_at_end(brief.title, near=brief.date)
    except NotOneDay:
        return brief.title
    if found is None or found.day != brief.date:
        return brief.title
    return brief.title[: found.start].rstrip(_SEPARATORS) or brief.title
