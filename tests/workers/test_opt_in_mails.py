"""Facts about the worker that answers requests of the public door: a whole mail, once, and never in a ledger."""

from __future__ import annotations

import email
import email.policy
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from email.message import EmailMessage

import pytest
from sqlalchemy import func, select

from newsletter.db.models import Delivery, Event, Issue, OptInRequest
from newsletter.providers.outbox import list_mails
from newsletter.runtime import Runtime
from newsletter.services import newsletters
from newsletter.settings import ProviderName, Settings
from tests.factories import NOW
from tests.fakes.odd_smtp_server import CLOSE, OddSmtpServer, Session
from tests.services.door import ANN, ask, make_known, open_door
from workers import tasks


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def worker(settings: Settings, clock: Clock, **changes: object) -> Iterator[Runtime]:
    """The runtime of a worker with other settings, and an open door."""
    kept = settings.model_dump(exclude=set(changes))
    with closing(Runtime(Settings(_env_file=None, **kept | changes), clock=clock)) as runtime:
        open_door(runtime)
        yield runtime


@contextmanager
def smtp_worker(
    settings: Settings, clock: Clock, oddity: Callable[[Session, str], bytes | None] = lambda session, verb: None
) -> Iterator[tuple[Runtime, OddSmtpServer]]:
    """A worker that sends to a server of the test."""
    with (
        OddSmtpServer(oddity) as server,
        worker(
            settings, clock, provider=ProviderName.SMTP, smtp_url=server.url, bounce_domain="bounces.harbour.example"
        ) as runtime,
    ):
        yield runtime, server


def send(runtime: Runtime) -> int:
    return tasks.send_opt_ins(runtime, should_stop=lambda: False)


def asked(runtime: Runtime, *emails: str) -> None:
    with runtime.transaction() as session:
        for address in emails:
            assert ask(session, runtime, address, now=runtime.now())


def mails(runtime: Runtime) -> list[str]:
    with runtime.reading() as session:
        return list(session.scalars(select(OptInRequest.mail).order_by(OptInRequest.id)))


def parse(wire: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(re.sub(rb"(?m)^\.", b"", wire), policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def test_the_mail_is_whole_and_says_who_sends_it_why_and_what_to_do(settings: Settings, clock: Clock) -> None:
    with smtp_worker(settings, clock) as (runtime, server):
        asked(runtime, "Ann@bücher.example")
        assert send(runtime) == 1
        ((address, wire),) = server.taken
        with runtime.reading() as session:
            tables = [session.scalar(select(func.count()).select_from(table)) for table in (Issue, Delivery, Event)]
    assert address == "Ann@xn--bcher-kva.example"
    assert tables == [0, 0, 0]
    mail = parse(wire)
    assert mail["Subject"] == "Please confirm: Harbour Morning Brief"
    assert mail["From"].addresses[0].addr_spec == "brief@harbour.example"
    assert (mail["Auto-Submitted"], mail["Feedback-ID"]) == (
        "auto-generated",
        "opt-in:harbour-morning-brief:newsletter",
    )
    assert mail["Message-ID"].endswith("@harbour.example>")
    assert {"List-Unsubscribe", "List-Unsubscribe-Post", "List-Id", "Precedence"}.isdisjoint(mail.keys())
    text, html = (part.get_content() for part in mail.iter_parts())
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    link = f"{runtime.links.confirm_url('')}{runtime.links.opt_in_token(1, int(NOW.timestamp()))}"
    for part in (text, html):
        assert link in part
        for words in ("Ann@bücher.example", "Then do nothing", "1 Quay Street", "7 days", "/subscribe/harbour-morning"):
            assert words in part


def test_twice_is_once_and_a_member_hears_that_nothing_is_to_be_done(settings: Settings, clock: Clock) -> None:
    with worker(settings, clock) as runtime:
        with runtime.transaction() as session:
            member = make_known(session, runtime, "member")
            make_known(session, runtime, "disabled")
        asked(runtime, ANN, member, "disabled@example.org")
        threads = [threading.Thread(target=send, args=(runtime,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert send(runtime) == 0
        subjects = {mail.to: mail.subject for mail in list_mails(runtime.settings.outbox_dir)}
        assert mails(runtime) == ["sent", "sent", "withheld"]
    assert subjects == {
        ANN: "Please confirm: Harbour Morning Brief",
        member: "You are subscribed already: Harbour Morning Brief",
    }


def test_a_server_without_room_gets_the_same_bytes_again_later(settings: Settings, clock: Clock) -> None:
    def full_once(session: Session, verb: str) -> bytes | None:
        return b"452 4.3.1 no room\r\n" if verb == "DOT" and clock.now == NOW else None

    with smtp_worker(settings, clock, full_once) as (runtime, server):
        asked(runtime, ANN)
        assert (send(runtime), mails(runtime)) == (0, ["waiting"])
        clock.now += timedelta(seconds=14)
        assert send(runtime) == 0
        clock.now += timedelta(seconds=1)
        assert (send(runtime), mails(runtime)) == (1, ["sent"])
    assert server.taken == server.refused


def test_a_mail_that_a_dying_server_may_have_taken_is_not_sent_again(settings: Settings, clock: Clock) -> None:
    with smtp_worker(settings, clock, lambda session, verb: CLOSE if verb == "DOT" else None) as (runtime, server):
        asked(runtime, ANN)
        assert (send(runtime), mails(runtime)) == (0, ["unknown"])
        clock.now += timedelta(days=1)
        tasks.tick(runtime)
        assert send(runtime) == 0
        assert server.connections == 1


def test_a_mail_that_cannot_be_made_is_given_up_and_holds_up_nobody(settings: Settings, clock: Clock) -> None:
    with worker(settings, clock) as runtime:
        asked(runtime, ANN)
        with runtime.transaction() as session:
            newsletters.find_newsletter(session).theme = {"accent": "purple"}
        assert (send(runtime), mails(runtime)) == (0, ["refused"])
        with runtime.transaction() as session:
            newsletters.find_newsletter(session).theme = None
        asked(runtime, "bob@example.org")
        assert (send(runtime), mails(runtime)) == (1, ["refused", "sent"])
