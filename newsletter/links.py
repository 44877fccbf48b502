"""Signed tokens and public URLs.

A delivery token names one (issue, subscriber) and cannot be guessed: 4 bytes of each id and 7 bytes of a keyed
BLAKE2b, as 30 lower-case hexadecimal digits. Case-insensitive on purpose: the same token is used in links, in the
Message-ID and in the local part of the return path, and mail servers may change the case of the latter.

An opt-in token names a request to be subscribed and the second in which it was made, so that its age is known without
a look at the database: 4 bytes of each and 10 of the hash.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from dataclasses import dataclass

TOKEN_LENGTH = 30
OPT_IN_ISSUE = 2**32 - 1
OPT_IN_START = f"{OPT_IN_ISSUE:08x}"  # how the tokens of these mails begin
_LARGEST_ID = 2**31 - 1
_MAC_BYTES = 7
_IDS = struct.Struct(">II")
_TOKEN = re.compile(r"[0-9a-f]{30}")
_OPT_IN_MAC_BYTES = 10
_OPT_IN_TOKEN = re.compile(r"[0-9a-f]{36}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DeliveryRef:
    """The delivery that a token names.

    Issue 0 stands for a test send, whose second number says nothing; OPT_IN_ISSUE for the mail that answers a request
    to be subscribed, whose second number is the request's.
    """

    issue_id: int
    subscriber_id: int

    @property
    def is_in_ledger(self) -> bool:
        """Whether this can be a row of the ledger, whose ids have 31 bits."""
        return 0 < self.issue_id <= _LARGEST_ID and self.subscriber_id <= _LARGEST_ID

    @property
    def opt_in_request_id(self) -> int:
        """The request that is answered by this mail; 0 for all others."""
        return self.subscriber_id if self.issue_id == OPT_IN_ISSUE and self.subscriber_id <= _LARGEST_ID else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class OptInRef:
    """The request that a token names, and when it was made (seconds since the epoch)."""

    request_id: int
    asked_at: int


class Links:
    """Makes and checks tokens with one secret key, and builds the public URLs that carry them."""

    def __init__(self, *, base_url: str, key: bytes) -> None:
        self.base_url = base_url.rstrip("/")
        root = hashlib.blake2b(key, digest_size=32).digest()
        self._delivery = hashlib.blake2b(key=root, person=b"delivery", digest_size=_MAC_BYTES)
        self._opt_in = hashlib.blake2b(key=root, person=b"opt-in", digest_size=_OPT_IN_MAC_BYTES)
        self._address = hashlib.blake2b(key=root, person=b"address", digest_size=16)

    def __repr__(self) -> str:
        return f"Links(base_url={self.base_url!r})"

    def delivery_token(self, issue_id: int, subscriber_id: int) -> str:
        """The token of one delivery: the same each time it is asked for."""
        ids = _IDS.pack(issue_id, subscriber_id)
        mac = self._delivery.copy()
        mac.update(ids)
        return (ids + mac.digest()).hex()

    def read_delivery_token(self, token: str) -> DeliveryRef | None:
        """The delivery that a genuine token names; None for anything else."""
        folded = token.strip().lower()
        if not _TOKEN.fullmatch(folded):
            return None
        issue_id, subscriber_id = _IDS.unpack(bytes.fromhex(folded)[: _IDS.size])
        if not hmac.compare_digest(folded, self.delivery_token(issue_id, subscriber_id)):
            return None
        return DeliveryRef(issue_id=issue_id, subscriber_id=subscriber_id)

    def opt_in_token(self, request_id: int, asked_at: int) -> str:
        """The token of a request to be subscribed."""
        ids = _IDS.pack(request_id, asked_at)
        mac = self._opt_in.copy()
        mac.update(ids)
        return (ids + mac.digest()).hex()

    def read_opt_in_token(self, token: str) -> OptInRef | None:
        """The request that a genuine token names; None for anything else."""
        folded = token.strip().lower()
        if not _OPT_IN_TOKEN.fullmatch(folded):
            return None
        request_id, asked_at = _IDS.unpack(bytes.fromhex(folded)[: _IDS.size])
        if not hmac.compare_digest(folded, self.opt_in_token(request_id, asked_at)):
            return None
        return OptInRef(request_id=request_id, asked_at=asked_at)

    def address_key(self, address: str) -> bytes:
        """A keyed hash (16 bytes) by which an erased address is still recognised."""
        mac = self._address.copy()
        mac.update(address.encode())
        return mac.digest()

    def unsubscribe_url(self, token: str) -> str:
        """The page, and the target of the one-click POST (RFC 8058)."""
        return f"{self.base_url}/u/{token}"

    def subscribe_url(self, newsletter_slug: str) -> str:
        """The form by which new readers come."""
        return f"{self.base_url}/subscribe/{newsletter_slug}"

    def confirm_url(self, token: str) -> str:
        """The page with the button that confirms a subscription."""
        return f"{self.base_url}/confirm/{token}"

    def archive_url(self, newsletter_slug: str) -> str:
        """The newsletter's archive."""
        return f"{self.base_url}/archive/{newsletter_slug}"

    def web_version_url(self, newsletter_slug: str, issue_id: int) -> str:
        """An issue as a web page."""
        return f"{self.base_url}/archive/{newsletter_slug}/{issue_id}"

    def sign_in_url(self, token: str) -> str:
        """A one-time sign-in link."""
        return f"{self.base_url}/login/{token}"
