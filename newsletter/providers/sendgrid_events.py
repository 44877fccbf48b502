"""SendGrid's Event Webhook: is a post genuine, and what does it say, in our words.

https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from newsletter.domain.events import (
    SENDGRID_MEANINGS,
    UNKNOWN_EVENT,
    Meaning,
    meaning_of_account_change,
    meaning_of_bounce,
    meaning_of_drop,
)
from newsletter.errors import ConfigurationError, Forbidden, InvalidInput
from newsletter.providers.base import without_addresses

SIGNATURE_HEADER = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER = "X-Twilio-Email-Event-Webhook-Timestamp"
REQUEST_KEY = "nl_attempt"
TOKEN_KEY = "nl_delivery"  # noqa: S105  the name of a custom argument, not a secret
MAX_URL_LENGTH = 500
_LAST_SECOND = 4_102_444_800  # the year 2100: later is no time, but milliseconds or nonsense


class ToldEvent(NamedTuple):
    """One event of a post. `token` names the delivery; `key` tells it from other events of the same delivery.

    `request` is the tag of the request that the mail went out with (domain.doubt.read_tag).
    `event_id`, `token` and `request` are empty where SendGrid left them out; `seconds` (since the epoch) is 0 then.
    """

    token: str
    event_id: str
    key: str
    seconds: float
    meaning: Meaning
    detail: dict[str, Any] | None
    request: str = ""


class PostVerifier:
    """Checks signatures (ECDSA P-256, SHA-256) over timestamp and raw bytes. Knows several keys, for rotation."""

    def __init__(self, public_keys: str) -> None:
        """Take base64 SPKI keys, separated by commas; ConfigurationError for what is no such key."""
        self._keys = [_load_key(text) for text in public_keys.replace(",", " ").split()]

    @property
    def key_count(self) -> int:
        """How many keys are trusted; with none every post is refused."""
        return len(self._keys)

    def verify(self, body: bytes, *, signature: str, timestamp: str) -> None:
        """Forbidden unless one of the keys signed exactly these bytes; without any key nothing is genuine.

        The age of the timestamp is not looked at: SendGrid repeats a post for a day, and a repeated one has no effect.
        """
        if not self._keys:
            raise Forbidden("no key of the event webhook is set: set NEWSLETTER_SENDGRID_WEBHOOK_PUBLIC_KEYS")
        try:
            signed = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            raise Forbidden("the signature of this post cannot be read: nothing was taken in") from None
        message = timestamp.encode("utf-8", "surrogateescape") + body
        if not any(_is_signed_by(key, signed, message) for key in self._keys):
            raise Forbidden("the signature of this post is not SendGrid's: nothing was taken in")


def require_json_array(body: bytes) -> None:
    """InvalidInput for bytes that cannot be a whole post, at a hundredth of the cost of reading it."""
    stripped = body.strip()
    if not (stripped.startswith(b"[") and stripped.endswith(b"]")):
        raise InvalidInput("the post is not a whole JSON array of events: nothing was taken in")
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInput("the post is not UTF-8: nothing was taken in") from None


def parse_events(body: bytes) -> list[ToldEvent]:
    """The events of a post, in its order; a single object counts as a post of one. InvalidInput for other bytes."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = _without_halves(body)
    items = document if isinstance(document, list) else [document]
    return [parse_event(item if isinstance(item, dict) else {}) for item in items]


def parse_event(item: Mapping[str, Any]) -> ToldEvent:
    """One event in our words, whatever is missing or oddly typed in it."""
    get = item.get
    name, seconds, token, event_id = get("event"), get("timestamp"), get(TOKEN_KEY), get("sg_event_id")
    if type(seconds) is not int or not 0 < seconds < _LAST_SECOND:
        seconds = _read_seconds(seconds)
    name = name if type(name) is str else ""
    token = token if type(token) is str else ""
    event_id = event_id if type(event_id) is str else ""
    request = get(REQUEST_KEY)
    request = request if type(request) is str else ""
    plain = _PLAIN.get(name)
    if plain is not None:
        # Nine events in ten: nothing in them is kept but perhaps a server's answer.
        detail = _plain_detail(item, name)
        return ToldEvent(token, event_id, f"{name}:{seconds}", seconds, plain, detail, request)
    read = _CLOSER_LOOKS.get(name)
    meaning = read(item) if read else SENDGRID_MEANINGS.get(name, UNKNOWN_EVENT)
    detail = _detail(item, name, meaning)
    distinct = _distinct(detail, name)
    key = f"{name if name in _KEPT else _clean(name)[:40]}:{seconds}{':' if distinct else ''}{distinct}"
    return ToldEvent(token, event_id, key, seconds, meaning, detail, request)


