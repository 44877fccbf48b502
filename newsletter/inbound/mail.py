"""A mail taken apart: what its sender wrote, the reports in it, and what it returns of another mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import policy
from email.message import Message
from email.parser import BytesParser, HeaderParser
from html import unescape
from typing import Any, TypeAlias

from newsletter.inbound.decoding import decode_bytes, decode_words, plain_text
from newsletter.inbound.returned_text import split_notice, subjects_in, without_subject_lines

Part: TypeAlias = "Message[Any, Any]"

MAX_BYTES = 256 * 1024
MAX_PARTS = 60
MAX_LINE = 2000

REPORT_TYPES = frozenset({"message/delivery-status", "message/feedback-report", "message/disposition-notification"})
RETURNED_TYPES = frozenset({"message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers"})
_REPORT_FAMILY = {"message/global-delivery-status": "message/delivery-status"}

_KIND = re.compile(r"\s*([\w.+\-]+/[\w.+\-]+)")
_NEWLINES = re.compile(rb"\r+\n|\r")
_MBOX_LINE = re.compile(rb"\A(?:\s*>?From [^\n]*\n)+")
_TAG = re.compile(
    r"<(?:style|script)\b[^>]{0,200}>.{0,20000}?</(?:style|script)>|<[^<>]{0,2000}>", re.IGNORECASE | re.DOTALL
)
_BREAK = re.compile(r"<(?:br|/p|/div|/tr|/h\d|/li)\b[^>]{0,200}>", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """One inbound mail.

    `notice` is the text for people without the mail it returns; `reports` the text of each machine-readable part by
    type; `returned` the mails that came back with it, headers at least; `our_subjects` what it says that our subject was.
    """

    headers: Part
    subject: str
    notice: str
    reports: tuple[tuple[str, str], ...]
    returned: tuple[Part, ...]
    our_subjects: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """The first header of this name, decoded; "" where there is none."""
        return header_of(self.headers, name)

    def all_headers(self, name: str) -> list[str]:
        """All headers of this name, decoded, in order."""
        return headers_of(self.headers, name)

    def report(self, kind: str) -> str:
        """The texts of all parts of one type, with a blank line between them; "" where there is none."""
        return "\n\n".join(text for found, text in self.reports if found == kind)


def read_mail(raw: bytes) -> Mail:
    """Take a mail apart. Any newlines; the line that an mbox puts first is dropped; at most 256 KB are looked at."""
    message = _unwrapped(BytesParser(policy=policy.compat32).parsebytes(normal_bytes(raw)))
    parts = _leaves(message)
    notice, inline = split_notice(_notice_of(parts))
    returned = [_returned_message(part) for part in parts if _type_of(part) in RETURNED_TYPES]
    if inline:
        returned.append(HeaderParser(policy=policy.compat32).parsestr(inline))
    reports = tuple((_type_of(part), _report_text(part)) for part in parts if _type_of(part) in REPORT_TYPES)
    return Mail(
        headers=message,
        subject=header_of(message, "Subject")[:MAX_LINE],
        notice=without_subject_lines(notice),
        reports=reports,
        returned=tuple(returned),
        our_subjects=(*(header_of(part, "Subject") for part in returned), *subjects_in(notice)),
    )


def normal_bytes(raw: bytes) -> bytes:
    """The bytes with LF newlines, without a line of an mbox in front, cut at 256 KB."""
    return _MBOX_LINE.sub(b"", _NEWLINES.sub(b"\n", raw[:MAX_BYTES])).lstrip(b"\n")


def headers_of(message: Part, name: str) -> list[str]:
    """All headers of this name, decoded, in order."""
    # As they stand: what the parser makes of letters that no encoded word announces cannot be read any more.
    return [decode_words(str(value)) for found, value in message.raw_items() if found.lower() == name.lower()]


def header_of(message: Part, name: str) -> str:
    """The first header of this name, decoded; "" where there is none."""
    return next(iter(headers_of(message, name)), "")


def _unwrapped(message: Part) -> Part:
    """The report itself where a filter has put it whole into a mail of the same sender, or a desk passed a complaint on."""
    if message.get_content_type() == "multipart/report":
        return message
    inner = next((_returned_message(part) for part in _leaves(message) if _type_of(part) == "message/rfc822"), None)
    if inner is None or inner.get_content_type() != "multipart/report":
        return message
    is_complaint = "feedback-report" in str(inner.get("Content-Type", ""))
    return inner if is_complaint or inner.get("From") == message.get("From") else message


def _leaves(message: Part) -> list[Part]:
    found: list[Part] = []
    waiting = [message]
    while waiting and len(found) < MAX_PARTS:
        part = waiting.pop(0)
        inner = part.get_payload()
        if isinstance(inner, list) and part.get_content_maintype() == "multipart":
            waiting = [one for one in inner if isinstance(one, Message)] + waiting
        else:
            found.append(part)
    return found


def _type_of(part: Part) -> str:
    # The standard library takes a forgotten semicolon for a part of the type.
    match = _KIND.match(str(part.get("Content-Type", "")))
    kind = match.group(1).lower() if match else part.get_content_type()
    return _REPORT_FAMILY.get(kind, kind)


def _notice_of(parts: list[Part]) -> str:
    before = _before_returned(parts)
    for chosen in (before, parts):
        for kinds in (("text/plain",), ("text/html",), None):
            text = "\n\n".join(_text_of(part) for part in chosen if _is_readable(part, kinds))
            if text.strip():
                return text
    return ""


def _before_returned(parts: list[Part]) -> list[Part]:
    kinds = [_type_of(part) in RETURNED_TYPES for part in parts]
    return parts[: kinds.index(True)] if True in kinds else parts


def _is_readable(part: Part, kinds: tuple[str, ...] | None) -> bool:
    if part.get_content_disposition() == "attachment":
        return False
    if kinds is None:
        # A multipart without its boundary is still text to read.
        return _type_of(part).startswith(("multipart/", "text/")) and _type_of(part) not in RETURNED_TYPES
    return _type_of(part) in kinds


def _text_of(part: Part) -> str:
    text = _decoded(part)
    if _type_of(part) == "text/html":
        text = unescape(_TAG.sub(" ", _BREAK.sub("\n", text)))
    return "\n".join(line[:MAX_LINE] for line in text.split("\n"))


def _decoded(part: Part) -> str:
    content = part.get_payload(decode=True)
    if isinstance(content, bytes):
        charset = part.get_content_charset("")
        return decode_bytes(content, charset)
    inner = part.get_payload()
    return plain_text(inner) if isinstance(inner, str) else ""


def _report_text(part: Part) -> str:
    text = _source_of(part)
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding not in {"base64", "quoted-printable"}:
        return plain_text(text)
    carrier: Part = Message()
    carrier["Content-Transfer-Encoding"] = encoding
    carrier.set_payload(text)
    decoded = _decoded(carrier)
    return decoded if ":" in decoded else plain_text(text)


def _source_of(part: Part) -> str:
    # The standard library reads a report as a list of header blocks and stops at the first odd line of each; put
    # together again, an own reader can be more patient.
    inner = part.get_payload()
    if isinstance(inner, str):
        return _raw_text(part)
    blocks = [block for block in inner if isinstance(block, Message)] if isinstance(inner, list) else []
    return "\n\n".join(_block_source(block) for block in blocks)


def _block_source(block: Part) -> str:
    lines = [f"{name}: {value}" for name, value in block.raw_items()]
    return "\n".join([*lines, _raw_text(block)] if isinstance(block.get_payload(), str) else lines)


def _raw_text(part: Part) -> str:
    """The text of a part as it came, its bytes outside ASCII kept aside: the library would replace them."""
    declared = part.get("Content-Transfer-Encoding")
    content = part.get_payload() if declared else part.get_payload(decode=True)
    return content.decode("ascii", "surrogateescape") if isinstance(content, bytes) else str(content)


def _returned_message(part: Part) -> Part:
    inner = part.get_payload()
    if isinstance(inner, list) and inner and isinstance(inner[0], Message):
        return inner[0]
    return HeaderParser(policy=policy.compat32).parsestr(_decoded(part).lstrip("\n"))
