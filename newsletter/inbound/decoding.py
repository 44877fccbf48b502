"""Bytes and headers into text, whatever a mail claims about its character set."""

from __future__ import annotations

import re
from email.errors import HeaderParseError
from email.header import decode_header

_SHIFTED_JAPANESE = b"\x1b$"
# Western letters outside ASCII stand alone; a run of them is a word in another script.
_HIGH_RUN = re.compile(rb"[\x80-\xff](?:[\x80-\xff]|[\x40-\x7e](?=[\x80-\xff]))*")
_LONG_RUN = 4
_LOOKED_AT = 8192
_ENOUGH = 0.6
# Letters that are frequent in the language of a set: lower case where case is what tells two sets apart.
_SETS = (
    ("euc_jp", re.compile("[\u3041-\u30fc]|[\u4e00-\u9fa5](?=[\u3041-\u30fc])")),
    ("shift_jis", re.compile("[\u3041-\u30fc]|[\u4e00-\u9fa5](?=[\u3041-\u30fc])")),
    ("koi8_r", re.compile("[а-я]")),
    ("cp1251", re.compile("[а-я]")),
    ("gb18030", re.compile("[\u4e00-\u9fa5，。：！]")),
)
_ENCODED_WORD = re.compile(r"=\?[^?\s]{1,60}\?[bBqQ]\?[^?]{0,2000}\?=")


def decode_bytes(content: bytes, charset: str = "") -> str:
    """The text of these bytes: by the declared set, else by what they look like; never fails."""
    likely = ["iso-2022-jp"] if _SHIFTED_JAPANESE in content else []
    for name in [*likely, charset, "utf-8"]:
        try:
            return content.decode(name)
        except (LookupError, UnicodeError, ValueError):
            continue
    return content.decode("iso-2022-jp" if likely else _likely_set(content), "replace")


def _likely_set(content: bytes) -> str:
    """The set that bytes without a true declaration are most likely in: by long runs of bytes outside ASCII."""
    runs = [run for run in _HIGH_RUN.findall(content[:_LOOKED_AT]) if len(run) >= _LONG_RUN]
    sample = b"".join(runs)
    if not sample:
        return "cp1252"
    for name, pattern in _SETS:
        text = sample.decode(name, "replace")
        if len(pattern.findall(text)) >= _ENOUGH * len(text):
            return name
    return "cp1252"


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
