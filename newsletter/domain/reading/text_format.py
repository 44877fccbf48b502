"""Plain text, as pasted from a page or a document."""

from __future__ import annotations

import re

from newsletter.domain.reading.assembling import assemble
from newsletter.domain.reading.drafts import BriefDraft
from newsletter.domain.reading.lines import Line, indent_of, shape_of, trim

_ADDRESS = re.compile(r"<?https?://[^\s<>]+>?", re.IGNORECASE)


def draft_of_text(text: str) -> BriefDraft:
    """The draft that a plain text amounts to."""
    return assemble(lines_of_text(text))


def lines_of_text(text: str) -> list[Line]:
    """The lines of a text that are not blank; rules of dashes or stars count as blank."""
    lines: list[Line] = []
    after_blank = True
    for number, raw in enumerate(_unquoted(text.split("\n")), start=1):
        words = trim(raw)
        if not words or _is_rule(words):
            after_blank = True
            continue
        shape = shape_of(words)
        lines.append(
            Line(
                number=number,
                kind=shape.kind,
                text=shape.text,
                raw=words,
                ordinal=shape.ordinal,
                indent=indent_of(raw),
                after_blank=after_blank,
                is_link=_ADDRESS.fullmatch(shape.text) is not None,
            )
        )
        after_blank = False
    return lines


def _is_rule(words: str) -> bool:
    return len(words) >= 3 and words[0] in "-*_=—–" and not words.strip(words[0] + " ")


def _unquoted(rows: list[str]) -> list[str]:
    """The lines of a mail that was quoted in a reply, without the ">" before each of them."""
    if all(row.startswith(">") for row in rows if row.strip()):
        return [row.removeprefix(">").removeprefix(" ") for row in rows]
    return rows
