"""Posts of SendGrid's Event Webhook as tests make them, and the key that signs them."""

from __future__ import annotations

import base64
import itertools
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.links import Links
from tests.factories import NOW

SECOND = int(NOW.timestamp())
_numbers = itertools.count(1)


class Signer:
    """A key pair as SendGrid makes one for a webhook."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """What SendGrid shows: base64 of the SPKI form."""
        spki = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(spki).decode()

    def headers(self, body: bytes, *, timestamp: str = "1782108000") -> dict[str, str]:
        """The two headers of a signed post."""
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            "Content-Type": "application/json;charset=utf-8",
        }


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
