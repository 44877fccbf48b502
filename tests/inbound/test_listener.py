"""Facts about the listener: what it takes, what it refuses, and that 250 means stored."""

from __future__ import annotations

import asyncio
import json
import mailbox
import smtplib
import socket
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.bench.ports import free_port
from newsletter.db.models import Delivery, Event, InboundMail, Subscriber
from newsletter.errors import InvalidInput, ServiceUnavailable
from newsletter.inbound.listener import Listener, Receiver
from newsletter.inbound.mailboxes import take_new
from newsletter.runtime import Runtime
from tests.bounce_mails import delivery_report, leaving_address, plain_mail, return_path
from tests.factories import make_issue
from tests.processes import Process, Processes, settings_environment

SENDER = "MAILER-DAEMON@mx.example.org"


class Site:
    """A database with one mail that has just gone out, and listeners over it, each a real process."""

    def __init__(self, runtime: Runtime, processes: Processes) -> None:
        self.runtime = runtime
        self._processes = processes
        self.port = free_port()
        with runtime.transaction() as session:
            issue, ids = make_issue(session, people=1)
            issue.started_at = runtime.now()
            self.email = session.get_one(Subscriber, ids[0]).email
            self.token = runtime.links.delivery_token(issue.id, ids[0])
            self._add_delivery(session, issue.id, ids[0])
        self.path = return_path(self.token)
        self.report = delivery_report(self.email, to=self.path).replace(b"\n", b"\r\n")

    def _add_delivery(self, session: Session, issue_id: int, subscriber_id: int) -> None:
        session.add(Delivery(issue_id=issue_id, subscriber_id=subscriber_id, status=2, reason=0, marks=0, cohort=0))

    def listen(self, protocol: str = "--lmtp") -> Process:
        process = self._processes.start(
            *("bounce", "listen", protocol, f"127.0.0.1:{self.port}", "--json"),
            environment=settings_environment(self.runtime.settings),
        )
        process.wait_for_line(r"Listening on")
        return process

    def count(self, model: type[InboundMail | Event]) -> int:
        with self.runtime.reading() as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def send(self, raw: bytes, recipient: str) -> None:
        with smtplib.LMTP("127.0.0.1", self.port) as client:
            client.sendmail("", [recipient], raw)


@pytest.fixture
def site(runtime: Runtime, processes: Processes) -> Site:
    return Site(runtime, processes)


def test_a_bounce_over_lmtp_is_counted_when_250_is_said(site: Site) -> None:
    listener = site.listen()
    site.send(site.report, site.path)
    assert site.count(InboundMail) == 1
    assert site.count(Event) == 1
    assert listener.terminate() == 0
    counts = json.loads(listener.output()[listener.output().index("{") :])
    assert counts == {
        "read": 1,
        "matched": 1,
        "hard": 1,
        "soft": 0,
        "block": 0,
        "complaint": 0,
        "ignored": 0,
        "unknown": 0,
    }


def test_a_bounce_over_smtp_is_taken_as_well_once_for_each_of_our_addresses(site: Site) -> None:
    listener = site.listen("--smtp")
    with smtplib.SMTP("127.0.0.1", site.port) as client:
        assert client.sendmail("", [site.path, leaving_address(site.token), site.path], site.report) == {}
    assert site.count(Event) == 1
    assert listener.terminate() == 0
    counts = json.loads(listener.output()[listener.output().index("{") :])
    assert (counts["read"], counts["hard"], counts["ignored"]) == (2, 1, 1)


def test_an_address_without_a_genuine_token_is_refused_at_rcpt(site: Site) -> None:
    site.listen()
    forged = return_path(site.token[::-1])
    with smtplib.LMTP("127.0.0.1", site.port) as client:
        client.ehlo_or_helo_if_needed()
        client.mail("")
        answers = [client.rcpt(address)[0] for address in (forged, "postmaster@returns.harbour.example", site.email)]
        assert answers == [550, 550, 550]
        assert client.rcpt(leaving_address(site.token))[0] == 250
        assert client.rcpt(site.path)[0] == 250
    assert site.count(InboundMail) == 0


def test_a_listener_killed_between_data_and_250_loses_nothing(site: Site) -> None:
    listener = site.listen()
    with _held(site.runtime), closing(smtplib.LMTP("127.0.0.1", site.port)) as client:
        _send_without_waiting(client, site)
        with pytest.raises(TimeoutError):
            _read_answer(client, seconds=1)  # nothing is promised while nothing is stored
        listener.kill()
        assert _read_answer(client, seconds=60) == b""
    assert site.count(InboundMail) == 0
    site.listen()
    site.send(site.report, site.path)
    assert (site.count(InboundMail), site.count(Event)) == (1, 1)


