"""Quoted-printable (RFC 2045, 6.7) in pieces that can be joined: literals once per issue, values once per recipient."""

from __future__ import annotations

import re
from functools import lru_cache

SOFT_BREAK = b"=\r\n"
_LINE = 75  # one column is left for the "=" of a soft break
_UNSAFE = re.compile(rb"[^\x20-\x3c\x3e-\x7e]")
_PLAIN = re.compile(r"(?!\.)[\x21-\x3c\x3e-\x7e]{1,75}")
_ENDING_BLANK = re.compile(rb"[ \t]\Z")
_LINE_END = re.compile(r"\r\n|\r|\n")


def encode(text: str) -> bytes:
    """Text with any line ends as whole quoted-printable lines of at most 76 columns, CRLF between them.

    The last line is left open: a soft break or a line end may follow it.
    """
    return b"\r\n".join(_line(line.encode()) for line in _LINE_END.split(text))


@lru_cache(maxsize=4096)
def encode_value(value: str) -> bytes:
    """One value of one recipient, to stand between two soft breaks. Control characters cannot begin a line in it."""
    if _PLAIN.fullmatch(value):
        return value.encode("ascii")
    return _line(value.encode())


def _line(raw: bytes) -> bytes:
    encoded = _UNSAFE.sub(_hexadecimal, raw)
    encoded = _undotted(_ENDING_BLANK.sub(_hexadecimal, encoded), 0)
    if len(encoded) <= _LINE:
        return encoded
    return SOFT_BREAK.join(_cut(encoded))


def _undotted(encoded: bytes, start: int) -> bytes:
    """No line begins with a dot: SMTP (RFC 5321, 4.5.2) would have to double it, in each message anew."""
    if encoded[start : start + 1] != b".":
        return encoded
    return encoded[:start] + b"=2E" + encoded[start + 1 :]


def _cut(encoded: bytes) -> list[bytes]:
    """Pieces of at most 75 bytes that never end inside "=XX"."""
    pieces = []
    start = 0
    while len(encoded) - start > _LINE:
        end = start + _LINE
        cut_escape = encoded.rfind(b"=", end - 2, end)
        end = cut_escape if cut_escape != -1 else end
        pieces.append(encoded[start:end])
        start = end
        encoded = _undotted(encoded, start)
    pieces.append(encoded[start:])
    return pieces


def _hexadecimal(found: re.Match[bytes]) -> bytes:
    return b"=%02X" % found[0][0]
