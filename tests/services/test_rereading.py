"""Facts about returned mails that are read again: what an older classifier took them for is put right."""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from newsletter.db.models import Delivery, Event, InboundMail, Subscriber, Suppression
from newsletter.domain.subscriber import SuppressionReason
from newsletter.runtime import Runtime
from newsletter.services import bouncing, rereading, suppressions
from newsletter.services.rereading import RereadCounts
from tests.bounce_mails import delivery_report, plain_mail, return_path
from tests.factories import NOW, make_issue, start_issue

LATER = NOW + timedelta(hours=1)
TODAY = NOW + timedelta(days=60)
FULL = {"status": "5.2.2", "diagnostic": "552 5.2.2 mailbox full"}


class Kept:
    """One mail that came back two months ago, when the classifier knew less."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        with runtime.transaction() as session:
            issue, ids = make_issue(session, people=1)
            start_issue(session, issue)
            self.issue_id, self.person = issue.id, ids[0]
            self.email = session.get_one(Subscriber, ids[0]).email
        self.token = runtime.links.delivery_token(self.issue_id, self.person)

    def come(self, raw: bytes, *, taken_for: str = "", kind: str = "bounce") -> None:
        """Take the mail in, then let everything stand as if it had been taken for another class."""
        with self.runtime.transaction() as session:
            path = return_path(self.token)
            bouncing.ingest(session, raw, links=self.runtime.links, now=LATER, envelope_recipients=[path])
            understood = {"class": taken_for or None, "category": "unknown", "status": "", "rule": "digit.5"}
            session.execute(update(InboundMail).values(kind=kind, understood=understood))
            session.execute(update(Event).values(detail=understood | {"proven": True}))

    def suppress(self, evidence: str) -> None:
        with self.runtime.transaction() as session:
            key = self.runtime.links.address_key
            suppressions.suppress_addresses(
                session, [self.email], reason=SuppressionReason.BOUNCED, evidence=evidence, address_key=key, now=LATER
            )

    def reread(self) -> RereadCounts:
        counts = RereadCounts()
        with self.runtime.transaction() as session:
            for mail_id in rereading.kept_mails(session, after_id=0):
                counts += rereading.read_again(session, mail_id, links=self.runtime.links, now=TODAY)
        return counts

    def state(self) -> tuple[list[tuple[str, Any]], list[str]]:
        """What was heard of the delivery, and why its reader must not be mailed."""
        with self.runtime.reading() as session:
            heard = [(row.kind, (row.detail or {}).get("class")) for row in session.scalars(select(Event))]
            assert all(row.at == LATER for row in session.scalars(select(Event)))
            return heard, [row.reason for row in session.scalars(select(Suppression))]


@pytest.fixture
def kept(runtime: Runtime) -> Kept:
    return Kept(runtime)


def test_what_is_understood_as_before_stays_as_it_is(kept: Kept) -> None:
    with kept.runtime.transaction() as session:
        raw = delivery_report(kept.email)
        bouncing.ingest(
            session, raw, links=kept.runtime.links, now=LATER, envelope_recipients=[return_path(kept.token)]
        )
    before = kept.state()
    assert kept.reread() == RereadCounts(read=1)
    assert kept.state() == before == ([("bounced", "hard")], ["bounced"])


def test_a_bounce_that_is_found_to_be_hard_suppresses_as_of_the_day_it_came(kept: Kept) -> None:
    kept.come(delivery_report(kept.email), taken_for="soft")
    with kept.runtime.transaction() as session:
        for row in session.scalars(select(Suppression)):
            session.delete(row)
    assert kept.reread() == RereadCounts(read=1, changed=1, hard=1)
    assert kept.state() == ([("bounced", "hard")], ["bounced"])
    assert kept.reread() == RereadCounts(read=1)


def test_a_bounce_that_is_found_to_be_hard_after_its_reader_was_lifted_suppresses_nobody(kept: Kept) -> None:
    kept.come(delivery_report(kept.email), taken_for="soft")
    with kept.runtime.transaction() as session:
        key = kept.runtime.links.address_key
        suppressions.lift(session, address=kept.email, address_key=key, now=LATER + timedelta(days=1))
    assert kept.reread().hard == 1
    assert kept.state()[1] == []


@pytest.mark.parametrize(
    ("evidence", "reasons", "lifted"),
    [("mail: bounced in issue 1 (mailbox_unknown)", [], 1), ("SendGrid’s list bounces", ["bounced"], 0)],
)
def test_who_was_suppressed_by_this_mail_alone_is_lifted_where_it_is_no_reason_any_more(
    kept: Kept, evidence: str, reasons: list[str], lifted: int
) -> None:
    kept.come(delivery_report(kept.email, **FULL), taken_for="hard")
    kept.suppress(evidence)
    assert kept.reread() == RereadCounts(read=1, changed=1, soft=1, lifted=lifted)
    assert kept.state() == ([("bounced", "soft")], reasons)


def test_what_was_no_bounce_after_all_leaves_none_behind(kept: Kept) -> None:
    kept.come(delivery_report(kept.email), taken_for="hard")
    with kept.runtime.transaction() as session:
        raw = zlib.compress(plain_mail(return_path(kept.token)))
        session.execute(update(InboundMail).values(raw=raw))
    assert kept.reread() == RereadCounts(read=1, changed=1, unknown=1, lifted=1)
    assert kept.state() == ([], [])
    with kept.runtime.reading() as session:
        assert session.get_one(Delivery, (kept.issue_id, kept.person)).marks == 0
