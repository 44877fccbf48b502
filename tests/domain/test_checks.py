"""Preflight: each remark on a mail, and the silence on a good one."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from newsletter.domain.brief import Brief, Section, Story
from newsletter.domain.checks import HTML_LIMIT_BYTES, HTML_WARNING_BYTES, names_the_date, preflight
from newsletter.domain.findings import Finding, Level
from newsletter.domain.newsletter import Newsletter

DAY = date(2026, 6, 22)
HTML_TOKEN = "zq0123456789abcdefh_unsubscribe_url_qz"
TEXT_TOKEN = "zq0123456789abcdeft_unsubscribe_url_qz"
STORY = Story(
    number=1,
    headline="Ferries go electric",
    source="Quay Gazette",
    date=DAY,
    summary="Two ferries.",
    why_it_matters="Quiet nights.",
    link_title="Council buys ferries",
    url="https://gazette.example/1",
)
BRIEF = Brief(
    title="Harbour Brief — 2026-06-22",
    date=DAY,
    preheader="Ferries go electric",
    sections=(Section(title="Top Stories", stories=(STORY,)),),
)
NEWSLETTER = Newsletter(
    slug="harbour",
    name="Harbour Brief",
    from_name="Harbour Brief",
    from_email="brief@news.example.org",
    postal_address="1 Quay Street",
)


def check(**values: Any) -> list[Finding]:
    """The findings on a good mail with some values changed."""
    arguments: dict[str, Any] = {
        "brief": BRIEF,
        "subject": BRIEF.title,
        "html": f'<a href="{HTML_TOKEN}">Unsubscribe</a>',
        "text": f"Unsubscribe:\n{TEXT_TOKEN}\n",
        "html_slots": {"unsubscribe_url": HTML_TOKEN},
        "text_slots": {"unsubscribe_url": TEXT_TOKEN},
        "newsletter": NEWSLETTER,
        "findings_from_reading": [],
    }
    return preflight(**(arguments | values))


def codes(**values: Any) -> list[tuple[str, str]]:
    """Level and code of each finding."""
    return [(str(finding.level), finding.code) for finding in check(**values)]


def with_story(**values: Any) -> Brief:
    """The brief with a changed story."""
    return replace(BRIEF, sections=(Section(title="Top Stories", stories=(replace(STORY, **values),)),))


def test_a_good_mail_gets_no_remark() -> None:
    assert check() == []


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"html": "no link"}, ("blocker", "unsubscribe-missing")),
        ({"text": "no link"}, ("blocker", "unsubscribe-missing")),
        ({"html_slots": {}, "html": "x"}, ("blocker", "unsubscribe-missing")),
        ({"text": f"{TEXT_TOKEN} zq0123456789abcdeft_name_qz"}, ("blocker", "slot-unknown")),
        ({"text": f"{TEXT_TOKEN} {HTML_TOKEN}"}, ("blocker", "slot-unknown")),
        ({"newsletter": replace(NEWSLETTER, postal_address=" ")}, ("blocker", "postal-address-missing")),
        ({"newsletter": replace(NEWSLETTER, from_email="")}, ("blocker", "from-missing")),
        ({"newsletter": replace(NEWSLETTER, from_email="brief at example.org")}, ("blocker", "from-invalid")),
        ({"newsletter": replace(NEWSLETTER, reply_to="nobody")}, ("blocker", "reply-to-invalid")),
        ({"newsletter": replace(NEWSLETTER, from_name="", name="")}, ("warning", "from-name-missing")),
        ({"subject": "  "}, ("blocker", "subject-empty")),
        ({"subject": "Harbour Brief 2026-06-22 " + "x" * 60}, ("warning", "subject-long")),
        ({"subject": "HARBOUR BRIEF 2026-06-22"}, ("warning", "subject-capitals")),
        ({"subject": "Harbour Brief"}, ("warning", "subject-undated")),
        ({"html": HTML_TOKEN + "x" * HTML_WARNING_BYTES}, ("warning", "html-too-large")),
        ({"html": HTML_TOKEN + "x" * HTML_LIMIT_BYTES}, ("blocker", "html-too-large")),
        ({"html": HTML_TOKEN + "渡" * (HTML_LIMIT_BYTES // 3)}, ("blocker", "html-too-large")),
        ({"brief": with_story(url=None)}, ("warning", "link-missing")),
        ({"brief": replace(BRIEF, preheader="")}, ("note", "preheader-missing")),
        ({"brief": replace(BRIEF, preheader="x" * 200)}, ("note", "preheader-long")),
    ],
)
def test_each_fault_has_its_level_and_code(values: dict[str, Any], expected: tuple[str, str]) -> None:
    assert codes(**values) == [expected]


@pytest.mark.parametrize(
    "left_over",
    ["{{ first_name }}", "{% if x %}", "%%first_name%%", "%%FIRST NAME%%", "*|FNAME|*", "[[name]]", "<%= name %>"],
)
@pytest.mark.parametrize("field", ["headline", "source", "summary", "why_it_matters", "link_title"])
def test_template_syntax_that_nothing_fills_stops_a_brief(left_over: str, field: str) -> None:
    found = check(brief=with_story(**{field: f"Dear {left_over}!"}))
    assert [(finding.level, finding.code) for finding in found] == [(Level.BLOCKER, "template-syntax")]
    assert "story 1" in found[0].message
    assert left_over in found[0].message


@pytest.mark.parametrize("placeholder", ["[TODO]", "[todo]", "[TBD]", "[insert quote]", "TKTK", "Lorem ipsum dolor"])
def test_a_forgotten_placeholder_is_a_warning(placeholder: str) -> None:
    assert codes(brief=with_story(summary=f"Two ferries. {placeholder}")) == [("warning", "placeholder-text")]


@pytest.mark.parametrize(
    "harmless",
    ["100%% sure", "a | b", "f(x) = {x}", "[Reuters] says", "50% off, 20% on", "${amount}", "a < b % c > d", "[2026]"],
)
def test_ordinary_punctuation_is_no_template_syntax(harmless: str) -> None:
    assert codes(brief=with_story(summary=harmless)) == []


def test_equal_headlines_are_a_warning_for_each_story() -> None:
    stories = (STORY, replace(STORY, number=2, headline="ferries  go electric"), replace(STORY, number=3, headline="x"))
    brief = replace(BRIEF, sections=(Section(title="Top Stories", stories=stories),))
    assert codes(brief=brief) == [("warning", "duplicate-story")] * 2


def test_what_the_reading_found_is_kept_with_its_line_and_not_said_twice() -> None:
    known = Finding(level=Level.WARNING, code="link-missing", message="story 1 has a title only", line=12)
    assert check(brief=with_story(url=None), findings_from_reading=[known]) == [known]


def test_blockers_come_first() -> None:
    known = Finding(level=Level.NOTE, code="renumbered", message="renumbered", line=3)
    levels = [level for level, _ in codes(subject="Harbour Brief", html="x", findings_from_reading=[known])]
    assert levels == ["blocker", "warning", "note"]


@pytest.mark.parametrize(
    ("title", "is_dated"),
    [
        ("Brief — 2026-06-22", True),
        ("Brief, June 22", True),
        ("Brief 22 Jun 2026", True),
        ("简报 6月22日", True),
        ("简报 2026年6月22日", True),
        ("Brief — 2026-06-21", False),
        ("Brief 22", False),
        ("Brief of June", False),
        ("", False),
    ],
)
def test_a_title_names_the_date_in_many_forms(title: str, is_dated: bool) -> None:
    assert names_the_date(title, DAY) is is_dated


@pytest.mark.parametrize("field", ["headline", "summary"])
def test_a_story_without_headline_or_summary_is_a_blocker_told_once(field: str) -> None:
    lacking = with_story(**{field: " "})
    assert codes(brief=lacking) == [("blocker", f"{field}-missing")]
    known = Finding(level=Level.BLOCKER, code=f"{field}-missing", message="as the reader said", line=3)
    assert check(brief=lacking, findings_from_reading=[known]) == [known]


def test_a_link_that_was_left_out_is_not_called_missing_too() -> None:
    known = Finding(level=Level.BLOCKER, code="link-invalid", message="as the reader said", line=3)
    assert check(brief=with_story(url=None), findings_from_reading=[known]) == [known]
