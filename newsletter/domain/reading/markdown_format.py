"""Markdown: as much of it as newsrooms write, read in time linear to its length."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

from newsletter.domain.reading.assembling import assemble
from newsletter.domain.reading.drafts import BriefDraft
from newsletter.domain.reading.labels import Field, field_named
from newsletter.domain.reading.lines import Kind, Line, Shape, indent_of, shape_of, trim

ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
# No alternative can run past the start of the next one of its kind: that keeps a hostile line linear.
_TOKEN = re.compile(
    r"(?P<escape>\\[!-/:-@\[-`{-~])"
    rf"|(?P<entity>{ENTITY.pattern})"
    r"|`(?P<code>[^`\n]+)`"
    r"|<(?P<auto>https?://[^\s<>]+)>"
    r"|(?P<image>!?)\[(?P<title>(?:\\.|[^\[\]\\])*)\]\([ \t]{0,3}(?:<(?P<angle>[^<>\n]*)>"
    r"|(?P<url>[^\s()<>\[]*(?:\([^\s()<>\[]*\)[^\s()<>\[]*)*))"
    r"(?:[ \t]{1,3}\"[^\"\[]*\")?[ \t]{0,3}\)"
    r"|(?P<bare>https?://[^\s<>\[]+)"
    r"|(?P<tag></?(?:br|b|i|em|strong|span|u)[ \t]*/?>)"
    r"|(?P<mark>\*{1,3}|_{1,3})",
    re.IGNORECASE,
)
_BARE = re.compile(r"https?://\S+", re.IGNORECASE)
_TRAILING_LINK = re.compile(r"(?<=\s)\[([^\[\]]{1,40})\]\([^\s()]+\)[.。]?\Z")
_BOLD_LABEL = re.compile(r"(\*\*|__)([^*_]{1,40})\1(?!\s*[:：])[ \t]*[-–—]?[ \t]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Inline:
    """A line's words without its marks, and the address of its first link."""

    text: str
    url: str | None
    is_link: bool = False


def draft_of_markdown(text: str) -> BriefDraft:
    """The draft that a Markdown text amounts to."""
    return assemble(lines_of_markdown(text))


def lines_of_markdown(text: str) -> list[Line]:
    """The lines that are not blank; thematic breaks and fences count as blank, underlined lines as headings."""
    lines: list[Line] = []
    after_blank = True
    rows = text.split("\n")
    for number, row in enumerate(rows, start=1):
        words = trim(row)
        words = trim(words.lstrip("> \t")) if words.startswith(">") else words
        if _is_underline(words) and not after_blank and lines and lines[-1].kind is Kind.TEXT:
            lines[-1] = _as_heading(lines[-1], level=1 if words[0] == "=" else 2)
            words = ""
        if words.startswith("|"):
            words = trim(words.strip("|"))
        if not words or _is_break(words):
            after_blank = True
            continue
        words, trailing = _without_trailing_link(words)
        lines.append(_line(number, words, indent=indent_of(row), after_blank=after_blank))
        after_blank = lines[-1].kind is Kind.HEADING
        if trailing:
            lines.append(_line(number, trailing, indent=indent_of(row), after_blank=False))
    return lines


def inline_of(text: str) -> Inline:
    """Resolve escapes, entities, links, code and emphasis of one line."""
    out: list[str] = []
    outside: list[str] = []
    openers: dict[str, list[int]] = {}
    url: str | None = None
    end = 0
    for token in _TOKEN.finditer(text):
        out.append(text[end : token.start()])
        outside.append(text[end : token.start()])
        end = token.end()
        if token["mark"]:
            _emphasise(token, text, out=out, openers=openers)
            continue
        words, address = _resolved(token)
        out.append(words)
        url = url or address
        outside.append("" if address else words)
    outside.append(text[end:])
    out.append(text[end:])
    is_link = url is not None and not any(char.isalnum() for part in outside for char in part)
    return Inline(text=trim("".join(out)), url=url, is_link=is_link)


