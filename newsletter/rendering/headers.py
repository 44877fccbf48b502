"""Headers of a mail: encoded, folded, and safe from injection.

The standard library's folding corrupts subjects that mix Latin and Chinese (CPython gh-92081, gh-144156) and turns a
long List-Unsubscribe into encoded words, which breaks one-click; hence our own, small and strict.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator

from newsletter.errors import InvalidInput

MAX_LINE = 998  # RFC 5322, 2.1.1, without CRLF
FOLD_AT = 76  # RFC 2047, 2: no line with an encoded word may be longer
_WORD_OVERHEAD = len("=?utf-8?b??=")
_WORD_LONGEST = 75

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,75}")
_VISIBLE = re.compile(r"[\x21-\x7e]+(?: [\x21-\x7e]+)*")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*")
# RFC 5322 allows one of each; whoever composes writes them from what they are made of.
RESERVED = frozenset(
    {"from", "to", "subject", "date", "reply-to", "mime-version", "content-type", "cc", "bcc", "sender"}
)


def text_header(name: str, text: str) -> bytes:
    """A header of free text (Subject), encoded by RFC 2047 where it must be; with its CRLF."""
    _refuse_controls(name, text)
    shown = text.strip(" ")
    if _fits_as_it_is(name, shown):
        return _fold(f"{name}: {shown}")
    return f"{name}: {_encoded(shown, column=len(name) + 2)}\r\n".encode("ascii")


def mailbox_header(name: str, *, display_name: str, email: str) -> bytes:
    """A header with one mailbox (From, To, Reply-To): the display name quoted or encoded, the domain in punycode."""
    _refuse_controls(name, display_name)
    address = wire_address(email)
    shown = display_name.strip(" ")
    if not shown:
        return f"{name}: {address}\r\n".encode("ascii")
    line = f"{name}: {_phrase(shown, column=len(name) + 2)} <{address}>"
    if len(line.rpartition("\n")[2]) > FOLD_AT:
        line = line[: -len(address) - 3] + f"\r\n <{address}>"
    return line.encode("ascii") + b"\r\n"


def machine_header(name: str, value: str) -> bytes:
    """A header that programs read (List-Unsubscribe, Message-ID): never encoded, folded at its spaces alone.

    InvalidInput for anything but visible ASCII, and for a part that fits in no line.
    """
    if not _VISIBLE.fullmatch(value):
        _refuse_controls(name, value)
        raise InvalidInput(f"header {name} must be visible ASCII with single spaces: encode its value")
    return _fold(f"{name}: {value}")


def check_name(name: str) -> str:
    """The name of a header that may be added to a mail; InvalidInput for one that cannot be or is ours to write."""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"“{name[:40]!a}” is not the name of a header: use letters, digits and hyphens")
    if name.lower() in RESERVED or name.lower().startswith("content-"):
        raise InvalidInput(f"header {name} is written by the mail itself: leave it out")
    return name


def wire_address(email: str) -> str:
    """The address as servers take it: the domain of an internationalised address in punycode (RFC 5891 by IDNA 2003).

    InvalidInput for what is no address, and for a local part that needs SMTPUTF8, which few servers speak.
    """
    if _ADDRESS.fullmatch(email):
        return email
    local, _, domain = email.strip().rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError:
        address = ""
    if not _ADDRESS.fullmatch(address):
        raise InvalidInput("a mail cannot be addressed: the address is not of the form name@domain in ASCII")
    return address


def _refuse_controls(name: str, value: str) -> None:
    if found := _CONTROL.search(value):
        raise InvalidInput(f"header {name} holds the control character U+{ord(found[0]):04X}: remove it")


def _fits_as_it_is(name: str, text: str) -> bool:
    if not text.isascii() or "=?" in text or "  " in text:
        return False
    return len(name) + 2 + max(map(len, text.split(" "))) <= FOLD_AT


def _phrase(text: str, *, column: int) -> str:
    if _ATOMS.fullmatch(text) and "=?" not in text and column + len(text) <= FOLD_AT:
        return text
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if text.isascii() and "=?" not in text and column + len(quoted) <= FOLD_AT:
        return quoted
    return _encoded(text, column=column)


def _encoded(text: str, *, column: int) -> str:
    """Encoded words of whole characters (RFC 2047, 5), one to a line; the first begins at this column."""
    return "\r\n ".join(f"=?utf-8?b?{b64encode(chunk).decode('ascii')}?=" for chunk in _chunks(text, column=column))


def _chunks(text: str, *, column: int) -> Iterator[bytes]:
    chunk = b""
    room = _room(FOLD_AT - column)
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > room:
            yield chunk
            chunk, room = b"", _room(FOLD_AT - 1)
        chunk += encoded
    yield chunk


def _room(columns: int) -> int:
    """How many bytes an encoded word of this many columns carries."""
    return (min(columns, _WORD_LONGEST) - _WORD_OVERHEAD) // 4 * 3


def _fold(line: str) -> bytes:
    if len(line) > FOLD_AT:
        line = "\r\n ".join(_folded(line))
    return line.encode("ascii") + b"\r\n"


def _folded(line: str) -> Iterator[str]:
    """Lines of at most 76 columns where spaces allow it. A value begins beside its name: not all parsers unfold."""
    name, *words = line.split(" ")
    shown, words = f"{name} {words[0]}", words[1:]
    for word in words:
        if len(shown) + 1 + len(word) > FOLD_AT:
            yield _line(shown, name)
            shown = word
        else:
            shown += " " + word
    yield _line(shown, name)


def _line(shown: str, name: str) -> str:
    if len(shown) > MAX_LINE - 1:
        raise InvalidInput(
            f"header {name.rstrip(':')} has a part that is longer than {MAX_LINE} characters: shorten it"
        )
    return shown
