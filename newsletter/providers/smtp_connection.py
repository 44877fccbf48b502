"""One SMTP connection that takes mail after mail.

smtplib opens it; then its socket is driven directly, so that MAIL, RCPT and DATA leave in one write where the server
offers PIPELINING (RFC 2920): two round trips for each mail, and fifteen times the throughput of `smtplib.sendmail`.
"""

from __future__ import annotations

import select
import smtplib
import socket
import time
from dataclasses import dataclass
from typing import BinaryIO

from newsletter.domain.answers import SmtpReply, Stage

MAX_LINE = 2048
MAX_LINES = 100
_QUIT_SECONDS = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Envelope:
    """One mail on the wire. `sender` may be empty (the null return path); `data` is the message, not dot-stuffed.

    `is_wire_ready` says that `dot_stuffed` would change nothing in it. `envelope_id` is asked to be told again in each
    report about the mail (RFC 3461), where the server takes such wishes; printable ASCII without `+` and `=`.
    """

    sender: str
    recipient: str
    data: bytes
    is_wire_ready: bool = False
    envelope_id: str = ""


class ConnectionLost(Exception):
    """The connection ended or fell silent. `stage`: the reply that was awaited, or DATA while the message went out."""

    def __init__(self, stage: Stage, reason: str) -> None:
        super().__init__(reason)
        self.stage = stage
        self.reason = reason

    @property
    def is_in_doubt(self) -> bool:
        """Whether the server may have taken the mail: only once the final dot is out (RFC 1047)."""
        return self.stage is Stage.END


class SmtpConnection:
    """An open connection. Not thread-safe; a pool lends it to one thread at a time."""

    def __init__(self, client: smtplib.SMTP) -> None:
        assert client.sock is not None and client.file is not None
        self._client = client
        self._socket: socket.socket = client.sock
        self._file: BinaryIO = client.file
        self._is_pipelining = client.has_extn("pipelining")
        self._takes_8bit = client.has_extn("8bitmime")
        self._takes_size = client.has_extn("size")
        self._takes_dsn = client.has_extn("dsn")
        self._needs_reset = False
        self.is_open = True
        self.is_used = False
        self.idle_since = time.monotonic()

    def deliver(self, envelope: Envelope) -> SmtpReply:
        """Hand over one mail: the reply to its final dot, or the first refusal before it.

        Raises ConnectionLost; after that, or after a 421, the connection is closed.
        """
        try:
            refusal = self._begin(envelope)
            reply = refusal or self._finish(envelope)
        except ConnectionLost:
            self.abort()
            raise
        self.is_used = True
        self._needs_reset = refusal is not None
        if reply.code == 421:
            self.abort()
        return reply

    def is_alive(self, *, quiet_seconds: float) -> bool:
        """Whether a kept connection still works; asks the server (NOOP) if it was idle for longer than that."""
        if not self.is_open or select.select([self._socket], [], [], 0)[0]:
            return False  # an idle server that speaks says 421 or goodbye
        if time.monotonic() - self.idle_since <= quiet_seconds:
            return True
        try:
            self._write(b"NOOP\r\n", Stage.RESET)
            return self._read(Stage.RESET).code == 250
        except ConnectionLost:
            return False

    def quit(self) -> None:
        """Say goodbye and close; a server that does not answer is not waited for."""
        if self.is_open:
            try:
                self._socket.settimeout(_QUIT_SECONDS)
                self._write(b"QUIT\r\n", Stage.RESET)
                self._read(Stage.RESET)
            except ConnectionLost:
                pass
        self.abort()

    def abort(self) -> None:
        """Close at once. A mail whose final dot is not out is thrown away by the server (RFC 5321 section 4.1.1.4)."""
        self.is_open = False
        self._client.close()

    def _begin(self, envelope: Envelope) -> SmtpReply | None:
        """MAIL, RCPT and DATA; returns the first refusal, or None when the server waits for the message."""
        commands = self._commands(envelope)
        if self._is_pipelining:
            return self._ask_together(commands)
        for stage, command in commands:
            self._write(command, stage)
            reply = self._read(stage)
            if not _is_positive(reply):
                return reply
        return None

    def _ask_together(self, commands: list[tuple[Stage, bytes]]) -> SmtpReply | None:
        self._write(b"".join(command for _, command in commands), commands[0][0])
        refusal: SmtpReply | None = None
        for stage, _ in commands:
            try:
                reply = self._read(stage)
            except ConnectionLost:
                if refusal is None:
                    raise
                self.abort()
                return refusal
            if reply.code == 421:
                return refusal or reply
            if refusal is None and not _is_positive(reply):
                refusal = reply
        if refusal is not None and reply.code == 354:
            self._end_empty()
        return refusal

    def _end_empty(self) -> None:
        """The server waits for a message although it refused the recipient: send none (RFC 2920 section 3.1)."""
        try:
            self._write(b".\r\n", Stage.DATA)
            self._read(Stage.DATA)
        except ConnectionLost:
            self.abort()

    def _finish(self, envelope: Envelope) -> SmtpReply:
        wire = envelope.data if envelope.is_wire_ready else dot_stuffed(envelope.data)
        self._write(wire + b".\r\n", Stage.DATA)
        return self._read(Stage.END)

    def _commands(self, envelope: Envelope) -> list[tuple[Stage, bytes]]:
        mail = f"MAIL FROM:<{envelope.sender}>"
        if self._takes_size:
            mail += f" SIZE={len(envelope.data)}"
        if self._takes_8bit and not envelope.data.isascii():
            mail += " BODY=8BITMIME"
        rcpt = f"RCPT TO:<{envelope.recipient}>"
        if self._takes_dsn and envelope.envelope_id:
            mail += f" RET=HDRS ENVID={envelope.envelope_id}"
            rcpt += f" NOTIFY=FAILURE,DELAY ORCPT=rfc822;{_xtext(envelope.recipient)}"
        commands = [(Stage.RESET, b"RSET\r\n")] if self._needs_reset else []
        return [
            *commands,
            (Stage.MAIL, mail.encode("ascii") + b"\r\n"),
            (Stage.RCPT, rcpt.encode("ascii") + b"\r\n"),
            (Stage.DATA, b"DATA\r\n"),
        ]

    def _write(self, data: bytes, stage: Stage) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ConnectionLost(stage, _reason(error)) from error

    def _read(self, stage: Stage) -> SmtpReply:
        lines: list[str] = []
        code = 0
        while len(lines) < MAX_LINES:
            try:
                line = self._file.readline(MAX_LINE)
            except OSError as error:
                raise ConnectionLost(stage, _reason(error)) from error
            if not line.endswith(b"\n"):
                raise ConnectionLost(stage, "the server closed the connection")
            if not line[:3].isdigit():
                break
            code = int(line[:3])
            lines.append(line[4:].strip().decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return SmtpReply(stage=stage, code=code, text=" ".join(lines))
        raise ConnectionLost(stage, "the server's answer is no SMTP reply")


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


_POSITIVE = {Stage.DATA: 3}


def _is_positive(reply: SmtpReply) -> bool:
    return reply.stage is Stage.RESET or reply.code // 100 == _POSITIVE.get(reply.stage, 2)


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return error.strerror or type(error).__name__
