"""What a mail program makes of an HTML part: its text, links, anchors and attributes."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Document:
    """The parts of a page that tests ask about."""

    text: str = ""
    links: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    tags: list[tuple[str, dict[str, str]]] = field(default_factory=list)


def parse(html: str) -> Document:
    """Parse a page as browsers do, entities resolved."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.document


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.document = Document()
        self._is_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.document.tags.append((tag, values))
        self._is_style = tag == "style"
        if tag == "a" and "href" in values:
            self.document.links.append(values["href"])
        if tag == "a" and "name" in values:
            self.document.names.add(values["name"])

    def handle_endtag(self, tag: str) -> None:
        self._is_style = False

    def handle_data(self, data: str) -> None:
        if not self._is_style:
            self.document.text += data
