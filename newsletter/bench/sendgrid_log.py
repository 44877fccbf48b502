"""SendGrid's Email Logs played, as its OpenAPI document describes them: strict about queries, and with moods.

Part of our own SendGrid (newsletter/bench/sendgrid_server.py), whose control port passes {"log": {…}} on:
    {"entries": […]}  messages: to_email, sg_message_id, created_at (ISO), custom_args
    {"mood": "403"}   answer so from now on: a status, or one of MOODS
    {"plan": […]}     moods for the next requests, in turn
    {"chance": {…}}   CHANCES at this share of the requests, by this seed
Each answer holds the requests so far: method, path, query.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import unquote

from newsletter.bench.faulty import Chance

LOGS_PATH = "/v3/logs"
# What is no plain status: no answer, an answer too late, bytes that are no JSON, filters that are ignored, nothing …
MOODS = frozenset({"closed", "slow", "html", "no-messages", "empty", "unfiltered", "no-detail", "other-detail", "full"})
# What may befall any question by chance. "empty" is a lie.
CHANCES = ("429", "403", "404", "500", "503", "closed", "slow", "html", "no-messages", "empty")
_CONDITION = re.compile(
    r"(?P<field>to_email|sg_message_id_created_at) (?P<operator>=|>=|<=|>|<) (?:'(?P<text>[^'\"\\]+)'"
    r'|TIMESTAMP "(?P<moment>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)")'
)
_COMPARE = {
    ">=": lambda one, other: one >= other,
    "<=": lambda one, other: one <= other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
}
_FIELDS = ("from_email", "sg_message_id", "subject", "to_email", "status", "sg_message_id_created_at")


class LogBook:
    """The messages of one account."""

    def __init__(self, *, is_open: bool) -> None:
        self.is_open = is_open
        self.forget()

    def forget(self) -> None:
        """An empty log in good mood."""
        self.chance = Chance()
        self.slow_seconds = 3.0
        # What a 429 says: seconds until it is worthwhile to ask again.
        self.reset = "600"
        self.entries: list[dict[str, Any]] = []
        self.mood = ""
        self.plan: list[str] = []
        self.requests: list[dict[str, Any]] = []

    def steer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Change what is named, and tell what was asked."""
        if command.get("forget"):
            self.forget()
        for name in ("entries", "mood", "plan", "slow_seconds", "reset"):
            setattr(self, name, command.get(name, getattr(self, name)))
        if chance := command.get("chance"):
            self.chance = Chance(CHANCES, **chance)
        return {"requests": self.requests}

    def take(self, people: Iterable[dict[str, Any]], message_id: str) -> None:
        """Write down the messages of an accepted request."""
        if not self.is_open:
            return
        created_at = datetime.fromtimestamp(time.time(), UTC).isoformat()
        self.entries += [
            {
                "to_email": person["to"][0]["email"],
                "sg_message_id": f"{message_id}.recvd.{number}",
                "created_at": created_at,
                "custom_args": person["custom_args"],
            }
            for number, person in enumerate(people)
        ]

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes] | None:
        """Status and body for one request; None where the connection is to be closed without a word."""
        if not self.is_open:
            return 404, b'{"errors": [{"message": "not found"}]}'
        mood = self.plan.pop(0) if self.plan else self.chance.next() or self.mood
        query = json.loads(body)["query"] if body else ""
        self.requests.append({"method": method, "path": path, "query": query})
        if mood == "closed":
            return None
        if mood == "slow":
            time.sleep(self.slow_seconds)
        if mood.isdigit():
            return int(mood), json.dumps({"errors": [{"message": "as you wish"}]}).encode()
        if mood == "html":
            return 200, b"<html>welcome</html>"
        return self._find(query, body, mood) if path == LOGS_PATH else self._detail(path, mood)

    def _find(self, query: str, body: bytes, mood: str) -> tuple[int, bytes]:
        if mood == "no-messages":
            return 200, b"{}"
        conditions = [_CONDITION.fullmatch(part) for part in query.split(" AND ")]
        limit = json.loads(body).get("limit", 10)
        if not all(conditions) or not 1 <= limit <= 1000:
            return 400, b'{"errors": [{"message": "invalid query", "field": "query"}]}'
        entries = [] if mood == "empty" else self.entries
        fitting = (entry for entry in entries if mood == "unfiltered" or all(_fits(entry, c) for c in conditions))
        found = list(islice(fitting, limit))
        if mood == "full":
            found = found[:1] * limit
        return 200, json.dumps({"messages": [_summary(entry) for entry in found]}).encode()

    def _detail(self, path: str, mood: str) -> tuple[int, bytes]:
        message_id = unquote(path.removeprefix(f"{LOGS_PATH}/"))
        entry = next((entry for entry in self.entries if entry["sg_message_id"] == message_id), None)
        if entry is None or mood == "no-detail":
            return 404, b'{"errors": [{"message": "not found"}]}'
        document = _summary(entry) | {"custom_args": entry.get("custom_args", {}), "events": []}
        if mood == "other-detail":
            document["sg_message_id"] = "another"
        return 200, json.dumps(document).encode()


def _fits(entry: dict[str, Any], condition: re.Match[str] | None) -> bool:
    assert condition is not None
    if condition["field"] == "to_email":
        return bool(entry["to_email"] == condition["text"])
    created = datetime.fromisoformat(entry["created_at"])
    return bool(_COMPARE[condition["operator"]](created, datetime.fromisoformat(condition["moment"])))


def _summary(entry: dict[str, Any]) -> dict[str, Any]:
    given = entry | {"sg_message_id_created_at": entry["created_at"]}
    return {field: given.get(field, "processed" if field == "status" else "x") for field in _FIELDS}
