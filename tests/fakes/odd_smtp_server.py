"""An SMTP server in a thread of the test, odd in one way: for what cannot be told by a mood of the ordinary fake.

It keeps what it took, byte for byte as it came over the wire, and dies, mumbles or misunderstands where it is told to.
"""

from __future__ import annotations

import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

END = b"\r\n.\r\n"
CLOSE = b""
_ABORT = struct.pack("ii", 1, 0)
_ADDRESS = re.compile(rb"TO:<([^>]*)>", re.IGNORECASE)


class Gone(Exception):
    """The server is done with this connection."""


@dataclass
class Session:
    """One connection, as an oddity sees it: its number from 1, and how often it got each command."""

    number: int
    link: socket.socket
    counts: Counter[str] = field(default_factory=Counter)
    inbox: bytearray = field(default_factory=bytearray)
    heard: int = 0
    said: int = 0
    sender: bool = False
    rcpt: str = ""


# A reply instead of the usual one, CLOSE to hang up, None to behave.
Oddity = Callable[[Session, str], bytes | None]


class OddSmtpServer:
    """Serves on a free port of 127.0.0.1 while it is entered.

    `dies_hearing` and `dies_saying` are how many bytes the first connection hears or says before the server hangs up,
    with a reset if `resets`. `portion` is how many bytes leave in one packet (0: all). `pause_seconds` is how long it
    sleeps before it reads on, `gulp` how many bytes at most it reads at a time.
    """

    def __init__(
        self,
        oddity: Oddity = lambda session, verb: None,
        *,
        offers: tuple[str, ...] = ("PIPELINING",),
        dies_hearing: int = -1,
        dies_saying: int = -1,
        resets: bool = False,
        portion: int = 0,
        pause_seconds: float = 0,
        gulp: int = 65_536,
        small_buffers: bool = False,
    ) -> None:
        self._oddity = oddity
        self._offers = offers
        self._dies_hearing = dies_hearing
        self._dies_saying = dies_saying
        self._resets = resets
        self._portion = portion
        self._pause_seconds = pause_seconds
        self._gulp = gulp
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=50)
        if small_buffers:
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                self._listener.setsockopt(socket.SOL_SOCKET, option, 16_384)
        self.taken: list[tuple[str, bytes]] = []
        self.refused: list[tuple[str, bytes]] = []
        self.connections = 0
        self.longest_heard = self.longest_said = 0

    @property
    def url(self) -> str:
        """The SMTP_URL of the server."""
        return f"smtp://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def counted(self) -> Counter[str]:
        """How often each address got a mail."""
        return Counter(address for address, _ in self.taken)

    def _accept(self) -> None:
        while True:
            try:
                link, _ = self._listener.accept()
            except OSError:
                return
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self._serve, args=(Session(self.connections, link),), daemon=True).start()

    def _serve(self, session: Session) -> None:
        try:
            self._say(session, b"220 odd.example ESMTP\r\n")
            while True:
                self._obey(session, self._hear(session, b"\r\n"))
        except (Gone, OSError):
            if self._resets:
                session.link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            session.link.close()
        self.longest_heard = max(self.longest_heard, session.heard)
        self.longest_said = max(self.longest_said, session.said)

    def _obey(self, session: Session, line: bytes) -> None:
        verb = line[:4].decode().upper()
        session.counts[verb] += 1
        if (odd := self._oddity(session, verb)) is not None:
            self._say(session, odd)
            if odd.startswith(b"354"):
                self._take(session)
            return
        match verb:
            case "EHLO":
                lines = ["odd.example", *self._offers]
                says = "".join(f"250{'-' if offer != lines[-1] else ' '}{offer}\r\n" for offer in lines).encode()
            case "MAIL":
                says = b"503 5.5.1 nested MAIL\r\n" if session.sender else b"250 2.1.0 ok\r\n"
                session.sender = True
            case "RCPT":
                found = _ADDRESS.search(line)
                session.rcpt = found[1].decode() if found and session.sender else ""
                says = b"250 2.1.5 ok\r\n" if session.rcpt else b"503 5.5.1 MAIL first\r\n"
            case "DATA":
                says = b"354 go on\r\n" if session.rcpt else b"503 5.5.1 RCPT first\r\n"
            case "RSET":
                session.sender, session.rcpt = False, ""
                says = b"250 2.0.0 flushed\r\n"
            case "QUIT":
                self._say(session, b"221 2.0.0 bye\r\n")
                raise Gone
            case _:
                says = b"250 2.0.0 ok\r\n"
        self._say(session, says)
        if says.startswith(b"354"):
            self._take(session)

    def _take(self, session: Session) -> None:
        session.counts["DATA in"] += 1
        early = self._oddity(session, "DATA in")
        if early is not None:
            self._say(session, early)
        wire = self._hear(session, END) + b"\r\n"
        session.counts["DOT"] += 1
        odd = self._oddity(session, "DOT")
        address, session.sender, session.rcpt = session.rcpt, False, ""
        if early is not None:
            return
        if odd is None or odd == CLOSE or odd.startswith(b"250"):
            self.taken.append((address, wire))
        else:
            self.refused.append((address, wire))
        self._say(session, b"250 2.0.0 queued\r\n" if odd is None else odd)

    def _hear(self, session: Session, mark: bytes) -> bytes:
        at = 0
        while (end := session.inbox.find(mark, at)) < 0:
            at = max(0, len(session.inbox) - len(mark))
            left = self._dies_hearing - session.heard if self._dies_hearing >= 0 and session.number == 1 else self._gulp
            time.sleep(self._pause_seconds)
            if left == 0 or not (data := session.link.recv(min(left, self._gulp))):
                raise Gone
            session.heard += len(data)
            session.inbox += data
        piece = bytes(session.inbox[:end])
        del session.inbox[: end + len(mark)]
        return piece

    def _say(self, session: Session, words: bytes) -> None:
        if words == CLOSE:
            raise Gone
        if self._dies_saying >= 0 and session.number == 1:
            words = words[: self._dies_saying - session.said]
        size = self._portion or max(len(words), 1)
        for start in range(0, len(words), size):
            session.link.sendall(words[start : start + size])
            if self._portion:
                time.sleep(0.0005)
        session.said += len(words)
        if session.number == 1 and session.said == self._dies_saying:
            raise Gone
