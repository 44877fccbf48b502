"""From the ledger to the wire: a server receives what was approved, filled in, signed, and the same on a retry."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from sqlalchemy import select

from newsletter.db.models import Subscriber
from newsletter.domain.issue import IssueStatus
from newsletter.rendering import fill_html, fill_text
from newsletter.runtime import Runtime
from newsletter.services import issues, sending
from newsletter.services.mailings import MailingFactory
from newsletter.services.users import OPERATOR
from newsletter.settings import ProviderName, Settings
from tests.factories import make_issue
from tests.fakes.odd_smtp_server import OddSmtpServer, Session
from workers.dispatch import Dispatcher

PEOPLE = 12
READERS = select(Subscriber.id, Subscriber.address, Subscriber.name)
MORNING = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = MORNING

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[OddSmtpServer]:
    """A server that has no room for the third message, once; it keeps that one too, to compare it."""
    with OddSmtpServer(full_once) as server:
        yield server


def full_once(session: Session, verb: str) -> bytes | None:
    is_third = (session.number, verb, session.counts[verb]) == (1, "DOT", 3)
    return b"452 4.3.1 no room\r\n" if is_third else None


@pytest.fixture
def signing(settings: Settings, server: OddSmtpServer, clock: Clock, tmp_path: Path) -> Iterator[Runtime]:
    """The runtime of a worker that signs its mails, over one connection."""
    key = rsa.generate_private_key(65537, 2048)
    key_file = tmp_path / "dkim.pem"
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    changed = {
        "provider": ProviderName.SMTP,
        "smtp_url": server.url,
        "smtp_connections": 1,
        "bounce_domain": "bounces.harbour.example",
        "dkim_domain": "harbour.example",
        "dkim_selector": "s2026",
        "dkim_key_file": key_file,
    }
    kept = settings.model_dump(exclude=set(changed))
    with closing(Runtime(Settings(_env_file=None, **kept | changed), clock=clock)) as runtime:
        yield runtime


@pytest.fixture
def sent(signing: Runtime, clock: Clock) -> int:
    """An issue that went out to everybody, to one of them at the second try; returns its id."""
    with signing.transaction() as session:
        issue, _ = make_issue(session, people=PEOPLE)
    with signing.transaction() as session:
        issues.send_issue(session, issue.id, actor=OPERATOR, provider="smtp", batch_size=5, now=clock.now)
    for _ in range(2):
        Dispatcher(signing, worker="test", should_stop=lambda: False).run(issue.id)
        clock.now += timedelta(minutes=5)
    with signing.reading() as session:
        assert issues.find_issue(session, issue.id).status == IssueStatus.SENT
    return issue.id


def messages(server: OddSmtpServer) -> dict[str, bytes]:
    """What each address got, with the dots undone that SMTP adds."""
    found = {address: re.sub(rb"(?m)^\.", b"", wire) for address, wire in server.taken}
    assert len(found) == len(server.taken) == PEOPLE
    return found


def is_valid(message: bytes, answer: Callable[..., bytes]) -> bool:
    try:
        return bool(dkim.DKIM(message).verify(dnsfunc=answer))
    except dkim.DKIMException:
        return False


def parse(message: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def test_each_reader_gets_the_approved_text_and_html_with_their_own_values(
    signing: Runtime, server: OddSmtpServer, sent: int
) -> None:
    with signing.reading() as session:
        _, rendered = sending.load_approved(session, sent)
        people = {
            address: MailingFactory(
                rendered, issue_id=sent, links=signing.links, bounce_domain="bounces.harbour.example", date=MORNING
            ).recipient(subscriber_id=id_, email=address, name=name)
            for id_, address, name in session.execute(READERS)
        }
    assert set(people) == set(server.counted())
    for address, message in messages(server).items():
        parsed = parse(message)
        text, html = (part.get_content().replace("\r\n", "\n") for part in parsed.iter_parts())
        assert text == fill_text(rendered, people[address].values)
        assert html == fill_html(rendered, people[address].values)
        assert parsed["To"].addresses[0].addr_spec == address
        assert parsed["Message-ID"] == people[address].headers["Message-ID"]
        assert parsed["List-Unsubscribe"] == people[address].headers["List-Unsubscribe"]


@pytest.mark.usefixtures("sent")
def test_the_wire_carries_short_lines_crlf_and_no_dot_that_could_end_a_message(server: OddSmtpServer) -> None:
    for _, wire in server.taken:
        lines = wire.split(b"\r\n")
        assert lines.pop() == b""
        assert max(map(len, lines)) <= 998
        assert not any(line.startswith(b".") and not line.startswith(b"..") for line in lines)
        assert wire.isascii()
        assert b"\r" not in wire.replace(b"\r\n", b"")
        assert b"\n" not in wire.replace(b"\r\n", b"")


@pytest.mark.usefixtures("sent")
def test_another_implementation_verifies_every_signature(signing: Runtime, server: OddSmtpServer) -> None:
    signer = signing.signer
    assert signer is not None

    def answer(name: bytes, timeout: int = 5) -> bytes:
        assert name.decode().rstrip(".") == signer.record_name
        return signer.record.encode()

    for message in messages(server).values():
        assert is_valid(message, answer)
        assert not is_valid(message + b"one more line\r\n", answer)


@pytest.mark.usefixtures("sent")
def test_a_retry_has_the_same_bytes(server: OddSmtpServer) -> None:
    (refused,) = server.refused
    assert dict(server.taken)[refused[0]] == refused[1]
