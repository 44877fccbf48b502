"""How our own SendGrid can answer, and what it demands of a body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

RESERVED = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding",
    "to", "from", "subject", "reply-to", "cc", "bcc",
}  # fmt: skip
MAX_MAP_BYTES = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Mood:
    """One way to answer a good request. `status` None: no answer at all. `doubt`: the client cannot know what became
    of it. `field` names what a 400 complains about; `how` is a manner of speaking that the server knows.
    """

    status: int | None = None
    is_taken: bool = False
    doubt: bool = False
    message: str = ""
    field: str | None = None
    how: str = ""


RESET_UNREAD = "reset-unread"
_UNVERIFIED = "The from address does not match a verified Sender Identity"

MOODS: dict[str, Mood] = {
    "202": Mood(status=202, is_taken=True),
    "202-cut": Mood(status=202, is_taken=True, how="cut"),
    "200": Mood(status=200, doubt=True),
    "400": Mood(status=400, message="Bad Request"),
    "400-row": Mood(status=400, message="Does not contain a valid address.", field="personalizations.0.to.0.email"),
    "400-from": Mood(status=400, message=_UNVERIFIED, field="from.email"),
    "401": Mood(status=401, message="The provided authorization grant is invalid, expired, or revoked"),
    "credits": Mood(status=401, message="Maximum credits exceeded"),
    "403": Mood(status=403, message=_UNVERIFIED),
    "404": Mood(status=404, message="not found"),
    "413": Mood(status=413, message="Payload too large"),
    "429": Mood(status=429, message="too many requests"),
    "429-epoch": Mood(status=429, message="too many requests", how="epoch"),
    **{f"{status}": Mood(status=status, doubt=True) for status in (500, 502, 503, 504)},
    **{f"{status}-taken": Mood(status=status, is_taken=True, doubt=True) for status in (500, 502, 503, 504)},
    **{f"{status}": Mood(status=status, how="redirect") for status in (301, 302, 307, 308)},
    "slow": Mood(status=202, is_taken=True, how="slow"),
    # After the client's patience: seconds that are longer than its time-out leave doubt.
    "slow-taken": Mood(status=202, is_taken=True, doubt=True, how="slow"),
    "closed": Mood(doubt=True),
    "closed-taken": Mood(is_taken=True, doubt=True),
    "half-closed-taken": Mood(is_taken=True, doubt=True, how="half-closed"),
    "reset": Mood(doubt=True, how="reset"),
    "reset-taken": Mood(is_taken=True, doubt=True, how="reset"),
    # Before the request was read, so that nobody knows whose it was.
    RESET_UNREAD: Mood(doubt=True),
}

# What may befall any request by chance. Each kind of answer once: the rest differs in its number only.
CHANCES = tuple(
    kind for kind in MOODS if kind not in {"202", "200", "400-from", "404", "301", "307", "308", RESET_UNREAD}
)


def faults_of(body: dict[str, Any]) -> list[str]:
    """What is wrong with a body, by the rules that SendGrid states in prose."""
    people = body.get("personalizations", [])
    found = [f"missing {key}" for key in ("personalizations", "from", "subject", "content") if not body.get(key)]
    if len(people) > 1000:
        found.append("more than 1000 personalizations")
    if any(len(person.get("to", [])) != 1 for person in people):
        found.append("a personalization without exactly one recipient")
    if [part["type"] for part in body.get("content", [])] not in (["text/plain", "text/html"], ["text/plain"]):
        found.append("content must be text/plain, then text/html")
    if any(not part.get("value") for part in body.get("content", [])):
        found.append("an empty part of the content")
    for scope in (body, *people):
        found += _faults_of_maps(scope)
    return found


def _faults_of_maps(scope: dict[str, Any]) -> list[str]:
    found = []
    for name, value in scope.get("headers", {}).items():
        if name.lower() in RESERVED or not isinstance(value, str) or not value.isascii() or "\n" in value:
            found.append(f"bad header {name}")
    for key in ("substitutions", "custom_args"):
        values = scope.get(key, {})
        found += [f"{name} is no string" for name, value in values.items() if not isinstance(value, str)]
        if not found and sum(len(name) + len(value.encode()) for name, value in values.items()) > MAX_MAP_BYTES:
            found.append(f"{key} over {MAX_MAP_BYTES} bytes")
    return found
