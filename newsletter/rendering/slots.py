"""Slots: the places in a rendered mail where the values of one recipient go.

A token is `zq<nonce><h|t>_<name>_qz`: only [A-Za-z0-9_], which survives MJML, URL attributes and quoted-printable.
The nonce comes from a hash of the content, so that no text of a brief can hold a token that would be filled, and the
tokens of the two parts differ, because a provider that merges for us wants escaped values in one and plain ones in the
other.
"""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable, Iterable, Mapping

from newsletter.domain.newsletter import SLOT_NAMES
from newsletter.errors import InvalidInput
from newsletter.rendering.failure import RenderingError

_NONCE_DIGITS = 16


def nonce_of(source: bytes) -> str:
    """The nonce that belongs to this content: 16 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(source).hexdigest()[:_NONCE_DIGITS]


def name_tokens(nonce: str, *, part: str, texts: Iterable[str]) -> dict[str, str]:
    """Slot name → token for a part ("h" or "t"); RenderingError where one of the texts holds the nonce already."""
    if any(nonce in text.lower() for text in texts):
        raise RenderingError("the brief holds the marks that stand for a reader's own values: change its wording")
    return {name: f"zq{nonce}{part}_{name}_qz" for name in SLOT_NAMES}


def used_tokens(document: str, tokens: Mapping[str, str]) -> dict[str, str]:
    """The tokens that this document really holds."""
    return {name: token for name, token in tokens.items() if token in document}


class Segments:
    """A document cut once at its slots, so that each recipient costs one join."""

    __slots__ = ("_escape", "_parts", "_places")

    def __init__(self, document: str, tokens: Mapping[str, str], *, escape: Callable[[str], str]) -> None:
        self._escape = escape
        self._parts, self._places = split_at_slots(document, tokens)

    @classmethod
    def of_html(cls, document: str, tokens: Mapping[str, str]) -> Segments:
        """Cut an HTML part: values are escaped when they go in."""
        return cls(document, tokens, escape=html.escape)

    @classmethod
    def of_text(cls, document: str, tokens: Mapping[str, str]) -> Segments:
        """Cut a text part: values go in as they are."""
        return cls(document, tokens, escape=str)

    def fill(self, values: Mapping[str, str]) -> str:
        """The document of one recipient; InvalidInput where a value is missing."""
        parts = self._parts.copy()
        try:
            escaped = {name: self._escape(values[name]) for name in self._places.values()}
        except KeyError as missing:
            raise no_value(missing) from None
        for index, name in self._places.items():
            parts[index] = escaped[name]
        return "".join(parts)


def split_at_slots(document: str, tokens: Mapping[str, str]) -> tuple[list[str], dict[int, str]]:
    """Literals and slots in order; the second value tells the index and name of each slot."""
    if not tokens:
        return [document], {}
    names = {token: name for name, token in tokens.items()}
    parts = re.split("(" + "|".join(map(re.escape, names)) + ")", document)
    return parts, {index: names[part] for index, part in enumerate(parts) if part in names}


def no_value(missing: KeyError) -> InvalidInput:
    """The error for a recipient who lacks the value of a slot."""
    return InvalidInput(f"a recipient has no value for the slot {missing.args[0]}: give one for every slot")
