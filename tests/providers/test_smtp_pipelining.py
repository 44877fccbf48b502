"""Mails one behind the other over one connection: whatever the server does, every recipient is accounted for."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

import pytest

from newsletter.domain.mail import OutcomeKind, Recipient
from newsletter.errors import InvalidInput
from newsletter.providers import ProviderUnavailable
from newsletter.providers.smtp import SmtpProvider
from tests.fakes.odd_smtp_server import CLOSE, OddSmtpServer, Session
from tests.fakes.smtp_server import SmtpServer
from tests.providers.mails import (
    addresses,
    gather,
    kinds,
    make_recipient,
    make_recipients,
    ready_mailing,
    short_recipients,
    small,
)

ACCEPTED, REFUSED, DEFERRED, UNKNOWN = (
    OutcomeKind.ACCEPTED,
    OutcomeKind.REFUSED,
    OutcomeKind.DEFERRED,
    OutcomeKind.UNKNOWN,
)
Make = Callable[..., SmtpProvider]


def at(verb: str, count: int, reply: bytes) -> Callable[[Session, str], bytes | None]:
    """This reply to that command when it comes for the nth time over the first connection."""

    def oddity(session: Session, found: str) -> bytes | None:
        return reply if (session.number, found, session.counts[found]) == (1, verb, count) else None

    return oddity


@pytest.mark.parametrize("portion", [1, 7])
def test_replies_that_come_in_pieces_are_put_together(make_smtp: Make, portion: int) -> None:
    def many_lines(session: Session, verb: str) -> bytes | None:
        return b"250-2.0.0 taken\r\n250-2.0.0 with\r\n250 2.0.0 thanks\r\n" if verb == "DOT" else None

    with OddSmtpServer(many_lines, portion=portion) as server:
        outcomes = list(make_smtp(server.url).send(ready_mailing(), short_recipients(4)))
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED] * 4
    assert {outcome.response for outcome in outcomes} == {"250 2.0.0 taken 2.0.0 with 2.0.0 thanks"}


def test_a_mail_takes_one_round_trip(make_smtp: Make) -> None:
    heard_at_data: list[int] = []

    def note(session: Session, verb: str) -> None:
        if verb == "DOT":
            heard_at_data.append(session.inbox.count(b"\r\n"))

    with OddSmtpServer(note) as server:
        assert len(list(make_smtp(server.url).send(ready_mailing(), short_recipients(4)))) == 4
    # With each message came MAIL, RCPT and DATA of the next, but for the last.
    assert heard_at_data == [3, 3, 3, 0]


@pytest.mark.parametrize("offers", [(), ("PIPELINING",)])
@pytest.mark.parametrize(
    ("verb", "reply", "kind"),
    [
        ("RCPT", b"550 5.1.1 nobody here\r\n", REFUSED),
        ("RCPT", b"450 4.2.0 later\r\n", DEFERRED),
        ("RCPT", b"421 4.3.2 closing\r\n", DEFERRED),
        ("DATA", b"554 5.3.0 no\r\n", REFUSED),
        ("DATA", b"451 4.3.0 not now\r\n", DEFERRED),
        ("DATA", b"421 4.3.2 closing\r\n", DEFERRED),
        ("DOT", b"554 5.7.1 content\r\n", REFUSED),
        ("DOT", b"452 4.3.1 full\r\n", DEFERRED),
        ("DOT", b"421 4.3.2 closing\r\n", DEFERRED),
        ("DOT", b"gibberish\r\n", UNKNOWN),
        ("DOT", CLOSE, UNKNOWN),
        ("DATA", b"250 2.0.0 what data?\r\n", DEFERRED),
        ("MAIL", b"421 4.3.2 closing\r\n", ACCEPTED),
        ("MAIL", CLOSE, ACCEPTED),
        ("MAIL", b"gibberish\r\n", ACCEPTED),
        ("RCPT", CLOSE, DEFERRED),
    ],
)
def test_a_reply_concerns_its_own_mail_and_not_those_before_and_behind_it(
    make_smtp: Make, offers: tuple[str, ...], verb: str, reply: bytes, kind: OutcomeKind
) -> None:
    with OddSmtpServer(at(verb, 2, reply), offers=offers) as server:
        found, error = gather(make_smtp(server.url).send(ready_mailing(), short_recipients(4)))
    assert error is None
    assert kinds(found) == {1: ACCEPTED, 2: kind, 3: ACCEPTED, 4: ACCEPTED}
    was_taken = kind is ACCEPTED or (reply == CLOSE and verb == "DOT")
    assert server.counted() == Counter(f"r{number}@x.example" for number in range(1, 5) if number != 2 or was_taken)


def test_replies_that_are_one_behind_end_the_connection(make_smtp: Make) -> None:
    with OddSmtpServer(at("DOT", 1, b"250 2.0.0 once\r\n250 2.0.0 twice\r\n")) as server:
        found, error = gather(make_smtp(server.url).send(ready_mailing(), short_recipients(3)))
    assert error is None
    assert kinds(found) == {1: ACCEPTED, 2: DEFERRED, 3: ACCEPTED}
    assert set(server.counted()) == {"r1@x.example", "r3@x.example"}
    assert server.connections == 2


@pytest.mark.parametrize(("reply", "needs_person"), [(b"451 4.3.0 busy\r\n", False), (b"550 5.7.1 not you\r\n", True)])
def test_a_sender_that_is_refused_in_mid_stream_pauses_the_provider_after_a_second_look(
    make_smtp: Make, reply: bytes, needs_person: bool
) -> None:
    def refuse_later(session: Session, verb: str) -> bytes | None:
        return reply if verb == "MAIL" and session.counts["MAIL"] >= 3 else None

    with OddSmtpServer(refuse_later) as server:
        found, error = gather(make_smtp(server.url).send(ready_mailing(), short_recipients(6)))
    assert kinds(found) == {1: ACCEPTED, 2: ACCEPTED}
    assert isinstance(error, ProviderUnavailable) and error.needs_person is needs_person
    assert set(server.counted()) == {"r1@x.example", "r2@x.example"}


def test_a_server_that_wants_the_reply_read_before_the_next_mail_gets_it_so(make_smtp: Make) -> None:
    def strict(session: Session, verb: str) -> bytes | None:
        session.counts["early"] += verb == "DOT" and bool(session.inbox)
        if not session.counts["early"] or verb == "DOT":
            return None
        return b"554 5.5.0 Error: SMTP protocol synchronization\r\n" if verb == "MAIL" else CLOSE

    with OddSmtpServer(strict) as server:
        provider = make_smtp(server.url)
        found, error = gather(provider.send(ready_mailing(), short_recipients(8)))
    assert error is None
    assert kinds(found) == dict.fromkeys(range(1, 9), ACCEPTED)
    assert set(server.counted().values()) == {1}
    assert server.connections == 2


def test_a_server_that_throws_away_what_comes_with_a_message_costs_one_time_out(make_smtp: Make) -> None:
    def deaf(session: Session, verb: str) -> None:
        if verb == "DOT":
            session.inbox.clear()

    with OddSmtpServer(deaf) as server:
        provider = make_smtp(server.url, timeout_seconds=1.5)
        found, error = gather(provider.send(ready_mailing(), short_recipients(8)))
    assert error is None
    assert kinds(found) == dict.fromkeys(range(1, 9), ACCEPTED)
    assert set(server.counted().values()) == {1}
    assert server.connections == 2


def test_no_recipient_of_a_mail_whose_sender_was_refused_gets_an_empty_one(make_smtp: Make) -> None:
    def muddled(session: Session, verb: str) -> bytes | None:
        return b"451 4.3.0 odd\r\n" if verb == "MAIL" and session.counts["MAIL"] == 2 else None

    with OddSmtpServer(muddled) as server:
        found, error = gather(make_smtp(server.url).send(ready_mailing(), short_recipients(3)))
    assert error is None
    assert kinds(found) == {1: ACCEPTED, 2: ACCEPTED, 3: ACCEPTED}
    assert all(b"Hello" in wire for _, wire in server.taken)


def test_a_server_that_asks_for_the_message_of_a_refused_recipient_gets_an_empty_one(
    smtp_server: SmtpServer, make_smtp: Make
) -> None:
    smtp_server.set(always_354=True)
    recipients = [make_recipient(1), make_recipient(2, local="refused5xx"), make_recipient(3), make_recipient(4)]
    assert kinds(make_smtp(smtp_server.url).send(ready_mailing(), recipients)) == {
        1: ACCEPTED,
        2: REFUSED,
        3: ACCEPTED,
        4: ACCEPTED,
    }
    assert (smtp_server.stats().empty_messages, smtp_server.stats().resets) == (1, 1)


def test_a_refusal_in_the_middle_of_a_large_message_is_heard_while_it_is_written(make_smtp: Make) -> None:
    # The server says 200 KB before it reads on: who only writes at that moment waits for ever.
    refusal = b"552-5.3.4 too big\r\n" + b"552-%b\r\n" % (b"x" * 2000) * 98 + b"552 5.3.4 too big\r\n"
    large = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 120_000
    mailing = ready_mailing(compose=lambda each: large if each.subscriber_id == 2 else small(each))
    with OddSmtpServer(at("DATA in", 2, refusal), small_buffers=True) as server:
        found, error = gather(make_smtp(server.url).send(mailing, short_recipients(3)))
    assert error is None
    assert kinds(found) == {1: ACCEPTED, 2: REFUSED, 3: ACCEPTED}
    assert set(server.counted()) == {"r1@x.example", "r3@x.example"}
    # The rest of the message stayed here: the third mail went over another connection.
    assert server.connections == 2


def test_large_messages_arrive_whole_at_a_server_that_reads_slowly(make_smtp: Make) -> None:
    lines = b"Subject: x\r\n\r\n" + (b"y" * 70 + b"\r\n") * 20_000
    timeout_seconds = 1.5
    with OddSmtpServer(small_buffers=True, pause_seconds=0.045, gulp=20_000) as server:
        provider = make_smtp(server.url, connections=2, timeout_seconds=timeout_seconds)
        began = time.monotonic()
        outcomes = kinds(provider.send(ready_mailing(compose=lambda _: lines), short_recipients(2)))
        took = time.monotonic() - began
    assert outcomes == dict.fromkeys((1, 2), ACCEPTED)
    # What counts is that something goes on: both took longer than the reply to a message is waited for.
    assert took > 2 * timeout_seconds
    assert {wire for _, wire in server.taken} == {lines}


def test_a_message_is_composed_only_when_the_server_waits_for_it(make_smtp: Make) -> None:
    composed: list[str] = []
    came_early: list[str] = []

    def compose(recipient: Recipient) -> bytes:
        composed.append(recipient.email)
        return small(recipient)

    def look(session: Session, verb: str) -> None:
        if verb == "DOT" and session.rcpt not in composed:
            came_early.append(session.rcpt)

    in_doubt = []
    with OddSmtpServer(look) as server:
        provider = make_smtp(server.url, connections=3)
        for told, _ in enumerate(provider.send(ready_mailing(compose=compose), short_recipients(60)), start=1):
            in_doubt.append(len(set(composed)) - told)
    assert came_early == []
    # Three connections: two others may have a message out when the third's outcome is told.
    assert max(in_doubt) <= 2
    # The first one twice: its size was announced.
    assert Counter(composed) == Counter(f"r{number}@x.example" for number in [1, *range(1, 61)])


def test_a_reply_that_nobody_had_time_to_read_is_no_silence(make_smtp: Make) -> None:
    timeout_seconds = 1.5
    with OddSmtpServer() as server:
        provider = make_smtp(server.url, connections=3, timeout_seconds=timeout_seconds)
        found = []
        for outcome in provider.send(ready_mailing(), short_recipients(9)):
            found.append(outcome)
            if len(found) == 3:
                # A database that is slow to write outcomes down: longer than the reply to a message is waited for.
                time.sleep(2.1 * timeout_seconds)
    assert [outcome.kind for outcome in found] == [ACCEPTED] * 9
    assert server.connections == 3


def test_closing_does_not_wait_for_a_server_that_has_no_message(make_smtp: Make) -> None:
    is_over = threading.Event()
    waited_in_vain: list[int] = []

    def hesitate(session: Session, verb: str) -> None:
        if verb == "MAIL" and session.number == 2 and not is_over.wait(30):
            waited_in_vain.append(session.number)

    with OddSmtpServer(hesitate) as server:
        provider = make_smtp(server.url, connections=2, timeout_seconds=3600)
        outcomes = provider.send(ready_mailing(), short_recipients(20))
        found = [next(outcomes) for _ in range(3)]
        outcomes.close()
        found += outcomes
        is_over.set()
    assert waited_in_vain == []
    assert set(server.counted()) == addresses(found, ACCEPTED)


def test_closing_leaves_those_untouched_whose_commands_were_said_ahead(make_smtp: Make) -> None:
    composed: list[int] = []

    def compose(recipient: Recipient) -> bytes:
        composed.append(recipient.subscriber_id)
        return small(recipient)

    with OddSmtpServer() as server:
        outcomes = make_smtp(server.url).send(ready_mailing(compose=compose), short_recipients(20))
        found = [next(outcomes)]
        outcomes.close()
        found += outcomes
    assert [outcome.kind for outcome in found] == [ACCEPTED]
    assert set(composed) == {1}
    assert len(server.taken) == 1


@pytest.mark.parametrize("error", [InvalidInput("a name holds a line break"), RuntimeError("lease lost")])
def test_a_mail_that_cannot_be_composed_when_it_is_asked_for_never_reaches_the_server(
    make_smtp: Make, error: Exception
) -> None:
    def compose(recipient: Recipient) -> bytes:
        if recipient.subscriber_id == 3:
            raise error
        return small(recipient)

    with OddSmtpServer() as server:
        # Waiting for a server that waits for us would take longer than a test may.
        provider = make_smtp(server.url, timeout_seconds=3600)
        found, raised = gather(provider.send(ready_mailing(compose=compose), short_recipients(5)))
    if isinstance(error, InvalidInput):
        assert raised is None
        assert kinds(found) == {1: ACCEPTED, 2: ACCEPTED, 3: REFUSED, 4: ACCEPTED, 5: ACCEPTED}
    else:
        assert raised is error
        assert kinds(found) == {1: ACCEPTED, 2: ACCEPTED}
    assert server.counted() == Counter(addresses(found, ACCEPTED))


def test_a_batch_that_is_lost_while_the_server_hesitates_is_not_handed_over(make_smtp: Make) -> None:
    lost_at: list[str] = []

    def compose(recipient: Recipient) -> bytes:
        if lost_at:
            raise RuntimeError("lease lost")
        return small(recipient)

    def hesitate(session: Session, verb: str) -> None:
        if verb == "DATA":
            lost_at.append(session.rcpt)

    with OddSmtpServer(hesitate) as server:
        found, error = gather(make_smtp(server.url).send(ready_mailing(compose=compose), short_recipients(3)))
    assert (found, str(error), lost_at) == ([], "lease lost", ["r1@x.example"])
    assert server.taken == []


def test_a_connection_says_goodbye_after_as_many_mails_as_we_allow(smtp_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(smtp_server.url, mails_per_connection=4)
    assert kinds(provider.send(ready_mailing(), make_recipients(10))) == dict.fromkeys(range(1, 11), ACCEPTED)
    provider.close()
    stats = smtp_server.stats_when(lambda stats: stats.quits == 3)
    assert (stats.connections, stats.accepted) == (3, 10)


def test_reports_are_asked_for_where_the_server_takes_such_wishes(smtp_server: SmtpServer, make_smtp: Make) -> None:
    smtp_server.set(dsn=True)
    recipients = [make_recipient(1, email="a+b=c@example.org"), make_recipient(2)]
    assert kinds(make_smtp(smtp_server.url).send(ready_mailing(), recipients)) == {1: ACCEPTED, 2: ACCEPTED}
    first, second = smtp_server.accepted()
    assert first["parameters"].endswith(f" RET=HDRS ENVID={recipients[0].token}")
    assert first["rcpt_parameters"] == "NOTIFY=FAILURE,DELAY ORCPT=rfc822;a+2Bb+3Dc@example.org"
    assert second["rcpt_parameters"] == "NOTIFY=FAILURE,DELAY ORCPT=rfc822;reader2@example.org"
    assert [mail["mail_from"] for mail in (first, second)] == [each.return_path for each in recipients]
