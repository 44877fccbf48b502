"""One SMTP connection that takes mail after mail.

smtplib opens it; then its socket is driven directly and never waited for: a thread can look after many of them, and a
server that stops reading cannot hold us up while it waits for us to read.
"""

from __future__ import annotations

import select
import smtplib
import socket
import ssl
import time
from dataclasses import dataclass

from newsletter.domain.answers import Stage
from newsletter.providers.smtp_replies import Answer, ReplyReader

_QUIT_SECONDS = 1.0
_PORTION = 65_536
_WAITING = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

Command = tuple[Stage, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """Who sends a mail to whom. `sender` may be empty (the null return path).

    `size` is what the message will have, to the best of our knowledge, in bytes. `envelope_id` is asked to be told
    again in each report about the mail (RFC 3461), where the server takes such wishes; printable ASCII without `+`
    and `=`.
    """

    sender: str
    recipient: str
    size: int
    is_8bit: bool = False
    envelope_id: str = ""


class ConnectionLost(Exception):
    """The connection ended or fell silent, or what comes over it is no SMTP."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SmtpConnection:
    """An open connection. Not thread-safe; a pool lends it to one sending at a time.

    `queued` and `written` count bytes: of all that was given to `write`, and of what the system has taken of it. What
    is not written has certainly not reached the server. `looks_ahead`: whether the commands of the next mail may
    follow a message before its reply (RFC 2920 section 3.1).
    """

    def __init__(self, client: smtplib.SMTP, *, most_mails: int = 0) -> None:
        assert client.sock is not None
        self._client = client
        self.socket: socket.socket = client.sock
        self._timeout_seconds = client.sock.gettimeout()
        self.socket.setblocking(False)
        # TLS takes no list of pieces.
        self._is_gathering = not isinstance(client.sock, ssl.SSLSocket)
        self._replies = ReplyReader()
        self._unsent = memoryview(b"")
        self._fault = ""
        self._most_mails = most_mails
        self._takes_8bit = client.has_extn("8bitmime")
        self._takes_size = client.has_extn("size")
        self._takes_dsn = client.has_extn("dsn")
        self.is_pipelining = client.has_extn("pipelining")
        self.looks_ahead = self.is_pipelining
        self.queued = self.written = self.mails = 0
        self.needs_reset = False
        self.is_open = True
        self.is_used = False
        self.idle_since = time.monotonic()

    @property
    def has_room(self) -> bool:
        """Whether it may take one more mail, by our own limit."""
        return not self._most_mails or self.mails < self._most_mails

    @property
    def is_writing(self) -> bool:
        """Whether something waits until the server reads on."""
        return bool(self._unsent)

    @property
    def is_faulty(self) -> bool:
        """Whether the end is known already: `read` gives what the server still said, and then raises."""
        return bool(self._fault) or self._replies.is_broken

    def commands_for(self, envelope: Envelope) -> list[Command]:
        """What begins a mail, in order, each with the stage of its reply; counts the mail."""
        self.mails += 1
        mail = f"MAIL FROM:<{envelope.sender}>"
        if self._takes_size:
            mail += f" SIZE={envelope.size}"
        if self._takes_8bit and envelope.is_8bit:
            mail += " BODY=8BITMIME"
        rcpt = f"RCPT TO:<{envelope.recipient}>"
        if self._takes_dsn and envelope.envelope_id:
            mail += f" RET=HDRS ENVID={envelope.envelope_id}"
            rcpt += f" NOTIFY=FAILURE,DELAY ORCPT=rfc822;{_xtext(envelope.recipient)}"
        commands = [
            (Stage.MAIL, f"{mail}\r\n".encode("ascii")),
            (Stage.RCPT, f"{rcpt}\r\n".encode("ascii")),
            (Stage.DATA, b"DATA\r\n"),
        ]
        if self.needs_reset:
            self.needs_reset = False
            commands.insert(0, (Stage.RESET, b"RSET\r\n"))
        return commands

    def write(self, *pieces: bytes) -> None:
        """Send as much as goes without waiting; `flush` sends the rest. A fault is told by `read`."""
        size = sum(map(len, pieces))
        self.queued += size
        if self._fault:
            return
        if self._unsent or not self._is_gathering:
            self._unsent = memoryview(b"".join((self._unsent, *pieces)))
            self.flush()
            return
        try:
            sent = self.socket.sendmsg(pieces)
        except _WAITING:
            sent = 0
        except OSError as error:
            self._fault = _reason(error)
            return
        self.written += sent
        if sent < size:
            self._unsent = memoryview(b"".join(pieces))[sent:]

    def flush(self) -> None:
        """Send of the rest as much as goes without waiting."""
        try:
            while self._unsent:
                sent = self.socket.send(self._unsent)
                self.written += sent
                self._unsent = self._unsent[sent:]
        except _WAITING:
            return
        except OSError as error:
            self._fault = _reason(error)
            self._unsent = memoryview(b"")

    def read(self) -> list[Answer]:
        """What the server has answered meanwhile, without waiting; ConnectionLost once nothing more can come."""
        if self._replies.is_broken:
            raise ConnectionLost("the server's answer is no SMTP reply")
        try:
            data = self.socket.recv(_PORTION)
        except _WAITING:
            if self._fault:
                raise ConnectionLost(self._fault) from None
            return []
        except OSError as error:
            raise ConnectionLost(self._fault or _reason(error)) from error
        if not data:
            raise ConnectionLost("the server closed the connection")
        return self._replies.feed(data)

    def is_alive(self, *, quiet_seconds: float) -> bool:
        """Whether a kept connection still works; asks the server (NOOP) if it was idle for longer than that."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        if not self.is_open or poll.poll(0):
            return False  # an idle server that speaks says 421 or goodbye
        if time.monotonic() - self.idle_since <= quiet_seconds:
            return True
        answer = self._ask(b"NOOP\r\n", seconds=self._timeout_seconds)
        return answer is not None and answer.code == 250

    def quit(self) -> None:
        """Say goodbye and close; a server that does not answer is not waited for."""
        if self.is_open:
            self._ask(b"QUIT\r\n", seconds=_QUIT_SECONDS)
        self.abort()

    def abort(self) -> None:
        """Close at once. A mail whose final dot is not out is thrown away by the server (RFC 5321 section 4.1.1.4)."""
        self.is_open = False
        self._client.close()

    def _ask(self, command: bytes, *, seconds: float | None) -> Answer | None:
        """Send a command between two mails and wait for its reply; None where none comes."""
        self.socket.settimeout(seconds)
        try:
            self.socket.sendall(command)
            while not self._replies.is_broken and (data := self.socket.recv(_PORTION)):
                if answers := self._replies.feed(data):
                    return answers[0]
        except OSError:
            return None
        finally:
            self.socket.setblocking(False)
        return None


def dot_stuffed(data: bytes) -> bytes:
    """The message as DATA wants it: CRLF line ends only, ending in one, no line that begins with a single dot."""
    # A bare CR or LF lets a message end early on some servers ("SMTP smuggling"), so none ever leaves: splitlines
    # takes all three line ends of bytes for one, and is the fastest way to see them (docs/benchmarks.md).
    wire = b"\r\n".join(data.splitlines())
    if wire.startswith(b"."):
        wire = b"." + wire
    return wire.replace(b"\r\n.", b"\r\n..") + b"\r\n"


def _xtext(address: str) -> str:
    """The address as a parameter may carry it (RFC 3461 section 4)."""
    return "".join(f"+{ord(sign):02X}" if sign in "+=" or not "!" <= sign <= "~" else sign for sign in address)


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or type(error).__name__
