"""Posts of SendGrid's Event Webhook as tests make them, and the key that signs them."""

from __future__ import annotations

import itertools
import json
from typing import Any

from newsletter.bench import telling
from newsletter.links import Links
from tests.factories import NOW

SECOND = int(NOW.timestamp())
_numbers = itertools.count(1)


class Signer(telling.Signer):
    """A key pair as SendGrid makes one for a webhook; what it signs is of the day of the tests."""

    def headers(self, body: bytes, *, timestamp: str = "1782108000") -> dict[str, str]:
        """The headers of a signed post."""
        return super().headers(body, timestamp=timestamp)


def event(links: Links, issue_id: int, subscriber_id: int, name: str, **fields: Any) -> dict[str, Any]:
    """One event as SendGrid tells it."""
    number = next(_numbers)
    return {
        "email": f"reader{subscriber_id:06}@example.org",
        "timestamp": SECOND + 60,
        "event": name,
        "sg_event_id": f"{name}-{number}",
        "sg_message_id": f"14c5d75ce93.dfd.64b469.filter0001.{number}",
        "category": ["brief"],
        "nl_delivery": links.delivery_token(issue_id, subscriber_id),
        "nl_issue": str(issue_id),
        **fields,
    }


def post(*events: Any) -> bytes:
    """The body of a post, with the line break at its end that SendGrid signs too."""
    return json.dumps(events).encode() + b"\r\n"
