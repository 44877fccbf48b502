"""A strict SendGrid on loopback, in its own process: POST /v3/mail/send, GET /v3/scopes, the event webhook, the log.

Run it alone: `python -m newsletter.bench.sendgrid_server --record FILE`. It prints one JSON line with `port`, `control`
and `public_key`. Each accepted recipient becomes one JSON line in FILE: email, custom_args, headers, message_id.

Bodies are checked by rules of our own, and by the oracle that `--oracle` names. A recipient whose local part begins
with "poison" makes the request a 400 that names no field, with "badaddress" one that names their row. Everything else
is told by moods (newsletter/bench/sendgrid_moods.py) through the control port: {"plan": [{"kind": "429"}, …]} for the
next requests in turn, {"always": {"kind": …}} for all others, {"chance": {"share": 0.05, "seed": 1}} for faults by
chance, {"webhook": URL} for events, {"save": FILE} for the account of every delivery, {"log": {…}} for /v3/logs
(newsletter/bench/sendgrid_log.py), which the account has with `--with-log` only.
"""

from __future__ import annotations

import argparse
import importlib.util
import io
import json
import os
import socket
import struct
import sys
import threading
import time
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TextIO

from newsletter.bench.faulty import Account, Chance, serve_control, tell_ready
from newsletter.bench.sendgrid_log import LOGS_PATH, LogBook
from newsletter.bench.sendgrid_moods import CHANCES, MOODS, RESET_UNREAD, Mood, faults_of
from newsletter.bench.telling import Teller

API_KEY = "SG.fake-key.for-tests"
_COMPLAINTS = {
    "badaddress": ("Does not contain a valid address: {email}", "personalizations.{row}.to.0.email"),
    "badheader": ("The headers are not valid", "personalizations.{row}.headers"),
    "poison": ("Bad Request", None),
}

Oracle = Callable[[Any], list[str]]


