"""What is written can be read: text, Markdown and JSON give back an equal brief."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from newsletter import samples
from newsletter.domain.brief import Brief
from newsletter.domain.reading import (
    BriefFormat,
    brief_as_dict,
    brief_as_markdown,
    brief_as_text,
    brief_from_dict,
    read_brief,
)
from newsletter.errors import UnreadableBrief
from tests.domain.reading_strategies import briefs

_bounded = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@_bounded
@given(brief=briefs)
def test_text_that_we_write_reads_back_equal(brief: Brief) -> None:
    assert read_brief(brief_as_text(brief), format=BriefFormat.TEXT).brief == brief


@_bounded
@given(brief=briefs)
def test_text_that_we_write_is_recognised_as_text(brief: Brief) -> None:
    read = read_brief(brief_as_text(brief))
    assert (read.format, read.brief) == (BriefFormat.TEXT, brief)


@_bounded
@given(brief=briefs)
def test_markdown_that_we_write_reads_back_equal(brief: Brief) -> None:
    read = read_brief(brief_as_markdown(brief))
    assert (read.format, read.brief) == (BriefFormat.MARKDOWN, brief)


@_bounded
@given(brief=briefs)
def test_json_that_we_write_reads_back_equal(brief: Brief) -> None:
    content = json.loads(json.dumps(brief_as_dict(brief)))
    assert brief_from_dict(content) == brief
    assert read_brief(json.dumps(content)).brief == brief


def test_the_sample_survives_all_forms_without_new_findings() -> None:
    first = read_brief(samples.brief_text())
    for written in (brief_as_text(first.brief), brief_as_markdown(first.brief), json.dumps(brief_as_dict(first.brief))):
        again = read_brief(written)
        assert again.brief == first.brief
        assert [finding.code for finding in again.findings] == [finding.code for finding in first.findings]


def test_an_edited_headline_changes_a_derived_preheader() -> None:
    text = brief_as_text(read_brief(samples.brief_text()).brief)
    assert "Preheader:" not in text
    edited = read_brief(text.replace("1. Port of Marrow Bay Hands", "1. Marrow Bay Hands")).brief
    assert edited.preheader.startswith("Marrow Bay Hands")


def test_a_preheader_of_ones_own_is_written_out() -> None:
    brief = replace(read_brief(samples.brief_text()).brief, preheader="Pilots, papers and rust")
    assert "\nPreheader: Pilots, papers and rust\n" in brief_as_text(brief)


def test_a_dict_has_the_keys_of_brief_show() -> None:
    content = brief_as_dict(replace(read_brief(samples.brief_text()).brief, posted_at=None))
    assert list(content) == ["title", "date", "preheader", "language", "sections"]
    assert list(content["sections"][0]) == ["title", "stories"]
    assert list(content["sections"][0]["stories"][0]) == [
        "number",
        "headline",
        "source",
        "date",
        "summary",
        "why_it_matters",
        "link_title",
        "url",
        "language",
    ]


def test_a_stored_brief_that_lacks_keys_names_them_all() -> None:
    content = brief_as_dict(read_brief(samples.brief_text()).brief)
    del content["title"], content["sections"][0]["stories"][1]["summary"]
    content["sections"][0]["stories"][2]["extra"] = 1
    with pytest.raises(UnreadableBrief) as caught:
        brief_from_dict(content)
    messages = " ".join(fault.message for fault in caught.value.faults)
    assert "title is missing" in messages
    assert "sections[0].stories[1].summary is missing" in messages
    assert "sections[0].stories[2].extra is an unknown key" in messages


def test_a_stored_brief_with_an_impossible_date_is_refused() -> None:
    content = brief_as_dict(read_brief(samples.brief_text()).brief) | {"date": "22 June"}
    with pytest.raises(UnreadableBrief, match="2026-06-22"):
        brief_from_dict(content)
