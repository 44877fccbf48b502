"""From bytes to text: size, encoding, control characters."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from newsletter.domain.findings import Finding, Level
from newsletter.errors import Fault, UnreadableBrief

MAX_BYTES = 1_048_576
MAX_LINES = 20_000
_BINARY = "is binary, not text: save it as plain text, Markdown, HTML or JSON"
_BREAKS = dict.fromkeys((0x0B, 0x0C, 0x85, 0x2028, 0x2029), "\n")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
# Zero-width spaces, soft hyphens, marks of direction: nobody sees them, and they break words, labels and addresses.
_INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_MAX_CONTROL_SHARE = 0.02
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_GB_FOUR = re.compile(rb"[\x81-\xfe][0-9][\x81-\xfe][0-9]")
_GB_PAIR = re.compile(rb"[\xa1-\xf7][\xa1-\xfe]")
_HIGH = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Decoded:
    """Text with `\\n` as its only line break and without control characters, and what was done to get it."""

    text: str
    findings: tuple[Finding, ...]


def decoded(source: str | bytes) -> Decoded:
    """Turn a source into clean text; UnreadableBrief with one fault where it is too large, empty or not text."""
    _require_size(source)
    text, guessed = (source, None) if isinstance(source, str) else _text_of(source)
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    findings = []
    if guessed:
        findings.append(_note("encoding-guessed", f"the file names no encoding and was read as {guessed}", line=None))
    control = _CONTROLS.search(text)
    if control:
        _require_text(text)
        line = text.count("\n", 0, control.start()) + 1
        findings.append(_note("control-characters-removed", "control characters were removed", line=line))
    broken = _SURROGATES.search(text)
    if broken:
        raise _refused("contains half a character (a lone surrogate)", line=text.count("\n", 0, broken.start()) + 1)
    text = without_controls(text)
    if not text.strip("\ufeff\u200b \t\n\u00a0\u3000"):
        raise _refused("is empty: give it a heading and at least one story")
    if text.count("\n") >= MAX_LINES:
        raise _refused(f"has {text.count(chr(10)) + 1} lines: at most {MAX_LINES} are allowed")
    return Decoded(text=text, findings=tuple(findings))


def without_controls(text: str) -> str:
    """The text without control and invisible characters; vertical tabs, form feeds and Unicode's breaks become `\\n`."""
    return _INVISIBLE.sub("", _CONTROLS.sub("", text.translate(_BREAKS)))


def _require_size(source: str | bytes) -> None:
    size = len(source)
    if isinstance(source, str) and size <= MAX_BYTES:
        size = len(source.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise _refused(f"is {size / MAX_BYTES:.1f} MB large: at most 1 MB is allowed")


def _require_text(text: str) -> None:
    if "\x00" in text or len(_CONTROLS.findall(text)) > _MAX_CONTROL_SHARE * len(text) + 2:
        raise _refused(_BINARY)


def _text_of(source: bytes) -> tuple[str, str | None]:
    """The text and, where its encoding had to be guessed, that encoding."""
    for bom, encoding in _BOMS:
        if source.startswith(bom):
            return _strict(source[len(bom) :], encoding), None
    if b"\x00" in source:
        text = _strict(source, _utf16_order(source))
        if _CONTROLS.search(text):
            raise _refused(_BINARY)
        return text, None
    try:
        return source.decode("utf-8"), None
    except UnicodeDecodeError as error:
        _require_text(source.decode("latin-1"))
        _require_no_broken_utf8(source, first=error.start)
        guess = "GB18030" if _looks_chinese(source) else "Windows-1252"
        return _strict(source, guess), guess


def _require_no_broken_utf8(source: bytes, *, first: int) -> None:
    """Text that is UTF-8 but for a few bytes is damaged; guessing another encoding would garble all of it."""
    text = source.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    if sum(char > "\x7f" for char in text) > 4 * broken:
        raise _refused("has broken UTF-8 here: save it again as UTF-8", line=source.count(b"\n", 0, first) + 1)


def _strict(source: bytes, encoding: str) -> str:
    try:
        return source.decode(encoding)
    except UnicodeDecodeError:
        raise _refused("is not text in an encoding that is understood: save it as UTF-8") from None


def _utf16_order(source: bytes) -> str:
    """The byte order that the zero bytes of ASCII characters betray; binary data has them on both sides."""
    first, second = source[::2].count(0), source[1::2].count(0)
    if len(source) % 2 or min(first, second) * 20 > max(first, second):
        raise _refused(_BINARY)
    return "utf-16-le" if second > first else "utf-16-be"


def _looks_chinese(source: bytes) -> bool:
    """Whether high bytes come in GB 18030's pairs and fours; in Windows-1252 they mostly stand alone."""
    try:
        source.decode("gb18030")
    except UnicodeDecodeError:
        return False
    rest, fours = _GB_FOUR.subn(b"", source)
    rest, pairs = _GB_PAIR.subn(b"", rest)
    return 2 * (fours + pairs) > len(_HIGH.findall(rest))


def _note(code: str, message: str, *, line: int | None) -> Finding:
    return Finding(level=Level.NOTE, code=code, message=message, line=line)


def _refused(what: str, *, line: int | None = None) -> UnreadableBrief:
    return UnreadableBrief([Fault(line=line, message=f"the source {what}")])
