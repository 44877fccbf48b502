"""Briefs for property tests: words chosen to look like labels, dates, marks, links and numbers."""

from __future__ import annotations

from datetime import date, datetime, time

from hypothesis import strategies as st

from newsletter.domain.brief import Brief, Section, Story

_MARKS = "aZ7 ·•|—–-:：()（）[]*_#<>&\\`.!?,;'\"“”’中文發,，。「」/@+~=1"
_PHRASES = (
    "Summary: of all",
    "Summary",
    "URL",
    "2. two",
    "12) twelve",
    "３、三",
    "https://a.example/b",
    "see https://a.example/b for more",
    "ftp://old.example",
    "[a](https://x.example)",
    "Read (https://x.example)",
    "2026-06-22",
    "Sohu · 2026-01-01",
    "June 5",
    "06/07/2026",
    "- dash",
    "Title: quoted",
    "Section: named",
    "Posted on June 2, 2026",
    "来源：别处",
    "&amp; &copy; &#38;",
    "**bold** and _thin_ and `code`",
    "a](b) [c",
    "# hash #",
    "<b>tag</b> <https://x.example>",
    "back\\slash \\* \\",
    "Harbour Brief — 2026-06-22",
    "Two  spaces\tand a tab",
    "Summary - of all",
    "【摘要】全部",
    "① one",
    "一、甲",
    "#1 of them",
    "No. 1 seed",
    "Story 1: first",
    "Share this:",
    "🚀 1. away",
    "> quoted",
    "This is a sentence that is long enough to be taken for prose.",
    "Why It Matters: Link: it",
    "(Xinhua, 22 June 2026)",
    '<a href="https://x.example">x</a>',
    "[b](javascript:alert(1))",
)
_ADDRESSES = (
    "https://a.example",
    "https://a.example/x_(y)_z",
    "https://a.example/?a=1&amp;b=2&copy;c",
    "https://a.example/a*b*c_d_e",
    "https://a.example/end.",
    "http://[::1]:8080/x",
    "https://a.example/“q”、r",
    "https://bücher.example/ü?q=%20)",
    "HTTPS://A.EXAMPLE/back\\slash",
)


def words(*, least: int = 1) -> st.SearchStrategy[str]:
    """One-line texts without white space at their ends, with a liking for trouble."""
    nasty = st.text(alphabet=_MARKS, max_size=40).map(str.strip)
    pairs = st.builds(lambda first, second: f"{first} {second}".strip(), nasty, st.sampled_from(_PHRASES))
    return st.one_of(nasty, st.sampled_from(_PHRASES), pairs).filter(lambda text: len(text) >= least)


_languages = st.sampled_from(("en", "zh-Hans", "zh-Hant", "ja", "ko", "fr"))
_days = st.dates(min_value=date(1900, 1, 1), max_value=date(2200, 12, 31))
_moments = st.builds(
    lambda day, clock: datetime.combine(day, clock.replace(microsecond=0)), _days, st.times(max_value=time(23, 59, 59))
)


def _renumbered(sections: list[tuple[str, list[Story]]]) -> tuple[Section, ...]:
    numbers = iter(range(1, 1000))
    return tuple(
        Section(
            title=title,
            stories=tuple(
                Story(
                    number=next(numbers),
                    headline=story.headline,
                    source=story.source,
                    date=story.date,
                    summary=story.summary,
                    why_it_matters=story.why_it_matters,
                    link_title=story.link_title,
                    url=story.url,
                    language=story.language,
                )
                for story in stories
            ),
        )
        for title, stories in sections
    )


def _is_storable(story: Story) -> bool:
    """A link that has an address has words of its own, which reading makes sure of."""
    return story.url is None or story.link_title not in ("", story.url)


_stories = st.builds(
    Story,
    number=st.just(1),
    headline=words(least=0),
    source=words(least=0),
    date=st.none() | _days,
    summary=words(least=0),
    why_it_matters=words(least=0),
    link_title=words(least=0),
    url=st.none() | st.sampled_from(_ADDRESSES),
    language=_languages,
).filter(_is_storable)

briefs = st.builds(
    Brief,
    title=words(),
    date=_days,
    posted_at=st.none() | _moments,
    preheader=words(least=0),
    language=_languages,
    sections=st.lists(
        st.tuples(words(least=0), st.lists(_stories, min_size=1, max_size=3)), min_size=1, max_size=3
    ).map(_renumbered),
)
