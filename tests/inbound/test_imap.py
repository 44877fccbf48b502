"""Facts about the mailbox that bounces arrive in, with a real IMAP server: each mail is taken once and none is lost."""

from __future__ import annotations

import gc
import imaplib
import socketserver
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from newsletter.db.models import InboundMail
from newsletter.errors import ConfigurationError, ServiceUnavailable
from newsletter.inbound.imap import TAKEN, parse_imap_url, poll
from newsletter.runtime import Runtime
from newsletter.settings import Settings
from tests.bounce_mails import delivery_report, return_path
from tests.conftest import missing
from tests.factories import make_issue, start_issue
from tests.inbound.private_dovecot import PrivateDovecot, PrivateMailbox, why_impossible
from tests.processes import Processes
from workers import tasks


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateDovecot]:
    if reason := why_impossible():
        missing(reason)
    processes = Processes(tmp_path_factory.mktemp("dovecot"))
    server = PrivateDovecot(processes)
    server.start()
    yield server
    processes.close()
    server.remove()


@pytest.fixture
def dovecot(server: PrivateDovecot) -> PrivateMailbox:
    return server.mailbox()


def mail(number: int) -> bytes:
    return f"From: a@example.org\nSubject: {number}\n\nmail {number}\n".encode()


def test_each_mail_is_taken_once_the_oldest_first_and_stays_where_a_person_sees_it(dovecot: PrivateMailbox) -> None:
    place = parse_imap_url(dovecot.url)
    for number in range(3):
        dovecot.deliver(mail(number), f"100{number}.M1.host")
    taken: list[bytes] = []
    assert poll(place, taken.append) == 3
    assert [raw.replace(b"\r\n", b"\n") for raw in taken] == [mail(number) for number in range(3)]
    assert poll(place, taken.append) == 0
    with imaplib.IMAP4("127.0.0.1", dovecot.port) as link:
        link.login(dovecot.user, "sec@ret")
        link.select()
        assert link.search(None, "UNSEEN", "KEYWORD", TAKEN)[1] == [b"1 2 3"]


def test_what_could_not_be_stored_waits_for_the_next_look(dovecot: PrivateMailbox) -> None:
    place = parse_imap_url(dovecot.url)
    for number in range(3):
        dovecot.deliver(mail(number), f"100{number}.M1.host")
    taken: list[bytes] = []

    def take(raw: bytes) -> None:
        if len(taken) == 1:
            raise ServiceUnavailable("the database is busy")
        taken.append(raw)

    with pytest.raises(ServiceUnavailable, match="busy"):
        poll(place, take)
    assert poll(place, taken.append) == 2
    assert len(taken) == 3


def test_done_mails_move_to_the_folder_that_is_named(dovecot: PrivateMailbox) -> None:
    place = parse_imap_url(f"{dovecot.url}/INBOX?done=Processed")
    dovecot.deliver(mail(1), "1001.M1.host")
    assert poll(place, lambda _: None) == 1
    with imaplib.IMAP4("127.0.0.1", dovecot.port) as link:
        link.login(dovecot.user, "sec@ret")
        assert link.select("INBOX")[1] == [b"0"]
        assert link.select("Processed")[1] == [b"1"]


def test_a_bounce_in_the_mailbox_has_its_effect_once(
    runtime: Runtime, settings: Settings, dovecot: PrivateMailbox
) -> None:
    with runtime.transaction() as session:
        issue, ids = make_issue(session, people=2)
        start_issue(session, issue)
        token = runtime.links.delivery_token(issue.id, ids[0])
        issue.started_at = runtime.now()
    raw = delivery_report("reader000000@example.org", to=return_path(token))
    dovecot.deliver(raw, "1001.M1.host")
    polling = Runtime(settings.model_copy(update={"bounce_imap_url": type(settings.smtp_url)(dovecot.url)}))
    assert tasks.poll_mailbox(polling) == 1
    dovecot.deliver(raw, "1002.M1.host")
    assert tasks.poll_mailbox(polling) == 1
    polling.close()
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(InboundMail)) == 1


def test_a_server_that_is_gone_is_one_line_and_no_error_of_the_job(
    runtime: Runtime, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    gone = type(settings.smtp_url)("imap://bounces:secret@127.0.0.1:1")
    polling = Runtime(settings.model_copy(update={"bounce_imap_url": gone}))
    assert tasks.poll_mailbox(polling) == 0
    polling.close()
    [record] = [record for record in caplog.records if record.name == "workers.tasks"]
    assert "mailbox.not_polled reason=the mailbox at 127.0.0.1:1 cannot be used" in record.getMessage()
    assert "secret" not in record.getMessage()


class _HangsUp(socketserver.StreamRequestHandler):
    """Greets, tells what it can, which is little, and hangs up at whatever comes next."""

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        tag = self.rfile.readline().split()[0]
        self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n%s OK done\r\n" % tag)
        self.rfile.readline()


# 0.0.0.0 is this machine too, but no loopback address: it is asked for STARTTLS, which it does not have.
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_connection_that_breaks_is_closed_at_once(host: str) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _HangsUp) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        with pytest.raises(ServiceUnavailable, match="cannot be used"):
            poll(parse_imap_url(f"imap://bounces:secret@{host}:{server.server_address[1]}"), lambda _: None)
        # What was left open is a warning of the collector, and that an error.
        gc.collect()
        server.shutdown()


def test_a_wrong_password_and_a_missing_folder_are_said(dovecot: PrivateMailbox) -> None:
    with pytest.raises(ServiceUnavailable, match="AUTHENTICATIONFAILED"):
        poll(parse_imap_url(f"imap://{dovecot.user}:wrong@127.0.0.1:{dovecot.port}"), lambda _: None)
    with pytest.raises(ServiceUnavailable, match="has no folder Nowhere"):
        poll(parse_imap_url(f"{dovecot.url}/Nowhere"), lambda _: None)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pop3://a:b@mail.example.org",
        "imaps://mail.example.org",
        "imaps://a:b@mail.example.org:port",
        "imaps://a:b@mail.example.org/INBOX?done=INBOX",
        "imaps://a:b@mail.example.org/?seen=yes",
        'imaps://a:b@mail.example.org/IN"BOX',
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ConfigurationError, match="BOUNCE_IMAP_URL cannot be used") as refused:
        parse_imap_url(url)
    assert "a:b" not in str(refused.value)


def test_a_mailbox_elsewhere_is_reached_in_secret_only() -> None:
    place = parse_imap_url("imaps://bounces%40harbour.example:p%2Fw@mail.example.org/Bounces?done=Done")
    assert (place.port, place.is_tls, place.user, place.password) == (993, True, "bounces@harbour.example", "p/w")
    assert (place.folder, place.done_folder) == ("Bounces", "Done")
    assert not parse_imap_url("imap://a:b@mail.example.org").is_loopback
    assert parse_imap_url("imap://a:b@localhost").is_loopback
