"""Briefs, newsletters and readers for the tests of rendering."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

from newsletter import samples
from newsletter.domain.brief import Brief, Section, Story
from newsletter.domain.mail import Recipient
from newsletter.domain.newsletter import Newsletter
from newsletter.domain.reading import read_brief

DAY = date(2026, 6, 22)
NEWSLETTER = Newsletter(
    slug="harbour-brief",
    name="Harbour Brief",
    from_name="Harbour Brief",
    from_email="brief@news.example.org",
    reply_to="desk@example.org",
    postal_address="Harbour Press, 1 Quay Street, 20457 Hamburg",
)
VALUES = {
    "email": "maria@example.com",
    "greeting": "Hello Maria,",
    "unsubscribe_url": "https://news.example.org/u/0123456789abcdef",
    "web_url": "https://news.example.org/archive/harbour-brief/1",
}


def make_story(number: int = 1, **values: Any) -> Story:
    """A short story, with some values changed."""
    story = Story(
        number=number,
        headline=f"Ferry line {number} goes electric",
        source="Quay Gazette",
        date=DAY,
        summary="The harbour council bought two electric ferries.",
        why_it_matters="Night crossings become quiet.",
        link_title="Council buys ferries",
        url=f"https://gazette.example/ferries/{number}",
    )
    return replace(story, **values)


def make_brief(*stories: Story, **values: Any) -> Brief:
    """A brief of one section, with some values changed."""
    brief = Brief(
        title="Harbour Brief — 2026-06-22",
        date=DAY,
        preheader="Ferries go electric",
        sections=(Section(title="Top Stories", stories=stories or (make_story(),)),),
    )
    return replace(brief, **values)


def sample_brief() -> Brief:
    """The project's own sample."""
    return read_brief(samples.brief_text()).brief


def make_recipient(number: int = 1, **values: Any) -> Recipient:
    """A reader with a token of their own, with some values changed."""
    token = f"{number:030x}"
    url = f"https://news.example.org/u/{token}"
    recipient = Recipient(
        subscriber_id=number,
        token=token,
        email=f"reader{number}@example.com",
        name="Maria Chen",
        values=VALUES | {"unsubscribe_url": url},
        headers={
            "Message-ID": f"<{token}@news.example.org>",
            "List-Unsubscribe": f"<{url}>, <mailto:u-{token}@news.example.org?subject=unsubscribe>",
        },
        return_path=f"b-{token}@bounces.example.org",
    )
    return recipient._replace(**values)
