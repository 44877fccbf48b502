"""HTML, as pasted from a web page, a mail, Word or an online editor; need not be well-formed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html.parser import HTMLParser

from newsletter.domain.reading.assembling import assemble
from newsletter.domain.reading.decoding import MAX_LINES
from newsletter.domain.reading.drafts import BriefDraft
from newsletter.domain.reading.labels import Field, field_named
from newsletter.domain.reading.lines import Kind, Line, shape_of, trim
from newsletter.errors import Fault, UnreadableBrief

_DROPPED = frozenset(
    {"script", "style", "title", "template", "svg", "iframe", "object", "noscript", "select", "textarea"}
)
# fmt: off
_BLOCKS = frozenset(
    {
        "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "div", "dl", "dt",
        "figcaption", "figure", "footer", "form", "header", "hr", "html", "main", "nav", "p", "pre",
        "section", "table", "tbody", "td", "tfoot", "th", "thead", "tr",
    }
)
# fmt: on
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_LISTS = frozenset({"ul", "ol"})
_SPACE = re.compile(r"[ \t\n\r\f\u00a0]+")  # editors put no-break spaces where two spaces were typed
_DECLARATION = re.compile(r"<[!?]")
_MAX_LIST_DEPTH = 50


def draft_of_html(text: str) -> BriefDraft:
    """The draft that an HTML page or fragment amounts to."""
    return assemble(lines_of_html(text))


def lines_of_html(text: str) -> list[Line]:
    """One line for each block, list item, heading and line break that has words."""
    reader = _Reader()
    reader.feed(_without_declarations(text))
    reader.close()
    reader.flush()
    return reader.lines


def _without_declarations(text: str) -> str:
    """Blank out comments and declarations, line breaks kept, and disarm a tag that never ends.

    The standard parser stumbles over Word's `<![if …]>`, and needs quadratic time for thousands of unclosed comments.
    """
    out: list[str] = []
    at = 0
    while (match := _DECLARATION.search(text, at)) is not None:
        start = match.start()
        closing = "-->" if text.startswith("<!--", start) else ">"
        end = text.find(closing, start + 2)
        out.append(text[at:start])
        at = len(text) if end < 0 else end + len(closing)
        out.append("\n" * text.count("\n", start, at))
    out.append(text[at:])
    cleaned = "".join(out)
    last = cleaned.rfind(">") + 1
    return cleaned[:last] + cleaned[last:].replace("<", "&lt;")


class _List:
    def __init__(self, *, ordered: bool, start: int) -> None:
        self.ordered, self.next = ordered, start


@dataclass(frozen=True, kw_only=True, slots=True)
class _OpenLink:
    """A link that is being read: where its words begin in the line, and the address that the line had before."""

    url: str
    begins_at: int
    url_before: str | None


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.lines: list[Line] = []
        self._words: list[str] = []
        self._number = 1
        self._url: str | None = None
        self._link: _OpenLink | None = None
        self._has_own_words = False
        self._dropping: str | None = None
        self._lists: list[_List] = []
        self._item: tuple[Kind, int | None] | None = None
        self._level = 0
        self._pre = 0
        self._after_block = True
        self._bold_from: int | None = None
        self._label_until: int | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._dropping:
            return
        if tag in _DROPPED:
            self._dropping = tag
        elif tag == "br":
            self.flush(block=False)
        elif tag == "a":
            self._open_link(dict(attrs).get("href"))
        elif tag in ("b", "strong"):
            self._bold_from = len(self._words)
        elif tag in _HEADINGS:
            self.flush()
            self._level = int(tag[1])
        elif tag in _LISTS:
            self.flush()
            self._open_list(tag, dict(attrs))
        elif tag == "li":
            self.flush()
            self._open_item(dict(attrs))
        elif tag in _BLOCKS:
            self.flush()
            self._pre += tag == "pre"

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _DROPPED:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._dropping:
            self._dropping = None if tag == self._dropping else self._dropping
        elif tag in ("b", "strong"):
            self._close_bold()
        elif tag == "a":
            self._close_link()
        elif tag in _HEADINGS:
            self.flush()
            self._level = 0
        elif tag in _LISTS:
            self.flush()
            self._item = None
            if self._lists:
                self._lists.pop()
        elif tag in _BLOCKS or tag == "li":
            self.flush()
            self._pre -= tag == "pre" and self._pre > 0

    def handle_data(self, data: str) -> None:
        if self._dropping:
            return
        if self._pre and "\n" in data:
            self._take_preformatted(data)
            return
        if not self._words and data.strip():
            lead = data[: len(data) - len(data.lstrip())]
            self._number = self.getpos()[0] + lead.count("\n")
        if self._words or data.strip():
            self._words.append(data)
            self._has_own_words = self._has_own_words or (self._link is None and any(map(str.isalnum, data)))

    def flush(self, *, block: bool = True) -> None:
        """End the line that is being collected; `block` says that a new paragraph follows."""
        text = self._collected()
        if text:
            self._append(text)
            self._after_block = False
        self._after_block = self._after_block or block
        self._words, self._url, self._bold_from, self._label_until = [], None, None, None
        self._has_own_words = False
        if self._link is not None:
            self._link = _OpenLink(url=self._link.url, begins_at=0, url_before=None)
            self._url = self._link.url

    def _collected(self) -> str:
        """The words so far; a bold label without a colon gets it."""
        until = self._label_until
        if until is None:
            return trim(_SPACE.sub(" ", "".join(self._words)))
        label, rest = (trim(_SPACE.sub(" ", "".join(words))) for words in (self._words[:until], self._words[until:]))
        return f"{label}{rest}" if rest[:1] in (":", "：") else f"{label}: {rest}"

    def _append(self, text: str) -> None:
        if len(self.lines) > MAX_LINES:
            message = f"the page has more than {MAX_LINES} lines and paragraphs: save the brief alone"
            raise UnreadableBrief([Fault(line=None, message=message)])
        shape = shape_of(text)
        kind, ordinal = shape.kind, shape.ordinal
        words = shape.text
        if self._item is not None:
            (kind, ordinal), self._item = self._item, None
            words = words if shape.kind is kind else text
        elif self._level and kind is not Kind.NUMBERED:
            kind, words = Kind.HEADING, text
        raw = f"• {words}" if kind is Kind.BULLET else text
        self.lines.append(
            Line(
                number=self._number,
                kind=kind,
                text=words,
                raw=raw,
                ordinal=ordinal,
                level=self._level or (kind is Kind.NUMBERED and shape.kind is not kind),
                after_blank=self._after_block,
                url=self._url,
                is_link=self._url is not None and not self._has_own_words,
            )
        )

    def _take_preformatted(self, data: str) -> None:
        first = self.getpos()[0]
        for at, row in enumerate(data.split("\n")):
            if at:
                self.flush(block=not row.strip())
            if row.strip():
                self._number = first + at if not self._words else self._number
                self._words.append(row)

    def _open_link(self, href: str | None) -> None:
        self._link = None
        if href:
            self._link = _OpenLink(url=href.strip(), begins_at=len(self._words), url_before=self._url)
            self._url = self._url or self._link.url

    def _close_link(self) -> None:
        """A link like "Read more" at the end of a paragraph becomes a line of its own."""
        link, self._link = self._link, None
        if link is None or link.begins_at == 0 or not self._has_own_words or len(self._words) > link.begins_at + 20:
            return
        words = self._words[link.begins_at :]
        label = trim("".join(words))
        if label.endswith((":", "：")) or field_named(label) is not Field.LINK:
            return
        self._words, self._url = self._words[: link.begins_at], link.url_before
        self.flush(block=False)
        self._words, self._url = words, link.url
        self.flush(block=False)

    def _close_bold(self) -> None:
        words = trim(_SPACE.sub(" ", "".join(self._words))) if self._bold_from == 0 else ""
        if words and len(self._words) < 20 and field_named(words) and not words.endswith((":", "：")):
            self._label_until = len(self._words)
        self._bold_from = None

    def _open_list(self, tag: str, attrs: dict[str, str | None]) -> None:
        self._item = None
        if len(self._lists) < _MAX_LIST_DEPTH:
            self._lists.append(_List(ordered=tag == "ol", start=_whole(attrs.get("start"), otherwise=1)))

    def _open_item(self, attrs: dict[str, str | None]) -> None:
        current = self._lists[-1] if self._lists else None
        if current is None or not current.ordered or len(self._lists) > 1:
            self._item = (Kind.BULLET, None)
            return
        ordinal = _whole(attrs.get("value"), otherwise=current.next)
        current.next = ordinal + 1
        self._item = (Kind.NUMBERED, ordinal)


def _whole(value: str | None, *, otherwise: int) -> int:
    return int(value) if value and value.isdecimal() and len(value) <= 4 else otherwise
