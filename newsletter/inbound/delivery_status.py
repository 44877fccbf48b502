"""Delivery status notifications (RFC 3464), read with patience for what servers really write."""

from __future__ import annotations

import re

from newsletter.domain.bounces.classify import DELIVERED_ACTIONS
from newsletter.inbound.addresses import address_in
from newsletter.inbound.findings import Finding

Fields = dict[str, str]

_FIELD = re.compile(r"^([A-Za-z][\w\-]{1,60})\s{0,3}:[ \t]?(.*)$")
_RECIPIENT_FIELDS = ("original-recipient", "final-recipient", "x-actual-recipient")
_ABOUT_RECIPIENT = ("action", "status", "diagnostic-code")
_TYPE = re.compile(r"^\s*[\w\-./]{1,30}\s*;+\s*")
_ACTIONS = {
    "failure": "failed",
    "fail": "failed",
    "expired": "failed",
    "delay": "delayed",
    "deferred": "delayed",
    "success": "delivered",
}
_KNOWN_ACTIONS = DELIVERED_ACTIONS | {"failed", "delayed"}


def find_in_status(text: str) -> list[Finding]:
    """One finding for each recipient that a delivery status names, even where it names none that is an address."""
    return [_finding(fields) for fields in recipient_blocks(text)]


def recipient_blocks(text: str) -> list[Fields]:
    """The fields of each recipient by lower-case name. The first block without a recipient is about the mail."""
    blocks: list[Fields] = []
    for fields in map(read_fields, re.split(r"\n[ \t]*\n", text)):
        if any(name in fields for name in _RECIPIENT_FIELDS) or _is_nameless(fields):
            _add_block(blocks, fields)
        elif blocks and any(name in fields for name in _ABOUT_RECIPIENT):
            # A blank line in the middle of a block: the rest belongs to the recipient above.
            blocks[-1] = fields | blocks[-1]
    return blocks


def read_fields(block: str) -> Fields:
    """The fields of one block by lower-case name, folds joined; the first of two of the same name counts."""
    fields: Fields = {}
    name = ""
    for line in block.split("\n"):
        match = _FIELD.match(line)
        if match and not (line[:1].isspace()):
            name = match.group(1).lower() if match.group(1).lower() not in fields else ""
            if name:
                fields[name] = match.group(2).strip()
        elif name:
            fields[name] = f"{fields[name]} {line.strip()}".strip()
    return fields


def message_fields(text: str) -> Fields:
    """The fields about the whole mail: Original-Envelope-Id, Reporting-MTA and the like."""
    blocks = map(read_fields, re.split(r"\n[ \t]*\n", text))
    return next((fields for fields in blocks if "reporting-mta" in fields or "original-envelope-id" in fields), {})


def _is_nameless(fields: Fields) -> bool:
    return "action" in fields and "status" in fields and "reporting-mta" not in fields


def _add_block(blocks: list[Fields], fields: Fields) -> None:
    last = blocks[-1] if blocks else {}
    if last and not any(name in last for name in _ABOUT_RECIPIENT):
        blocks[-1] = last | fields
    elif (
        last and _is_nameless(fields) and not any(name in fields for name in _RECIPIENT_FIELDS) and "action" not in last
    ):
        blocks[-1] = fields | last
    else:
        blocks.append(fields)


def _finding(fields: Fields) -> Finding:
    original, final = (address_in(_plain(fields.get(name, ""))) for name in ("original-recipient", "final-recipient"))
    status = fields.get("status", "").strip()
    diagnostic = _TYPE.sub("", fields.get("diagnostic-code", ""))
    return Finding(
        address=original or final or address_in(fields.get("x-actual-recipient", "")),
        action=_action(fields.get("action", ""), status),
        status=status,
        diagnostic=diagnostic,
        remote_mta=_host(fields.get("remote-mta", "")),
        context=" ".join(filter(None, _remarks(fields, status))),
        final_recipient=final if original and final != original else "",
        source="dsn",
    )


def _remarks(fields: Fields, status: str) -> tuple[str, ...]:
    """What servers add to the fields: words in round brackets, notes, PowerMTA's own name for the reason."""
    category = fields.get("x-powermta-bouncecategory", "")
    return (
        status.partition("(")[2],
        fields.get("action", "").partition("(")[2],
        fields.get("x-notes", ""),
        f"bouncecategory {category}" if category else "",
    )


def _plain(address: str) -> str:
    # Some servers give the address back as it stood in ORCPT, with its plus sign encoded (RFC 3461, xtext).
    return address.replace("+2B", "+").replace("+3D", "=")


def _action(value: str, status: str) -> str:
    word = re.match(r"\s*([a-z]+)", value.lower())
    action = _ACTIONS.get(word.group(1), word.group(1)) if word else ""
    if action in _KNOWN_ACTIONS:
        return action
    return "delivered" if status.startswith("2") else ""


def _host(value: str) -> str:
    words = _TYPE.sub("", value).split()
    return words[0].strip("[]().;").lower() if words else ""
