"""A real SMTP server in its own process, with moods; it writes down each message it took.

Run it alone: `python -m tests.fakes.smtp_server --port 0 --record FILE`. It prints one JSON line with `port` and
`control`. Each accepted message becomes one JSON line in FILE: message_id, rcpt, mail_from, sha256, size, tls, user.

What becomes of a message is told by the beginning of the recipient's local part (RECIPIENT_MOODS), or, for all of
them, by the moods in `Moods`, which the control port changes: {"set": {"delay_seconds": 0.1}}, {"stats": true}.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import dataclasses
import hashlib
import json
import re
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from tests.fakes.process import FakeProcess

RECIPIENT_MOODS = {
    "refused5xx": "550 5.1.1 {rcpt}: no such user here",
    "deferred4xx": "451 4.3.0 try again later",
    "relaydenied": "554 5.7.1 {rcpt}: Relay access denied",
    "remotesaid": "550 5.1.1 {rcpt}: host mx.example said: 550 5.7.1 relaying denied",
    "closes421": "421 4.3.2 shutting down",
}
END_MOODS = {
    "refusedatend": "554 5.7.1 message content rejected",
    "deferredatend": "452 4.3.1 no room",
}


@dataclass
class Moods:
    """Moods of the whole server. An empty string or 0 means: behave."""

    greeting: str = ""
    mail_reply: str = ""
    data_reply: str = ""
    delay_seconds: float = 0
    end_delay_seconds: float = 0
    messages_per_connection: int = 0
    max_connections: int = 0
    die_after_dot: bool = False
    drop_in_data: bool = False
    close_after_message: bool = False
    greylist: bool = False
    always_354: bool = False
    pipelining: bool = True
    dsn: bool = False
    size_limit: int = 0


@dataclass
class Stats:
    """What the server saw."""

    connections: int = 0
    open: int = 0
    accepted: int = 0
    noops: int = 0
    resets: int = 0
    quits: int = 0
    empty_messages: int = 0


@dataclass
class SmtpFake:
    """The server's state, shared by its sessions."""

    record: TextIO
    keep_dir: Path | None = None
    user: str = ""
    password: str = ""
    tls: ssl.SSLContext | None = None
    is_implicit_tls: bool = False
    moods: Moods = field(default_factory=Moods)
    stats: Stats = field(default_factory=Stats)
    seen: set[str] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One session, counted while it is open."""
        self.stats.connections += 1
        self.stats.open += 1
        try:
            await _Session(self, reader, writer).run()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, TimeoutError):
            pass
        finally:
            self.stats.open -= 1
            writer.transport.abort()

    async def steer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The control port: one JSON line in, one out."""
        while line := await reader.readline():
            command: dict[str, Any] = json.loads(line)
            self.moods = dataclasses.replace(self.moods, **command.get("set", {}))
            writer.write(json.dumps(dataclasses.asdict(self.stats)).encode() + b"\n")
        writer.close()

    def write_down(self, session: _Session, data: bytes) -> None:
        """Record an accepted message."""
        self.stats.accepted += 1
        found = re.search(rb"^message-id:\s*(\S+)", data[:8192], re.IGNORECASE | re.MULTILINE)
        digest = hashlib.sha256(data).hexdigest()
        entry = {
            "message_id": found[1].decode() if found else "",
            "rcpt": session.rcpt,
            "mail_from": session.sender,
            "parameters": session.parameters,
            "rcpt_parameters": session.rcpt_parameters,
            "sha256": digest,
            "size": len(data),
            "tls": session.is_encrypted,
            "user": session.user,
        }
        if self.keep_dir is not None:
            (self.keep_dir / f"{digest}.eml").write_bytes(data)
        self.record.write(json.dumps(entry) + "\n")
        self.record.flush()


