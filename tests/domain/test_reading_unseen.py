"""Briefs of other houses: other topics, layouts and languages, each read into the brief that it means."""

from __future__ import annotations

from datetime import date

import pytest

from newsletter.domain.brief import Brief
from newsletter.domain.reading import (
    BriefFormat,
    brief_as_dict,
    brief_as_markdown,
    brief_as_text,
    brief_from_dict,
    read_brief,
)

_CHEESE = "https://dairy.example/news/1?utm_source=brief&utm_medium=mail#top"

_COLUMNS = """\
ALPINE DAIRY WEEKLY
Issue of Friday, 6 March 2026

MARKETS
#1 Milk Price Holds at 41 Cents
Source: Bauernblatt, March 5, 2026
In brief: The farm-gate price did not move for the third month,
although feed became dearer. Processors
expect no change before May.
Impact - Small farms keep their margin for now.
Read more: https://dairy.example/news/1?utm_source=brief&utm_medium=mail#top

#2 Butter Mountain Melts
Source: Der Senn | 2026/03/04
In brief: Stocks fell to 9,000 tonnes.
Impact - Exporters pay more.

FARMS
#1 Robot Herds 80 Goats
Via: Bergpost (4 March)
In brief: "Heidi 2" walks the slope twice a day.
Impact — Shepherds sleep.
Link: Robot im Steilhang
      https://bergpost.example/heidi
"""

_CHINESE = """\
\ufeff量子科技早报

发布时间：2026年3月6日 07:30

一、产业动态

１．国产稀释制冷机交付首批用户
来源：科技日报　日期：2026年3月5日
摘要：合肥团队交付了六台
国产设备，最低温度达到8毫开。
为什么重要：核心设备不再依赖进口。
原文：https://kj.example.cn/a/1

２．量子云平台开放公测
（中新社，3月4日）
要点：任何人都可以免费提交任务。
影响：教学成本下降。
链接：《量子云开放公测》（https://zx.example.cn/b）

二、政策

１．标准委发布术语国标
来源：新华社 | 2026-03-06
摘要：收录术语三百余条。
意义：行业有了共同语言。

分享到：微信 微博
版权所有 © 2026
"""

_PLAIN_PAGE = """\
Home
Archive

Ocean Desk — March 6, 2026

Deep Sea

Cable Ship Finds a Lost Buoy
(Reuters, 5 March 2026)

The crew of the Amber found the buoy drifting 300 miles from where it had been anchored in 2019.

It still sends its position.

Why it matters
Lost buoys are counted as sunk; this one shows that the count is wrong.

Buoy 7 comes home
https://ocean.example/buoy-7

Harbour Seals Return
The Guardian · 4 Mar 2026

Pups were born on the breakwater for the first time since the port was built, wardens say.

Why it matters
Quiet ships help.

Read the full story: Seals (https://ocean.example/seals)

Subscribe to Ocean Desk
"""

_MARKDOWN = """\
---

# Rail Notes — 6 March 2026

> Posted on March 6, 2026 at 05:10 PM

## Freight

**1) Night Trains Carry Parcels Again**

*Le Fret, March 5, 2026*

**Summary.** Three trains a night link Lyon and Lille.
They run at 160 km/h.

**Why it matters?** Lorries lose the fastest lane. [Read more](https://fret.example/nuit)

---

**2) Wagon Makers Merge**

| Source | Waggon Report |
|---|---|
| Date | 2026-03-04 |
| Summary | Two of four makers become one. |
| Why it matters | Fewer \\| bigger orders. |
| Link | [Fusion perfekt](https://waggon.example/fusion) |
"""

