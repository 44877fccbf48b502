"""SendGrid's Event Webhook played: signed posts about what was taken; twice, late, out of order, until a 2xx."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import queue
import random
import threading
import time
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

EVENTS_PER_POST = 200
GATHER_SECONDS = 0.2
RETRY_SECONDS = 0.5
REPEATED_SHARE = 0.3
LATE_SHARE = 0.2
LATE_SECONDS = 2.0
_POST_SECONDS = 5


class Signer:
    """A key pair as SendGrid makes one for a webhook."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    @property
    def public_key(self) -> str:
        """What SendGrid shows: base64 of the SPKI form."""
        spki = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(spki).decode()

    def headers(self, body: bytes, *, timestamp: str) -> dict[str, str]:
        """The headers of a signed post."""
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        return {
            "X-Twilio-Email-Event-Webhook-Signature": base64.b64encode(signature).decode(),
            "X-Twilio-Email-Event-Webhook-Timestamp": timestamp,
            "Content-Type": "application/json;charset=utf-8",
        }


class Teller:
    """Tells a webhook of each mail that it was processed and delivered; silent until `url` is set."""

    def __init__(self) -> None:
        self.signer = Signer()
        self.url = ""
        self.posts = 0
        self.refused = 0
        self._fate, self._order = random.Random(1), random.Random(1)
        self._numbers = itertools.count(1)
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open = 0

    def listen_at(self, url: str, *, seed: int) -> None:
        """Tell this address from now on."""
        # Of its own: how many events are mixed is a matter of time, and must not change what becomes of the posts.
        self._fate, self._order = random.Random(seed), random.Random(seed)
        self.url = url
        threading.Thread(target=self._tell, daemon=True).start()

    @property
    def is_idle(self) -> bool:
        """Whether all that happened has been told and answered."""
        return self._open == 0

    def taken(self, rows: list[dict[str, Any]]) -> None:
        """These personalizations were accepted."""
        if not self.url:
            return
        for row in rows:
            for name in ("processed", "delivered"):
                number = next(self._numbers)
                event = {
                    "email": row["to"][0]["email"],
                    "timestamp": int(time.time()),
                    "event": name,
                    "sg_event_id": f"{name}-{number}",
                    "sg_message_id": f"bench.{number}",
                    **row.get("custom_args", {}),
                }
                self._add(1)
                self._events.put(event)

    def _add(self, count: int) -> None:
        with self._lock:
            self._open += count

    def _tell(self) -> None:
        """Gather what has happened, mix it, and post it; some of it late, some of it twice."""
        while True:
            events = [self._events.get()]
            time.sleep(GATHER_SECONDS)
            while len(events) < EVENTS_PER_POST and not self._events.empty():
                events.append(self._events.get())
            self._order.shuffle(events)
            copies = 2 if self._fate.random() < REPEATED_SHARE else 1
            delay = LATE_SECONDS if self._fate.random() < LATE_SHARE else 0.0
            threading.Thread(target=self._post_all, args=(events, copies, delay), daemon=True).start()

    def _post_all(self, events: list[dict[str, Any]], copies: int, delay: float) -> None:
        time.sleep(delay)
        body = json.dumps(events).encode() + b"\r\n"
        for _ in range(copies):
            headers = self.signer.headers(body, timestamp=str(int(time.time())))
            while not self._post(body, headers):
                self.refused += 1
                time.sleep(RETRY_SECONDS)
            self.posts += 1
        self._add(-len(events))

    def _post(self, body: bytes, headers: dict[str, str]) -> bool:
        """Whether the webhook said 2xx; a web process that is being killed says nothing."""
        address = urlsplit(self.url)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=_POST_SECONDS)
        try:
            connection.request("POST", address.path, body=body, headers=headers)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
