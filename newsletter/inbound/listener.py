"""A small server, LMTP (RFC 2033) or SMTP, that takes mail for our return addresses behind a mail server.

250 is said only once the mail is taken for good: whoever is killed before that leaves the mail with the sender, who
tries again. An address that nobody awaits is refused at RCPT, which stops nearly all forged bounces and spam.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, AnyStr

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from newsletter.inbound.mailboxes import MAX_MAIL_BYTES

log = logging.getLogger(__name__)

THREADS = 4
# The least that RFC 5321 allows.
MAX_RECIPIENTS = 100
IDLE_SECONDS = 300
# RFC 5321 allows 1,000 octets; servers that return mail break that, and a refusal would lose the bounce.
MAX_LINE_BYTES = 256 * 1024

NOT_AWAITED = "550 5.1.1 no mail of ours comes back to this address, or not any more"
TOO_MANY = "452 4.5.3 too many recipients: send the others in a transaction of their own"
TRY_AGAIN = "451 4.3.0 the mail was not stored: try again later"
TAKEN = "250 2.0.0 stored"


@dataclass(frozen=True, kw_only=True, slots=True)
class Receiver:
    """Who takes the mail. Both are called in threads, may block, and may raise: then the sender is to try again.

    `is_awaited(address)` decides at RCPT; `take(raw, recipients)` returns once the mail is stored for all of them.
    """

    is_awaited: Callable[[str], bool]
    take: Callable[[bytes, Sequence[str]], None]


class _PatientLmtp(LMTP):
    """LMTP as RFC 2033 has it: after the final dot there is a reply for each recipient, which aiosmtpd leaves out."""

    line_length_limit = MAX_LINE_BYTES
    _replies = 1

    async def push(self, status: AnyStr) -> None:
        replies, self._replies = self._replies, 1
        if status[:3] in ("354", b"354") and self.envelope is not None:
            self._replies = len(self.envelope.rcpt_tos)
        for _ in range(replies):
            await super().push(status)


class _PatientSmtp(SMTP):
    line_length_limit = MAX_LINE_BYTES


class Listener:
    """The server on one address. Use it inside one event loop: `start`, then `close`."""

    def __init__(self, receiver: Receiver, *, is_lmtp: bool = True, max_bytes: int = MAX_MAIL_BYTES) -> None:
        self._protocol = _PatientLmtp if is_lmtp else _PatientSmtp
        self._max_bytes = max_bytes
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="inbound")
        self._handler = _Handler(receiver, self._threads)
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port, which is a free one for port 0."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, host, port)
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    async def close(self) -> None:
        """Take no new connection and let those mails be stored that are being stored."""
        if self._server is not None:
            self._server.close()
        await self._handler.wait_until_idle()
        self._threads.shutdown()

    def _session(self) -> SMTP:
        return self._protocol(
            self._handler,
            data_size_limit=self._max_bytes,
            enable_SMTPUTF8=True,
            hostname=socket.gethostname(),
            ident="newsletter",
            timeout=IDLE_SECONDS,
        )


class _Handler:
    """The hooks that aiosmtpd calls. Its names, its signatures."""

    def __init__(self, receiver: Receiver, threads: ThreadPoolExecutor) -> None:
        self._receiver = receiver
        self._threads = threads
        self._busy: set[asyncio.Future[Any]] = set()

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept an address that is awaited."""
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return TOO_MANY
        try:
            is_awaited = await self._in_thread(partial(self._receiver.is_awaited, address))
        except Exception:  # the top of a connection: nobody is refused for good because of our own trouble
            log.exception("rcpt.unanswered")
            return TRY_AGAIN
        if not is_awaited:
            return NOT_AWAITED
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 awaited"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        """Say 250 only when the mail is stored for good, for all recipients or for none."""
        content = envelope.original_content or b""
        try:
            await self._in_thread(partial(self._receiver.take, bytes(content), list(envelope.rcpt_tos)))
        except Exception:  # the top of a connection: the sender keeps the mail and tries again
            log.exception("mail.not_stored bytes=%s", len(content))
            return TRY_AGAIN
        return TAKEN

    async def wait_until_idle(self) -> None:
        """Return when nothing is being stored."""
        while self._busy:
            await asyncio.wait(self._busy)

    async def _in_thread(self, call: Callable[[], Any]) -> Any:
        # Shielded: a sender that hangs up does not stop what is being stored.
        running = asyncio.get_running_loop().run_in_executor(self._threads, call)
        self._busy.add(running)
        running.add_done_callback(self._busy.discard)
        return await asyncio.shield(running)
