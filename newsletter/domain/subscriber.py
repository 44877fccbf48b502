"""A person on our lists: their address, their places on lists, and the consent behind each."""

from __future__ import annotations

import re
from enum import IntEnum, StrEnum

from newsletter.errors import InvalidInput


class SubscriberStatus(IntEnum):
    """Whether a person may be mailed at all."""

    ENABLED = 0
    DISABLED = 1


class SubscriptionStatus(IntEnum):
    """A person's place on one list. Only CONFIRMED is mailed."""

    UNCONFIRMED = 0
    CONFIRMED = 1
    UNSUBSCRIBED = 2


class OptIn(StrEnum):
    """Whether a list mails whoever is put on it (single) or only who confirmed (double)."""

    SINGLE = "single"
    DOUBLE = "double"


class SuppressionReason(StrEnum):
    """Why an address must not be mailed."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    INVALID = "invalid"
    MANUAL = "manual"
    ERASED = "erased"


MAX_ADDRESS_LENGTH = 254  # RFC 5321 4.5.3.1.3: a path of 256 octets less its angle brackets
MAX_LOCAL_LENGTH = 64  # RFC 5321 4.5.3.1.1

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def normalise_address(email: str) -> str:
    """The address by which two spellings are one person: trimmed, lower case, domain in IDNA form.

    Raises InvalidInput for anything that cannot be a mailbox at a public domain (RFC 5321, dot-atom local part;
    non-ASCII local parts are refused because few mail servers take them).
    """
    trimmed = email.strip()
    local, at, domain = trimmed.rpartition("@")
    if not at or not local or not domain:
        raise InvalidInput(f"“{_shown(trimmed)}” is not an email address: it needs the form name@domain")
    if not local.isascii():
        raise InvalidInput(f"“{_shown(trimmed)}” has characters before the @ that mail servers refuse")
    if len(local) > MAX_LOCAL_LENGTH or not _LOCAL.fullmatch(local):
        raise InvalidInput(f"“{_shown(trimmed)}” is not an email address: the part before the @ is not valid")
    ascii_domain = _ascii_domain(domain, trimmed)
    if len(local) + 1 + len(ascii_domain) > MAX_ADDRESS_LENGTH:
        raise InvalidInput(f"“{_shown(trimmed)}” is longer than the {MAX_ADDRESS_LENGTH} characters of an address")
    return f"{local}@{ascii_domain}".lower()


def _ascii_domain(domain: str, email: str) -> str:
    try:
        ascii_domain = domain if domain.isascii() else domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidInput(f"“{_shown(email)}” is not an email address: its domain is not valid") from None
    labels = ascii_domain.split(".")
    if len(labels) < 2 or not all(_LABEL.fullmatch(label) for label in labels) or labels[-1].isdigit():
        raise InvalidInput(f"“{_shown(email)}” is not an email address: its domain is not valid")
    return ascii_domain


def _shown(email: str) -> str:
    return email if len(email) <= 80 else email[:77] + "…"