class _Session:
    def __init__(self, fake: SmtpFake, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._fake = fake
        self._reader = reader
        self._writer = writer
        self._messages = 0
        self.is_encrypted = fake.is_implicit_tls
        self.user = ""
        self.sender: str | None = None
        self.parameters = self.rcpt_parameters = ""
        self.rcpt: list[str] = []

    async def run(self) -> None:
        moods = self._fake.moods
        if 0 < moods.max_connections < self._fake.stats.open:
            await self._say("421 4.7.0 too many connections")
            return
        await self._say(moods.greeting or "220 fake.example ESMTP")
        if moods.greeting:
            return
        while True:
            line = (await self._reader.readuntil(b"\r\n"))[:-2].decode("utf-8", "replace")
            if self._fake.moods.delay_seconds:
                await asyncio.sleep(self._fake.moods.delay_seconds)
            verb, _, argument = line.partition(" ")
            if not await self._obey(verb.upper(), argument):
                return

    async def _obey(self, verb: str, argument: str) -> bool:
        match verb:
            case "EHLO" | "HELO":
                await self._say(*self._greetings())
            case "STARTTLS":
                await self._start_tls()
            case "AUTH":
                await self._say(self._log_in(argument))
            case "MAIL":
                return await self._answer(self._mail(argument))
            case "RCPT":
                return await self._answer(self._recipient(argument))
            case "DATA":
                return await self._data()
            case "RSET":
                self._fake.stats.resets += 1
                self._forget()
                await self._say("250 2.0.0 flushed")
            case "NOOP":
                self._fake.stats.noops += 1
                await self._say("250 2.0.0 ok")
            case "QUIT":
                self._fake.stats.quits += 1
                await self._say("221 2.0.0 bye")
                return False
            case _:
                await self._say("500 5.5.2 what?")
        return True

    async def _answer(self, reply: str) -> bool:
        await self._say(reply)
        return not reply.startswith("421")

    async def _say(self, *lines: str) -> None:
        for number, line in enumerate(lines):
            code, _, text = line.partition(" ")
            self._writer.write(f"{code}{'-' if number < len(lines) - 1 else ' '}{text}\r\n".encode())
        await self._writer.drain()

    def _greetings(self) -> list[str]:
        offers = ["fake.example", "8BITMIME", "ENHANCEDSTATUSCODES", f"SIZE {self._fake.moods.size_limit}"]
        if self._fake.moods.pipelining:
            offers.append("PIPELINING")
        if self._fake.moods.dsn:
            offers.append("DSN")
        if self._fake.tls is not None and not self.is_encrypted:
            offers.append("STARTTLS")
        if self._fake.user and (self.is_encrypted or self._fake.tls is None):
            offers.append("AUTH PLAIN")
        return [f"250 {offer}" for offer in offers]

    async def _start_tls(self) -> None:
        if self._fake.tls is None or self.is_encrypted:
            await self._say("502 5.5.1 no TLS here")
            return
        await self._say("220 2.0.0 go ahead")
        await self._writer.start_tls(self._fake.tls)
        self.is_encrypted = True
        self._forget()

    def _log_in(self, argument: str) -> str:
        mechanism, _, secret = argument.partition(" ")
        if mechanism.upper() != "PLAIN" or not secret:
            return "504 5.5.4 PLAIN only"
        _, user, password = base64.b64decode(secret).decode().split("\0")
        if (user, password) != (self._fake.user, self._fake.password):
            return "535 5.7.8 authentication failed"
        self.user = user
        return "235 2.7.0 welcome"

    def _forget(self) -> None:
        self.sender, self.rcpt, self.parameters = None, [], ""

    def _mail(self, argument: str) -> str:
        moods = self._fake.moods
        found = re.fullmatch(r"FROM:<([^>]*)>(.*)", argument, re.IGNORECASE)
        if found is None:
            return "501 5.5.4 syntax: MAIL FROM:<address>"
        if self.sender is not None:
            return "503 5.5.1 only one sender per message"
        if self._fake.user and not self.user:
            return "530 5.7.0 authentication required"
        if 0 < moods.messages_per_connection <= self._messages:
            return "421 4.7.0 too many messages on this connection"
        size = re.search(r"SIZE=(\d+)", found[2])
        if moods.size_limit and size is not None and int(size[1]) > moods.size_limit:
            return "552 5.3.4 message too big"
        if moods.mail_reply:
            return moods.mail_reply
        self.sender, self.parameters = found[1], found[2].strip()
        return "250 2.1.0 ok"

    def _recipient(self, argument: str) -> str:
        moods = self._fake.moods
        found = re.fullmatch(r"TO:<([^>]+)>(.*)", argument, re.IGNORECASE)
        if found is None or self.sender is None:
            return "503 5.5.1 MAIL first, and RCPT TO:<address>"
        for beginning, reply in RECIPIENT_MOODS.items():
            if found[1].startswith(beginning):
                return reply.format(rcpt=f"<{found[1]}>")
        if (moods.greylist or found[1].startswith("greylist")) and found[1] not in self._fake.seen:
            self._fake.seen.add(found[1])
            return "451 4.7.1 greylisted, come again"
        if found[2] and not moods.dsn:
            return "555 5.5.4 no parameters here"
        self.rcpt_parameters = found[2].strip()
        self.rcpt.append(found[1])
        return "250 2.1.5 ok"

    async def _data(self) -> bool:
        moods = self._fake.moods
        if not self.rcpt and not (moods.always_354 and self.sender is not None):
            await self._say("554 5.5.1 no valid recipients")
            return True
        if moods.data_reply:
            return await self._answer(moods.data_reply)
        await self._say("354 end with a dot")
        if not self.rcpt:
            return await self._take_empty()
        if moods.drop_in_data or self._is_for("dropsindata"):
            await self._reader.readexactly(1)
            return False
        return await self._end(await self._message())

    async def _take_empty(self) -> bool:
        if await self._message() == b"":
            self._fake.stats.empty_messages += 1
        await self._say("554 5.5.1 no valid recipients")
        self._forget()
        return True

    async def _message(self) -> bytes:
        """The message with dot-stuffing undone; a bare CR or LF in it is a fault of the client."""
        wire = bytearray()
        while not (wire == b".\r\n" or wire.endswith(b"\r\n.\r\n")):
            wire += await self._reader.readuntil(b".\r\n")
        if not wire.count(b"\n") == wire.count(b"\r") == wire.count(b"\r\n"):
            raise ConnectionError("bare CR or LF in the message")
        data = bytes(wire[:-3]).replace(b"\r\n.", b"\r\n")
        return data[1:] if data.startswith(b".") else data

    async def _end(self, data: bytes) -> bool:
        moods = self._fake.moods
        self._messages += 1
        for beginning, reply in END_MOODS.items():
            if self._is_for(beginning):
                self._forget()
                return await self._answer(reply)
        self._fake.write_down(self, data)
        silent = self._is_for("hangsafterdot")
        died = moods.die_after_dot or self._is_for("diesafterdot")
        self._forget()
        if silent:
            await asyncio.sleep(3600)
        if died:
            return False
        if moods.end_delay_seconds:
            await asyncio.sleep(moods.end_delay_seconds)
        await self._say("250 2.0.0 Ok: queued as FAKE0001")
        return not moods.close_after_message

    def _is_for(self, beginning: str) -> bool:
        return self.rcpt[0].startswith(beginning)


class SmtpServer(FakeProcess):
    """The fake in its own process, for tests."""

    def __init__(self, record: Path, *arguments: str) -> None:
        record.touch()
        self._record = record
        super().__init__("tests.fakes.smtp_server", "--record", str(record), *arguments)

    @property
    def url(self) -> str:
        """The SMTP_URL of the server."""
        return f"smtp://127.0.0.1:{self.port}"

    def accepted(self) -> list[dict[str, Any]]:
        """Each message that the server took, in order."""
        return [json.loads(line) for line in self._record.read_text().splitlines()]

    def set(self, **moods: Any) -> None:
        """Change moods."""
        self.control({"set": moods})

    def stats(self) -> Stats:
        """What the server saw so far."""
        return Stats(**self.control({}))


async def _serve(fake: SmtpFake, options: argparse.Namespace) -> None:
    context = fake.tls if options.smtps else None
    server = await asyncio.start_server(fake.serve, "127.0.0.1", options.port, ssl=context, limit=64 * 1024 * 1024)
    control = await asyncio.start_server(fake.steer, "127.0.0.1", 0)
    ports = [each.sockets[0].getsockname()[1] for each in (server, control)]
    print(json.dumps({"port": ports[0], "control": ports[1]}), flush=True)
    if options.until_stdin_ends:
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    else:
        await asyncio.Event().wait()


def _make_fake(record: TextIO, options: argparse.Namespace) -> SmtpFake:
    user, _, password = options.login.partition(":")
    fake = SmtpFake(record=record, user=user, password=password, is_implicit_tls=options.smtps)
    fake.keep_dir = Path(options.keep) if options.keep else None
    fake.moods = dataclasses.replace(fake.moods, **json.loads(options.moods))
    if options.cert:
        fake.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        fake.tls.load_cert_chain(options.cert, options.key)
    return fake


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--record", required=True, help="file that gets one JSON line per accepted message")
    parser.add_argument("--keep", default="", help="folder that gets each accepted message as <sha256>.eml")
    parser.add_argument("--login", default="", help="user:password; without it no AUTH")
    parser.add_argument("--cert", default="", help="PEM certificate: offers STARTTLS")
    parser.add_argument("--key", default=None, help="PEM key of the certificate")
    parser.add_argument("--smtps", action="store_true", help="TLS from the first byte")
    parser.add_argument("--moods", default="{}", help="JSON of moods to begin with")
    parser.add_argument("--until-stdin-ends", action="store_true")
    options = parser.parse_args()
    with Path(options.record).open("a") as record:
        asyncio.run(_serve(_make_fake(record, options), options))


if __name__ == "__main__":
    main()
