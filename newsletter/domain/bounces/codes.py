"""Codes on the wire and what they mean: enhanced status codes (RFC 3463 and its registry) and SMTP replies."""

from __future__ import annotations

import re

from newsletter.domain.bounces.verdicts import Category

# Subject and detail of a code (RFC 3463, RFC 5248 registry, vendors' own three-digit details). Those that vendors use
# for anything are not here: X.0.0, X.1.0, X.3.0, X.5.0 and X.2.0 say no more than the first digit.
DETAILS: dict[str, Category] = {
    "1.1": Category.MAILBOX_UNKNOWN,
    "1.2": Category.DOMAIN,
    "1.3": Category.MAILBOX_UNKNOWN,
    "1.4": Category.TRANSIENT,
    "1.5": Category.TRANSIENT,
    "1.6": Category.MAILBOX_MOVED,
    "1.7": Category.SENDER,
    "1.8": Category.SENDER,
    "1.9": Category.TRANSIENT,
    "1.10": Category.MAILBOX_UNKNOWN,
    "2.1": Category.MAILBOX_DISABLED,
    "2.2": Category.MAILBOX_FULL,
    "2.3": Category.TOO_LARGE,
    "2.4": Category.SYSTEM,
    "3.1": Category.SYSTEM,
    "3.2": Category.SYSTEM,
    "3.3": Category.SYSTEM,
    "3.4": Category.TOO_LARGE,
    "3.5": Category.SYSTEM,
    "4.1": Category.NETWORK,
    "4.2": Category.NETWORK,
    "4.3": Category.NETWORK,
    "4.4": Category.NETWORK,
    "4.5": Category.THROTTLE,
    "4.6": Category.LOOP,
    "4.7": Category.EXPIRED,
    "4.14": Category.LOOP,
    "5.1": Category.PROTOCOL,
    "5.2": Category.PROTOCOL,
    "5.3": Category.SYSTEM,
    "5.4": Category.PROTOCOL,
    "5.6": Category.PROTOCOL,
    "6.1": Category.CONTENT,
    "6.2": Category.CONTENT,
    "6.3": Category.CONTENT,
    "6.5": Category.CONTENT,
    "6.6": Category.CONTENT,
    "6.7": Category.PROTOCOL,
    "7.20": Category.AUTH,
    "7.21": Category.AUTH,
    "7.22": Category.AUTH,
    "7.23": Category.AUTH,
    "7.24": Category.AUTH,
    "7.25": Category.REVERSE_DNS,
    "7.26": Category.AUTH,
    "7.28": Category.THROTTLE,
    "7.29": Category.AUTH,
    "7.30": Category.AUTH,
    "7.40": Category.AUTH,
    "7.509": Category.AUTH,
    "7.515": Category.AUTH,
}

# What is left of a subject when its detail is not above. Subject 0 is missing on purpose, 1, 2 and 5 too:
# "some address", "some mailbox" and "some command" are no evidence.
SUBJECTS: dict[str, Category] = {
    "3": Category.SYSTEM,
    "4": Category.NETWORK,
    "6": Category.CONTENT,
    "7": Category.POLICY,
}

# Codes that no server uses for a dead address: where the words say one, they speak of something else.
NOT_DEAD = re.compile(r"[45]\.(?:1\.[78]|2\.[23]|3\.4|4\.[56]|6\.\d+|7\.(?:2\d|30|40|[1-7]\d\d))")

# Said for now, these are the answer of greylists and of rate limits; of a block they are only when permanent.
FOR_NOW: dict[str, Category] = dict.fromkeys(("4.7.0", "4.7.1", "4.7.500"), Category.THROTTLE)

REPLIES: dict[str, Category] = {
    "421": Category.TRANSIENT,
    "452": Category.TRANSIENT,
    "523": Category.TOO_LARGE,
    "530": Category.AUTH,
    "534": Category.AUTH,
    "535": Category.AUTH,
    "541": Category.CONTENT,
    "556": Category.DOMAIN,
    "571": Category.POLICY,
}

_CODE = r"([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)"
# Next to a reply, in the brackets of qmail, at the very start: elsewhere three numbers may be a version or an address.
_PLACES = (
    re.compile(rf"(?<![\d.])[245]\d\d[ \-]#?{_CODE}"),
    re.compile(rf"[(\[\s]#{_CODE}"),
    re.compile(rf"(?:^|;)\s*#?{_CODE}"),
    re.compile(rf"(?<![\d.\w\-/]){_CODE}(?=[\s:;,)\]]|$)"),
)
_REPLY_BESIDE_CODE = re.compile(rf"(?<![\d.])([245]\d\d)[ \-]#?{_CODE}")
_REPLY = re.compile(
    r"(?:^|[;:,(>\"'\]]\s*|\b(?:said|reason|error|code|status|response|returned)\b:?\s*)([245][0-57]\d)(?=[ \-:>]|$)"
)
_EXACT = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})(?!\d)")
_VAGUE = re.compile(r"[245]\.(?:0\.\d+|[1-7]\.0)")


def read_status(text: str) -> str:
    """The enhanced code a Status field begins with, or ""."""
    match = _EXACT.match(text)
    return ".".join(match.groups()) if match else ""


def find_status(text: str) -> str:
    """The enhanced code of a diagnostic, or "": a specific one before one that says nothing."""
    found = [".".join(match.groups()) for place in _PLACES for match in place.finditer(text)]
    return next((code for code in found if is_specific(code)), found[0] if found else "")


def find_reply(text: str) -> str:
    """The three digits of the SMTP reply in a diagnostic, or ""."""
    match = _REPLY_BESIDE_CODE.search(text) or _REPLY.search(text)
    return match.group(1) if match else ""


def is_specific(status: str) -> bool:
    """Whether a code says more than its first digit."""
    return bool(status) and not _VAGUE.fullmatch(status)


def contradicts_death(status: str) -> bool:
    """Whether a code is about the sender, a full mailbox, a size, a loop or the content, and about nothing else."""
    return bool(NOT_DEAD.fullmatch(status))


def meaning_of(status: str) -> Category | None:
    """What a code means by itself; None where it says no more than "temporary" or "permanent"."""
    if status in FOR_NOW:
        return FOR_NOW[status]
    if not is_specific(status):
        return SUBJECTS.get(status.split(".")[1]) if status.endswith(".0") and status[2:3] == "7" else None
    _, subject, detail = status.split(".")
    return DETAILS.get(f"{subject}.{detail}") or SUBJECTS.get(subject)