def _resolved(token: re.Match[str]) -> tuple[str, str | None]:
    """The words and the address of any token but an emphasis mark."""
    if token["escape"]:
        return token["escape"][1], None
    if token["entity"]:
        return html.unescape(token["entity"]), None
    if token["code"]:
        return token["code"], None
    if token["auto"]:
        return token["auto"], token["auto"]
    if token["bare"]:
        return token["bare"], None
    if token["tag"]:
        return (" " if "br" in token["tag"].lower() else ""), None
    if token["image"]:
        return "", None
    address = token["angle"] if token["angle"] is not None else token["url"]
    return inline_of(token["title"]).text, html.unescape(_ESCAPE.sub(r"\1", address)) if ENTITY.search(
        address
    ) else _ESCAPE.sub(r"\1", address)


def _emphasise(token: re.Match[str], text: str, *, out: list[str], openers: dict[str, list[int]]) -> None:
    """Drop a pair of marks once its second half is there; a mark that stays alone stays in the text."""
    mark = token["mark"]
    before, after = text[token.start() - 1 : token.start()], text[token.end() : token.end() + 1]
    inside_word = mark[0] == "_" and before.isalnum() and after.isalnum()
    may_close = bool(before) and not before.isspace() and not inside_word
    may_open = bool(after) and not after.isspace() and not inside_word
    if may_close and openers.get(mark):
        out[openers[mark].pop()] = ""
        out.append("")
        return
    if may_open:
        openers.setdefault(mark, []).append(len(out))
    out.append(mark)


def _line(number: int, words: str, *, indent: int, after_blank: bool) -> Line:
    level = len(words) - len(words.lstrip("#"))
    if 1 <= level <= 6 and words[level : level + 1].isspace():
        heading = trim(_without_closing_marks(words[level:]))
        return _as_heading(_shaped(number, heading, indent=0, after_blank=True), level=level)
    return _shaped(number, words, indent=indent, after_blank=after_blank)


def _shaped(number: int, words: str, *, indent: int, after_blank: bool) -> Line:
    bold = words.startswith(("**", "__"))
    words = "-" + words[1:] if words.startswith("+ ") else words
    shape = Shape(kind=Kind.TEXT, text=words) if bold else shape_of(words)
    inline = inline_of(_with_label_colon(shape.text))
    text, ordinal, kind = inline.text, shape.ordinal, shape.kind
    raw = text if kind is Kind.TEXT else trim(words[: len(words) - len(shape.text)]) + " " + text
    if bold and (within := shape_of(text)).kind is Kind.NUMBERED:
        text, ordinal, kind = within.text, within.ordinal, within.kind
    return Line(
        number=number,
        kind=kind,
        text=text,
        raw=raw,
        ordinal=ordinal,
        indent=indent,
        after_blank=after_blank,
        url=inline.url,
        is_link=inline.is_link or _BARE.fullmatch(text) is not None,
    )


def _as_heading(line: Line, *, level: int) -> Line:
    return Line(
        number=line.number,
        kind=line.kind if line.kind is Kind.NUMBERED else Kind.HEADING,
        text=line.text if line.kind is Kind.NUMBERED else line.raw,
        raw=line.raw,
        ordinal=line.ordinal,
        level=level,
        after_blank=True,
        url=line.url,
    )


def _with_label_colon(words: str) -> str:
    """Give "**Summary** words" the colon that makes it a label."""
    label = _BOLD_LABEL.match(words)
    if label is None or field_named(label[2]) is None or label[2].rstrip().endswith((":", "：")):
        return words
    return f"{label[2]}: {words[label.end() :]}"


def _without_closing_marks(heading: str) -> str:
    stripped = heading.rstrip().rstrip("#")
    return stripped if stripped != heading.rstrip() and (not stripped or stripped[-1].isspace()) else heading


def _without_trailing_link(words: str) -> tuple[str, str]:
    """Split "… of the year. [Read more](https://…)" before the link, which is the story's and not the paragraph's."""
    found = _TRAILING_LINK.search(words, max(0, len(words) - 2100)) if words.endswith((")", ".", "。")) else None
    if (
        found is None
        or field_named(found[1]) is not Field.LINK
        or len(shape_of(trim(words[: found.start()])).text) < 12
    ):
        return words, ""
    return trim(words[: found.start()]), found[0]


def _is_underline(words: str) -> bool:
    return len(words) >= 3 and words[0] in "=-" and not words.strip(words[0])


def _is_break(words: str) -> bool:
    return words.startswith(("```", "~~~")) or (
        len(words) >= 3 and words[0] in "-*_=:" and not words.strip(words[0] + " |:-")
    )
