"""Amazon's notifications as mail: one JSON document where others write a delivery status."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from newsletter.inbound.addresses import tidy_address
from newsletter.inbound.findings import Finding

MAX_DEPTH = 3


def find_in_ses(text: str) -> tuple[str, list[Finding]]:
    """The kind of notice in lower case ("bounce", "complaint", "delivery") and its recipients; ("", []) for none."""
    return (
        _read(text, depth=0)
        if '"notificationType' in text or '"eventType' in text or "notificationType" in text
        else ("", [])
    )


def _read(text: str, *, depth: int) -> tuple[str, list[Finding]]:
    start = text.find("{")
    if start < 0 or depth > MAX_DEPTH:
        return "", []
    try:
        document, _ = json.JSONDecoder(strict=False).raw_decode(text[start:])
    except (ValueError, RecursionError):
        return "", []
    return _findings(document, depth=depth) if isinstance(document, dict) else ("", [])


def _findings(document: dict[str, Any], *, depth: int) -> tuple[str, list[Finding]]:
    if isinstance(document.get("Message"), str):
        return _read(document["Message"], depth=depth + 1)
    kind = str(document.get("notificationType") or document.get("eventType") or "").lower()
    body = document.get(kind)
    if not isinstance(body, dict):
        return "", []
    return kind, list(_recipients(kind, body))


def _bounce_type(body: dict[str, Any], finding: Finding) -> str:
    """Amazon's own name for the reason, as words that the classifier knows."""
    main, detail = str(body.get("bounceType") or ""), str(body.get("bounceSubType") or "")
    if not main or (finding.diagnostic and detail == "General"):
        # "General" is what Amazon says where it knows no reason; then the server's own words are all there is.
        return ""
    return f"bouncetype {main} {detail}".strip()


def _recipients(kind: str, body: dict[str, Any]) -> list[Finding]:
    listed = body.get({"bounce": "bouncedRecipients", "complaint": "complainedRecipients"}.get(kind, "recipients"))
    entries = listed if isinstance(listed, list) else []
    told = [_finding(entry if isinstance(entry, dict) else {"emailAddress": entry}, kind) for entry in entries]
    return [replace(one, context=_bounce_type(body, one)) for one in told]


def _finding(entry: dict[str, Any], kind: str) -> Finding:
    action = str(entry.get("action") or {"delivery": "delivered"}.get(kind, "failed")).lower()
    return Finding(
        address=tidy_address(str(entry.get("emailAddress", ""))),
        action=action,
        status=str(entry.get("status") or ""),
        diagnostic=str(entry.get("diagnosticCode") or "").removeprefix("smtp;").strip(),
        source="ses",
    )
