"""SendGrid's Email Logs, as its OpenAPI document describes them: strict about queries, and with moods.

`LogBook` may be put into another fake; as a process of its own it serves /v3/logs alone. Control commands:
    {"entries": […]}  messages: to_email, sg_message_id, created_at (ISO), custom_args
    {"mood": "403"}   answer so from now on: a status, or one of MOODS
    {"plan": […]}     moods for the next requests, in turn
Each answer of the control port holds the requests so far: method, path, query.
"""

from __future__ import annotations

import argparse
import json
import re
import socket
import sys
import threading
import time
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from newsletter.bench.faulty import ServerProcess, serve_control

API_KEY = "SG.fake-key.for-tests"
# What is no plain status: no answer, an answer too late, bytes that are no JSON, filters that are ignored …
MOODS = frozenset({"closed", "slow", "html", "no-messages", "unfiltered", "no-detail", "other-detail", "full"})
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

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """An empty log in good mood."""
        self.entries: list[dict[str, Any]] = []
        self.mood = ""
        self.plan: list[str] = []
        self.requests: list[dict[str, Any]] = []

    def steer(self, command: dict[str, Any]) -> dict[str, Any]:
        """Change what is named, and tell what was asked."""
        if command.get("forget"):
            self.forget()
        for name in ("entries", "mood", "plan"):
            setattr(self, name, command.get(name, getattr(self, name)))
        return {"requests": self.requests}

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes] | None:
        """Status and body for one request; None where the connection is to be closed without a word."""
        mood = self.plan.pop(0) if self.plan else self.mood
        query = json.loads(body)["query"] if body else ""
        self.requests.append({"method": method, "path": path, "query": query})
        if mood == "closed":
            return None
        if mood == "slow":
            time.sleep(3)
        if mood.isdigit():
            return int(mood), json.dumps({"errors": [{"message": "as you wish"}]}).encode()
        if mood == "html":
            return 200, b"<html>welcome</html>"
        return self._find(query, body, mood) if path == "/v3/logs" else self._detail(path, mood)

    def _find(self, query: str, body: bytes, mood: str) -> tuple[int, bytes]:
        if mood == "no-messages":
            return 200, b"{}"
        conditions = [_CONDITION.fullmatch(part) for part in query.split(" AND ")]
        limit = json.loads(body).get("limit", 10)
        if not all(conditions) or not 1 <= limit <= 1000:
            return 400, b'{"errors": [{"message": "invalid query", "field": "query"}]}'
        found = [entry for entry in self.entries if mood == "unfiltered" or all(_fits(entry, c) for c in conditions)]
        found = found[:1] * limit if mood == "full" else found[:limit]
        return 200, json.dumps({"messages": [_summary(entry) for entry in found]}).encode()

    def _detail(self, path: str, mood: str) -> tuple[int, bytes]:
        message_id = unquote(path.removeprefix("/v3/logs/"))
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


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _LogServer

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer("GET", b"")

    def do_POST(self) -> None:
        self._answer("POST", self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, method: str, body: bytes) -> None:
        if self.headers.get("Authorization") != f"Bearer {API_KEY}":
            return self._send(401, b"{}")
        told = self.server.book.answer(method, self.path, body)
        if told is None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        return self._send(*told)

    def _send(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 429:
            self.send_header("X-RateLimit-Reset", "600")
        self.end_headers()
        self.wfile.write(body)


class _LogServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, book: LogBook) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.book = book


class SendGridLogServer(ServerProcess):
    """The log in its own process, for tests."""

    def __init__(self) -> None:
        super().__init__("tests.fakes.sendgrid_log", folder=Path(__file__).resolve().parents[2])

    @property
    def url(self) -> str:
        """The SENDGRID_API_URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def asked(self) -> list[dict[str, Any]]:
        """The requests so far."""
        return list(self.control({})["requests"])


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--until-stdin-ends", action="store_true")
    parser.parse_args()
    book = LogBook()
    server = _LogServer(book)
    print(json.dumps({"port": server.server_port, "control": serve_control(book.steer)}), flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()
