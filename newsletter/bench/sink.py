"""A provider for benchmarks, in a process of its own: counts what it accepts, by delivery, and costs little.

`python -m newsletter.bench.sink smtp|sendgrid` prints its port as JSON, answers each line on standard input ("report")
with one line of JSON, and ends when standard input does.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

_MESSAGE_ID = re.compile(rb"^Message-ID:\s*<([^@>]+)@", re.I | re.M)
_LENGTH = re.compile(rb"^content-length:\s*(\d+)", re.I | re.M)
# One row of our own bodies, up to its token: a single recipient, with or without a name.
_ROW = re.compile(
    rb'{"to":\[{"email":"[^"]+"(?:,"name":"(?:[^"\\]|\\.)*")?}\],"custom_args":{"nl_delivery":"([0-9a-f]{30})"'
)
READ_EVERY = 100
_END_OF_MAIL = b"\r\n.\r\n"


class Record:
    """What was accepted: how often each delivery token came, and how many mails came in each second."""

    def __init__(self) -> None:
        self.tokens: Counter[str] = Counter()
        self.arrivals: Counter[int] = Counter()

    def accept(self, tokens: list[str]) -> None:
        """Take these deliveries."""
        self.tokens.update(tokens)
        self.arrivals[int(time.monotonic())] += len(tokens)

    def answer(self, line: str) -> dict[str, Any]:
        """The answer to one line of the control input: `report`, or `save PATH` for every token with its count."""
        verb, _, path = line.strip().partition(" ")
        if verb == "save":
            Path(path).write_bytes(orjson.dumps(self.tokens))
        first, last = min(self.arrivals, default=0), max(self.arrivals, default=0)
        return {
            "accepted": self.tokens.total(),
            "people": len(self.tokens),
            "doubled": sum(count > 1 for count in self.tokens.values()),
            "per_second": [self.arrivals[second] for second in range(first, last + 1)],
        }


class HttpSink(asyncio.Protocol):
    """POST /v3/mail/send over kept connections: a body that is no valid request gets 400, any other 202.

    So that the sink takes little of the cores that it shares with what is measured, only every hundredth body of a
    connection is read as JSON; of the others the tokens are picked out and counted against the addresses.
    """

    def __init__(self, record: Record) -> None:
        self._record = record
        self._buffer = bytearray()
        self._bodies = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come whole."""
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._buffer, 0, end)
            length = int(found[1]) if found else 0
            if len(self._buffer) < end + 4 + length:
                return
            body = bytes(self._buffer[end + 4 : end + 4 + length])
            del self._buffer[: end + 4 + length]
            self._answer(body)

    def _answer(self, body: bytes) -> None:
        tokens = _recipients_of(body) if self._bodies % READ_EVERY == 0 else _tokens_in(body)
        self._bodies += 1
        if tokens is None:
            self._reply(400, b'{"errors":[{"message":"bad request","field":null}]}')
            return
        self._record.accept(tokens)
        self._reply(202, b"", extra=f"X-Message-Id: bench{len(self._record.tokens)}\r\n")

    def _reply(self, status: int, body: bytes, *, extra: str = "") -> None:
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
        self._transport.write(head.encode() + body)


def _recipients_of(body: bytes) -> list[str] | None:
    """The delivery tokens of a request; None where it is not one with a single recipient per personalization."""
    try:
        people = orjson.loads(body)["personalizations"]
        if not 1 <= len(people) <= 1000 or any(len(person["to"]) != 1 for person in people):
            return None
        return [person["custom_args"]["nl_delivery"] for person in people]
    except (ValueError, KeyError, TypeError):
        return None


def _tokens_in(body: bytes) -> list[str] | None:
    """The same from the bytes that our own bodies consist of; read as JSON where they look different."""
    found = _ROW.findall(body)
    if (
        1 <= len(found) <= 1000
        and len(found) == body.count(b'"to":[')
        and body.startswith(b"{")
        and body.endswith(b"}")
    ):
        return [token.decode() for token in found]
    return _recipients_of(body)


class SmtpSink(asyncio.Protocol):
    """SMTP with PIPELINING: every mail is taken and forgotten but for its Message-ID."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._buffer = bytearray()
        self._is_in_data = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 sink ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        """Take commands and messages as they come."""
        at = max(0, len(self._buffer) - len(_END_OF_MAIL))
        self._buffer += data
        while True:
            mark = _END_OF_MAIL if self._is_in_data else b"\r\n"
            end = self._buffer.find(mark, at)
            if end < 0:
                return
            piece = bytes(self._buffer[:end])
            del self._buffer[: end + len(mark)]
            at = 0
            if self._is_in_data:
                self._take(piece)
            else:
                self._obey(piece[:4].upper())

    def _obey(self, verb: bytes) -> None:
        self._is_in_data = verb == b"DATA"
        self._transport.write(_SMTP_REPLIES.get(verb, b"250 2.0.0 ok\r\n"))

    def _take(self, message: bytes) -> None:
        self._is_in_data = False
        found = _MESSAGE_ID.search(message)
        self._record.accept([found[1].decode() if found else "none"])
        self._transport.write(b"250 2.0.0 queued\r\n")


_SMTP_REPLIES = {
    b"EHLO": b"250-sink\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"DATA": b"354 go on\r\n",
    b"QUIT": b"221 bye\r\n",
}
_KINDS: dict[str, Callable[[Record], asyncio.Protocol]] = {"smtp": SmtpSink, "sendgrid": HttpSink}


async def serve(kind: str) -> None:
    """Serve on a free port of the loopback interface until standard input ends."""
    protocol, record = _KINDS[kind], Record()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: protocol(record), "127.0.0.1", 0)
    sys.stdout.write(json.dumps({"port": server.sockets[0].getsockname()[1]}) + "\n")
    sys.stdout.flush()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        sys.stdout.write(json.dumps(record.answer(line.decode())) + "\n")
        sys.stdout.flush()


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=sorted(_KINDS))
    asyncio.run(serve(parser.parse_args().kind))


if __name__ == "__main__":
    main()
