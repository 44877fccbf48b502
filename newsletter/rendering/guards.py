"""Guards: what must hold before and after the MJML engine, so that it cannot corrupt a mail or end the process.

mrml 6.0.1 (in mjml-python 1.4.2) prints attribute values with Rust's debug format: a newline, a tab, a backslash, a
no-break space or a combining mark comes out as `\\n`, `\\u{a0}` and so on. It keeps numeric entities, so attribute
values are rewritten to them first. It also recurses per level of nesting and overflows its stack near 9,000 levels.
"""

from __future__ import annotations

import html
import re
from urllib.parse import urlsplit

from newsletter.rendering.failure import RenderingError

MAX_DEPTH = 100
MAX_URL_LENGTH = 2000
LINK_SCHEMES = frozenset({"http", "https", "mailto"})

_START_TAG = re.compile(r"""<[A-Za-z](?:[^<>"']|"[^"]*"|'[^']*')*>""")
_VALUE = re.compile(r"""=\s*(?:"([^"]*)"|'([^']*)')""")
_TITLE = re.compile(r"(<mj-title>)(.*?)(</mj-title>)", re.DOTALL)
_UNSAFE = re.compile(r"""[^\x20\x21\x23-\x5b\x5d-\x7e]""")
_TAG = re.compile(r"<!--.*?-->|<(/?)([A-Za-z][A-Za-z0-9:-]*)((?:[^<>\"']|\"[^\"]*\"|'[^']*')*)>", re.DOTALL)
_VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
)
_CORRUPT = re.compile(r'="[^"]*\\(u\{|n|t|\\|")')
_REMOTE = re.compile(r"<link\b|@import|<script\b|<img\b[^>]*\bsrc=\"http:", re.IGNORECASE)
_HREF = re.compile(r'\bhref="([^"]*)"', re.IGNORECASE)
# C0 and C1 controls that are not line ends or tabs, halves of surrogate pairs, and what is no character at all.
_FORBIDDEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")


def check_text(text: str, *, what: str) -> str:
    """The text itself; RenderingError where it holds a character that no mail can carry."""
    if found := _FORBIDDEN.search(text):
        raise RenderingError(f"{what} holds the control character U+{ord(found[0]):04X}: remove it")
    return text


def check_url(url: str, *, what: str) -> str:
    """The address itself; RenderingError where it is not an http, https or mailto address that a reader can follow."""
    parts = _split(url)
    if parts is None or parts[0] not in LINK_SCHEMES or not parts[1]:
        raise RenderingError(f"{what} has the link “{url[:60]}”: use an address that begins with https://")
    if len(url) > MAX_URL_LENGTH:
        raise RenderingError(f"{what} has a link of {len(url)} characters: use one of at most {MAX_URL_LENGTH}")
    return url


def protect_attributes(mjml: str) -> str:
    """The same document, with every character in an attribute that the engine would corrupt as a numeric entity."""
    mjml = _START_TAG.sub(lambda tag: _VALUE.sub(_quote_value, tag[0]), mjml)
    return _TITLE.sub(lambda title: title[1] + _as_entities(title[2]) + title[3], mjml)


def check_depth(mjml: str) -> None:
    """RenderingError where tags are nested more than 100 deep: the engine's stack would end the process."""
    depth = 0
    for comment_or_tag in _TAG.finditer(mjml):
        closing, name, rest = comment_or_tag.groups()
        if name is None or name.lower() in _VOID or rest.endswith("/"):
            continue
        depth += -1 if closing else 1
        if depth > MAX_DEPTH:
            raise RenderingError(f"the template nests tags more than {MAX_DEPTH} deep: make it flatter")


def check_output(document: str, *, slots: frozenset[str]) -> None:
    """RenderingError where the engine corrupted an attribute, or a link or a resource is not what a mail may hold."""
    if found := _CORRUPT.search(document):
        raise RenderingError(f"the engine corrupted an attribute of the template near “{found[0][:60]}”: simplify it")
    if found := _REMOTE.search(document):
        raise RenderingError(f"the template asks for “{found[0][:60]}”: mails load nothing from elsewhere")
    for link in _HREF.finditer(document):
        target = html.unescape(link[1])
        if not target.startswith("#") and target not in slots:
            check_url(target, what="the template")


def _split(url: str) -> tuple[str, str] | None:
    if any(character.isspace() or not character.isprintable() for character in url):
        return None
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError:
        return None
    return parts.scheme.lower(), parts.path if parts.scheme.lower() == "mailto" else parts.hostname or ""


def _quote_value(value: re.Match[str]) -> str:
    quoted = value[1] if value[1] is not None else value[2]
    return f'="{_as_entities(quoted)}"'


def _as_entities(text: str) -> str:
    return _UNSAFE.sub(lambda character: f"&#{ord(character[0])};", text)
