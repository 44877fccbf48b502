"""Labels: the words that name a field, in any case, in English and Chinese."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum


class Field(StrEnum):
    """What a labelled line, or a line known by its place, gives."""

    TITLE = "title"
    DATE = "date"
    POSTED = "posting time"
    PREHEADER = "preheader"
    LANGUAGE = "language"
    SECTION = "section"
    HEADLINE = "headline"
    SOURCE = "source"
    SUMMARY = "summary"
    WHY = "why it matters"
    LINK = "link"
    LINK_TITLE = "link title"


HEADER_FIELDS = frozenset({Field.TITLE, Field.DATE, Field.PREHEADER, Field.LANGUAGE})
STORY_FIELDS = frozenset(
    {
        Field.HEADLINE,
        Field.SOURCE,
        Field.DATE,
        Field.SUMMARY,
        Field.WHY,
        Field.LINK,
        Field.LINK_TITLE,
        Field.LANGUAGE,
    }
)
# fmt: off
_WORDS: dict[Field, tuple[str, ...]] = {
    Field.TITLE: ("title", "标题", "標題"),
    Field.DATE: ("date", "publication date", "date published", "published", "日期", "时间", "時間", "发布日期", "發佈日期", "发布时间", "发表时间"),
    Field.PREHEADER: ("preheader", "preview", "preview text", "预览", "預覽"),
    Field.LANGUAGE: ("language", "语言", "語言"),
    Field.SECTION: ("section", "栏目", "欄目", "板块"),
    Field.HEADLINE: ("headline", "新闻标题", "新聞標題"),
    Field.SOURCE: (
        "source", "sources", "via", "publisher", "outlet", "publication", "news source",
        "来源", "來源", "出处", "出處", "媒体", "媒體", "信源", "新闻来源", "消息来源", "文章来源", "資料來源",
    ),
    Field.SUMMARY: (
        "summary", "synopsis", "abstract", "overview", "in brief", "in short", "tl;dr", "tldr", "gist", "the gist",
        "what happened", "what's new", "the news", "key point", "key points", "key takeaway", "key takeaways",
        "takeaway", "takeaways", "description", "details", "story summary",
        "摘要", "概要", "内容摘要", "內容摘要", "新闻摘要", "新聞摘要", "要点", "要點", "内容要点", "核心要点", "概述",
        "简介", "簡介", "简述", "内容", "內容", "内容简介", "导读", "導讀", "主要内容", "主要內容",
    ),
    Field.WHY: (
        "why it matters", "why this matters", "why does it matter", "why it is important", "why it's important",
        "why this is important", "why is it important", "why it's significant", "why you should care", "significance",
        "importance", "impact", "implication", "implications", "what it means", "what this means", "so what",
        "analysis", "our take", "the big picture",
        "为何重要", "为什么重要", "為何重要", "為什麼重要", "为什么值得关注", "为何值得关注", "值得关注", "意义", "意義",
        "重要意义", "重要性", "影响", "影響", "影响与意义", "意义与影响", "点评", "點評", "解读", "解讀", "分析", "看点",
    ),
    Field.LINK: (
        "url", "urls", "link", "links", "source link", "source url", "article link", "article url", "story link",
        "read more", "read more at", "read the full story", "read full story", "read the full article", "read full article",
        "read original", "read the original", "full story", "full article", "full text", "original", "original link",
        "original url", "original article", "original source", "original title", "article", "web link", "more info",
        "链接", "鏈接", "連結", "网址", "網址", "原文", "原文链接", "原文鏈接", "原文連結", "原文地址", "原文标题", "新闻链接",
        "链接地址", "文章链接", "来源链接", "阅读原文", "閱讀原文", "阅读全文", "閱讀全文", "查看原文", "查看全文", "全文",
        "全文链接", "详情", "詳情", "阅读更多", "閱讀更多",
    ),
    Field.LINK_TITLE: ("link title", "链接标题", "連結標題"),
}
# fmt: on
_FIELDS: dict[str, Field] = {word: field for field, words in _WORDS.items() for word in words}
_LONGEST = 40
_COLONS = ":：﹕︰∶"
_SEPARATOR = re.compile(rf"\s?[{_COLONS}]|\s[-–—]{{1,3}}\s|[–—]{{1,2}}|\s?[→»|｜\t\u3000]|[?？](?=\s)")
_BRACKETED = re.compile(r"[【\[［〔「《]\s?([^\]】］〕」》]{1,30})[】\]］〕」》](?!\()\s?[:：]?")
_REMARK = re.compile(r"\s?[(（][^()（）]{0,20}[)）]\Z")  # "URL (in Chinese)"
_OPENING = "【[［〔「《(（<\"'“‘"
_STRONG_LABEL = re.compile(
    r"(?:(?<=\s)|(?<=[•。.]))(?:Summary|SUMMARY|Why [Ii]t [Mm]atters|WHY IT MATTERS|URL|Link|摘要|为何重要|为什么重要|链接|原文链接)"
    r"\s?[:：]"
)


def field_named(text: str) -> Field | None:
    """The field that a bare label names ("Why it matters?", "摘要", "📌 Summary"), or None."""
    if len(text) > _LONGEST:
        return None
    text = unicodedata.normalize("NFKC", text[_lead_of(text) :]).casefold().replace("’", "'")
    text = _REMARK.sub("", text.strip("*_?:. \t\n"))
    return _FIELDS.get(" ".join(text.strip("*_?: ").split()))


def split_label(text: str) -> tuple[Field, str] | None:
    """Split "Summary: words" into the field and the words; None where the text begins with no known label.

    Between the two stands a colon of any width, a dash, a bar, a tab, or brackets around the label.
    """
    lead = _lead_of(text)
    bracketed = _BRACKETED.match(text, lead)
    if bracketed:
        field, end = field_named(bracketed[1]), bracketed.end()
    else:
        separator = _SEPARATOR.search(text, lead + 1, lead + _LONGEST)
        if separator is None:
            return None
        field, end = field_named(text[lead : separator.start()]), separator.end()
        if separator[0].strip() not in _COLONS and text[lead].islower():
            return None  # "… a short\nsummary - with details": prose that was wrapped
    if field is None:
        return None
    value = text[end:]
    mark = text[:lead].strip()
    if mark and not mark.strip("*_"):  # "**Summary:** words" in what is otherwise plain text
        value = value.removeprefix(mark)
    return field, value.strip()


def label_inside(text: str) -> str | None:
    """The first unmistakable label that stands in the middle of a text, as it does where two lines were joined."""
    found = _STRONG_LABEL.search(text)
    return found[0] if found else None


def _lead_of(text: str) -> int:
    """How many characters of emphasis, emoji and the like stand before the first word."""
    at = 0
    while at < len(text) and at < 12 and not text[at].isalnum() and text[at] not in _OPENING:
        at += 1
    return at if at < len(text) else 0
