"""What one story lacks, or has wrong, is a finding on its line; the brief is read all the same."""

from __future__ import annotations

import json
import re

import pytest

from newsletter.domain.brief import Story
from newsletter.domain.findings import Finding
from newsletter.domain.reading import brief_as_text, read_brief
from tests.domain import reading_forms

_EVERYTHING_BUT_A_HEADLINE = [
    ("blocker", "summary-missing"),
    ("warning", "link-missing"),
    ("warning", "source-missing"),
    ("warning", "story-date-missing"),
    ("warning", "why-missing"),
]


def _read(text: str, number: int) -> tuple[Story, list[Finding]]:
    read = read_brief(text)
    story = next(story for story in read.brief.stories if story.number == number)
    return story, [finding for finding in read.findings if re.search(rf"\bstory {number}\b", finding.message)]


def _codes(text: str) -> list[tuple[int | None, str, str]]:
    return [(finding.line, str(finding.level), finding.code) for finding in read_brief(text).findings]


def test_a_story_of_nothing_but_a_headline_is_kept_and_blocks_the_brief() -> None:
    text = reading_forms.TEXT + "\n4. Only a Headline\n\n5. Another One\n• AP · 2026-03-04\n• Summary: s\n• URL: t\n"
    story, findings = _read(text, 4)
    assert (story.headline, story.summary, story.source, story.date) == ("Only a Headline", "", "", None)
    assert (story.link_title, story.url) == ("", None)
    assert sorted((str(finding.level), finding.code) for finding in findings) == _EVERYTHING_BUT_A_HEADLINE
    assert len(list(read_brief(text).brief.stories)) == 5


def test_headlines_alone_are_a_brief_of_blocked_stories() -> None:
    read = read_brief("Daily — 2026-03-04\n\n1. One\n2. Two\n3. Three\n")
    assert [story.headline for story in read.brief.stories] == ["One", "Two", "Three"]
    assert [finding.code for finding in read.findings if finding.level == "blocker"] == ["summary-missing"] * 3


@pytest.mark.parametrize(
    ("gone", "expected"),
    [
        ("  • URL: The <quiet> crane\n", [(16, "warning", "link-missing")]),
        (": The <quiet> crane", [(21, "warning", "link-missing")]),
        ("  • Summary: Rubber gears & new brakes halve the noise.\n", [(16, "blocker", "summary-missing")]),
        (" Rubber gears & new brakes halve the noise.", [(19, "blocker", "summary-missing")]),
        ("  • Why It Matters: Neighbours sleep; night shifts stay.\n", [(16, "warning", "why-missing")]),
        (" · 2026-03-03", [(18, "warning", "story-date-missing")]),
        ("  • Dock Review · 2026-03-03\n", [(16, "warning", "source-missing"), (16, "warning", "story-date-missing")]),
        (" A Crane That Whispers", [(16, "blocker", "headline-missing")]),
        ("2. A Crane That Whispers\n", [(17, "blocker", "headline-missing")]),
    ],
)  # fmt: skip
def test_one_thing_left_out_is_one_finding(gone: str, expected: list[tuple[int, str, str]]) -> None:
    assert reading_forms.TEXT.count(gone) == 1
    text = reading_forms.TEXT.replace(gone, "")
    new = [found for found in _codes(text) if found[1:] != ("warning", "link-missing")]
    assert new == [found for found in expected if found[2] != "link-missing"]
    assert sum(found[2] == "link-missing" for found in _codes(text)) == 1
    assert len(list(read_brief(text).brief.stories)) == 3


def test_a_missing_link_is_told_at_the_story_or_at_the_empty_line() -> None:
    without_line = reading_forms.TEXT.replace("  • URL: The <quiet> crane\n", "")
    assert (16, "warning", "link-missing") in _codes(without_line)
    assert (21, "warning", "link-missing") in _codes(reading_forms.TEXT.replace("URL: The <quiet> crane", "URL:"))


_UNSAFE = {
    "script": ("javascript:alert(1)", "not a full web address"),
    "script with spaces": ("javascript:alert('a b')", "white space"),
    "data": ("data:text/html,<script>", "white space or quotes"),
    "file": ("file:///etc/passwd", "not a full web address"),
    "mail": ("mailto:a@b.example", "not a full web address"),
    "no host": ("https://", "not a full web address"),
    "no host but a path": ("https:///a/b", "not a full web address"),
    "one slash": ("https:/canal.example/x", "not a full web address"),
    "no scheme": ("www.canal.example/x", "begins with https://"),
    "a space": ("https://canal.example/a b.html", "white space"),
    "another protocol": ("ftp://canal.example/x", "not a full web address"),
    "a bad port": ("https://canal.example:port/", "not a full web address"),
    "half an IPv6 address": ("https://[::1/x", "not a full web address"),
    "too long": (f"https://a.example/{'x' * 2000}", "characters long"),
}


@pytest.mark.parametrize(("address", "words"), _UNSAFE.values(), ids=_UNSAFE.keys())
@pytest.mark.parametrize("form", ["URL: Words ({})", "URL: {}", "URL: [Words]({})"])
def test_an_address_nobody_can_follow_is_left_out_and_blocks(form: str, address: str, words: str) -> None:
    line = form.format(address)
    text = reading_forms.TEXT.replace("URL: The <quiet> crane", line)
    story, findings = _read(text, 2)
    assert story.url is None
    assert "canal.example" not in story.link_title
    assert story.link_title in ("Words", "")
    (finding,) = [finding for finding in findings if finding.code.startswith("link-")]
    assert (str(finding.level), finding.code, finding.line) == ("blocker", "link-invalid", 21)
    assert words in finding.message


