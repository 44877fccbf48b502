"""Commands that take in mail that came back: ingest, listen, poll, watch."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.kept_mails import register_kept
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_result
from newsletter.errors import InvalidInput, NewsletterError, ServiceUnavailable
from newsletter.inbound.imap import parse_imap_url, poll
from newsletter.inbound.listener import Listener, Receiver
from newsletter.inbound.mailboxes import mails_in, take_new
from newsletter.providers.base import without_addresses
from newsletter.runtime import Runtime
from newsletter.services import bouncing
from newsletter.services.bouncing import BounceCounts

log = logging.getLogger(__name__)

_FORGET_SECONDS = 3600.0


def register_receivers(group: typer.Typer) -> None:
    """Add `ingest`, `listen`, `poll` and `watch` to `newsletter bounce …`, and those about what is kept."""
    group.command("ingest")(ingest)
    group.command("listen")(listen)
    group.command("poll")(poll_mailbox)
    group.command("watch")(watch)
    register_kept(group)


def ingest(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A mail, an mbox, a Maildir, or a folder of mails.")],
    as_json: AsJson = False,
) -> None:
    """Take in mail that came back; doing it again changes nothing, and the files stay as they are.

    Example: newsletter bounce ingest /var/mail/bounces --json
    """
    mails = mails_in(path)
    with open_runtime() as runtime:
        intake = _Intake(runtime)
        for raw in mails:
            intake.take(raw, ())
        intake.forget_old()
    print_result(asdict(intake.counts()), as_json=as_json)


def listen(
    lmtp: Annotated[str, typer.Option("--lmtp", metavar="HOST:PORT", help="Speak LMTP here; Postfix's choice.")] = "",
    smtp: Annotated[str, typer.Option("--smtp", metavar="HOST:PORT", help="Speak SMTP here instead.")] = "",
    as_json: AsJson = False,
) -> None:
    """Receive mail that comes back, until stopped; then print what became of it. Port 0 means a free one.

    Example: newsletter bounce listen --lmtp 127.0.0.1:8024
    """
    if bool(lmtp) == bool(smtp):
        raise typer.BadParameter("say where to listen: --lmtp HOST:PORT, or --smtp HOST:PORT")
    host, port = _endpoint(lmtp or smtp)
    with open_runtime() as runtime:
        counts = asyncio.run(_listen(runtime, host, port=port, is_lmtp=bool(lmtp)))
    print_result(asdict(counts), as_json=as_json)


def poll_mailbox(as_json: AsJson = False) -> None:
    """Take in what waits in the mailbox of NEWSLETTER_BOUNCE_IMAP_URL now. Beat does the same every minute.

    Example: newsletter bounce poll
    """
    with open_runtime() as runtime:
        intake = _Intake(runtime)
        poll(parse_imap_url(runtime.settings.bounce_imap_url.get_secret_value()), lambda raw: intake.take(raw, ()))
        intake.forget_old()
    print_result(asdict(intake.counts()), as_json=as_json)


def watch(
    maildir: Annotated[Path, typer.Argument(metavar="MAILDIR", help="A Maildir that a mail server delivers into.")],
    seconds: Annotated[float, typer.Option(min=0.1, help="Pause between two looks.")] = 5.0,
    as_json: AsJson = False,
) -> None:
    """Take in what a mail server puts into a Maildir, until stopped; then print what became of it.

    A mail moves from its folder new to cur once it is stored; until then it stays, whatever happens.

    Example: newsletter bounce watch /var/mail/bounces
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with open_runtime() as runtime:
        intake = _Intake(runtime)
        take_new(maildir, lambda raw: intake.take(raw, ()))
        print(f"Watching {maildir} — stop with Ctrl-C", file=sys.stderr)
        while not stop.wait(seconds):
            try:
                take_new(maildir, lambda raw: intake.take(raw, ()))
                intake.forget_old()
            except (NewsletterError, OSError) as error:
                log.warning("maildir.not_read reason=%s", without_addresses(str(error)))
    print_result(asdict(intake.counts()), as_json=as_json)


class _Intake:
    """Stores mails in one runtime and counts what became of them."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._counts = BounceCounts()
        self._lock = threading.Lock()  # several threads take mails

    def is_awaited(self, address: str) -> bool:
        with self._runtime.reading() as session:
            return bouncing.is_awaited(session, address, links=self._runtime.links, now=self._runtime.now())

    def take(self, raw: bytes, recipients: Sequence[str]) -> None:
        """Store a mail once for each address that it came to: each names another delivery."""
        runtime = self._runtime
        ways = [[recipient] for recipient in dict.fromkeys(recipients)] or [[]]
        counts = BounceCounts()
        with runtime.transaction() as session:
            for way in ways:
                counts += bouncing.ingest(session, raw, links=runtime.links, now=runtime.now(), envelope_recipients=way)
        with self._lock:
            self._counts += counts

    def forget_old(self) -> None:
        runtime = self._runtime
        with runtime.transaction() as session:
            bouncing.forget_old_mails(session, keep_days=runtime.settings.bounce_keep_days, now=runtime.now())

    def counts(self) -> BounceCounts:
        return self._counts


async def _listen(runtime: Runtime, host: str, *, port: int, is_lmtp: bool) -> BounceCounts:
    intake = _Intake(runtime)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    listener = Listener(Receiver(is_awaited=intake.is_awaited, take=intake.take), is_lmtp=is_lmtp)
    try:
        chosen = await listener.start(host, port)
    except OSError as error:
        raise ServiceUnavailable(f"cannot listen on {host}:{port} ({error.strerror}): choose another port") from error
    print(f"Listening on {host}:{chosen} ({'LMTP' if is_lmtp else 'SMTP'}) — stop with Ctrl-C", file=sys.stderr)
    while not stop.is_set():
        await asyncio.to_thread(intake.forget_old)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _FORGET_SECONDS)
    await listener.close()
    return intake.counts()


def _endpoint(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise InvalidInput(f"“{text}” is not HOST:PORT: write it like 127.0.0.1:8024")
    return host.strip("[]"), int(port)
