"""Sources as they arrive: other bullets, spaces, encodings, numbers, labels, dates and links say the same."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable
from datetime import date
from html import escape

import pytest

from newsletter import samples
from newsletter.domain.brief import Story
from newsletter.domain.reading import read_brief

_Change = Callable[[str], str | bytes]


def _wrapped(text: str, *, indent: str = "") -> str:
    rows = (
        [row] if len(row) < 72 or "URL:" in row else textwrap.wrap(row, 72, subsequent_indent=indent)
        for row in text.split("\n")
    )
    return "\n".join(line for lines in rows for line in lines)


_SAME_SAID_OTHERWISE: dict[str, _Change] = {
    "CRLF": lambda text: text.replace("\n", "\r\n"),
    "CR": lambda text: text.replace("\n", "\r"),
    "byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16 with a mark": lambda text: text.encode("utf-16"),
    "UTF-16 little end first": lambda text: text.encode("utf-16-le"),
    "UTF-16 big end first": lambda text: text.encode("utf-16-be"),
    "hyphens": lambda text: text.replace("  • ", "- "),
    "stars and tabs": lambda text: text.replace("  • ", "\t*\t"),
    "middle dots without a space": lambda text: text.replace("  • ", "·"),
    "dashes": lambda text: text.replace("  • ", " – "),
    "no bullets": lambda text: text.replace("  • ", ""),
    "no-break spaces": lambda text: text.replace("  • ", "\u00a0\u00a0•\u00a0"),
    "ideographic spaces": lambda text: text.replace("  • ", "\u3000•\u3000"),
    "no blank lines": lambda text: re.sub("\n\n+", "\n", text),
    "double spacing": lambda text: text.replace("\n", "\n\n"),
    "wrapped": _wrapped,
    "wrapped and indented": lambda text: _wrapped(text, indent="    "),
    "parenthesis behind the number": lambda text: re.sub(r"(?m)^(\d+)\.", r"\1)", text),
    "Chinese numbering": lambda text: re.sub(r"(?m)^(\d+)\. ", r"\1、", text),
    "full-width numbering": lambda text: re.sub(r"(?m)^1\. ", "１．", text),
    "number in parentheses": lambda text: re.sub(r"(?m)^(\d+)\.", r"（\1）", text),
    "Chinese labels": lambda text: (
        text.replace("Summary: ", "摘要：").replace("Why It Matters: ", "为何重要：").replace("URL: ", "链接：")
    ),
    "other Chinese labels": lambda text: text.replace("Why It Matters: ", "意义：").replace("URL: ", "网址："),
    "labels in other cases": lambda text: text.replace("Summary:", "SUMMARY :").replace("Why It", "why it"),
    "bar before the date": lambda text: re.sub(r" · (2026-\d\d-\d\d)\n", r" | \1\n", text),
    "dash before the date": lambda text: re.sub(r" · (2026-\d\d-\d\d)\n", r" — \1\n", text),
    "hyphen before the date": lambda text: re.sub(r" · (2026-\d\d-\d\d)\n", r" - \1\n", text),
    "date in parentheses": lambda text: re.sub(r" · (2026-\d\d-\d\d)\n", r" • \1\n", text),
    "Chinese date": lambda text: re.sub(r" · 2026-06-(\d\d)\n", r" · 2026年6月\1日\n", text),
    "American date": lambda text: re.sub(r" · 2026-06-(\d\d)\n", r" · June \1, 2026\n", text),
    "British date": lambda text: re.sub(r" · 2026-06-(\d\d)\n", r" · Monday, \1 June 2026\n", text),
    "short date": lambda text: re.sub(r" · 2026-06-(\d\d)\n", r" · Jun \1\n", text),
    "figures that mean one day": lambda text: re.sub(r" · 2026-06-(\d\d)\n", r" · 06/\1/2026\n", text),
    "source and date labelled": lambda text: re.sub(
        r"• (.+) · (2026-\d\d-\d\d)\n", r"• Source: \1\n  • Date: \2\n", text
    ),
    "source and date apart": lambda text: re.sub(r"• (.+) · (2026-\d\d-\d\d)\n", r"• \1\n  • \2\n", text),
    "address after a dash": lambda text: re.sub(r" \((https://\S+)\)", r" — \1", text),
    "bracketed address": lambda text: re.sub(r"URL: (.+) \((https://\S+)\)", r"URL: [\1](\2)", text),
    "angle brackets": lambda text: re.sub(r" \((https://\S+)\)", r" <\1>", text),
    "heading once": lambda text: text.replace("Harbour Morning Brief — 2026-06-22\n\n", "", 1),
    "dash labels": lambda text: (
        text.replace("Summary:", "Summary -").replace("Why It Matters:", "Why It Matters —").replace("URL:", "URL –")
    ),
    "bracketed labels": lambda text: (
        text.replace("Summary: ", "【摘要】").replace("Why It Matters: ", "【为什么重要】").replace("URL: ", "[原文] ")
    ),
    "bold labels": lambda text: (
        text.replace("Summary:", "**Summary:**")
        .replace("Why It Matters:", "**Why It Matters**:")
        .replace("URL:", "*URL:*")
    ),
    "labels with emoji": lambda text: text.replace("Summary:", "📌 Summary:").replace("Why It", "💡 Why It"),
    "emoji for bullets": lambda text: text.replace("  • ", "🔹 "),
    "labels before a tab": lambda text: re.sub(r"(?m)^  • (Summary|Why It Matters|URL): ", "\\1\t", text),
    "labels on lines of their own": lambda text: re.sub(r"  • (Summary|Why It Matters|URL): ", "\\1\n", text),
    "labels as headings": lambda text: re.sub(r"  • (Summary|Why It Matters|URL): ", "\n\\1:\n\n", text),
    "other English labels": lambda text: (
        text.replace("Summary:", "What happened:").replace("Why It Matters:", "Impact:").replace("URL:", "Read more:")
    ),
    "more Chinese labels": lambda text: (
        text.replace("Summary: ", "要点：").replace("Why It Matters: ", "影响：").replace("URL: ", "阅读原文：")
    ),
    "no numbers": lambda text: re.sub(r"(?m)^\d+\. ", "", text),
    "no numbers and no bullets": lambda text: re.sub(r"(?m)^(?:\d+\. |  • )", "", text),
    "one number forgotten": lambda text: text.replace("\n2. ", "\n"),
    "number signs": lambda text: re.sub(r"(?m)^(\d+)\. ", r"#\1 ", text),
    "No.": lambda text: re.sub(r"(?m)^(\d+)\. ", r"No. \1: ", text),
    "Story and number": lambda text: re.sub(r"(?m)^(\d+)\. ", r"Story \1: ", text),
    "Story and number above the headline": lambda text: re.sub(r"(?m)^(\d+)\. ", "Story \\1\nHeadline: ", text),
    "circled numbers": lambda text: re.sub(r"(?m)^(\d)\. ", lambda found: chr(0x245F + int(found[1])) + " ", text),
    "Chinese numerals": lambda text: re.sub(
        r"(?m)^(\d)\. ", lambda found: " 一二三四五六七八九"[int(found[1])] + "、", text
    ),
    "bracketed numbers": lambda text: re.sub(r"(?m)^(\d+)\. ", r"[\1] ", text),
    "numbers on lines of their own": lambda text: re.sub(r"(?m)^(\d+)\. ", "\\1.\n", text),
    "emoji before the number": lambda text: re.sub(r"(?m)^(\d+)\. ", r"🚀 \1. ", text),
    "source in parentheses": lambda text: re.sub(r"• (.+) · (2026-\d\d-\d\d)\n", r"• (\1, \2)\n", text),
    "source behind the rest": lambda text: re.sub(
        r"(  • [^\n:]+ · 2026-\d\d-\d\d\n)((?:  • .+\n){2})(  • URL)", r"\2\1\3", text
    ),
    "invisible characters": lambda text: text.replace("Summary", "\u200bSum\u00admary").replace("• ", "•\u2060 "),
    "quoted in a mail": lambda text: "".join(f"> {row}\n" for row in text.splitlines()),
    "address on the next line": lambda text: re.sub(r" \((https://\S+)\)", r"\n    \1", text),
    "link as HTML in text": lambda text: re.sub(r"URL: (.+) \((https://\S+)\)", r'URL: <a href="\2">\1</a>', text),
    "paragraphs of a page": lambda text: "".join(f"<p>{escape(row)}</p>\n" for row in text.split("\n")),
    "line breaks of a page": lambda text: "<div>" + escape(text).replace("\n", "<br>\n"),
    "preformatted": lambda text: f"<html><body><pre>{escape(text)}</pre>",
}


@pytest.mark.parametrize("change", _SAME_SAID_OTHERWISE.values(), ids=_SAME_SAID_OTHERWISE.keys())
def test_the_same_said_otherwise_is_the_same_brief(change: _Change) -> None:
    expected, changed = read_brief(samples.brief_text()), change(samples.brief_text())
    assert changed != samples.brief_text()
    read = read_brief(changed)
    assert read.brief == expected.brief
    assert [finding.code for finding in read.findings] == [finding.code for finding in expected.findings]


def test_gb18030_is_recognised_and_the_guess_is_told() -> None:
    read = read_brief(samples.brief_text().encode("gb18030"))
    assert read.brief == read_brief(samples.brief_text()).brief
    assert [finding.message for finding in read.findings if finding.code == "encoding-guessed"] == [
        "the file names no encoding and was read as GB18030"
    ]


def test_windows_1252_is_recognised_and_the_guess_is_told() -> None:
    text = _brief("1. Café’s “Night” — a Test\n• Señor · 2026-06-22\n• Summary: É\n• Why It Matters: ü\n• URL: ß")
    read = read_brief(text.encode("windows-1252"))
    assert read.brief == read_brief(text).brief
    assert "encoding-guessed" in [finding.code for finding in read.findings]


def _brief(stories: str, *, heading: str = "Daily — 2026-06-22") -> str:
    return f"{heading}\n\n{stories}\n"


def _story(
    *, head: str = "1. Headline", source: str = "• AP · 2026-06-21", summary: str = "• Summary: s", link: str = "URL: t"
) -> str:
    return f"{head}\n\n{source}\n{summary}\n• Why It Matters: w\n• {link}"


def _only(text: str) -> Story:
    (story,) = read_brief(text).brief.stories
    return story


@pytest.mark.parametrize(
    ("link", "title", "url"),
    [
        ("URL: Only words", "Only words", None),
        ("URL: https://a.example/x", "Headline", "https://a.example/x"),
        ("URL: <https://a.example/x>", "Headline", "https://a.example/x"),
        ("URL: Words (https://a.example/x_(y))", "Words", "https://a.example/x_(y)"),
        ("URL: 标题（https://a.example/x）", "标题", "https://a.example/x"),
        ("URL: Words — https://a.example/x", "Words", "https://a.example/x"),
        ("URL: [Words [1]](https://a.example/x)", "Words [1]", "https://a.example/x"),
        ("URL: 标题https://a.example/x。", "标题", "https://a.example/x"),
        ("URL: China Focus: more words", "China Focus: more words", None),
        ("URL: 5连升 (589250)", "5连升 (589250)", None),
        ("Link: Words\n  https://a.example/x", "Words", "https://a.example/x"),
        ("原文链接：Words (HTTP://A.EXAMPLE/)", "Words", "HTTP://A.EXAMPLE/"),
        ("Source: Words (https://a.example/x)", "Words", "https://a.example/x"),
        ("https://a.example/x", "Headline", "https://a.example/x"),
        ("Link title: Words https://no.example\n• URL: https://a.example/x", "Words https://no.example", "https://a.example/x"),
    ],
)  # fmt: skip
def test_a_link_is_read_in_each_of_its_forms(link: str, title: str, url: str | None) -> None:
    story = _only(_brief(_story(link=link)))
    assert (story.link_title, story.url) == (title, url)


@pytest.mark.parametrize(
    ("source", "name", "day"),
    [
        ("• AP · 2026-06-21", "AP", date(2026, 6, 21)),
        ("• 2026-06-21 · AP", "AP", date(2026, 6, 21)),
        ("• AP, Jun. 21st, 2026", "AP", date(2026, 6, 21)),
        ("• AP (21 June 2026)", "AP", date(2026, 6, 21)),
        ("• AP | Sunday, June 21, 2026 08:30", "AP", date(2026, 6, 21)),
        ("• A·B News · 6月21日", "A·B News", date(2026, 6, 21)),
        ("• AP · 2026/6/21", "AP", date(2026, 6, 21)),
        ("• AP · 21/06/2026", "AP", date(2026, 6, 21)),
        ("• AP · 06/06/2026", "AP", date(2026, 6, 6)),
        ("• 来源：新华社\n• 日期：2026年6月21日", "新华社", date(2026, 6, 21)),
        ("AP\n2026-06-21", "AP", date(2026, 6, 21)),
        ("• Source: AP | Date: 2026-06-21", "AP", date(2026, 6, 21)),
    ],
)
def test_a_source_and_its_date_are_told_apart(source: str, name: str, day: date) -> None:
    story = _only(_brief(_story(source=source)))
    assert (story.source, story.date) == (name, day)


def test_a_date_without_a_year_is_the_one_closest_to_the_brief() -> None:
    text = _brief(_story(source="• AP · Dec 31"), heading="Daily — 2027-01-02")
    assert _only(text).date == date(2026, 12, 31)


@pytest.mark.parametrize(
    ("heading", "day"),
    [
        ("Daily\n\nPosted on June 22, 2026 at 08:28 PM", date(2026, 6, 22)),
        ("Daily\n2026-06-22", date(2026, 6, 22)),
        ("Daily\nDate: 22 June 2026", date(2026, 6, 22)),
        ("Daily, Monday, June 22, 2026", date(2026, 6, 22)),
        ("每日简报 2026年6月22日", date(2026, 6, 22)),
        ("Daily — June 22\nPosted: 2026-06-23 01:00", date(2026, 6, 22)),
    ],
)
def test_the_date_of_a_brief_is_found_where_the_source_has_it(heading: str, day: date) -> None:
    assert read_brief(_brief(_story(), heading=heading)).brief.date == day


def test_a_brief_without_section_title_and_posting_line_is_read() -> None:
    brief = read_brief(_brief(_story())).brief
    assert [section.title for section in brief.sections] == [""]
    assert brief.posted_at is None


@pytest.mark.parametrize("label", ["Preheader", "Preview", "预览"])
def test_a_preheader_line_is_taken_as_it_is(label: str) -> None:
    text = _brief(_story(), heading=f"Daily — 2026-06-22\n\n{label}: What matters today")
    assert read_brief(text).brief.preheader == "What matters today"


def test_numbers_that_restart_in_each_section_are_renumbered_with_a_note() -> None:
    text = _brief(
        "One\n\n"
        + _story()
        + "\n\n"
        + _story(head="2. Second")
        + "\n\nTwo\n\n"
        + _story(head="1. Third", link="URL: u")
    )
    read = read_brief(text)
    assert [story.number for story in read.brief.stories] == [1, 2, 3]
    assert [section.title for section in read.brief.sections] == ["One", "Two"]
    notes = [finding for finding in read.findings if finding.level == "note"]
    assert [(note.code, text.split("\n")[(note.line or 0) - 1]) for note in notes] == [("renumbered", "1. Third")]


def test_a_number_at_the_start_of_a_wrapped_line_is_no_story() -> None:
    story = _only(_brief(_story(summary="• Summary: sales rose by\n12. More came later,\n3.5 million in all.")))
    assert story.summary == "sales rose by 12. More came later, 3.5 million in all."


def test_paragraphs_and_points_below_a_summary_belong_to_it() -> None:
    story = _only(_brief(_story(summary="• Summary: three points:\n   - one\n   - two\n\n  and a last word.")))
    assert story.summary == "three points: - one - two and a last word."


def test_bold_labels_in_plain_text_are_labels() -> None:
    assert _only(_brief(_story(summary="• **Summary:** one **two**"))).summary == "one **two**"


def test_chinese_that_was_wrapped_is_joined_without_a_space() -> None:
    assert _only(_brief(_story(summary="• 摘要：第一行\n第二行 AI\n来了"))).summary == "第一行第二行 AI 来了"


def test_control_characters_are_removed_with_a_note() -> None:
    read = read_brief(_brief(_story(head="1. Head\x07line", summary="• Summary: a\x0bb")))
    (story,) = read.brief.stories
    assert (story.headline, story.summary) == ("Headline", "a b")
    assert next((finding.code, finding.line) for finding in read.findings) == ("control-characters-removed", 3)


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        (_brief(_story(source="• AP")), "story-date-missing", 5),
        (_brief(_story(source="• 2026-06-21")), "source-missing", 5),
        (_brief(_story().replace("• Why It Matters: w\n", "")), "why-missing", 3),
        (_brief(_story(link="URL: https://a.example")), "link-title-missing", 8),
        (_brief(_story() + "\n\nSubscribe to our other letters!"), "text-ignored", 10),
        (_brief(_story() + "\n\n" + _story(head="2. Headline")), "duplicate-story", 10),
        (
            _brief(_story(link="URL: a https://x.example") + "\n\n" + _story(head="2. B", link="URL: https://x.example")),
            "duplicate-link",
            10,
        ),
    ],
)  # fmt: skip
def test_what_an_editor_should_look_at_is_a_warning_with_its_line(text: str, code: str, line: int) -> None:
    found = [finding for finding in read_brief(text).findings if finding.code == code]
    assert [(finding.level, finding.line) for finding in found] == [("warning", line)]


def test_a_link_inside_a_summary_leaves_its_words_and_a_note() -> None:
    read = read_brief("# D — 2026-06-22\n\n" + _story(summary="- **Summary:** see [here](https://a.example)"))
    assert next(read.brief.stories).summary == "see here"
    assert "inline-link-removed" in [finding.code for finding in read.findings]


def test_headings_without_numbers_are_headlines_when_fields_follow() -> None:
    read = read_brief(
        "# D — 2026-06-22\n\n## News\n\n### First\n\nAP · 2026-06-22\n\n**Summary:** s\n\n**Why it matters:** w\n\n"
        "[Read more](https://a.example/1)\n\n### Second\n- AP · 2026-06-22\n- Summary: t\n- Link: <https://a.example/2>\n"
    )
    assert [section.title for section in read.brief.sections] == ["News"]
    assert [(story.headline, story.url) for story in read.brief.stories] == [
        ("First", "https://a.example/1"),
        ("Second", "https://a.example/2"),
    ]


def test_a_linked_headline_of_a_page_gives_the_link() -> None:
    read = read_brief(
        "<h1>D — 2026-06-22</h1><ol start=4><li><a href='https://a.example/1'>First</a><ul><li>AP · 2026-06-22"
        "<li>Summary: s<li>Why it matters: w</ul></ol>"
    )
    (story,) = read.brief.stories
    assert (story.link_title, story.url) == ("First", "https://a.example/1")
    assert [finding.code for finding in read.findings] == ["renumbered"]
