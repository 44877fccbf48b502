"""Samples of our own making, for the demo and the tests: one brief, some subscribers, one newsletter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent

NEWSLETTER: dict[str, Any] = {
    "slug": "harbour-morning-brief",
    "name": "Harbour Morning Brief",
    "from_email": "brief@harbour.example",
    "reply_to": "editors@harbour.example",
    "postal_address": "Harbour Press, 1 Quay Street, 20457 Hamburg, Germany",
    "time_zone": "Europe/Berlin",
}


def brief_text() -> str:
    """The sample brief, as an editor would paste it."""
    return (_FOLDER / "brief.txt").read_text(encoding="utf-8")


def subscribers_path() -> Path:
    """The sample subscribers as CSV."""
    return _FOLDER / "subscribers.csv"
