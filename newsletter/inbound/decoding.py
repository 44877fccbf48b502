"""Bytes and headers into text, whatever a mail claims about its character set."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header

_SHIFTED_JAPANESE = b"\x1b$"
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,2000}\?=")


def decode_bytes(content: bytes, charset: str = "") -> str:
    """The text of these bytes: by the declared set, else by what they look like; never fails."""
    likely = ["iso-2022-jp"] if _SHIFTED_JAPANESE in content else []
    for name in [*likely, charset, "utf-8", "cp1252"]:
        try:
            return content.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return content.decode("iso-2022-jp" if likely else "latin-1", "replace")


def decode_words(value: str) -> str:
    """A header's text with its encoded words (RFC 2047) decoded and its folds removed."""
    raw = re.sub(r"\?=\s+=\?", "?==?", value) if "=?" in value else value
    text = _ENCODED_WORD.sub(lambda match: _decode_word(match.group()), raw) if "=?" in raw else plain_text(raw)
    return " ".join(text.split())


def plain_text(value: str) -> str:
    """A header or field as text: raw bytes that the parser kept aside are decoded."""
    return decode_bytes(value.encode("utf-8", "surrogateescape")) if not value.isascii() or "\x1b" in value else value


def _decode_word(word: str) -> str:
    try:
        content, charset = decode_header(word)[0]
    except (HeaderParseError, ValueError):
        return word
    return content if isinstance(content, str) else decode_bytes(content, charset or "")
