"""Complaints: the Abuse Reporting Format (RFC 5965) and what was there before it."""

from __future__ import annotations

import re

from newsletter.domain.bounces import Category, ReportKind
from newsletter.inbound.addresses import addresses_in, has_full_domain, is_robot
from newsletter.inbound.mail import Mail, headers_of

KINDS: dict[str, ReportKind] = {
    "abuse": ReportKind.COMPLAINT,
    "fraud": ReportKind.COMPLAINT,
    "virus": ReportKind.COMPLAINT,
    "miscategorized": ReportKind.COMPLAINT,
    "other": ReportKind.COMPLAINT,
    "": ReportKind.COMPLAINT,
    "opt-out": ReportKind.UNSUBSCRIBE,
    "opt-out-list": ReportKind.UNSUBSCRIBE,
    "not-spam": ReportKind.OTHER,
    "auth-failure": ReportKind.OTHER,
    "dmarc": ReportKind.OTHER,
}
CATEGORIES: dict[ReportKind, Category] = {
    ReportKind.COMPLAINT: Category.COMPLAINT,
    ReportKind.UNSUBSCRIBE: Category.UNSUBSCRIBE,
    ReportKind.OTHER: Category.AUTH,
}

_TYPE = re.compile(r"^feedback-type\s*:\s*([\w\-]*)", re.IGNORECASE | re.MULTILINE)
_RECIPIENT = re.compile(
    r"^(?:original-rcpt-to|removal-recipient|original-recipient)\s*:\s*(.*)$", re.IGNORECASE | re.MULTILINE
)
_RETURNED_RECIPIENTS = ("X-HmXmrOriginalRecipient", "X-Original-To", "To", "Cc", "Delivered-To", "X-Rcpt-To")
_REDACTED = re.compile(r"redact|undisclosed|removed|hidden|^x+@|unknown@")


def feedback_text(mail: Mail) -> str:
    """The machine-readable part of a complaint, or "": also where the MIME around it is broken."""
    text = mail.report("message/feedback-report")
    if text or "feedback-report" not in str(mail.headers.get("Content-Type", "")):
        return text
    return mail.notice if _TYPE.search(mail.notice) else ""


def feedback_type(text: str) -> str:
    """The Feedback-Type in lower case; "" where there is none."""
    match = _TYPE.search(text)
    return match.group(1).lower() if match else ""


def complained_recipients(text: str, mail: Mail) -> list[str]:
    """Who complained: by the report, else by the mail it returns. Empty where all of it is hidden."""
    told = [address for value in _RECIPIENT.findall(text) for address in addresses_in(value)]
    return _visible(told) or next(filter(None, map(_visible, _returned_candidates(mail))), [])


def _returned_candidates(mail: Mail) -> list[list[str]]:
    return [
        [address for value in headers_of(returned, name) for address in addresses_in(value)]
        for returned in mail.returned
        for name in _RETURNED_RECIPIENTS
    ]


def _visible(addresses: list[str]) -> list[str]:
    seen = dict.fromkeys(addresses)
    return [one for one in seen if has_full_domain(one) and not is_robot(one) and not _REDACTED.search(one)]
