"""Links as editors write them: a title, an address, or both in one of several ways."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from newsletter.domain.reading.lines import trim

LONGEST_ADDRESS = 2000
_EMBEDDED = re.compile(r"https?://[^\s<>\"“”‘’，。、；）】」』]+", re.IGNORECASE)
_FORBIDDEN = re.compile(r"[\s<>\"\x00-\x1f\x7f]")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}:")
_UNSAFE_SCHEMES = frozenset(
    {"javascript", "data", "vbscript", "mailto", "file", "ftp", "tel", "about", "blob", "http", "https"}
)
_ANCHOR = re.compile(
    r"<a\s[^<>]{0,500}?href\s?=\s?(?:\"([^\"<>]*)\"|'([^'<>]*)')[^<>]{0,500}>([^<>]*)</a>", re.IGNORECASE
)
_BROKEN_ADDRESS = re.compile(r"[!-.0-~]*[/=&%][!-~]*|[!-~]+\.(?:html?|php|aspx?|pdf)", re.IGNORECASE)
_BROKEN_START = re.compile(r"(?:https?|javascript|data|vbscript|file):(?!\s)", re.IGNORECASE)
_SEPARATORS = "—–-|·:：,，→»›>"
_OPENING = {")": "(", "）": "（", "】": "【", "]": "["}


class NotAnAddress(ValueError):
    """An address that a reader could not or should not follow: the message says why; `title` is what stood beside it."""

    def __init__(self, message: str, *, title: str = "") -> None:
        super().__init__(message)
        self.title = title


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """The words of a link and its address; either may be missing ("" and None)."""

    title: str
    url: str | None


def link_in(text: str) -> Link:
    """Read the words after "URL:"; raises NotAnAddress.

    Forms: title only; bare address; <address>; "title (address)"; "title — address"; "[title](address)"; an <a> of HTML.
    """
    text = trim(text)
    return (
        _anchored(text)
        or _bracketed(text)
        or _bare(text)
        or _in_parentheses(text)
        or _embedded(text)
        or Link(title=text, url=None)
    )


def checked_address(url: str, *, title: str = "") -> str:
    """The address as given if it is a full http or https address; raises NotAnAddress."""
    shown = url if len(url) <= 80 else url[:79] + "…"
    if len(url) > LONGEST_ADDRESS:
        message = f"the address {shown} is {len(url)} characters long: at most {LONGEST_ADDRESS} are allowed"
        raise NotAnAddress(message, title=title)
    if _FORBIDDEN.search(url):
        message = f"the address “{shown}” contains white space or quotes: write them percent-encoded"
        raise NotAnAddress(message, title=title)
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) >= 0
    except ValueError:
        complete = False
    if not complete:
        message = f"“{shown}” is not a full web address: write one that begins with https://"
        raise NotAnAddress(message, title=title)
    return url


def _anchored(text: str) -> Link | None:
    match = _ANCHOR.search(text) if "<" in text else None
    if match is None:
        return None
    title = trim(html.unescape(match[3]))
    title = trim(f"{trim(text[: match.start()])} {title} {trim(text[match.end() :])}")
    url = html.unescape(match[1] if match[1] is not None else match[2])
    return Link(title=title, url=checked_address(trim(url), title=title))


def _bracketed(text: str) -> Link | None:
    at = text.rfind("](")
    if not text.startswith("[") or at < 1:
        return None
    end = len(text) - 1 if text.endswith(")") else text.find(")", at)
    if end < 0:
        return None
    address, rest = trim(text[at + 2 : end]), trim(text[end + 1 :])
    if address.startswith("<") and address.endswith(">"):
        address = address[1:-1]
    if rest and not _is_meant_as_address(address):
        return None
    title = trim(f"{trim(text[1:at])} {rest}") if rest.strip(".。") else trim(text[1:at])
    return Link(title=title, url=checked_address(address, title=title))


def _bare(text: str) -> Link | None:
    if text.startswith("<") and text.endswith(">"):
        text = text[1:-1]
    return Link(title="", url=checked_address(text)) if _is_meant_as_address(text) else None


def _in_parentheses(text: str) -> Link | None:
    opening = _OPENING.get(text[-1:])
    if opening is None:
        return None
    closing, depth = text[-1], 0
    for at in range(len(text) - 1, max(-1, len(text) - LONGEST_ADDRESS - 10), -1):
        depth += (text[at] == closing) - (text[at] == opening)
        if depth == 0:
            inside, title = trim(text[at + 1 : -1]), trim(text[:at])
            if inside.startswith("<") and inside.endswith(">"):
                inside = inside[1:-1]
            if not _is_meant_as_address(inside) and not _BROKEN_START.match(inside):
                return None
            return Link(title=title, url=checked_address(inside, title=title))
    return None


def _embedded(text: str) -> Link | None:
    match = _EMBEDDED.search(text)
    if match is None:
        return None
    before, after = trim(text[: match.start()]), trim(text[match.end() :])
    if not before and _BROKEN_ADDRESS.fullmatch(after):
        checked_address(text)  # an address that holds a space, rather than an address and a title
    after = after.lstrip(_SEPARATORS + " )）。、；.;")
    title = f"{before} {after}" if after else before.rstrip(_SEPARATORS + " <(（")
    address = match[0].rstrip(".,;:!?") if before or after else match[0]
    return Link(title=trim(title), url=checked_address(address, title=title))


def _is_meant_as_address(text: str) -> bool:
    scheme = _SCHEME.match(text)
    if scheme is None:
        return text.lower().startswith("www.") and not any(char.isspace() for char in text)
    if scheme[0][:-1].lower() in ("javascript", "vbscript") and text[scheme.end() :][:1].strip():
        return True
    if any(char.isspace() for char in text):
        return False
    return text.startswith("//", scheme.end()) or scheme[0][:-1].lower() in _UNSAFE_SCHEMES
