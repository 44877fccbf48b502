"""Traces of our own mail in a report: tokens, the envelope id, Message-IDs, for whom the report came."""

from __future__ import annotations

import re

from newsletter.domain.bounces import Traces
from newsletter.inbound.addresses import address_in, addresses_in
from newsletter.inbound.delivery_status import Fields, message_fields, recipient_blocks
from newsletter.inbound.feedback import feedback_text
from newsletter.inbound.mail import Mail, headers_of
from newsletter.inbound.shapes import ENVELOPE_HEADERS

MAX_FOUND = 20

_MESSAGE_ID = re.compile(
    r"^\s*(?:X-[\w\-]*|Original-)?Message-ID\s*:\s*<([^<>\s]{3,250})>", re.IGNORECASE | re.MULTILINE
)
_BARE_ID = re.compile(r"<([^<>\s]{3,250})>")
_TOKEN = re.compile(r"[0-9a-z]{16,64}")
_TOKEN_HEADER = re.compile(r"^x-(?:[\w\-]+-)?token$", re.IGNORECASE)
_MARKED = re.compile(r"\b[bu][\-+]([0-9a-z]{16,64})@", re.IGNORECASE)


def traces_in(mail: Mail) -> Traces:
    """All that a report returns of our mail, unchecked: who uses a token verifies it first."""
    fields = message_fields(mail.report("message/delivery-status")) | _feedback_fields(mail)
    arrived_for = _unique(
        [one for name in ENVELOPE_HEADERS for value in mail.all_headers(name) for one in addresses_in(value)]
    )
    envelope_id = fields.get("original-envelope-id", "").strip()
    message_ids = _message_ids(mail)
    return Traces(
        original_envelope_id=envelope_id,
        message_ids=message_ids,
        tokens=_tokens(mail, arrived_for=arrived_for, envelope_id=envelope_id, message_ids=message_ids),
        arrived_for=arrived_for,
        original_recipients=_original_recipients(mail),
    )


def _feedback_fields(mail: Mail) -> Fields:
    pairs = re.findall(r"^(original-envelope-id)\s*:\s*(.*)$", feedback_text(mail), re.IGNORECASE | re.MULTILINE)
    return {name.lower(): value for name, value in pairs}


def _message_ids(mail: Mail) -> tuple[str, ...]:
    found = [
        one for part in mail.returned for value in headers_of(part, "Message-ID") for one in _BARE_ID.findall(value)
    ]
    found += _MESSAGE_ID.findall(mail.notice)
    for name in ("In-Reply-To", "References"):
        found += [one for value in mail.all_headers(name) for one in _BARE_ID.findall(value)]
    return _unique(found)


def _tokens(
    mail: Mail, *, arrived_for: tuple[str, ...], envelope_id: str, message_ids: tuple[str, ...]
) -> tuple[str, ...]:
    marked = [token for address in arrived_for for token in _MARKED.findall(address)]
    headed = [value for part in mail.returned for name, value in part.items() if _TOKEN_HEADER.match(name)]
    paths = [
        token for part in mail.returned for value in headers_of(part, "Return-Path") for token in _MARKED.findall(value)
    ]
    left = [headers for part in mail.returned for headers in headers_of(part, "List-Unsubscribe")]
    mailed = [token for value in left for token in _MARKED.findall(value)]
    candidates = [*marked, envelope_id, *headed, *(one.partition("@")[0] for one in message_ids), *paths, *mailed]
    return _unique(
        [one for one in (str(candidate).strip().lower() for candidate in candidates) if _TOKEN.fullmatch(one)]
    )


def _original_recipients(mail: Mail) -> tuple[str, ...]:
    blocks = recipient_blocks(mail.report("message/delivery-status"))
    return _unique([address_in(block.get("original-recipient", "")) for block in blocks])


def _unique(values: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value))[:MAX_FOUND]
