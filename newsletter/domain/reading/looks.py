"""Looks: what a line without a label seems to be, judged by its words alone."""

from __future__ import annotations

import re

from newsletter.domain.reading.dates import NotOneDay, date_at_end, date_of, posted_in
from newsletter.domain.reading.labels import STORY_FIELDS, Field, field_named, split_label
from newsletter.domain.reading.lines import Kind, Line, trim
from newsletter.domain.reading.links import NotAnAddress, link_in

LONGEST_HEADING = 100
_LONGEST_HEADLINE = 250
_LONGEST_SOURCE = 80
_LONGEST_UNKNOWN_LABEL = 30
_ENDS_SENTENCE = re.compile(r"[.。!！?？][\"'”’」』)）]?\Z")
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")
_UNKNOWN_LABEL = re.compile(
    r"[\W_]{0,4}((?:[A-Z]|[\u4e00-\u9fff])[\w'’/&-]*(?:\s[\w'’/&-]+){0,4})\s?[:：](?=\s|[\u4e00-\u9fff])"
)
_DATELINE = re.compile(
    r"(?:issue|edition|vol(?:ume)?|no|week(?:ly)? (?:of|ending)|week|date|for|as of|today|updated|(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"
    r"|第.{1,6}期",
    re.IGNORECASE,
)  # fmt: skip
_SYMBOLS = re.compile("^(?:[\u2190-\u21ff\u2600-\u27bf\U0001f300-\U0001faff»›]\ufe0f?\\s*)+(?=\\w)")
_FOOTER = re.compile(
    r"[\W_]{0,4}(?:share (?:this|on|via)\b|(?:un)?subscribe\b|sign up (?:for|to)\b|follow us\b|like this\b|related (?:posts?|stories|articles)\b"
    r"|leave a (?:comment|reply)\b|(?:tags?|tagged|filed under|categor(?:y|ies)) ?:|forward(?:ed)? (?:this|to a friend)\b"
    r"|view (?:this email )?in (?:your )?browser|all rights reserved|copyright\b|©|\(c\) ?\d{4}|powered by\b|privacy policy"
    r"|terms of (?:use|service)|about (?:us|this (?:newsletter|brief))\b|previous (?:post|issue)\b|next (?:post|issue)\b|loading\.\.\.|print this|skip to content"
    r"|分享(?:到|至|本文|此文)|订阅|訂閱|退订|关注我们|關注我們|扫码关注|版权所有|版權所有|转载请|免责声明|相关阅读|相關閱讀|上一篇|下一篇|责任编辑|编辑[:：])",
    re.IGNORECASE,
)  # fmt: skip


def is_plain_heading(text: str) -> bool:
    """Whether a paragraph is short enough, and without the full stop of a sentence, to title a section."""
    return 0 < len(text) <= LONGEST_HEADING and text[-1] not in ".。,，;；…:：" and "://" not in text


def is_section_heading(text: str) -> bool:
    """Whether a paragraph titles a section; a colon may stand behind it ("MARKETS:")."""
    return is_plain_heading(without_colon(text))


def without_colon(text: str) -> str:
    """A heading without the colon behind it."""
    return trim(text.rstrip(":： "))


def is_plain_headline(text: str) -> bool:
    """Whether a paragraph could be the headline of a story that has no number."""
    return 0 < len(text) <= _LONGEST_HEADLINE and text[-1] not in "。,，;；:：" and not text.endswith(".")


def is_prose(text: str) -> bool:
    """Whether a text is a sentence or more rather than a name, a date or a heading."""
    size = len(text) + len(_IDEOGRAPH.findall(text))
    return size > 120 or (size > 35 and _ENDS_SENTENCE.search(text) is not None)


def is_sentence(text: str) -> bool:
    """Whether a text has some words and ends as a sentence does, however short it is."""
    return _ENDS_SENTENCE.search(text) is not None and (len(text.split()) > 2 or len(_IDEOGRAPH.findall(text)) > 5)


def is_date(text: str) -> bool:
    """Whether a text is a date and nothing else, be it of one day or not."""
    try:
        return date_of(trim(text)) is not None
    except NotOneDay:
        return True


def ends_with_date(text: str) -> bool:
    """Whether a heading names its day, with the year, at its end."""
    try:
        return date_at_end(text) is not None
    except NotOneDay:
        return False


def dateline_day(text: str) -> str | None:
    """The date in "Issue of Friday, 6 March 2026" or "Vol. 3, No. 7 — 2026-03-06", which titles nothing."""
    if not _DATELINE.match(text) or not is_plain_heading(text) or not ends_with_date(text):
        return None
    found = date_at_end(text)
    return text[found.start :] if found else None


def without_symbols(text: str) -> str:
    """The words behind an emoji or an arrow."""
    return _SYMBOLS.sub("", text)


def is_dated_source(text: str) -> bool:
    """Whether a line without a label reads like "Xinhua · 2026-06-22" or "(Xinhua, 22 June 2026)"."""
    text = text.rstrip(")）]】 ")
    if len(text) > _LONGEST_SOURCE + 40:
        return False
    try:
        found = date_at_end(text)
    except NotOneDay:
        return True
    return found is not None and found.start <= _LONGEST_SOURCE


def is_link(line: Line) -> bool:
    """Whether a line without a label is a link rather than prose that mentions one."""
    try:
        link = link_in(line.text)
    except NotAnAddress:
        return True
    return (link.url is not None or line.url is not None) and len(link.title) <= LONGEST_HEADING


def is_footer(text: str) -> bool:
    """Whether a paragraph is what pages and mails put below their content: "Share this:", "Subscribe", "© 2026"."""
    return len(text) <= 200 and _FOOTER.match(text) is not None


def unknown_label(line: Line) -> str | None:
    """The words before the colon of "Category: Chips", which look like a label and are none that is known."""
    found = _UNKNOWN_LABEL.match(line.text[: _LONGEST_UNKNOWN_LABEL + 6])
    return found[1] if found and len(found[1]) <= _LONGEST_UNKNOWN_LABEL else None


def label_of(line: Line) -> tuple[Field, str] | None:
    """The field that a line's label names and the words behind it; a label may also stand alone on its line."""
    label = split_label(line.text)
    if label is not None:
        return label
    begins = line.kind is Kind.BULLET or line.after_blank or not line.text[:1].islower()
    field = field_named(line.text) if begins else None
    return None if field is None else (field, "")


def field_begun_by(line: Line) -> Field | None:
    """The field of a story that a line shows by its label, or by a source with its date."""
    label = label_of(line)
    if label is not None:
        return label[0] if label[0] in STORY_FIELDS else None
    is_source = is_dated_source(line.text) and not is_date(line.text) and not posted_in(line.text)
    return Field.SOURCE if is_source else None


def has_separator(text: str) -> bool:
    """Whether something stands between the parts of a line, as in "Xinhua · 2026-06-22" or "(Xinhua, 22 June)"."""
    return text[:1] in "(（[【" or any(mark in text for mark in "·•|")
