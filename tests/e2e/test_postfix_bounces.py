"""A real mail server returns a third of an issue; every mail finds its delivery. POSTFIX_MAILS=2000 makes it long."""

from __future__ import annotations

import json
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.bench.ports import free_port
from newsletter.db.models import Delivery, Event, InboundMail, Subscriber, Suppression
from newsletter.domain.issue import DeliveryStatus, Mark
from newsletter.domain.mail import OutcomeKind
from newsletter.providers.smtp import SmtpProvider
from newsletter.providers.smtp_url import parse_smtp_url
from newsletter.rendering import Rendered
from newsletter.runtime import Runtime
from newsletter.services import bouncing, issues, sending
from newsletter.services.mailings import MailingFactory
from newsletter.services.users import OPERATOR
from tests.conftest import missing
from tests.e2e.private_postfix import NOWHERE, READERS, RETURNS, PrivatePostfix, why_impossible
from tests.factories import make_issue
from tests.processes import Process, Processes, settings_environment

MAILS = int(os.environ.get("POSTFIX_MAILS", "200"))
# Every third mail comes back, each time in another way.
CLASSES = {"unknown": "hard", "disabled": "hard", "nowhere": "hard", "full": "soft", "spam": "block", "listed": "block"}
SECONDS = 60 + MAILS / 10

pytestmark = pytest.mark.timeout(SECONDS + 60)


class PostfixSite:
    """An issue, our SMTP provider, a Postfix, and a listener to which it returns mail."""

    def __init__(self, runtime: Runtime, processes: Processes) -> None:
        if reason := why_impossible():
            missing(reason)
        self.runtime = runtime
        self.lmtp_port = free_port()
        self.postfix = PrivatePostfix(processes, lmtp_port=self.lmtp_port)
        self._processes = processes
        self.expected: dict[int, str] = {}

    def listen(self) -> Process:
        """Start the listener that Postfix returns mail to."""
        process = self._processes.start(
            *("bounce", "listen", "--lmtp", f"127.0.0.1:{self.lmtp_port}", "--json"),
            environment=settings_environment(self.runtime.settings),
        )
        process.wait_for_line("Listening on")
        return process

    def send_issue(self, people: int) -> int:
        """Hand a whole issue to Postfix through the product's own steps; returns its id."""
        runtime = self.runtime
        with runtime.transaction() as session:
            issue, ids = make_issue(session, people=people)
            self._give_addresses(session, ids)
            issues.send_issue(session, issue.id, actor=OPERATOR, provider="smtp", batch_size=people, now=runtime.now())
        self._hand_over(issue.id)
        return issue.id

    def wait_for_returns(self, listener: Process, count: int) -> None:
        """Wait until this many mails came back."""
        listener.wait_until(lambda: self.returned() >= count, seconds=SECONDS, what=f"{count} returned mails")

    def returned(self) -> int:
        """How many mails came back so far."""
        with self.runtime.reading() as session:
            return len(session.scalars(select(InboundMail.id)).all())

    def _give_addresses(self, session: Session, ids: list[int]) -> None:
        refusals = cycle(CLASSES)
        for number, id_ in enumerate(ids):
            local = next(refusals) if number % 3 == 0 else "good"
            domain = NOWHERE if local == "nowhere" else READERS
            address = f"{local}{id_}@{domain}"
            session.execute(update(Subscriber).where(Subscriber.id == id_).values(email=address, address=address))
            if local != "good":
                self.expected[id_] = CLASSES[local]

    def _hand_over(self, issue_id: int) -> None:
        runtime = self.runtime
        lease = timedelta(minutes=5)
        now = runtime.now()
        with runtime.transaction() as session:
            _, rendered = sending.load_approved(session, issue_id)
            claim = sending.claim_batch(session, issue_id, worker="test", provider="smtp", now=now, lease=lease)
        assert claim is not None
        factory = self._factory(rendered, issue_id)
        recipients = [
            factory.recipient(subscriber_id=person.subscriber_id, email=person.email, name=person.name)
            for person in claim.addressees
        ]
        provider = SmtpProvider(
            parse_smtp_url(f"smtp://127.0.0.1:{self.postfix.port}"), connections=2, timeout_seconds=30
        )
        outcomes = list(provider.send(factory.mailing, recipients))
        provider.close()
        assert {outcome.kind for outcome in outcomes} == {OutcomeKind.ACCEPTED}
        with runtime.transaction() as session:
            sending.record_outcomes(session, claim, outcomes, source="smtp", now=now, lease=lease)
            sending.finish_claim(session, claim, outcome="done", now=now)

    def _factory(self, rendered: Rendered, issue_id: int) -> MailingFactory:
        return MailingFactory(
            rendered, issue_id=issue_id, links=self.runtime.links, bounce_domain=RETURNS, date=self.runtime.now()
        )


