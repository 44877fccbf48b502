"""Lines: what every format is turned into before one assembler reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from newsletter.domain.reading.labels import split_label

_EDGES = "".join(chr(code) for code in range(0x3001) if chr(code).isspace()) + "\u200b\u2060\ufeff"
# "1." "1)" "(1)" "1、" "1️⃣" "[1]" "【1】" / "#1" "No. 1" "Story 1:" / "①" / "一、" "（一）"
_NUMBER = re.compile(
    r"[(（]?(?P<plain>\d{1,3})(?:\ufe0f?\u20e3|\s*(?:[.．](?!\d)|[.．](?=(?:19|20)\d\d\D)|[)）、]|[:：](?=\s)|[-–—]\s))"
    r"|[\[【](?P<bracketed>\d{1,3})[\]】](?!\()"
    r"|(?:\#|no\.?\s?|№\s?)(?P<counted>\d{1,3})(?!\d|[.,]\d|%)(?:\s?[.．:：)）–—-](?=\s|\Z)|[.:：、])?(?=\W|\Z)"
    r"|(?:story|item|news|新闻|新聞|故事)\s?(?P<named>\d{1,3})(?:\s?[.．:：)）–—-]|(?=\Z))"
    r"|(?P<circled>[①-⑳])"
    r"|(?P<chinese>[一二三四五六七八九十]{1,3})[、.．]|[(（](?P<inner>[一二三四五六七八九十]{1,3})[)）]",
    re.IGNORECASE,
)
_CHINESE_DIGITS = "零一二三四五六七八九"
_SYMBOL_LEAD = re.compile(r"[^\w\s!-/:-@\[-`{-~\u00a1-\u203f\u3000-\u303f\uff00-\uffef]{1,4}\s?(?=[(（#①-⑳\d])")
_BULLET = re.compile(
    r"(?:[•·‣◦▪▫●○■□◆◇♦➢➤►▶▸➜→»›✓✔★☆∙⁃🔹🔸👉\uf0b7\uf0a7\uf0d8]\ufe0f?\s*|[-*+–—−‐‑]\s+|o\t\s*)(.*)", re.DOTALL
)
_TIGHT_BULLETS = "-*–—−‐‑"
_TAB_WIDTH = 4
_WIDE_FROM = "\u2e80"  # where the East Asian scripts begin: they are written without spaces


class Kind(StrEnum):
    """What a line is by its shape."""

    TEXT = "text"
    BULLET = "bullet"
    NUMBERED = "numbered"
    HEADING = "heading"


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One line that is not blank. `text` is without its bullet or number, `raw` with it.

    `number` counts from 1 in the source; `level` is that of a heading; `indent` is in columns;
    `after_blank` says that a new paragraph begins here; `url` is the address of the link that the line carries;
    `is_link` says that it holds nothing but a link.
    """

    number: int
    kind: Kind
    text: str
    raw: str
    ordinal: int | None = None
    level: int = 0
    indent: int = 0
    after_blank: bool = False
    url: str | None = None
    is_link: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """A line's kind, its ordinal if it is numbered, and its text without the mark."""

    kind: Kind
    text: str
    ordinal: int | None = None


def trim(text: str) -> str:
    """The text without white space (of any script) and zero-width characters at its ends."""
    return text.strip(_EDGES)


def shape_of(text: str) -> Shape:
    """Tell a numbered line, a bullet and plain text apart; `text` is already trimmed."""
    lead = _SYMBOL_LEAD.match(text)
    numbered = _NUMBER.match(text, lead.end() if lead else 0)
    if numbered:
        return Shape(kind=Kind.NUMBERED, text=trim(text[numbered.end() :]), ordinal=_ordinal(numbered))
    bullet = _BULLET.match(text)
    if bullet:
        return Shape(kind=Kind.BULLET, text=trim(bullet[1]))
    if text[:1] and text[0] in _TIGHT_BULLETS and split_label(text[1:]) is not None:
        return Shape(kind=Kind.BULLET, text=trim(text[1:]))
    return Shape(kind=Kind.TEXT, text=text)


def _ordinal(numbered: re.Match[str]) -> int:
    style, figures = next((name, value) for name, value in numbered.groupdict().items() if value)
    if style == "circled":
        return ord(figures) - ord("①") + 1
    if style in ("chinese", "inner"):
        tens, ten, units = figures.rpartition("十")
        return (10 * (_CHINESE_DIGITS.find(tens[:1]) if tens else 1) if ten else 0) + max(
            0, _CHINESE_DIGITS.find(units[:1]) if units else 0
        )
    return int(figures)


def is_chinese_numeral(raw: str) -> bool:
    """Whether a numbered line counts with Chinese numerals, as the sections of a Chinese brief do."""
    return raw.lstrip("(（")[:1] in "一二三四五六七八九十"


def indent_of(raw: str) -> int:
    """How many columns of white space a line begins with."""
    lead = raw[: len(raw) - len(raw.lstrip())]
    return len(lead) + (_TAB_WIDTH - 1) * lead.count("\t")


def join_wrapped(parts: list[str]) -> str:
    """Join the lines of one paragraph: with a space, or with nothing where East Asian text was broken."""
    pieces = [piece for part in parts for piece in map(trim, part.split("\n")) if piece]
    joined: list[str] = []
    for piece in pieces:
        if joined and not _runs_on(joined[-1], piece):
            joined.append(" ")
        joined.append(piece)
    return "".join(joined)


def _runs_on(before: str, after: str) -> bool:
    """Whether a line was broken inside East Asian text, or behind the hyphen of a compound ("long-", "horizon")."""
    if before[-1] >= _WIDE_FROM and after[0] >= _WIDE_FROM:
        return True
    compound = before[-1] == "-" and before[-2:-1].isalnum() and after[0].isalnum()
    return compound and after.split(None, 1)[0] not in ("and", "or", "to")