def load_oracle(path: Path) -> Oracle:
    """The `problems` of an oracle: a module that knows SendGrid's own document."""
    spec = importlib.util.spec_from_file_location("sendgrid_oracle", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    problems: Oracle = module.problems
    return problems


class SendGrid(ThreadingHTTPServer):
    """The server's state."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, record: TextIO, oracle: Oracle | None, *, has_log: bool) -> None:
        super().__init__(("127.0.0.1", port), _Api)
        self.log = LogBook(is_open=has_log)
        self.record = record
        self.oracle = oracle
        self.lock = threading.Lock()
        self.teller = Teller()
        self.forget()

    def forget(self) -> None:
        """Behave, and forget what was seen and taken."""
        self.plan: list[dict[str, Any]] = []
        self.always: dict[str, Any] = {"kind": "202"}
        self.chance = Chance()
        self.slow_seconds = 0.5
        self.patience_seconds = 3600.0
        self.keeps_requests = True
        self.account = Account()
        self.scopes = ["mail.send"]
        self.connections = 0
        self.requests: list[dict[str, Any]] = []
        self.violations: list[str] = []
        if self.record.name != os.devnull:
            self.record.truncate(0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed or lost its patience is no error of ours."""

    def next_answer(self) -> dict[str, Any]:
        """The planned answer of this request, or what chance makes of it."""
        with self.lock:
            if self.plan:
                return self.plan.pop(0)
            kind = self.chance.next()
            return {"kind": kind} if kind else self.always

    def leaves_unread(self) -> bool:
        """Whether the plan says to read nothing of the next request."""
        with self.lock:
            if not self.plan or self.plan[0]["kind"] != RESET_UNREAD:
                return False
            self.plan.pop(0)
            return True

    def note(self, body: dict[str, Any], path: str, raw: bytes, content_type: str | None) -> None:
        """Remember a request."""
        with self.lock:
            if self.keeps_requests:
                self.requests.append(
                    {
                        "path": path,
                        "size": len(raw),
                        "rows": len(body["personalizations"]),
                        "content_type": content_type,
                        "body": body,
                    }
                )

    def inspect(self, body: dict[str, Any]) -> list[str]:
        """Faults of a body; the costly schema check looks at the first rows only."""
        found = faults_of(body)
        if self.oracle is not None and not found:
            found = self.oracle({**body, "personalizations": body["personalizations"][:5]})
        with self.lock:
            self.violations.extend(found)
        return found

    def take(self, body: dict[str, Any], message_id: str) -> None:
        """Write each recipient of an accepted request down, and tell the webhook."""
        self.account.take(tokens_of(body))
        shared = body.get("custom_args", {})
        people = [{**row, "custom_args": {**shared, **row.get("custom_args", {})}} for row in body["personalizations"]]
        self.log.take(people, message_id)
        self.teller.taken(people)
        rows = [
            {
                "email": row["to"][0]["email"],
                "custom_args": row["custom_args"],
                "headers": row.get("headers", {}),
                "message_id": message_id,
            }
            for row in people
        ]
        with self.lock:
            self.record.write("".join(json.dumps(row) + "\n" for row in rows))
            self.record.flush()

    def steer(self, command: dict[str, Any]) -> dict[str, Any]:
        """The control port: change what is named, and tell what was seen."""
        with self.lock:
            if command.get("forget"):
                self.forget()
            for name in ("plan", "always", "scopes", "slow_seconds", "patience_seconds", "keeps_requests"):
                setattr(self, name, command.get(name, getattr(self, name)))
            if chance := command.get("chance"):
                self.chance = Chance(CHANCES, share=chance["share"], seed=chance["seed"])
            if url := command.get("webhook"):
                self.teller.listen_at(url, seed=command.get("seed", 1))
            told = {"log": self.log.steer(command["log"])} if "log" in command else {}
            if path := command.get("save"):
                log_faults = {f"log {kind}": count for kind, count in self.log.chance.faults.items()}
                self.account.save(Path(path), faults={**self.chance.faults, **log_faults})
            return self._seen(with_bodies=command.get("bodies") is True) | told

    def _seen(self, *, with_bodies: bool) -> dict[str, Any]:
        return {
            "requests": self.requests if with_bodies else [{**request, "body": None} for request in self.requests],
            "connections": self.connections,
            "violations": self.violations,
            "oracle": self.oracle is not None,
            "is_told": self.teller.is_idle,
            "posts": self.teller.posts,
            "posts_refused": self.teller.refused,
        }


def tokens_of(body: dict[str, Any]) -> list[str]:
    """The delivery tokens of a request, where it carries any."""
    tokens = (row.get("custom_args", {}).get("nl_delivery") for row in body["personalizations"])
    return [token for token in tokens if token]


class _Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: SendGrid

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self.server.lock:
            self.server.connections += 1

    def handle_one_request(self) -> None:
        self.connection.recv(1, socket.MSG_PEEK)
        if self.server.leaves_unread():
            self._hang_up("reset")
        else:
            super().handle_one_request()

    def log_message(self, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if not self._is_authorised():
            self._refuse(401, MOODS["401"].message)
        elif self.path == "/v3/scopes":
            self._send(200, json.dumps({"scopes": self.server.scopes}).encode())
        elif self.path.startswith(f"{LOGS_PATH}/"):
            self._answer_from_log(b"")
        else:  # also where a client ends that follows our redirect
            self._send(200, b"{}")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == LOGS_PATH and self._is_authorised():
            return self._answer_from_log(raw)
        if self.path != "/v3/mail/send":
            return self._refuse(404, MOODS["404"].message)
        body = json.loads(raw)
        self.server.account.see(tokens_of(body))
        self.server.note(body, self.path, raw, self.headers["Content-Type"])
        if not self._is_authorised():
            return self._refuse(401, MOODS["401"].message)
        if problems := self.server.inspect(body):
            return self._refuse(400, problems[0])
        if self._complains(body):
            return None
        return self._answer(body, self.server.next_answer())

    def _answer_from_log(self, raw: bytes) -> None:
        told = self.server.log.answer(self.command, self.path, raw)
        if told is None:
            return self._hang_up("closed")
        wish = {"X-RateLimit-Reset": self.server.log.reset} if told[0] == 429 else None
        return self._send(*told, wish)

    def _is_authorised(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {API_KEY}"

    def _complains(self, body: dict[str, Any]) -> bool:
        """Answer 400 for a bad recipient, as SendGrid does: nobody of the request gets the mail."""
        for row, personalization in enumerate(body["personalizations"]):
            email = personalization["to"][0]["email"]
            for beginning, (message, field) in _COMPLAINTS.items():
                if email.startswith(beginning):
                    self._refuse(400, message.format(email=email), field=field and field.format(row=row))
                    return True
        return False

    def _answer(self, body: dict[str, Any], answer: dict[str, Any]) -> None:
        kind = answer["kind"]
        mood = MOODS[kind]
        if kind == "413" and len(body["personalizations"]) <= answer.get("fits", 0):
            mood = MOODS["202"]
        message_id = uuid.uuid4().hex
        if mood.doubt:
            self.server.account.doubt(tokens_of(body))
        if mood.is_taken:
            self.server.take(body, message_id)
        if mood.how == "slow":
            usual = self.server.patience_seconds if mood.doubt else self.server.slow_seconds
            time.sleep(answer.get("seconds", usual))
        self._say(mood, answer, message_id)

    def _say(self, mood: Mood, answer: dict[str, Any], message_id: str) -> None:
        match mood.status:
            case None:
                self._hang_up(mood.how)
            case 202:
                self._send(202, b"", {"X-Message-Id": message_id}, is_cut=mood.how == "cut")
            case status if mood.how == "redirect":
                self._send(status, b"", {"Location": "/somewhere/else"})
            case 429:
                self._refuse(429, mood.message, headers=self._wish(mood, answer))
            case 200:
                self._send(200, b"{}")
            case status if status >= 500:
                self._send(status, b"<html>upstream error</html>")
            case status:
                self._refuse(status, mood.message, field=mood.field)

    def _wish(self, mood: Mood, answer: dict[str, Any]) -> dict[str, str]:
        """Both forms of SendGrid's own header, and what a gateway in front of it says."""
        seconds = answer.get("seconds", 1 if self.server.chance.faults else 7)
        form = answer.get("form", mood.how)
        if form == "retry-after":
            return {"Retry-After": str(seconds)}
        return {"X-RateLimit-Reset": str(int(time.time()) + seconds if form == "epoch" else seconds)}

    def _hang_up(self, how: str) -> None:
        """End the connection without an answer: closed for both, for writing only, or torn down (RST)."""
        self.close_connection = True
        if how == "half-closed":
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(1)
            return
        if how == "reset":
            # Nothing lingers: closing sends RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
            self.wfile = io.BytesIO()
            return
        self.connection.shutdown(socket.SHUT_RDWR)

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


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", default=os.devnull, help="file that gets one JSON line per accepted recipient")
    parser.add_argument("--oracle", type=Path, default=None, help="module whose problems(body) is asked about bodies")
    parser.add_argument("--with-log", action="store_true", help="the account has a log that can be asked: /v3/logs")
    parser.add_argument("--until-stdin-ends", action="store_true")
    options = parser.parse_args()
    oracle = load_oracle(options.oracle) if options.oracle else None
    with Path(options.record).open("a") as record:
        server = SendGrid(options.port, record, oracle, has_log=options.with_log)
        tell_ready(
            port=server.server_port, control=serve_control(server.steer), public_key=server.teller.signer.public_key
        )
        if options.until_stdin_ends:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            sys.stdin.read()
        else:
            server.serve_forever()


if __name__ == "__main__":
    main()
