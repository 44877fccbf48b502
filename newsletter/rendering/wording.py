"""Wording: the mail's own words in each language, its dates, and how long it takes to read."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton

_WORDS_PER_MINUTE = 230  # Brysbaert 2019: adults read 238 English words a minute silently
_CHARACTERS_PER_MINUTE = 400  # Chinese and Japanese, a cautious middle of published figures
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_WORD = re.compile(r"[^\W_]+(?:[’'.,-][^\W_]+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """Every phrase that the templates say themselves. `reason`, `stories` and `minutes` are format strings."""

    locale: str
    view_online: str
    unsubscribe: str
    contents: str
    why_it_matters: str
    read_source: str
    original_title: str
    one_story: str
    stories: str
    minutes: str
    reason: str
    web_reason: str
    colon: str


_ENGLISH = Wording(
    locale="en",
    view_online="View in browser",
    unsubscribe="Unsubscribe",
    contents="In today’s brief",
    why_it_matters="Why it matters",
    read_source="Read the source",
    original_title="Original title",
    one_story="1 story",
    stories="{count} stories",
    minutes="{count} min read",
    reason="You receive this because {email} is subscribed to {newsletter}.",
    web_reason="This is the web version of {newsletter}.",
    colon=": ",
)
_SIMPLIFIED = Wording(
    locale="zh_Hans",
    view_online="在浏览器中查看",
    unsubscribe="退订",
    contents="今日要闻",
    why_it_matters="为何重要",
    read_source="阅读原文",
    original_title="原文标题",
    one_story="1 条要闻",
    stories="{count} 条要闻",
    minutes="阅读约需 {count} 分钟",
    reason="您收到这封邮件，是因为 {email} 订阅了《{newsletter}》。",
    web_reason="这是《{newsletter}》的网页版。",
    colon="：",
)
_TRADITIONAL = Wording(
    locale="zh_Hant",
    view_online="在瀏覽器中檢視",
    unsubscribe="取消訂閱",
    contents="今日要聞",
    why_it_matters="為何重要",
    read_source="閱讀原文",
    original_title="原文標題",
    one_story="1 則要聞",
    stories="{count} 則要聞",
    minutes="閱讀約需 {count} 分鐘",
    reason="您收到這封郵件，是因為 {email} 訂閱了《{newsletter}》。",
    web_reason="這是《{newsletter}》的網頁版。",
    colon="：",
)
_WORDINGS = {
    "en": _ENGLISH,
    "zh": _SIMPLIFIED,
    "zh-hans": _SIMPLIFIED,
    "zh-cn": _SIMPLIFIED,
    "zh-sg": _SIMPLIFIED,
    "zh-hant": _TRADITIONAL,
    "zh-tw": _TRADITIONAL,
    "zh-hk": _TRADITIONAL,
    "zh-mo": _TRADITIONAL,
}


def wording_for(language: str) -> Wording:
    """The words for a BCP 47 tag: the nearest there is, English where there is none."""
    parts = language.replace("_", "-").lower().split("-")
    tags = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((_WORDINGS[tag] for tag in tags if tag in _WORDINGS), _ENGLISH)


def long_date(day: date, *, language: str) -> str:
    """The whole date with its weekday ("Monday, June 22, 2026"), in the locale of the tag or of its wording."""
    return format_date(day, format="full", locale=_locale(language))


def short_date(day: date | None, *, language: str, year: int) -> str:
    """Month and day, with the year where it is not `year` ("Jun 22", "6月22日"); "" for no date."""
    if day is None:
        return ""
    return format_skeleton("MMMd" if day.year == year else "yMMMd", day, locale=_locale(language))


def reading_minutes(texts: Iterable[str]) -> int:
    """Minutes that a reader needs, at least 1: words of spaced scripts and ideographs are counted apart."""
    minutes = 0.0
    for text in texts:
        ideographs = len(_IDEOGRAPH.findall(text))
        words = len(_WORD.findall(_IDEOGRAPH.sub(" ", text)))
        minutes += words / _WORDS_PER_MINUTE + ideographs / _CHARACTERS_PER_MINUTE
    return max(1, math.ceil(minutes))


def _locale(language: str) -> Locale:
    """A locale that speaks the same language as the wording: dates and phrases must not disagree."""
    wording = wording_for(language)
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale.parse(wording.locale)
    return locale if locale.language == Locale.parse(wording.locale).language else Locale.parse(wording.locale)