_PAGE = """\
<!doctype html><html><head><title>Blog</title><style>li{color:red}</style>
<script>var a = "<li>1. no</li>";</script></head>
<body><nav><a href="/">Home</a></nav><main><h1 class="t"><span>City Trees — 2026-03-06</span></h1>
<div class="meta">Posted on <time>March 6, 2026</time> at <b>09:00 AM</b></div>
<h2>Parks&nbsp;&amp; Streets</h2>
<h3>Plane Trees Get Sensors</h3>
<p><em>Town Crier, March 5, 2026</em></p>
<p><span style="font-weight:700">Summary</span><br>Four hundred trees report<br>how thirsty they are.</p>
<p><strong>Why it </strong><strong>matters:</strong>&nbsp;Watering by need saves a third.</p>
<p>\U0001f517 <a href="https://trees.example/1?a=1&amp;b=2">Planes with <i>probes</i></a></p>
<h3>Oak Felled, Oak Planted</h3>
<ul class="wp-block-list"><li>Town Crier &middot; 2026-03-04</li><li><b>Summary</b> One for one.</li>
<li><b>Why it matters</b>: A promise was kept.</li><li>Link: <a href="https://trees.example/2">Oaks</a></li></ul>
<div><h3>Share this:</h3><ul><li><a href="https://social.example">Social</a></li></ul></div></main>
</body></html>
"""


def _stories(brief: Brief) -> list[tuple[str, str, str, str | None]]:
    return [(story.headline, f"{story.source} {story.date}", story.link_title, story.url) for story in brief.stories]


def _remarks(source: str) -> list[tuple[int | None, str]]:
    return [(finding.line, finding.code) for finding in read_brief(source).findings]


def test_a_weekly_in_capitals_with_number_signs_and_wrapped_lines() -> None:
    brief = read_brief(_COLUMNS).brief
    assert (brief.title, brief.date) == ("ALPINE DAIRY WEEKLY", date(2026, 3, 6))
    assert [section.title for section in brief.sections] == ["MARKETS", "FARMS"]
    assert _stories(brief) == [
        ("Milk Price Holds at 41 Cents", "Bauernblatt 2026-03-05", "Milk Price Holds at 41 Cents", _CHEESE),
        ("Butter Mountain Melts", "Der Senn 2026-03-04", "", None),
        ("Robot Herds 80 Goats", "Bergpost 2026-03-04", "Robot im Steilhang", "https://bergpost.example/heidi"),
    ]
    first, second, third = brief.stories
    assert first.summary == (
        "The farm-gate price did not move for the third month, although feed became dearer. "
        "Processors expect no change before May."
    )
    assert [story.why_it_matters for story in (first, second, third)] == [
        "Small farms keep their margin for now.",
        "Exporters pay more.",
        "Shepherds sleep.",
    ]
    assert third.summary == '"Heidi 2" walks the slope twice a day.'
    assert _remarks(_COLUMNS) == [
        (2, "text-ignored"),
        (11, "link-title-missing"),
        (13, "link-missing"),
        (19, "renumbered"),
    ]


def test_a_chinese_morning_paper_with_numbered_sections_and_a_footer() -> None:
    brief = read_brief(_CHINESE.encode("gb18030")).brief
    assert (brief.title, brief.date, brief.language) == ("量子科技早报", date(2026, 3, 6), "zh-Hans")
    assert [section.title for section in brief.sections] == ["产业动态", "政策"]
    assert _stories(brief) == [
        (
            "国产稀释制冷机交付首批用户",
            "科技日报 2026-03-05",
            "国产稀释制冷机交付首批用户",
            "https://kj.example.cn/a/1",
        ),
        ("量子云平台开放公测", "中新社 2026-03-04", "《量子云开放公测》", "https://zx.example.cn/b"),
        ("标准委发布术语国标", "新华社 2026-03-06", "", None),
    ]
    first, second, third = brief.stories
    assert first.summary == "合肥团队交付了六台国产设备，最低温度达到8毫开。"
    assert first.why_it_matters == "核心设备不再依赖进口。"
    assert (second.summary, second.why_it_matters) == ("任何人都可以免费提交任务。", "教学成本下降。")
    assert (third.summary, third.why_it_matters) == ("收录术语三百余条。", "行业有了共同语言。")
    assert _remarks(_CHINESE)[-2:] == [(27, "text-ignored"), (28, "text-ignored")]


