"""A newsletter: the publication that issues belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True, slots=True)
class Newsletter:
    """Who a mail is from and how it looks. `theme` holds colours by name ("accent": "#0b3a66")."""

    slug: str
    name: str
    from_name: str
    from_email: str
    reply_to: str = ""
    postal_address: str = ""
    time_zone: str = "UTC"
    language: str = "en"
    theme: Mapping[str, str] = field(default_factory=dict)


# The values that differ from one recipient to the next. Everything else in a mail is the same for all.
SLOT_NAMES = ("email", "greeting", "unsubscribe_url", "web_url")

# What a newsletter begins with: good enough to try everything out, and named in a warning until it is replaced.
PLACEHOLDER_POSTAL_ADDRESS = "(postal address: not set yet)"