def test_a_mail_that_was_stored_but_never_answered_counts_once_when_it_is_sent_again(site: Site) -> None:
    listener = site.listen()
    with closing(smtplib.LMTP("127.0.0.1", site.port)) as client:
        _send_without_waiting(client, site)
        listener.wait_until(lambda: site.count(InboundMail), what="the mail")
        listener.kill()
    site.listen()
    site.send(site.report, site.path)
    assert (site.count(InboundMail), site.count(Event)) == (1, 1)


def test_a_port_that_is_taken_is_one_clear_line(site: Site, processes: Processes) -> None:
    with socket.create_server(("127.0.0.1", site.port)):
        process = processes.start(
            *("bounce", "listen", "--lmtp", f"127.0.0.1:{site.port}"),
            environment=settings_environment(site.runtime.settings),
        )
        assert process.wait() == 1
    assert "cannot listen on" in process.output()
    assert "Traceback" not in process.output()


def test_files_are_taken_in_once_however_often_they_are_read(site: Site, processes: Processes, tmp_path: Path) -> None:
    folder = tmp_path / "mails"
    folder.mkdir()
    (folder / "1.eml").write_bytes(site.report)
    (folder / "2.eml").write_bytes(plain_mail("news@harbour.example"))
    found = []
    for _ in range(2):
        process = processes.start(
            *("bounce", "ingest", str(folder), "--json"), environment=settings_environment(site.runtime.settings)
        )
        assert process.wait() == 0
        found.append(json.loads(process.output()))
    assert found[0] == {
        "read": 2,
        "matched": 1,
        "hard": 1,
        "soft": 0,
        "block": 0,
        "complaint": 0,
        "ignored": 0,
        "unknown": 1,
    }
    assert (found[1]["read"], found[1]["ignored"], found[1]["matched"]) == (2, 2, 0)


def test_a_watched_maildir_is_taken_in_mail_by_mail_and_half_a_mail_is_left_alone(
    site: Site, processes: Processes, tmp_path: Path
) -> None:
    box = mailbox.Maildir(tmp_path / "Maildir")
    box.add(site.report)
    (tmp_path / "Maildir/tmp/half").write_bytes(site.report[:100])
    watcher = processes.start(
        *("bounce", "watch", str(tmp_path / "Maildir"), "--seconds", "0.1", "--json"),
        environment=settings_environment(site.runtime.settings),
    )
    watcher.wait_for_line(r"Watching")
    assert (site.count(InboundMail), site.count(Event)) == (1, 1)
    box.add(plain_mail(site.path))
    watcher.wait_until(lambda: site.count(InboundMail) == 2, what="the second mail is taken in")
    watcher.wait_until(lambda: not any((tmp_path / "Maildir/new").iterdir()), what="it is moved")
    assert watcher.terminate() == 0
    counts = json.loads(watcher.output()[watcher.output().index("{") :])
    assert (counts["read"], counts["hard"], counts["unknown"]) == (2, 1, 1)
    assert {message.get_flags() for message in box} == {"S"}
    assert (tmp_path / "Maildir/tmp/half").exists()


def test_a_mail_of_a_maildir_stays_new_until_it_is_stored(tmp_path: Path) -> None:
    def fail(_raw: bytes) -> None:
        raise ServiceUnavailable("the database does not answer")

    with pytest.raises(InvalidInput, match="no Maildir"):
        take_new(tmp_path, fail)
    box = mailbox.Maildir(tmp_path / "Maildir")
    key = box.add(b"a: b\n\nc\n")
    with pytest.raises(ServiceUnavailable):
        take_new(tmp_path / "Maildir", fail)
    taken: list[bytes] = []
    assert [take_new(tmp_path / "Maildir", taken.append) for _ in range(2)] == [1, 0]
    assert taken == [b"a: b\n\nc\n"]
    assert box[key].get_subdir() == "cur"


def test_a_mail_that_cannot_be_stored_stays_with_the_sender() -> None:
    def fail(_raw: bytes, _recipients: Sequence[str]) -> None:
        raise ServiceUnavailable("the database does not answer")

    with pytest.raises(smtplib.SMTPDataError, match="451"):
        _talk(Receiver(is_awaited=lambda _: True, take=fail), lambda client: _deliver(client, b"a: b\r\n\r\nc\r\n"))