def test_a_page_pasted_as_text_without_numbers_bullets_or_labels() -> None:
    brief = read_brief(_PLAIN_PAGE).brief
    assert (brief.title, brief.date) == ("Ocean Desk — March 6, 2026", date(2026, 3, 6))
    assert [section.title for section in brief.sections] == ["Deep Sea"]
    assert _stories(brief) == [
        ("Cable Ship Finds a Lost Buoy", "Reuters 2026-03-05", "Buoy 7 comes home", "https://ocean.example/buoy-7"),
        ("Harbour Seals Return", "The Guardian 2026-03-04", "Seals", "https://ocean.example/seals"),
    ]
    first, second = brief.stories
    assert first.summary.endswith("been anchored in 2019. It still sends its position.")
    assert second.why_it_matters == "Quiet ships help."
    assert _remarks(_PLAIN_PAGE) == [
        (1, "text-ignored"),
        (2, "text-ignored"),
        (11, "label-missing"),
        (24, "label-missing"),
        (31, "text-ignored"),
    ]


def test_markdown_with_bold_headlines_a_table_and_a_link_at_the_end_of_a_paragraph() -> None:
    read = read_brief(_MARKDOWN)
    assert read.format is BriefFormat.MARKDOWN
    assert (read.brief.title, read.brief.date) == ("Rail Notes — 6 March 2026", date(2026, 3, 6))
    night = "Night Trains Carry Parcels Again"
    assert _stories(read.brief) == [
        (night, "Le Fret 2026-03-05", night, "https://fret.example/nuit"),
        ("Wagon Makers Merge", "Waggon Report 2026-03-04", "Fusion perfekt", "https://waggon.example/fusion"),
    ]
    first, second = read.brief.stories
    assert first.summary == "Three trains a night link Lyon and Lille. They run at 160 km/h."
    assert first.why_it_matters == "Lorries lose the fastest lane."
    assert (second.summary, second.why_it_matters) == ("Two of four makers become one.", "Fewer | bigger orders.")
    assert _remarks(_MARKDOWN) == [(16, "link-title-missing")]


def test_a_whole_page_with_menu_script_and_headlines_without_numbers() -> None:
    read = read_brief(_PAGE)
    assert read.format is BriefFormat.HTML
    assert (read.brief.title, read.brief.date) == ("City Trees — 2026-03-06", date(2026, 3, 6))
    assert [section.title for section in read.brief.sections] == ["Parks & Streets"]
    assert _stories(read.brief) == [
        ("Plane Trees Get Sensors", "Town Crier 2026-03-05", "Planes with probes", "https://trees.example/1?a=1&b=2"),
        ("Oak Felled, Oak Planted", "Town Crier 2026-03-04", "Oaks", "https://trees.example/2"),
    ]
    first, second = read.brief.stories
    assert first.summary == "Four hundred trees report how thirsty they are."
    assert first.why_it_matters == "Watering by need saves a third."
    assert (second.summary, second.why_it_matters) == ("One for one.", "A promise was kept.")
    assert [code for _, code in _remarks(_PAGE)] == ["text-ignored"] * 3


@pytest.mark.parametrize("source", [_COLUMNS, _CHINESE, _PLAIN_PAGE, _MARKDOWN, _PAGE])
def test_what_was_understood_can_be_written_in_our_forms_and_read_back(source: str) -> None:
    brief = read_brief(source).brief
    assert read_brief(brief_as_text(brief)).brief == brief
    assert read_brief(brief_as_markdown(brief)).brief == brief
    assert brief_from_dict(brief_as_dict(brief)) == brief


def test_one_short_sentence_below_a_source_is_the_summary() -> None:
    text = """# Robot Weekly — May 4, 2026

### 1. Robots learn to fold
*IEEE · May 2, 2026*

Laundry is solved.

**Why it matters:** Homes are next.

[The paper](https://robots.example/fold)
"""
    read = read_brief(text, format=BriefFormat.MARKDOWN)
    (story,) = read.brief.stories
    assert (story.summary, story.why_it_matters) == ("Laundry is solved.", "Homes are next.")
    assert [finding.code for finding in read.findings] == ["label-missing"]
