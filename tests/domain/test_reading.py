"""Reading whole briefs: our sample field by field, the published one, and the same content in four formats."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path

import pytest

from newsletter import samples
from newsletter.domain.brief import Brief
from newsletter.domain.reading import BriefFormat, brief_as_dict, language_of, read_brief
from tests.domain import reading_forms

_HERE = Path(__file__).resolve()
_GOLDEN = _HERE.parents[1] / "golden" / "sample-brief.json"
_PUBLISHED = _HERE.parents[2] / "../shared/briefs/china-ai-brief-2026-06-22.txt"


def test_the_sample_brief_reads_as_the_golden_file_says() -> None:
    read = read_brief(samples.brief_text())
    golden = json.loads(_GOLDEN.read_text(encoding="utf-8"))
    assert brief_as_dict(read.brief) == golden["brief"]
    assert [finding.as_dict() for finding in read.findings] == golden["findings"]


def test_no_character_of_the_sample_is_changed() -> None:
    text = samples.brief_text()
    for story in read_brief(text).brief.stories:
        address = f" ({story.url})" if story.url else ""
        block = (
            f"{story.number}. {story.headline}\n\n"
            f"  • {story.source} · {story.date}\n"
            f"  • Summary: {story.summary}\n"
            f"  • Why It Matters: {story.why_it_matters}\n"
            f"  • URL: {story.link_title}{address}"
        )
        assert block in text


@pytest.fixture(scope="module")
def published() -> bytes:
    if not _PUBLISHED.exists():
        pytest.skip(f"the published brief is not here ({_PUBLISHED.name})")
    return _PUBLISHED.read_bytes()


def test_the_published_brief_has_its_heading_date_and_posting_time(published: bytes) -> None:
    read = read_brief(published)
    assert read.format is BriefFormat.TEXT
    assert read.brief.title == "China AI Brief — 2026-06-22"
    assert read.brief.date == date(2026, 6, 22)
    assert read.brief.posted_at == datetime(2026, 6, 22, 20, 28)  # noqa: DTZ001 - the source names no zone
    assert read.brief.language == "en"
    assert [section.title for section in read.brief.sections] == ["Top Stories"]


def test_the_published_brief_has_ten_stories_without_addresses_and_nothing_else_to_remark(published: bytes) -> None:
    read = read_brief(published)
    assert [story.number for story in read.brief.stories] == list(range(1, 11))
    assert [story.url for story in read.brief.stories] == [None] * 10
    assert [(finding.level, finding.code) for finding in read.findings] == [("warning", "link-missing")] * 10
    assert [finding.line for finding in read.findings] == [14, 21, 28, 35, 42, 49, 56, 63, 70, 77]


def test_the_published_brief_keeps_each_character(published: bytes) -> None:
    first, *_, third_last, second_last, last = read_brief(published).brief.stories
    assert first.headline == "Zhipu AI’s Market Cap Surpasses HK$1 Trillion, Outpacing Major Tech Giants"
    assert first.summary.startswith("Chinese AI unicorn Zhipu AI saw its market capitalization surpass HK$1 trillion")
    assert "“long-horizon task” capabilities" in first.summary
    assert first.why_it_matters.endswith("could compete for global users seeking alternatives to US models.")
    assert first.link_title == "国产大模型智谱市值破万亿,超越网易、京东、小米、美团、百度……"
    assert (third_last.source, third_last.date) == ("证券时报", date(2026, 6, 22))
    assert second_last.link_title == "“数字”→”数智” 从”一字之变”看人工智能产业迎来升级热潮"
    assert last.source == "中青在线"
    text = published.decode()
    for story in read_brief(published).brief.stories:
        for value in (story.headline, story.source, story.summary, story.why_it_matters, story.link_title):
            assert value in text


def test_the_derived_preheader_is_whole_words_of_the_first_headlines(published: bytes) -> None:
    preheader = read_brief(published).brief.preheader
    assert len(preheader) <= 120
    assert preheader.startswith("Zhipu AI’s Market Cap Surpasses HK$1 Trillion")
    assert preheader.endswith("2026 Summer Davos Opens: AI and Robotics…")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (reading_forms.TEXT, BriefFormat.TEXT),
        (reading_forms.MARKDOWN, BriefFormat.MARKDOWN),
        (reading_forms.HTML, BriefFormat.HTML),
        (reading_forms.JSON, BriefFormat.JSON),
    ],
    ids=["text", "markdown", "html", "json"],
)
def test_the_same_content_in_each_format_is_the_same_brief(source: str, expected: BriefFormat) -> None:
    read = read_brief(source)
    assert read.format is expected
    assert read.brief == _tidewater()
    assert [finding.code for finding in read.findings] == ["link-missing"]
    assert read_brief(source, format=expected).brief == read.brief


def _tidewater() -> Brief:
    brief = read_brief(reading_forms.TEXT, format=BriefFormat.TEXT).brief
    assert brief.date == date(2026, 3, 4)
    assert brief.preheader == "Locks, rails & a “quiet” crane"
    assert [(section.title, len(section.stories)) for section in brief.sections] == [("Canals", 2), ("Rails", 1)]
    assert [story.url for story in brief.stories] == [
        "https://canal.example/locks?a=1&b=2",
        None,
        "https://rail.example/first_train_(2026)",
    ]
    return brief


def test_the_source_text_is_kept_with_plain_line_breaks() -> None:
    read = read_brief("\ufeff" + reading_forms.TEXT.replace("\n", "\r\n"))
    assert read.source_text == reading_forms.TEXT


def test_what_brief_show_prints_can_be_imported_again() -> None:
    brief = read_brief(reading_forms.TEXT).brief
    printed = {"brief_id": 7, "status": "draft", **brief_as_dict(brief), "sha256": "00"}
    assert read_brief(json.dumps(printed)).brief == brief


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Port Opens at Dawn", "en"),
        ("国产大模型发布", "zh-Hans"),
        ("普華永道發佈《全球人工智慧效能研究中國報告》", "zh-Hant"),
        ("DeepSeek完成融资", "zh-Hans"),
        ("DeepSeek Launches V4 (深度求索)", "en"),
        ("新しい港が開く", "ja"),
        ("새 항구가 열리다", "ko"),
        ("人工", "zh-Hans"),
        ("2026-06-22 !", "en"),
        ("", "en"),
    ],
)
def test_a_language_is_told_by_its_script(text: str, language: str) -> None:
    assert language_of(text) == language


def test_a_text_of_another_script_is_in_the_default_language() -> None:
    assert language_of("Hafen", default="de") == "de"