@pytest.fixture
def site(runtime: Runtime, processes: Processes) -> Iterator[PostfixSite]:
    site = PostfixSite(runtime, processes)
    try:
        site.postfix.start()
        yield site
    finally:
        processes.close()
        site.postfix.remove()


def test_every_returned_mail_finds_its_delivery_and_its_class(site: PostfixSite) -> None:
    listener = site.listen()
    issue_id = site.send_issue(MAILS)
    site.wait_for_returns(listener, len(site.expected))
    with site.runtime.reading() as session:
        events = session.scalars(select(Event).where(Event.issue_id == issue_id, Event.source == "mail")).all()
        marked = set(session.scalars(select(Delivery.subscriber_id).where(Delivery.marks == int(Mark.BOUNCED))))
        suppressed = set(session.scalars(select(Suppression.address)))
        hard = [id_ for id_, class_ in site.expected.items() if class_ == "hard"]
        dead = set(session.scalars(select(Subscriber.address).where(Subscriber.id.in_(hard))))
        statuses = set(session.scalars(select(Delivery.status)))
    assert {event.subscriber_id: (event.detail or {})["class"] for event in events} == site.expected
    assert len(events) == len(site.expected) >= MAILS // 3
    assert marked == set(site.expected)
    assert suppressed == dead
    assert statuses == {int(DeliveryStatus.ACCEPTED)}
    assert listener.terminate() == 0
    counts = json.loads(listener.output()[listener.output().rindex("{") :])
    classes = Counter(site.expected.values())
    assert counts == {
        "read": len(events),
        "matched": len(events),
        "complaint": 0,
        "ignored": 0,
        "unknown": 0,
        **{name: classes[name] for name in ("hard", "soft", "block")},
    }


def test_a_listener_killed_in_the_middle_costs_time_and_no_mail(site: PostfixSite) -> None:
    first = site.listen()
    issue_id = site.send_issue(60)
    site.wait_for_returns(first, 3)
    first.kill()
    second = site.listen()
    site.wait_for_returns(second, len(site.expected))
    with site.runtime.reading() as session:
        events = session.scalars(select(Event).where(Event.issue_id == issue_id, Event.source == "mail")).all()
    assert sorted(event.subscriber_id for event in events) == sorted(site.expected)


def test_our_envelope_id_and_the_address_we_wrote_to_come_back(site: PostfixSite) -> None:
    listener = site.listen()
    site.send_issue(1)
    site.wait_for_returns(listener, 1)
    (id_,) = site.expected
    with site.runtime.reading() as session:
        mail = session.scalars(select(InboundMail)).one()
        address = session.get_one(Subscriber, id_).address
    raw = zlib.decompress(mail.raw).decode()
    assert f"Original-Envelope-Id: {mail.token}" in raw
    assert f"Original-Recipient: rfc822;{address}" in raw
    with site.runtime.transaction() as session:
        again = bouncing.ingest(session, raw.encode(), links=site.runtime.links, now=site.runtime.now())
    assert (again.read, again.ignored) == (1, 1)
