"""The formats a brief may come in, and how to tell them apart."""

from __future__ import annotations

import re
from enum import StrEnum

from newsletter.domain.reading.labels import split_label

_HTML_TAG = (
    r"(?:!doctype|!--|html|head|body|meta|title|style|script|div|section|article|main|header|blockquote|center|span|font"
    r"|p|pre|h[1-6]|ul|ol|li|dl|table|tr|td|br|hr|img|a|b|i|u|em|strong)"
)
_HTML_START = re.compile(rf"\s*<{_HTML_TAG}[\s>/-]", re.IGNORECASE)
_HTML_CLOSING = re.compile(r"</(?:p|li|h[1-6]|ul|ol|div)>", re.IGNORECASE)
_HEADING_START = re.compile(r"\s*#{1,6}[ \t]+\S")
_JSON_START = re.compile(r"\s*(?:\{\s*(?:\"|\}|\Z)|\[\s*[\[{\]\"])")
_MARKDOWN = re.compile(
    r"^ {0,3}#{1,6}[ \t]+\S|^[ \t]*[-*+][ \t]+(?:\*\*|__)\S|^ {0,3}\d{1,3}[.)][ \t]+(?:\*\*|__)\S|^={3,}[ \t]*$",
    re.MULTILINE,
)


class BriefFormat(StrEnum):
    """How a brief is written down; `auto` lets its content tell."""

    AUTO = "auto"
    TEXT = "text"
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def detected_format(text: str) -> BriefFormat:
    """The format that a text is in by its look: JSON, HTML, Markdown, else plain text."""
    if _JSON_START.match(text):
        return BriefFormat.JSON
    if _HTML_START.match(text):
        return BriefFormat.HTML
    if _HEADING_START.match(text):
        return BriefFormat.MARKDOWN
    if _has_round_bullets(text):
        return BriefFormat.TEXT
    if _MARKDOWN.search(text):
        return BriefFormat.MARKDOWN
    return BriefFormat.HTML if len(_HTML_CLOSING.findall(text)) >= 3 else BriefFormat.TEXT


def _has_round_bullets(text: str) -> bool:
    """Whether fields stand behind "•", which no Markdown has: then asterisks and angle brackets are content."""
    bullets = (line.strip() for line in text.split("\n"))
    return any(line.startswith("•") and line[1:].lstrip()[:1].isalpha() and split_label(line[1:]) for line in bullets)