@pytest.mark.parametrize("error", [ServiceUnavailable("the database does not answer"), RuntimeError("a fault of ours")])
def test_an_address_nobody_can_look_up_now_is_asked_for_again_later(error: Exception) -> None:
    def fail(_address: str) -> bool:
        raise error

    with pytest.raises(smtplib.SMTPRecipientsRefused, match="451"):
        _talk(Receiver(is_awaited=fail, take=lambda *_: None), lambda client: _deliver(client, b"a: b\r\n\r\n"))


def test_a_mail_over_the_limit_is_refused_and_the_next_one_is_taken() -> None:
    taken: list[bytes] = []
    receiver = Receiver(is_awaited=lambda _: True, take=lambda raw, _: taken.append(raw))

    def send_two(client: smtplib.LMTP) -> None:
        client.ehlo_or_helo_if_needed()
        del client.esmtp_features["size"]  # else the client itself would not even try
        with pytest.raises(smtplib.SMTPDataError, match="552"):
            _deliver(client, b"a: b\r\n\r\n" + b"line\r\n" * 2000)
        _deliver(client, b"a: b\r\n\r\nshort\r\n")

    _talk(receiver, send_two, max_bytes=5000)
    assert taken == [b"a: b\r\n\r\nshort\r\n"]


def test_each_recipient_of_a_transaction_has_a_reply_of_its_own_and_no_command_has_two() -> None:
    """RFC 2033, 4.2; smtplib reads one of them only, so the others are read here."""
    taken: list[Sequence[str]] = []
    receiver = Receiver(
        is_awaited=lambda address: not address.startswith("x"), take=lambda _, to: taken.append(list(to))
    )

    def send(client: smtplib.LMTP, raw: bytes) -> list[int]:
        client.mail("")
        codes = [client.rcpt(address)[0] for address in ("b-1@r.example", "x@r.example", "b-2@r.example")]
        codes.append(client.data(raw)[0])
        return [*codes, client.getreply()[0], client.noop()[0]]

    def talk(client: smtplib.LMTP) -> None:
        client.ehlo_or_helo_if_needed()
        assert send(client, b"a: b\r\n\r\nshort\r\n") == [250, 550, 250, 250, 250, 250]
        assert send(client, b"a: b\r\n\r\n" + b"line\r\n" * 2000) == [250, 550, 250, 552, 552, 250]

    _talk(receiver, talk, max_bytes=5000)
    assert taken == [["b-1@r.example", "b-2@r.example"]]


def test_a_line_longer_than_allowed_is_still_taken() -> None:
    taken: list[bytes] = []
    receiver = Receiver(is_awaited=lambda _: True, take=lambda raw, _: taken.append(raw))
    _talk(receiver, lambda client: _deliver(client, b"a: b\r\n\r\n" + b"x" * 100_000 + b"\r\n..dots\r\n"))
    assert taken == [b"a: b\r\n\r\n" + b"x" * 100_000 + b"\r\n..dots\r\n"]


def _talk(receiver: Receiver, talk: Callable[[smtplib.LMTP], None], *, max_bytes: int = 1_000_000) -> None:
    async def run() -> None:
        listener = Listener(receiver, max_bytes=max_bytes)
        port = await listener.start("127.0.0.1", 0)
        try:
            await asyncio.to_thread(_connect_and_talk, port)
        finally:
            await listener.close()

    def _connect_and_talk(port: int) -> None:
        with smtplib.LMTP("127.0.0.1", port, timeout=60) as client:
            talk(client)

    asyncio.run(run())


def _deliver(client: smtplib.LMTP, raw: bytes) -> None:
    client.sendmail("", ["b-1@returns.example"], raw)


def _send_without_waiting(client: smtplib.LMTP, site: Site) -> None:
    client.ehlo_or_helo_if_needed()
    client.mail("")
    assert client.rcpt(site.path)[0] == 250
    assert client.docmd("DATA")[0] == 354
    client.send(site.report + b".\r\n")


def _read_answer(client: smtplib.LMTP, *, seconds: float) -> bytes:
    assert client.sock is not None
    client.sock.settimeout(seconds)
    try:
        return client.sock.recv(100)
    except ConnectionResetError:
        return b""


@contextmanager
def _held(runtime: Runtime) -> Iterator[None]:
    """A database in which nobody else can write for now."""
    if runtime.engine.dialect.name == "sqlite":
        with closing(sqlite3.connect(str(runtime.engine.url.database), isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")
        return
    with runtime.engine.connect() as connection:
        connection.exec_driver_sql("LOCK TABLE inbound_mails IN SHARE MODE")
        yield
