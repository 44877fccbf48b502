"""Addresses as they stand in reports: in fields, in angle brackets, in running text."""

from __future__ import annotations

import re

_LOCAL = r"(?:\"[^\"\s@]{1,62}\"|[^\s<>()\[\]\",;:@|'`=]{1}[^\s<>()\[\]\",;:@|]{0,127})"
_DOMAIN = r"(?:\[(?:IPv6:)?[0-9A-Fa-f.:]{3,45}\]|[^\s<>()\[\]\",;:@|!?*/&%$#+='`\\]{1,253})"
ADDRESS = rf"{_LOCAL}@{_DOMAIN}"

_ADDRESS = re.compile(ADDRESS)
# Languages without spaces write on right behind an address; a name of such letters would not change in one label.
_NEXT_WORD = re.compile(r"(\.[a-z]{2,24})[^\x00-\x7f].*$")
_WORD_BEFORE = re.compile(r"^.*[\u3000-\u9fff\uac00-\ud7af\uff00-\uffef](?=[\x21-\x7e]+$)")
_TYPE = re.compile(r"^\s*(?:[\w/.\-]{1,20}\s*;+|rfc822\s*/)\s*", re.IGNORECASE)
_ROBOTS = re.compile(
    r"^(?:mailer-?daemon|post-?master|mail-?daemon|mdaemon|no-?reply|abuse|bounces?|double-bounce|listmaster)(?:@|$)",
    re.IGNORECASE,
)


def address_in(value: str) -> str:
    """The first address of a field such as Final-Recipient, in lower case; "" where it names a pipe or no address."""
    text = _TYPE.sub("", value).strip()
    if text.startswith(("|", '"|')):
        return ""
    return next(iter(addresses_in(text)), "")


def addresses_in(text: str) -> list[str]:
    """All addresses in a text, in lower case and in order, each once."""
    found = (tidy_address(match.group()) for match in _ADDRESS.finditer(text))
    return list(dict.fromkeys(address for address in found if address))


def tidy_address(text: str) -> str:
    """One address without brackets, quotes and the full stop of a sentence, in lower case; "" if it is none."""
    local, _, domain = text.strip("<>'\"`*. \t").lower().partition("@")
    local = local.removeprefix("mailto:").removeprefix("smtp:").lstrip("*'")
    local = _WORD_BEFORE.sub("", local) or local
    domain = _NEXT_WORD.sub(r"\1", domain).rstrip(".…-。、，！？」）")
    return f"{local}@{domain}" if local and domain else ""


def is_robot(address: str) -> bool:
    """Whether an address is a mail system's own."""
    return bool(_ROBOTS.match(address))


def has_full_domain(address: str) -> bool:
    """Whether the domain has a dot, as every domain that gets mail from outside, or is an IP address in brackets."""
    domain = address.rpartition("@")[2]
    return "." in domain or domain.startswith("[")
