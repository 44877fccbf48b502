"""A strict stand-in for SendGrid's suppression endpoints, on a thread of the test: /v3/suppression/… and /v3/asm/….

It knows exactly the paths, parameters and methods of SendGrid's OpenAPI document; everything else is a 4xx that it
remembers in `faults`. `answers` are statuses for the next calls in turn, before it behaves again. It calls what is in
`refuses` no address and passes silently over what is in `overlooks`, and does `before_adding` (which may take its time)
before it puts addresses on the global list.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from newsletter.providers.sendgrid_suppressions import SendGridSuppressions

API_KEY = "SG.fake-key.for-tests"
FIELDS = {
    "bounces": {"created", "email", "reason", "status"},
    "blocks": {"created", "email", "reason", "status"},
    "invalid_emails": {"created", "email", "reason"},
    "spam_reports": {"created", "email", "ip"},
    "unsubscribes": {"created", "email"},
}
# No document says how many; more than a page of them nobody should count on.
MOST_ADDED = 500
PARAMETERS = {"start_time", "end_time", "limit", "offset", "email"}


class SendGridLists(ThreadingHTTPServer):
    """The lists of one account. `entries` maps a list's name to its rows, the newest last."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Api)
        self.entries: dict[str, list[dict[str, Any]]] = {name: [] for name in FIELDS}
        self.answers: list[int] = []
        self.refuses: set[str] = set()
        self.overlooks: set[str] = set()
        self.before_adding: Callable[[], None] = lambda: None
        self.clock: Callable[[], float] = time.time
        self.calls: list[str] = []
        self.faults: list[str] = []

    @property
    def url(self) -> str:
        """The SENDGRID_API_URL of this server."""
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name: str, email: str, *, created: int, **fields: str) -> None:
        """Put an address on a list, with the fields that SendGrid tells there."""
        row: dict[str, Any] = dict.fromkeys(FIELDS[name], "") | {"email": email, "created": created, **fields}
        assert row.keys() == FIELDS[name]
        self.entries[name].append(row)

    def listed(self, email: str) -> set[str]:
        """The lists that an address is on."""
        return {name for name, rows in self.entries.items() for row in rows if row["email"] == email}


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SendGridLists

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        address, query = urlsplit(self.path), dict(parse_qsl(urlsplit(self.path).query))
        parts = address.path.split("/")[1:]
        if not self._may_go_on(f"GET {address.path}"):
            return
        if len(parts) != 3 or parts[:2] != ["v3", "suppression"] or parts[2] not in FIELDS:
            self._fault(404, f"no such list: {address.path}")
            return
        numbers = {name: query.get(name) for name in PARAMETERS - {"email"}}
        if query.keys() - PARAMETERS or any(value is not None and not value.isdigit() for value in numbers.values()):
            self._fault(400, f"bad parameters: {address.query}")
            return
        limit, offset = int(numbers["limit"] or 500), int(numbers["offset"] or 0)
        if not 1 <= limit <= 500:
            self._fault(400, f"limit {limit}")
            return
        first, last = int(numbers["start_time"] or 0), int(numbers["end_time"] or 2**40)
        rows = [row for row in self.server.entries[parts[2]] if first <= row["created"] <= last]
        self._send(200, json.dumps(rows[offset : offset + limit]).encode())

    def do_DELETE(self) -> None:
        parts = [unquote(part) for part in self.path.split("/")[1:]]
        if not self._may_go_on(f"DELETE {'/'.join(parts[:-1])}"):
            return
        if self.headers.get("Content-Length", "0") != "0":
            self._fault(400, "a body where none belongs")
            return
        name = {
            ("v3", "suppression"): parts[2] if len(parts) == 4 else "",
            ("v3", "asm"): "unsubscribes" if parts[1:4] == ["asm", "suppressions", "global"] else "",
        }.get((parts[0], parts[1]), "")
        # Unsubscribes are deleted under another address than they are listed under.
        if name not in FIELDS or (name == "unsubscribes" and parts[1] != "asm"):
            self._fault(404, f"nothing to delete at {self.path}")
            return
        rows = self.server.entries[name]
        kept = [row for row in rows if row["email"] != parts[-1]]
        self.server.entries[name] = kept
        self._send(204 if len(kept) < len(rows) or parts[1] == "asm" else 404, b"")

    def do_POST(self) -> None:
        told = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not self._may_go_on(f"POST {self.path}"):
            return
        if self.path != "/v3/asm/suppressions/global":
            self._fault(404, f"nothing to post to at {self.path}")
            return
        try:
            body = json.loads(told)
        except ValueError:
            body = None
        emails = body.get("recipient_emails") if isinstance(body, dict) and len(body) == 1 else None
        is_json = self.headers.get("Content-Type") == "application/json"
        is_list = isinstance(emails, list) and all(isinstance(email, str) and "@" in email for email in emails)
        if not is_json or not is_list or not 1 <= len(emails) <= MOST_ADDED or len(set(emails)) < len(emails):
            self._fault(400, f"bad body: {told[:200]!r}")
            return
        if self.server.refuses.intersection(emails):
            self._send(400, b'{"errors": [{"field": "recipient_emails", "message": "invalid email address"}]}')
            return
        self.server.before_adding()
        taken = [email for email in emails if email not in self.server.overlooks]
        for email in taken:
            if "unsubscribes" not in self.server.listed(email):
                self.server.add("unsubscribes", email, created=int(self.server.clock()))
        self._send(201, json.dumps({"recipient_emails": taken}).encode())

    def _may_go_on(self, call: str) -> bool:
        self.server.calls.append(call)
        if self.headers.get("Authorization") != f"Bearer {API_KEY}":
            self._fault(401, "authorization required")
            return False
        if self.server.answers:
            status = self.server.answers.pop(0)
            self._send(status, b"<html>later</html>", {"X-RateLimit-Reset": "1"} if status == 429 else {})
            return False
        return True

    def _fault(self, status: int, message: str) -> None:
        self.server.faults.append(message)
        self._send(status, json.dumps({"errors": [{"field": None, "message": message}]}).encode())

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def sendgrid_lists() -> Iterator[SendGridLists]:
    """A server that is gone at the end of the block."""
    server = SendGridLists()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def client_of(server: SendGridLists) -> Iterator[SendGridSuppressions]:
    """Our client of that server, which does not wait long when it is asked to."""
    client = SendGridSuppressions(API_KEY, api_url=server.url, timeout_seconds=5, max_wait_seconds=0.01)
    yield client
    client.close()