def _without_halves(body: bytes) -> Any:
    r"""A document in which halves of characters (a lone \ud83d, where an answer was cut within an emoji) are "?".

    The fast reader refuses the whole document for one of them, and with it the other events of the post.
    """
    try:
        return orjson.loads(json.dumps(json.loads(body), ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise InvalidInput("the post is not JSON: nothing was taken in") from None


def _load_key(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ConfigurationError(
            "NEWSLETTER_SENDGRID_WEBHOOK_PUBLIC_KEYS holds something that is no base64 public key: copy it again from"
            " SendGrid's settings of the event webhook"
        )
    return key


def _is_signed_by(key: ec.EllipticCurvePublicKey, signed: bytes, message: bytes) -> bool:
    try:
        key.verify(signed, message, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _read_seconds(value: object) -> int:
    try:
        seconds = int(float(value)) if isinstance(value, int | float | str) else 0
    except (ValueError, OverflowError):
        return 0
    return seconds if 0 < seconds < _LAST_SECOND else 0


def _bounce(item: Mapping[str, Any]) -> Meaning:
    return meaning_of_bounce(
        type_=_text(item, "type"),
        status=_text(item, "status"),
        reason=_text(item, "reason"),
        classification=_text(item, "bounce_classification"),
    )


_CLOSER_LOOKS: dict[str, Callable[[Mapping[str, Any]], Meaning]] = {
    "bounce": _bounce,
    "dropped": lambda item: meaning_of_drop(_text(item, "reason")),
    "account_status_change": lambda item: meaning_of_account_change(_text(item, "type")),
}

# What a person will ask for; the rest stays in the post's raw bytes. No address, no IP, no mail program.
_KEPT: dict[str, Sequence[str]] = {
    "bounce": ("type", "status", "reason", "bounce_classification"),
    "dropped": ("reason", "status"),
    "deferred": ("response", "attempt"),
    "click": ("url",),
    "account_status_change": ("type",),
}
_NOTHING_KEPT = ("processed", "open", "spamreport", "unsubscribe", "group_unsubscribe", "group_resubscribe")
_PLAIN: dict[str, Meaning] = {name: SENDGRID_MEANINGS[name] for name in (*_NOTHING_KEPT, "delivered")}


def _plain_detail(item: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    if name == "delivered":
        response = item.get("response")
        # Most servers' answers hold no address: looking for one in each would double the cost of an event.
        return {"response": _clean(response)} if isinstance(response, str) and response else None
    return {"machine": True} if name == "open" and item.get("sg_machine_open") is True else None


def _detail(item: Mapping[str, Any], name: str, meaning: Meaning) -> dict[str, Any]:
    kept = {field: _clean(_text(item, field)) for field in _KEPT.get(name, ()) if _text(item, field)}
    if name not in _KEPT:
        kept["event"] = _clean(name)[:40]
    if meaning.bounce_class is not None:
        kept["class"] = str(meaning.bounce_class)
    if meaning.category is not None:
        kept["category"] = str(meaning.category)
    return kept


def _clean(text: str) -> str:
    if "@" not in text and len(text) <= MAX_URL_LENGTH and text.isprintable():
        return text
    return without_addresses(text)


# What tells two events of one kind, one delivery and one second apart: which link was clicked, which attempt was put
# off, what was refused. Without it the order of arrival would decide which of them counts.
_DISTINCT: dict[str, Sequence[str]] = {
    "click": ("url",),
    "deferred": ("attempt",),
    "bounce": ("type", "status", "class", "category"),
    "dropped": ("reason",),
    "account_status_change": ("type",),
}


def _distinct(detail: Mapping[str, Any], name: str) -> str:
    told = "\n".join(str(detail.get(field, "")) for field in _DISTINCT.get(name, ()))
    if not told.strip():
        return ""
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()


def _text(item: Mapping[str, Any], field: str) -> str:
    value = item.get(field)
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) else ""
