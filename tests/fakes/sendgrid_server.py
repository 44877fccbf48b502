"""A strict SendGrid on loopback, in its own process: POST /v3/mail/send and GET /v3/scopes.

Run it alone: `python -m tests.fakes.sendgrid_server --port 0 --record FILE`. It prints one JSON line with `port` and
`control`. Each accepted recipient becomes one JSON line in FILE: email, custom_args, headers, message_id.

Bodies are checked by rules of our own, and by the oracle of ../shared/sendgrid where that is present (see `oracle` in
the statistics). A recipient whose local part begins with "poison" makes the request a 400 that names no field, with
"badaddress" one that names their row. Everything else is told by answers: {"plan": [{"kind": "429"}, …]} for the next
requests in turn, {"always": {"kind": …}} for all others; the kinds are the keys of KINDS.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TextIO

from tests.fakes.process import FakeProcess

API_KEY = "SG.fake-key.for-tests"
ORACLE = Path(__file__).resolve().parents[2] / "../shared/sendgrid/oracle.py"
RESERVED = {"to", "from", "subject", "reply-to", "cc", "bcc", "received", "content-type", "dkim-signature"}

# kind → (whether the mails are taken, status or None for no answer at all, message)
KINDS: dict[str, tuple[bool, int | None, str]] = {
    "202": (True, 202, ""),
    "200": (False, 200, ""),
    "400": (False, 400, "Bad Request"),
    "400-from": (False, 400, "The from address does not match a verified Sender Identity"),
    "401": (False, 401, "The provided authorization grant is invalid, expired, or revoked"),
    "credits": (False, 401, "Maximum credits exceeded"),
    "403": (False, 403, "The from address does not match a verified Sender Identity"),
    "404": (False, 404, "not found"),
    "413": (False, 413, "Payload too large"),
    "429": (False, 429, "too many requests"),
    "500": (False, 500, ""),
    "503": (False, 503, ""),
    "500-taken": (True, 500, ""),
    "302": (False, 302, ""),
    "closed": (False, None, ""),
    "closed-taken": (True, None, ""),
    "slow-taken": (True, 202, ""),
    "202-cut": (True, 202, ""),
}


def load_oracle() -> Callable[[Any], list[str]] | None:
    """The oracle's `problems`, or None where the shared data or jsonschema are absent."""
    if not ORACLE.is_file():
        return None
    spec = importlib.util.spec_from_file_location("sendgrid_oracle", ORACLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    problems: Callable[[Any], list[str]] = module.problems
    return problems


def faults(body: dict[str, Any]) -> list[str]:
    """What is wrong with a body, by the rules that SendGrid states in prose."""
    found = [f"missing {key}" for key in ("personalizations", "from", "subject", "content") if not body.get(key)]
    if len(body.get("personalizations", [])) > 1000:
        found.append("more than 1000 personalizations")
    if [part["type"] for part in body.get("content", [])] not in (["text/plain", "text/html"], ["text/plain"]):
        found.append("content must be text/plain, then text/html")
    for scope in (body, *body.get("personalizations", [])):
        for name, value in scope.get("headers", {}).items():
            if name.lower() in RESERVED or not isinstance(value, str) or not value.isascii() or "\n" in value:
                found.append(f"bad header {name}")
        for name, value in {**scope.get("substitutions", {}), **scope.get("custom_args", {})}.items():
            if not isinstance(value, str):
                found.append(f"{name} is no string")
    return found


class SendGridFake(ThreadingHTTPServer):
    """The server's state."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, record: TextIO) -> None:
        super().__init__(("127.0.0.1", port), _Api)
        self.record = record
        self.oracle = load_oracle()
        self.lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Behave, and forget what was seen and taken."""
        self.plan: list[dict[str, Any]] = []
        self.always: dict[str, Any] = {"kind": "202"}
        self.scopes = ["mail.send"]
        self.connections = 0
        self.requests: list[dict[str, Any]] = []
        self.violations: list[str] = []
        self.record.truncate(0)

    def next_answer(self) -> dict[str, Any]:
        """The planned answer of this request."""
        with self.lock:
            return self.plan.pop(0) if self.plan else self.always

    def inspect(self, body: dict[str, Any]) -> list[str]:
        """Faults of a body; the costly schema check looks at the first rows only."""
        found = faults(body)
        if self.oracle is not None and not found:
            found = self.oracle({**body, "personalizations": body["personalizations"][:5]})
        with self.lock:
            self.violations.extend(found)
        return found

    def take(self, body: dict[str, Any], message_id: str) -> None:
        """Write each recipient of an accepted request down."""
        rows = [
            {
                "email": row["to"][0]["email"],
                "custom_args": {**body.get("custom_args", {}), **row.get("custom_args", {})},
                "headers": row.get("headers", {}),
                "message_id": message_id,
            }
            for row in body["personalizations"]
        ]
        with self.lock:
            self.record.write("".join(json.dumps(row) + "\n" for row in rows))
            self.record.flush()

    def steer(self, command: dict[str, Any]) -> dict[str, Any]:
        """The control port: change what is named, and tell what was seen."""
        with self.lock:
            if command.get("forget"):
                self.forget()
            self.plan = command.get("plan", self.plan)
            self.always = command.get("always", self.always)
            self.scopes = command.get("scopes", self.scopes)
            requests = [*self.requests]
            if command.get("bodies") is not True:
                requests = [{**request, "body": None} for request in requests]
            return {
                "requests": requests,
                "connections": self.connections,
                "violations": self.violations,
                "oracle": self.oracle is not None,
            }


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SendGridFake

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.server.lock:
            self.server.connections += 1

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if not self._is_authorised():
            self._refuse(401, KINDS["401"][2])
        elif self.path == "/v3/scopes":
            self._send(200, json.dumps({"scopes": self.server.scopes}).encode())
        else:  # also where a client ends that follows our redirect
            self._send(200, b"{}")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        with self.server.lock:
            self.server.requests.append(
                {
                    "path": self.path,
                    "size": len(raw),
                    "rows": len(body["personalizations"]),
                    "content_type": self.headers["Content-Type"],
                    "body": body,
                }
            )
        if self.path != "/v3/mail/send" or not self._is_authorised():
            return self._refuse(401, KINDS["401"][2])
        if problems := self.server.inspect(body):
            return self._refuse(400, problems[0])
        if self._complains(body):
            return None
        return self._answer(body, self.server.next_answer())

    def _is_authorised(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {API_KEY}"

    def _complains(self, body: dict[str, Any]) -> bool:
        """Answer 400 for a bad recipient, as SendGrid does: nobody of the request gets the mail."""
        for row, personalization in enumerate(body["personalizations"]):
            email = personalization["to"][0]["email"]
            if email.startswith("badaddress"):
                self._refuse(
                    400, f"Does not contain a valid address: {email}", field=f"personalizations.{row}.to.0.email"
                )
                return True
            if email.startswith("badheader"):
                self._refuse(400, "The headers are not valid", field=f"personalizations.{row}.headers")
                return True
            if email.startswith("poison"):
                self._refuse(400, "Bad Request")
                return True
        return False

    def _answer(self, body: dict[str, Any], answer: dict[str, Any]) -> None:
        kind = answer["kind"]
        is_taken, status, message = KINDS[kind]
        message_id = uuid.uuid4().hex
        if kind == "413" and len(body["personalizations"]) <= answer.get("fits", 0):
            is_taken, status = True, 202
        if is_taken:
            self.server.take(body, message_id)
        if kind == "slow-taken":
            time.sleep(answer.get("seconds", 3600))
        match status:
            case None:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
            case 202:
                self._send(202, b"", {"X-Message-Id": message_id}, is_cut=kind == "202-cut")
            case 302:
                self._send(302, b"", {"Location": "/somewhere/else"})
            case 429:
                self._refuse(429, message, headers={"X-RateLimit-Reset": self._reset(answer)})
            case 500 | 503:
                self._send(status, b"<html>upstream error</html>")
            case 200:
                self._send(200, b"{}")
            case _:
                self._refuse(status, message, field="from.email" if kind == "400-from" else None)

    def _reset(self, answer: dict[str, Any]) -> str:
        seconds = answer.get("seconds", 7)
        return str(int(time.time()) + seconds if answer.get("form") == "epoch" else seconds)

    def _refuse(
        self, status: int, message: str, *, field: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        errors = {"errors": [{"message": message, "field": field, "help": None}]}
        self._send(status, json.dumps(errors).encode(), headers)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None, *, is_cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) + (100 if is_cut else 0)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or is_cut


def _serve_control(fake: SendGridFake) -> int:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            link, _ = listener.accept()
            with link, link.makefile("rwb") as lines:
                for line in lines:
                    lines.write(json.dumps(fake.steer(json.loads(line))).encode() + b"\n")
                    lines.flush()

    threading.Thread(target=serve, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


class SendGridServer(FakeProcess):
    """The fake in its own process, for tests."""

    def __init__(self, record: Path, *arguments: str) -> None:
        record.touch()
        self._record = record
        super().__init__("tests.fakes.sendgrid_server", "--record", str(record), *arguments)

    @property
    def url(self) -> str:
        """The SENDGRID_API_URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def accepted(self) -> list[dict[str, Any]]:
        """Each recipient whose mail the server took, in order."""
        return [json.loads(line) for line in self._record.read_text().splitlines()]

    def answer(self, *plan: str | dict[str, Any]) -> None:
        """Answer the next requests so, in turn: kinds, or kinds with their options."""
        self.control({"plan": [each if isinstance(each, dict) else {"kind": each} for each in plan]})

    def always(self, kind: str, **options: Any) -> None:
        """Answer every request so that is not planned otherwise."""
        self.control({"always": {"kind": kind, **options}})

    def forget(self) -> None:
        """Begin anew, as a fresh server would."""
        self.control({"forget": True})

    def seen(self, *, bodies: bool = False) -> dict[str, Any]:
        """`requests`, `connections`, `violations` and whether the `oracle` was there."""
        return self.control({"bodies": bodies})


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", required=True, help="file that gets one JSON line per accepted recipient")
    parser.add_argument("--until-stdin-ends", action="store_true")
    options = parser.parse_args()
    with Path(options.record).open("a") as record:
        fake = SendGridFake(options.port, record)
        print(json.dumps({"port": fake.server_port, "control": _serve_control(fake)}), flush=True)
        if options.until_stdin_ends:
            threading.Thread(target=fake.serve_forever, daemon=True).start()
            sys.stdin.read()
        else:
            fake.serve_forever()


if __name__ == "__main__":
    main()