@pytest.mark.parametrize(
    "href", ["javascript:alert(1)", "data:text/html,x", "//a.example/x", "/2026/03/x", "https://a b"]
)
def test_a_bad_address_of_a_page_is_left_out_and_blocks(href: str) -> None:
    read = read_brief(reading_forms.HTML.replace("https://canal.example/locks?a=1&amp;b=2", href))
    story = next(read.brief.stories)
    assert (story.link_title, story.url) == ("船闸排队时间上线", None)
    assert [(finding.line, str(finding.level)) for finding in read.findings if finding.code == "link-invalid"] == [
        (16, "blocker")
    ]


def test_a_bad_address_in_json_is_left_out_and_blocks() -> None:
    content = json.loads(reading_forms.JSON)
    content["sections"][0]["stories"][0]["url"] = "javascript:alert(1)"
    read = read_brief(json.dumps(content))
    assert next(read.brief.stories).url is None
    assert ("blocker", "link-invalid") in [(finding.level, finding.code) for finding in read.findings]


def test_a_story_of_json_may_lack_what_a_story_of_text_may_lack() -> None:
    content = json.loads(reading_forms.JSON)
    content["sections"][0]["stories"][0] = {"headline": "Only a Headline"}
    read = read_brief(json.dumps(content))
    found = sorted((str(finding.level), finding.code) for finding in read.findings if "story 1 " in finding.message)
    assert found == _EVERYTHING_BUT_A_HEADLINE


@pytest.mark.parametrize("day", ["06/07/2026", "2026-13-01", "30 February 2026"])
def test_a_date_that_is_none_or_two_is_left_out_and_blocks(day: str) -> None:
    text = reading_forms.TEXT.replace("Dock Review · 2026-03-03", f"Dock Review · {day}")
    story, findings = _read(text, 2)
    assert story.date is None
    (finding,) = [finding for finding in findings if finding.code == "story-date-invalid"]
    assert (str(finding.level), finding.line) == ("blocker", 18)


def test_a_second_summary_is_joined_to_the_first_and_blocks() -> None:
    text = reading_forms.TEXT.replace("  • URL: The <quiet> crane", "  • Summary: And again.\n  • URL: x")
    read = read_brief(text)
    assert [story.summary for story in read.brief.stories][1].endswith("halve the noise. And again.")
    assert (21, "blocker", "field-repeated") in _codes(text)


def test_a_second_link_is_left_out_with_a_warning() -> None:
    text = reading_forms.TEXT.rstrip("\n") + "\n  • Read more: https://other.example/\n"
    assert [story.url for story in read_brief(text).brief.stories][2] == "https://rail.example/first_train_(2026)"
    assert (31, "warning", "field-repeated") in _codes(text)


def test_an_unknown_language_is_left_out_with_a_warning() -> None:
    text = reading_forms.TEXT.replace("Preheader: Locks", "Language: !\nPreheader: Locks")
    assert (5, "warning", "language-invalid") in _codes(text)
    assert read_brief(text).brief.language == "en"


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("\n  • Why It Matters: Neighbours", " Why It Matters: Neighbours", "label-inside", 19),
        ("  • URL: The", "  • Category: Cranes\n  • URL: The", "label-unknown", 21),
        ("Summary: Rubber gears &", "Rubber gears and better", "label-missing", 19),
        ("Summary: Rubber gears & new brakes halve", "Sumary: Rubber gears & new brakes halve", "label-missing", 19),
    ],
)  # fmt: skip
def test_what_was_read_by_guess_is_told(old: str, new: str, code: str, line: int) -> None:
    assert reading_forms.TEXT.count(old) == 1
    assert (line, "warning", code) in _codes(reading_forms.TEXT.replace(old, new))


@pytest.mark.parametrize(
    "footer", ["Share this:\n\n• Twitter\n• Facebook", "Subscribe\nby mail", "© 2026 The Digest\nImprint"]
)
def test_what_stands_below_the_last_story_is_left_out_line_by_line(footer: str) -> None:
    text = reading_forms.TEXT.replace("  • URL: First train since 2017 (https://rail.example/first_train_(2026))\n", "")
    read = read_brief(f"{text}\n{footer}\n")
    assert [story.why_it_matters for story in read.brief.stories][2] == "It takes 40,000 lorries off the coast road."
    rows = [row for row in footer.split("\n") if row]
    assert sum(finding.code == "text-ignored" for finding in read.findings) == len(rows)


def test_thousands_of_odd_lines_are_some_dozens_of_findings() -> None:
    read = read_brief(reading_forms.TEXT + "  • URL: x\n" * 3000 + "\nShare this:\n" + "x\n" * 3000)
    assert len(read.findings) < 150
    assert "2950 more lines like this" in " ".join(finding.message for finding in read.findings)


def test_what_is_missing_stays_missing_when_written_and_read_again() -> None:
    read = read_brief(
        "Daily — 2026-03-04\n\nOne\n\n1. A\n\n2.\n• AP · 2026-03-04\n\nTwo\n\n3. C (X, 2026-03-04)\n\nSummary: s\n"
    )
    assert read_brief(brief_as_text(read.brief)).brief == read.brief
    assert [section.title for section in read.brief.sections] == ["One", "Two"]
