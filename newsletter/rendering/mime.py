"""Whole messages (RFC 5322) for providers that take bytes: encoded once per issue, joined once per recipient.

Building one with the standard library takes 7 to 11 ms; joining one takes some tens of microseconds.
"""

from __future__ import annotations

import hashlib
import html
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import format_datetime

from newsletter.domain.mail import Recipient
from newsletter.errors import InvalidInput
from newsletter.rendering.headers import check_name, machine_header, mailbox_header, text_header
from newsletter.rendering.quoted_printable import SOFT_BREAK, encode, encode_value
from newsletter.rendering.rendered import Rendered
from newsletter.rendering.slots import no_value, split_at_slots

_Encoder = Callable[[str], bytes]


class MimeTemplate:
    """The mail of one issue, encoded but for what differs between recipients. Make it with `compile`."""

    __slots__ = ("_encoders", "_expected_headers", "_headers_at", "_parts", "_places", "_recipient_headers", "_to_at")

    def __init__(self, *, head: bytes, shared: bytes, body: _Body, recipient_headers: Sequence[str]) -> None:
        self._parts: list[bytes] = [head, b"", shared, b"", *body.parts]
        self._to_at, self._headers_at = 1, 3
        self._places = [(index + 4, key) for index, key in body.places]
        self._encoders: dict[tuple[str, str], _Encoder] = {key: _ENCODERS[key[0]] for _, key in body.places}
        self._recipient_headers = tuple(check_name(name) for name in recipient_headers)
        self._expected_headers = frozenset(self._recipient_headers)

    @classmethod
    def compile(
        cls,
        rendered: Rendered,
        *,
        subject: str,
        date: datetime,
        headers: Mapping[str, str],
        recipient_headers: Sequence[str],
    ) -> MimeTemplate:
        """Encode what all recipients share: text part first, then HTML, both quoted-printable UTF-8.

        `date` (with a zone) goes into every message: with the same date a retry has the same bytes. `headers` are the
        same for everybody, `recipient_headers` the names that each recipient must bring. InvalidInput for a header
        that would break the message.
        """
        if date.tzinfo is None:
            raise InvalidInput("the date of a mail needs a time zone: use one in UTC")
        shared = [
            text_header("Subject", subject),
            machine_header("Date", format_datetime(date)),
            *_reply_to(rendered),
            *(machine_header(check_name(name), value) for name, value in headers.items()),
        ]
        return cls(
            head=mailbox_header("From", display_name=rendered.from_name, email=rendered.from_email),
            shared=b"".join(shared),
            body=_Body(rendered),
            recipient_headers=recipient_headers,
        )

    def compose(self, recipient: Recipient) -> bytes:
        """The whole message of one recipient, CRLF line ends, as it goes over the wire (not dot-stuffed).

        InvalidInput where the address or a value cannot go into a mail, or something is missing.
        """
        parts = self._parts.copy()
        parts[self._to_at] = mailbox_header("To", display_name=recipient.name, email=recipient.email)
        parts[self._headers_at] = self._headers_of(recipient)
        try:
            encoded = {key: encoder(recipient.values[key[1]]) for key, encoder in self._encoders.items()}
        except KeyError as missing:
            raise no_value(missing) from None
        for index, key in self._places:
            parts[index] = encoded[key]
        return b"".join(parts)

    def _headers_of(self, recipient: Recipient) -> bytes:
        headers = recipient.headers
        if headers.keys() != self._expected_headers:
            raise InvalidInput(
                f"a recipient must bring these headers and no others: {', '.join(self._recipient_headers)}"
            )
        return b"".join([machine_header(name, headers[name]) for name in self._recipient_headers])


class _Body:
    """The MIME headers and both parts, cut at the slots. A place is (index in parts, (part, slot name))."""

    def __init__(self, rendered: Rendered) -> None:
        digest = hashlib.sha256(rendered.text.encode() + b"\0" + rendered.html.encode()).hexdigest()
        # "=_" cannot occur in quoted-printable (RFC 2045, 6.7): no part can hold its own boundary.
        self._boundary = f"=_{digest[:32]}"
        self.parts: list[bytes] = []
        self.places: list[tuple[int, tuple[str, str]]] = []
        self._literal(
            f'MIME-Version: 1.0\r\nContent-Type: multipart/alternative;\r\n boundary="{self._boundary}"\r\n\r\n'
        )
        self._part("text", "plain", rendered.text, rendered.text_slots)
        self._part("html", "html", rendered.html, rendered.html_slots)
        self._literal(f"--{self._boundary}--\r\n")

    def _literal(self, text: str) -> None:
        self.parts.append(text.encode("ascii"))

    def _part(self, kind: str, subtype: str, document: str, slots: Mapping[str, str]) -> None:
        self._literal(
            f"--{self._boundary}\r\n"
            f"Content-Type: text/{subtype}; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
        )
        pieces, names = split_at_slots(document, slots)
        for index, piece in enumerate(pieces):
            if index in names:
                self.places.append((len(self.parts), (kind, names[index])))
                self.parts.append(b"")
            else:
                self.parts.append(_between_slots(piece, is_first=index == 0, is_last=index == len(pieces) - 1))
        self._literal("\r\n")


def _between_slots(piece: str, *, is_first: bool, is_last: bool) -> bytes:
    """A literal, with a soft break towards each slot that does not begin or end a line of its own."""
    before = b"" if is_first or piece[:1] in ("\n", "\r") or (is_last and not piece) else SOFT_BREAK
    after = b"" if is_last or not piece or piece[-1:] in ("\n", "\r") else SOFT_BREAK
    return before + encode(piece) + after


def _reply_to(rendered: Rendered) -> list[bytes]:
    return [mailbox_header("Reply-To", display_name="", email=rendered.reply_to)] if rendered.reply_to else []


def _html_value(value: str) -> bytes:
    return encode_value(html.escape(value))


_ENCODERS: dict[str, _Encoder] = {"text": encode_value, "html": _html_value}
