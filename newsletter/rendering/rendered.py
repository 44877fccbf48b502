"""Rendered: a mail as it is approved, stored and sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields

from newsletter.domain.greeting import greeting
from newsletter.errors import InvalidInput
from newsletter.rendering.slots import Segments


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """One brief as a mail, whole but for the slots of its recipients.

    `html` and `text` hold the tokens of `html_slots` and `text_slots` (slot name → token). `web_html` is the page for
    the archive and has no slots: nothing of a reader can come into it. Its bytes are what is approved and stored.
    """

    subject: str
    preheader: str
    html: str
    text: str
    web_html: str
    html_slots: Mapping[str, str]
    text_slots: Mapping[str, str]
    from_name: str
    from_email: str
    reply_to: str
    newsletter_slug: str
    newsletter_name: str
    language: str

    def to_bytes(self) -> bytes:
        """The canonical form: JSON in UTF-8 with sorted keys and no spare space."""
        document = asdict(self) | {"html_slots": dict(self.html_slots), "text_slots": dict(self.text_slots)}
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, document: bytes) -> Rendered:
        """What `to_bytes` wrote; InvalidInput for anything else."""
        try:
            values = json.loads(document)
            if set(values) != {field.name for field in fields(cls)}:
                raise ValueError
            return cls(**values)
        except (ValueError, TypeError):
            raise InvalidInput("these bytes are not a stored mail: render the brief again") from None

    @property
    def sha256(self) -> str:
        """The hash by which a mail is approved: SHA-256 of its bytes, in hexadecimal."""
        return sha256_of(self.to_bytes())


def sha256_of(document: bytes) -> str:
    """SHA-256 of stored bytes, in hexadecimal."""
    return hashlib.sha256(document).hexdigest()


def fill_html(rendered: Rendered, values: Mapping[str, str]) -> str:
    """The HTML part of one reader, values escaped. For a whole audience cut `Segments` once instead."""
    return Segments.of_html(rendered.html, rendered.html_slots).fill(values)


def fill_text(rendered: Rendered, values: Mapping[str, str]) -> str:
    """The text part of one reader."""
    return Segments.of_text(rendered.text, rendered.text_slots).fill(values)


def preview_values(*, language: str, base_url: str) -> dict[str, str]:
    """Values of a made-up reader for previews, by slot name: what a person without a name would get."""
    return {
        "email": "reader@example.com",
        "greeting": greeting("", language=language),
        "unsubscribe_url": f"{base_url}/u/preview",
        "web_url": f"{base_url}/archive",
    }


def web_page(rendered: Rendered) -> str:
    """The mail as a page of the archive: no greeting, no address, no way to unsubscribe somebody."""
    return rendered.web_html
