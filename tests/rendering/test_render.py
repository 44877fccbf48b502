"""A brief and a newsletter become one mail: what is in it, and that it is always the same."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from newsletter.domain.brief import Section
from newsletter.domain.reading import read_brief
from newsletter.errors import InvalidInput
from newsletter.rendering import (
    Rendered,
    RenderingError,
    fill_html,
    fill_text,
    preview_values,
    render,
    sha256_of,
    web_page,
)
from tests.rendering.documents import parse
from tests.rendering.editions import DAY, NEWSLETTER, VALUES, make_brief, make_story, sample_brief

BRIEFS = Path(__file__).resolve().parents[2] / "../shared/briefs"


def test_the_same_brief_gives_the_same_bytes() -> None:
    first, second = (render(sample_brief(), NEWSLETTER).to_bytes() for _ in range(2))
    assert first == second


def test_another_word_gives_another_hash() -> None:
    one = render(make_brief(make_story(summary="Two ferries.")), NEWSLETTER)
    other = render(make_brief(make_story(summary="Three ferries.")), NEWSLETTER)
    assert one.sha256 != other.sha256


def test_stored_bytes_are_read_back_whole_and_carry_the_hash() -> None:
    rendered = render(sample_brief(), NEWSLETTER)
    stored = rendered.to_bytes()
    assert Rendered.from_bytes(stored) == rendered
    assert Rendered.from_bytes(stored).sha256 == sha256_of(stored)


@pytest.mark.parametrize("damaged", [b"", b"[]", b"{}", b'{"subject": "x"}', b"\xff\xfe", b"null"])
def test_bytes_that_are_no_mail_are_refused_in_a_sentence(damaged: bytes) -> None:
    with pytest.raises(InvalidInput, match="not a stored mail"):
        Rendered.from_bytes(damaged)


def test_both_parts_tell_the_whole_story() -> None:
    rendered = render(sample_brief(), NEWSLETTER)
    html, text = parse(rendered.html).text, " ".join(rendered.text.split())
    for story in sample_brief().stories:
        for said in (story.headline, story.source, story.summary, story.why_it_matters, story.link_title):
            assert said in html
            assert " ".join(said.split()) in text


def test_each_story_of_the_contents_leads_to_its_place() -> None:
    page = parse(render(sample_brief(), NEWSLETTER).html)
    anchors = [link.removeprefix("#") for link in page.links if link.startswith("#")]
    assert len(anchors) == len(list(sample_brief().stories))
    assert set(anchors) == page.names


def test_unsubscribing_is_possible_at_the_top_and_at_the_end_of_both_parts() -> None:
    rendered = render(sample_brief(), NEWSLETTER)
    for document in (fill_html(rendered, VALUES), fill_text(rendered, VALUES)):
        places = [
            found.start() / len(document) for found in re.finditer(re.escape(VALUES["unsubscribe_url"]), document)
        ]
        assert len(places) == 2
        assert places[0] < 0.3
        assert places[1] > 0.9


def test_the_text_part_gives_each_address_a_line_of_its_own() -> None:
    lines = fill_text(render(sample_brief(), NEWSLETTER), VALUES).split("\n")
    wanted = [VALUES["unsubscribe_url"], VALUES["web_url"]]
    wanted += [story.url for story in sample_brief().stories if story.url]
    assert set(wanted) <= set(lines)


def test_the_text_part_fits_in_72_columns_but_for_addresses() -> None:
    text = fill_text(render(sample_brief(), NEWSLETTER), VALUES)
    assert [line for line in text.split("\n") if len(line) > 72 and "://" not in line] == []


def test_the_footer_says_why_the_reader_gets_it_and_where_the_publisher_is() -> None:
    rendered = render(sample_brief(), NEWSLETTER)
    for document in (parse(fill_html(rendered, VALUES)).text, " ".join(fill_text(rendered, VALUES).split())):
        assert "because maria@example.com is subscribed to Harbour Brief" in document
        assert NEWSLETTER.postal_address in document


def test_a_link_without_an_address_is_shown_as_a_title() -> None:
    rendered = render(make_brief(make_story(url=None)), NEWSLETTER)
    page = parse(rendered.html)
    assert "Original title: Council buys ferries" in page.text
    assert [link for link in page.links if "gazette" in link] == []
    assert "Original title: Council buys ferries" in rendered.text


def test_section_titles_are_shown_where_there_are_several_sections() -> None:
    one = render(make_brief(), NEWSLETTER)
    sections = (
        Section(title="On the water", stories=(make_story(1),)),
        Section(title="On land", stories=(make_story(2),)),
    )
    several = render(make_brief(sections=sections), NEWSLETTER)
    assert "Top Stories" not in parse(one.html).text
    assert parse(several.html).text.count("On land") == 2
    assert "ON LAND\n-------" in several.text


def test_the_masthead_names_the_day_the_stories_and_the_minutes() -> None:
    html = parse(render(sample_brief(), NEWSLETTER).html).text
    assert "Monday, June 22, 2026" in html
    assert "10 stories" in html
    assert re.search(r"\d+ min read", html)


def test_one_story_is_counted_in_the_singular() -> None:
    html = parse(render(make_brief(), NEWSLETTER).html).text
    assert "1 story" in html
    assert "1 min read" in html


def test_a_chinese_brief_speaks_chinese() -> None:
    story = make_story(
        headline="渡轮改用电力", summary="港务局购入两艘电动渡轮。", why_it_matters="夜航更安静。", url=None
    )
    brief = make_brief(story, title="海港简报 2026年6月22日", language="zh")
    rendered = render(brief, NEWSLETTER)
    text = parse(rendered.html).text
    for said in ("2026年6月22日星期一", "今日要闻", "为何重要", "退订", "原文标题：", "6月22日"):
        assert said in text
        assert said in rendered.text
    assert '<html lang="zh"' in rendered.html


def test_a_language_without_wording_is_rendered_with_english_words_and_dates() -> None:
    rendered = render(make_brief(language="nl"), NEWSLETTER)
    assert "Monday, June 22, 2026" in rendered.text
    assert "Why it matters" in rendered.text


def test_text_in_another_language_is_marked_with_it() -> None:
    html = render(make_brief(make_story(source="九方智投", link_title="普華永道發佈報告", url=None)), NEWSLETTER).html
    assert '<span lang="zh-Hans">九方智投</span>' in html
    assert '<span lang="zh-Hant">普華永道發佈報告</span>' in html


def test_the_subject_is_the_title_where_it_names_the_date() -> None:
    assert render(make_brief(title="Harbour Brief — June 22"), NEWSLETTER).subject == "Harbour Brief — June 22"


def test_the_subject_of_an_undated_title_gets_the_date() -> None:
    assert render(make_brief(title="Harbour Brief"), NEWSLETTER).subject == "Harbour Brief — 2026-06-22"


def test_a_title_over_several_lines_becomes_a_subject_of_one() -> None:
    assert render(make_brief(title="Harbour\r\nBcc: x@example.org 2026-06-22"), NEWSLETTER).subject.count("\n") == 0


def test_the_masthead_leaves_the_date_of_the_title_to_the_date_line() -> None:
    html = render(make_brief(), NEWSLETTER).html
    assert re.search(r"<h1[^>]*>Harbour Brief</h1>", html)


def test_a_title_of_its_own_stands_below_the_name_of_the_newsletter() -> None:
    text = parse(render(make_brief(title="Night shift — 2026-06-22"), NEWSLETTER).html).text
    assert text.index("Harbour Brief") < text.rindex("Night shift")


def test_a_story_of_another_year_says_so() -> None:
    assert "Dec 31, 2025" in render(make_brief(make_story(date=date(2025, 12, 31))), NEWSLETTER).text


def test_the_first_headline_stands_in_for_a_preheader() -> None:
    assert render(make_brief(preheader=""), NEWSLETTER).preheader == "Ferry line 1 goes electric"


def test_the_web_version_knows_nothing_of_a_reader() -> None:
    rendered = render(sample_brief(), NEWSLETTER)
    page = web_page(rendered)
    assert "nsubscribe" not in page
    assert not re.search("zq[0-9a-f]+", page)
    assert parse(page).links == [link for link in parse(rendered.html).links if not link.startswith("zq")]


def test_preview_values_fill_every_slot() -> None:
    rendered = render(sample_brief(), NEWSLETTER)
    values = preview_values(language="en", base_url="https://news.example.org")
    assert "reader@example.com" in fill_html(rendered, values)
    assert "https://news.example.org/u/preview" in fill_text(rendered, values)


def test_a_mail_asks_for_nothing_from_elsewhere() -> None:
    tags = parse(render(sample_brief(), NEWSLETTER).html).tags
    loading = {"img", "link", "script", "iframe", "video", "object"}
    assert [tag for tag, values in tags if tag in loading or "src" in values] == []
    assert "@import" not in render(sample_brief(), NEWSLETTER).html


def test_the_sample_stays_far_below_the_size_where_gmail_cuts() -> None:
    assert len(fill_html(render(sample_brief(), NEWSLETTER), VALUES).encode()) < 65_000


def test_the_accent_of_the_theme_colours_the_mail() -> None:
    assert "#0b3a66" in render(make_brief(), replace(NEWSLETTER, theme={"accent": "#0b3a66"})).html


@pytest.mark.parametrize("accent", ["red", "#fff", "#12345g", "#123456;}body{display:none", "url(x)"])
def test_an_accent_that_is_no_colour_is_refused(accent: str) -> None:
    with pytest.raises(RenderingError, match="accent must look like"):
        render(make_brief(), replace(NEWSLETTER, theme={"accent": accent}))


def test_a_published_brief_is_rendered_with_every_word() -> None:
    files = sorted(BRIEFS.glob("*.txt"))
    if not files:
        pytest.skip("the published briefs of ../shared/briefs are not here")
    for path in files:
        brief = read_brief(path.read_bytes()).brief
        rendered = render(brief, replace(NEWSLETTER, name="China AI Brief"))
        html = parse(rendered.html).text
        assert rendered.subject == brief.title
        for story in brief.stories:
            for said in (story.headline, story.source, story.summary, story.why_it_matters, story.link_title):
                assert said in html
        assert len(rendered.html.encode()) < 65_000
        assert brief.date == DAY
