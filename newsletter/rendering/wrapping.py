"""Wrapping: paragraphs of plain text in lines of at most 72 columns, where an ideograph takes two."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LINE_COLUMNS = 72
# A line may break at a space and beside an ideograph, kana or Hangul syllable, which are words of their own.
_WIDE = (
    "\u2e80-\u303f\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff01-\uff60\U00020000-\U0003fffd"
)
_PIECE = re.compile(f"[ ]+|[{_WIDE}]|[^ {_WIDE}]+")
# What must not begin or end a line (kinsoku), of full and of half width.
_NOT_FIRST = frozenset("，。、！？：；）」』》〉】〕…—·～％”’,.!?:;)]}%")
_NOT_LAST = frozenset("（「『《〈【〔“‘([{")


def columns(text: str) -> int:
    """How many columns a terminal gives this text: 2 for wide characters, 0 for combining ones (UAX #11)."""
    return len(text) if text.isascii() else sum(map(_width, text))


def wrap(text: str, indent: str = "", first: str | None = None) -> str:
    """The paragraph in lines of at most 72 columns, each after `indent`, the first after `first` where it is given.

    A word that is longer than a line (an address) stays whole on its own line.
    """
    lines: list[str] = []
    line, used = "", 0
    room = LINE_COLUMNS - columns(indent)
    for word in _words(text):
        if used and used + columns(word.rstrip(" ")) > room:
            lines.append(line)
            line, used = "", 0
        line += word
        used += columns(word)
    lines.append(line)
    head = indent if first is None else first
    return "\n".join((head if number == 0 else indent) + shown.rstrip(" ") for number, shown in enumerate(lines))


def heading(text: str) -> str:
    """The text in capitals where its script has them, underlined as wide as it is."""
    shown = wrap(text.upper())
    return shown + "\n" + "-" * max(columns(line) for line in shown.split("\n"))


def _words(text: str) -> Iterator[str]:
    """Pieces between which a line may break; a space belongs to the piece before it."""
    held = ""
    for piece in _PIECE.findall(text):
        if held and _may_break(held, piece):
            yield held
            held = ""
        held += piece
    if held:
        yield held


def _may_break(before: str, after: str) -> bool:
    if after.isspace():
        return False
    if before.endswith(" "):
        return True
    return before[-1] not in _NOT_LAST and after[0] not in _NOT_FIRST


def _width(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
