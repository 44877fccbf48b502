"""Slugs: short names for addresses of pages and for the command line."""

from __future__ import annotations

import re
import unicodedata

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_LENGTH = 60


def is_slug(text: str) -> bool:
    """Whether this can stand in an address: small ASCII letters, digits and single hyphens."""
    return len(text) <= MAX_LENGTH and _SLUG.fullmatch(text) is not None


def slug_of(name: str) -> str:
    """A slug made from a name; "list" where nothing of the name can be kept (as with 每日简报)."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:MAX_LENGTH].rstrip("-") or "list"
