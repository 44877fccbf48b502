"""Labels: the words that name a field, in any case, in English and Chinese."""

from __future__ import annotations

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
_WORDS: dict[Field, tuple[str, ...]] = {
    Field.TITLE: ("title", "标题", "標題"),
    Field.DATE: ("date", "日期"),
    Field.PREHEADER: ("preheader", "preview", "preview text", "预览", "預覽"),
    Field.LANGUAGE: ("language", "语言", "語言"),
    Field.SECTION: ("section", "栏目", "欄目"),
    Field.HEADLINE: ("headline",),
    Field.SOURCE: ("source", "来源", "來源", "出处", "出處"),
    Field.SUMMARY: ("summary", "摘要", "概要", "内容摘要", "內容摘要"),
    Field.WHY: (
        "why it matters",
        "why this matters",
        "why it's important",
        "为何重要",
        "为什么重要",
        "為何重要",
        "為什麼重要",
        "意义",
        "意義",
        "重要性",
    ),
    Field.LINK: ("url", "link", "source link", "链接", "鏈接", "連結", "网址", "網址", "原文", "原文链接", "原文連結"),
    Field.LINK_TITLE: ("link title", "链接标题", "連結標題"),
}
_FIELDS: dict[str, Field] = {word: field for field, words in _WORDS.items() for word in words}
_LONGEST = 40


def field_named(text: str) -> Field | None:
    """The field that a bare label names ("Why it matters?", "摘要"), or None."""
    if len(text) > _LONGEST:
        return None
    folded = unicodedata.normalize("NFKC", text).casefold().replace("’", "'").strip("*_?:\u200b\ufeff \t\n")
    return _FIELDS.get(" ".join(folded.split()))


def split_label(text: str) -> tuple[Field, str] | None:
    """Split "Summary: words" into the field and the words; None where no known label and colon begin the text."""
    colons = [at for at in (text.find(mark, 0, _LONGEST) for mark in ":：﹕") if at > 0]
    if not colons:
        return None
    at = min(colons)
    field = field_named(text[:at])
    if field is None:
        return None
    value = text[at + 1 :]
    if text.lstrip().startswith("**"):  # "**Summary:** words" in what is otherwise plain text
        value = value.removeprefix("**")
    return field, value.strip()
