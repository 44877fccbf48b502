"""Facts about mail that comes back: whom it is about, what it changes, and what it must never change."""

from __future__ import annotations

import mailbox
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter.db.models import Delivery, Event, InboundMail, Subscriber, Suppression
from newsletter.domain.issue import DeliveryStatus, Mark
from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import InvalidInput
from newsletter.inbound.mailboxes import mails_in
from newsletter.runtime import Runtime
from newsletter.services import bouncing, issues, subscribers
from newsletter.services.bouncing import BounceCounts
from newsletter.services.users import OPERATOR
from tests.bounce_mails import autoreply, complaint, delivery_report, leaving_address, plain_mail, return_path
from tests.factories import NOW, make_issue, start_issue

LATER = NOW + timedelta(hours=1)
HARD = BounceCounts(read=1, matched=1, hard=1)
SOFT = BounceCounts(read=1, matched=1, soft=1)
BLOCK = BounceCounts(read=1, matched=1, block=1)
IGNORED = BounceCounts(read=1, ignored=1)
UNKNOWN = BounceCounts(read=1, unknown=1)


class Sent:
    """One mail that went out, and how the system stands about it."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        with runtime.transaction() as session:
            issue, ids = make_issue(session, people=3)
            start_issue(session, issue)
            self.issue_id, self.person = issue.id, ids[0]
            self.newsletter_id = issue.newsletter_id
            self.email = session.get_one(Subscriber, ids[0]).email
        self.token = runtime.links.delivery_token(self.issue_id, self.person)
        self.path = return_path(self.token)

    def ingest(self, raw: bytes, *recipients: str, now=LATER) -> BounceCounts:
        with self._runtime.transaction() as session:
            return bouncing.ingest(session, raw, links=self._runtime.links, now=now, envelope_recipients=recipients)

    def is_awaited(self, address: str, now=LATER) -> bool:
        with self._runtime.reading() as session:
            return bouncing.is_awaited(session, address, links=self._runtime.links, now=now)

    def suppressed(self) -> dict[str | None, str]:
        with self._runtime.reading() as session:
            return {row.address: row.reason for row in session.scalars(select(Suppression))}

    def is_subscribed(self) -> bool:
        with self._runtime.reading() as session:
            return subscribers.is_subscribed(session, subscriber_id=self.person, newsletter_id=self.newsletter_id)

    def delivery(self) -> Delivery:
        with self._runtime.reading() as session:
            return session.get_one(Delivery, (self.issue_id, self.person))

    def events(self) -> list[Event]:
        with self._runtime.reading() as session:
            return list(session.scalars(select(Event).where(Event.subscriber_id == self.person).order_by(Event.id)))


@pytest.fixture
def sent(runtime: Runtime) -> Sent:
    return Sent(runtime)


def test_a_hard_bounce_with_our_token_suppresses_the_address_at_once(sent: Sent) -> None:
    assert sent.ingest(delivery_report(sent.email, to=sent.path)) == HARD
    assert sent.suppressed() == {sent.email: SuppressionReason.BOUNCED}
    assert sent.delivery().marks == Mark.BOUNCED


def test_the_event_says_class_category_status_and_the_rule_that_decided(sent: Sent) -> None:
    sent.ingest(delivery_report(sent.email), sent.path)
    (event,) = sent.events()
    assert (event.kind, event.source, event.issue_id) == ("bounced", "mail", sent.issue_id)
    assert event.detail is not None
    assert event.detail["class"] == "hard"
    assert (event.detail["category"], event.detail["status"]) == ("mailbox_unknown", "5.1.1")
    assert event.detail["rule"]
    assert sent.email not in str(event.detail)


@pytest.mark.parametrize(
    "where", ["envelope", "upper case envelope", "to", "delivered-to", "envelope id", "message id"]
)
def test_a_bounce_finds_its_delivery_wherever_the_token_came_back(sent: Sent, where: str) -> None:
    token = sent.token
    returned = f"--=_report\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{token}@h.example>\n\n--=_report--"
    raw = {
        "to": delivery_report(sent.email, to=sent.path),
        "delivered-to": f"Delivered-To: {sent.path}\n".encode() + delivery_report(sent.email),
        "envelope id": delivery_report(sent.email).replace(
            b"Reporting-MTA", f"Original-Envelope-Id: {token}\nReporting-MTA".encode()
        ),
        "message id": delivery_report(sent.email).replace(
            b"--=_report--",
            returned.encode(),
        ),
    }.get(where, delivery_report(sent.email))
    recipients = {"envelope": [sent.path], "upper case envelope": [sent.path.upper()]}.get(where, [])
    assert sent.ingest(raw, *recipients) == HARD
    assert sent.delivery().marks == Mark.BOUNCED


def test_a_hard_bounce_known_by_its_address_alone_counts_as_soft(sent: Sent) -> None:
    assert sent.ingest(delivery_report(sent.email)) == SOFT
    assert sent.suppressed() == {}
    (event,) = sent.events()
    assert event.detail is not None
    assert (event.detail["class"], event.detail["proven"]) == ("soft", False)


def test_a_forged_token_is_worth_no_more_than_none(sent: Sent) -> None:
    forged = return_path(sent.token[:-1] + ("0" if sent.token[-1] != "0" else "1"))
    assert sent.ingest(delivery_report(sent.email, to=forged), forged) == SOFT
    assert sent.ingest(delivery_report("stranger@example.net", to=forged), forged) == UNKNOWN
    assert sent.suppressed() == {}


def test_a_bounce_after_a_month_suppresses_nobody(sent: Sent) -> None:
    late = NOW + timedelta(days=31)
    assert sent.ingest(delivery_report(sent.email), sent.path, now=late) == SOFT
    assert sent.suppressed() == {}


def test_the_address_a_mail_was_forwarded_to_is_never_suppressed(sent: Sent) -> None:
    assert sent.ingest(delivery_report("elsewhere@example.net"), sent.path) == SOFT
    assert sent.suppressed() == {}
    original = delivery_report("elsewhere@example.net", original=sent.email)
    assert sent.ingest(original, sent.path) == HARD
    assert sent.suppressed() == {sent.email: SuppressionReason.BOUNCED}


def test_a_block_never_touches_the_subscriber(sent: Sent) -> None:
    raw = delivery_report(
        sent.email,
        status="5.7.1",
        diagnostic="554 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org",
    )
    assert sent.ingest(raw, sent.path) == BLOCK
    assert sent.suppressed() == {}
    assert sent.is_subscribed()
    (event,) = sent.events()
    assert event.detail is not None
    assert (event.kind, event.detail["class"]) == ("rejected", "block")


def test_a_full_mailbox_is_soft_and_suppresses_nobody(sent: Sent) -> None:
    raw = delivery_report(sent.email, status="5.2.2", diagnostic="552 5.2.2 mailbox full")
    assert sent.ingest(raw, sent.path) == SOFT
    assert sent.suppressed() == {}
    assert sent.delivery().marks == Mark.BOUNCED


def test_a_complaint_suppresses_and_unsubscribes_at_once(sent: Sent) -> None:
    assert sent.ingest(complaint(sent.token)) == BounceCounts(read=1, matched=1, complaint=1)
    assert sent.suppressed() == {sent.email: SuppressionReason.COMPLAINED}
    assert not sent.is_subscribed()
    assert sent.delivery().marks == Mark.COMPLAINED


def test_a_complaint_without_our_token_is_kept_and_has_no_effect(sent: Sent) -> None:
    assert sent.ingest(complaint(recipient=sent.email)) == UNKNOWN
    assert sent.suppressed() == {}
    assert sent.is_subscribed()


def test_a_report_about_a_failed_signature_is_no_complaint(sent: Sent) -> None:
    assert sent.ingest(complaint(sent.token, kind="auth-failure")) == IGNORED
    assert sent.suppressed() == {}
    assert sent.is_subscribed()


@pytest.mark.parametrize("subject", ["unsubscribe", "", "Re: The brief"])
def test_a_mail_to_the_unsubscribe_address_unsubscribes(sent: Sent, subject: str) -> None:
    address = leaving_address(sent.token)
    assert sent.ingest(plain_mail(address, subject=subject), address) == BounceCounts(read=1, matched=1)
    assert not sent.is_subscribed()
    assert sent.delivery().marks == Mark.UNSUBSCRIBED


def test_an_absence_notice_at_the_unsubscribe_address_is_no_wish_to_leave(sent: Sent) -> None:
    address = leaving_address(sent.token)
    assert sent.ingest(autoreply(address), address) == BounceCounts(read=1, matched=1, ignored=1)
    assert sent.is_subscribed()


def test_a_plain_mail_to_the_return_path_is_kept_for_a_person(sent: Sent) -> None:
    assert sent.ingest(plain_mail(sent.path), sent.path) == UNKNOWN
    assert sent.is_subscribed()


@pytest.mark.parametrize("kind", ["autoreply", "delay"])
def test_replies_and_delays_are_told_in_the_timeline_and_count_nothing(sent: Sent, kind: str) -> None:
    delay = delivery_report(sent.email, action="delayed", status="4.4.1", diagnostic="451 4.4.1 no answer yet")
    raw = autoreply(sent.path) if kind == "autoreply" else delay
    assert sent.ingest(raw, sent.path) == BounceCounts(read=1, matched=1, ignored=1)
    assert sent.delivery().marks == 0
    assert sent.suppressed() == {}
    assert [event.kind for event in sent.events()] == ["autoresponded" if kind == "autoreply" else "deferred"]


def test_the_same_mail_twice_counts_once(sent: Sent, runtime: Runtime) -> None:
    assert sent.ingest(delivery_report(sent.email), sent.path) == HARD
    again = delivery_report(sent.email, received="mx2.harbour.example")
    assert sent.ingest(again, sent.path) == IGNORED
    assert sent.ingest(again.replace(b"\n", b"\r\n"), sent.path) == IGNORED
    assert len(sent.events()) == 1
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(InboundMail)) == 1


def test_five_issues_in_a_row_and_two_weeks_of_soft_bounces_suppress(sent: Sent, runtime: Runtime) -> None:
    full = {"status": "5.2.2", "diagnostic": "552 5.2.2 mailbox full"}
    for number in range(5):
        assert sent.suppressed() == {}
        now = NOW + timedelta(days=4 * number)
        with runtime.transaction() as session:
            first = issues.find_issue(session, sent.issue_id)
            issue = issues.create_issue(
                session, brief_id=first.brief_id, list_slugs=["readers"], actor=OPERATOR, now=now, again=True
            )
            issues.send_issue(session, issue.id, actor=OPERATOR, provider="outbox", batch_size=4, now=now)
        path = return_path(runtime.links.delivery_token(issue.id, sent.person))
        assert sent.ingest(delivery_report(sent.email, **full), path, now=now + timedelta(hours=1)) == SOFT
    assert sent.suppressed() == {sent.email: SuppressionReason.BOUNCED}


def test_a_bounce_proves_that_a_delivery_in_doubt_went_out(sent: Sent, runtime: Runtime) -> None:
    with runtime.transaction() as session:
        session.get_one(Delivery, (sent.issue_id, sent.person)).status = int(DeliveryStatus.UNKNOWN)
    sent.ingest(delivery_report(sent.email), sent.path)
    assert sent.delivery().status == DeliveryStatus.ACCEPTED


def test_mail_about_a_test_send_counts_nothing(sent: Sent, runtime: Runtime) -> None:
    path = return_path(runtime.links.delivery_token(0, 1))
    assert sent.ingest(delivery_report("editor@harbour.example"), path) == IGNORED


def test_the_bounce_of_an_erased_person_suppresses_nobody_else(sent: Sent, runtime: Runtime) -> None:
    with runtime.transaction() as session:
        subscribers.erase_subscriber(session, sent.email, address_key=runtime.links.address_key, now=NOW)
    before = sent.suppressed()
    assert sent.ingest(delivery_report(sent.email), sent.path) == HARD
    assert sent.suppressed() == before


@pytest.mark.parametrize(
    "raw", [b"", b"\x00\xff", b"\n\n", b"Content-Type: multipart/report; boundary=\n\n--", b"\r" * 500]
)
def test_whatever_comes_is_kept(sent: Sent, runtime: Runtime, raw: bytes) -> None:
    assert sent.ingest(raw, sent.path) == UNKNOWN
    with runtime.reading() as session:
        assert session.scalar(select(InboundMail.kind)) == "other"


def test_only_addresses_with_a_living_token_are_awaited(sent: Sent, runtime: Runtime) -> None:
    foreign = runtime.links.delivery_token(sent.issue_id, 999_999)
    much_later = NOW + timedelta(days=31)
    assert sent.is_awaited(sent.path)
    assert sent.is_awaited(sent.path.upper())
    assert sent.is_awaited(leaving_address(sent.token))
    assert not sent.is_awaited(return_path("0" * 30))
    assert not sent.is_awaited(return_path(foreign))
    assert not sent.is_awaited(sent.email)
    assert not sent.is_awaited(sent.path, now=much_later)
    assert sent.is_awaited(leaving_address(sent.token), now=much_later)


def test_raw_mails_are_forgotten_after_their_time_and_with_their_person(sent: Sent, runtime: Runtime) -> None:
    raw = delivery_report(sent.email)
    sent.ingest(raw, sent.path)
    with runtime.transaction() as session:
        assert bouncing.forget_old_mails(session, keep_days=40, now=NOW + timedelta(days=39)) == 0
        assert bouncing.forget_old_mails(session, keep_days=40, now=NOW + timedelta(days=41)) == 1
    sent.ingest(raw, sent.path)
    key = runtime.links.address_key
    with runtime.transaction() as session:
        subscribers.erase_subscriber(session, sent.email, address_key=key, now=LATER)
        assert session.scalar(select(func.count()).select_from(InboundMail)) == 0


def _write_file(folder: Path, mails: list[bytes]) -> Path:
    for number, raw in enumerate(mails):
        (folder / f"{number}.eml").write_bytes(raw)
    return folder


def _write_mbox(folder: Path, mails: list[bytes]) -> Path:
    box = mailbox.mbox(folder / "box")
    for raw in mails:
        box.add(raw)
    box.close()
    return folder / "box"


def _write_maildir(folder: Path, mails: list[bytes]) -> Path:
    box = mailbox.Maildir(folder / "Maildir")
    for raw in mails:
        box.add(raw)
    return folder / "Maildir"


@pytest.mark.parametrize("write", [_write_file, _write_mbox, _write_maildir])
def test_folders_mboxes_and_maildirs_hold_the_same_mails(
    tmp_path: Path, write: Callable[[Path, list[bytes]], Path]
) -> None:
    mails = [plain_mail("a@example.org", text=f"From here on: {number}\n\nFrom there") for number in range(3)]
    found = sorted(raw.strip() for raw in mails_in(write(tmp_path, mails)))
    assert found == sorted(raw.strip() for raw in mails)


def test_a_mailbox_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no file or folder"):
        list(mails_in(tmp_path / "nothing"))
