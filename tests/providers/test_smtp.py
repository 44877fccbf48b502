"""The SMTP provider against a real server: every recipient gets one outcome, and nobody a second mail."""

from __future__ import annotations

import gc
import socket
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from newsletter.domain.mail import OutcomeKind, Recipient
from newsletter.providers import ProviderUnavailable
from newsletter.providers.smtp import SmtpProvider
from newsletter.providers.smtp_pool import SmtpPool
from newsletter.providers.smtp_url import parse_smtp_url
from tests.fakes.smtp_server import SmtpServer
from tests.providers.mails import compose, gather, ids, kinds, make_mailing, make_recipient, make_recipients, sha256

ACCEPTED, REFUSED, DEFERRED, UNKNOWN = (
    OutcomeKind.ACCEPTED,
    OutcomeKind.REFUSED,
    OutcomeKind.DEFERRED,
    OutcomeKind.UNKNOWN,
)
Make = Callable[..., SmtpProvider]


def message_ids(server: SmtpServer) -> Counter[str]:
    return Counter(mail["message_id"] for mail in server.accepted())


@pytest.mark.parametrize("pipelining", [True, False])
def test_the_message_arrives_byte_for_byte_with_its_envelope(
    smtp_server: SmtpServer, make_smtp: Make, pipelining: bool
) -> None:
    smtp_server.set(pipelining=pipelining)
    recipients = make_recipients(3)
    outcomes = list(make_smtp(smtp_server.url).send(make_mailing(), recipients))
    assert [outcome.kind for outcome in outcomes] == [ACCEPTED] * 3
    for recipient, mail in zip(recipients, smtp_server.accepted(), strict=True):
        assert mail["sha256"] == sha256(recipient)
        assert mail["rcpt"] == [recipient.email]
        assert mail["mail_from"] == recipient.return_path


def test_an_outcome_carries_the_servers_reply_and_our_message_id(smtp_server: SmtpServer, make_smtp: Make) -> None:
    recipient = make_recipient(1)
    outcome = make_smtp(smtp_server.url).send_test(make_mailing(), recipient)
    assert outcome.kind is ACCEPTED
    assert outcome.response == "250 2.0.0 Ok: queued as FAKE0001"
    assert outcome.message_id == recipient.headers["Message-ID"]


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("local", "kind", "response"),
    [
        ("refused5xx", REFUSED, "550 5.1.1 <(address)>: no such user here"),
        ("deferred4xx", DEFERRED, "451 4.3.0 try again later"),
        ("refusedatend", REFUSED, "554 5.7.1 message content rejected"),
        ("deferredatend", DEFERRED, "452 4.3.1 no room"),
        ("greylist", DEFERRED, "451 4.7.1 greylisted, come again"),
        ("closes421", DEFERRED, "421 4.3.2 shutting down"),
    ],
)
def test_a_refusal_concerns_one_recipient_and_the_next_mail_goes_out(
    smtp_server: SmtpServer, make_smtp: Make, local: str, kind: OutcomeKind, response: str, pipelining: bool
) -> None:
    smtp_server.set(pipelining=pipelining)
    recipients = [make_recipient(1), make_recipient(2, local=local), make_recipient(3)]
    outcomes = {o.subscriber_id: o for o in make_smtp(smtp_server.url).send(make_mailing(), recipients)}
    assert [outcomes[number].kind for number in (1, 2, 3)] == [ACCEPTED, kind, ACCEPTED]
    assert outcomes[2].response == response
    assert [mail["sha256"] for mail in smtp_server.accepted()] == [sha256(recipients[0]), sha256(recipients[2])]


def test_a_greylisted_recipient_is_accepted_the_second_time(smtp_server: SmtpServer, make_smtp: Make) -> None:
    provider, recipient = make_smtp(smtp_server.url), make_recipient(1, local="greylist")
    first = provider.send_test(make_mailing(), recipient)
    second = provider.send_test(make_mailing(), recipient)
    assert (first.kind, second.kind) == (DEFERRED, ACCEPTED)
    assert len(smtp_server.accepted()) == 1


def test_a_server_that_asks_for_data_without_a_recipient_gets_an_empty_message(
    smtp_server: SmtpServer, make_smtp: Make
) -> None:
    smtp_server.set(always_354=True)
    recipients = [make_recipient(1, local="refused5xx"), make_recipient(2)]
    outcomes = kinds(make_smtp(smtp_server.url).send(make_mailing(), recipients))
    assert outcomes == {1: REFUSED, 2: ACCEPTED}
    assert smtp_server.stats().empty_messages == 1
    assert len(smtp_server.accepted()) == 1


@pytest.mark.parametrize("pipelining", [True, False])
def test_a_connection_lost_after_the_final_dot_leaves_doubt_and_is_never_resent(
    smtp_server: SmtpServer, make_smtp: Make, pipelining: bool
) -> None:
    smtp_server.set(pipelining=pipelining)
    recipients = [make_recipient(1), make_recipient(2, local="diesafterdot"), make_recipient(3)]
    outcomes = kinds(make_smtp(smtp_server.url).send(make_mailing(), recipients))
    assert outcomes == {1: ACCEPTED, 2: UNKNOWN, 3: ACCEPTED}
    assert set(message_ids(smtp_server).values()) == {1}


def test_silence_after_the_final_dot_leaves_doubt(smtp_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(smtp_server.url, timeout_seconds=1.5)
    recipients = [make_recipient(1, local="hangsafterdot"), make_recipient(2)]
    outcomes = {o.subscriber_id: o for o in provider.send(make_mailing(), recipients)}
    assert outcomes[1].kind is UNKNOWN
    assert "no answer in time" in outcomes[1].response
    assert outcomes[2].kind is ACCEPTED


def test_a_connection_lost_in_the_middle_of_the_message_leaves_no_doubt(
    smtp_server: SmtpServer, make_smtp: Make
) -> None:
    too_big_for_any_buffer = (b"x" * 70 + b"\r\n") * 200_000
    mailing = make_mailing(compose=lambda recipient: compose(recipient) + too_big_for_any_buffer)
    recipients = [make_recipient(1, local="dropsindata"), make_recipient(2)]
    assert kinds(make_smtp(smtp_server.url).send(mailing, recipients)) == {1: DEFERRED, 2: ACCEPTED}
    assert len(smtp_server.accepted()) == 1


def test_silence_before_the_message_makes_the_provider_unavailable(smtp_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(smtp_server.url, timeout_seconds=1.5)
    provider.check()
    smtp_server.set(delay_seconds=3600)
    found, error = gather(provider.send(make_mailing(), [make_recipient(1)]))
    assert found == []
    assert isinstance(error, ProviderUnavailable) and not error.needs_person
    assert smtp_server.accepted() == []


def test_a_server_that_never_answers_after_the_dot_is_left_alone_after_five_mails(
    smtp_server: SmtpServer, make_smtp: Make
) -> None:
    smtp_server.set(die_after_dot=True)
    found, error = gather(make_smtp(smtp_server.url).send(make_mailing(), make_recipients(50)))
    assert [outcome.kind for outcome in found] == [UNKNOWN] * 5
    assert isinstance(error, ProviderUnavailable)
    assert error.retry_after_seconds == 60
    assert len(smtp_server.accepted()) == 5


def test_one_connection_serves_several_batches(smtp_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(smtp_server.url)
    for _ in range(3):
        assert set(kinds(provider.send(make_mailing(), make_recipients(5))).values()) == {ACCEPTED}
    assert smtp_server.stats().connections == 1
    provider.close()
    smtp_server.stats_when(lambda stats: stats.quits == 1)


def test_a_refused_mail_is_followed_by_a_reset_on_the_same_connection(smtp_server: SmtpServer, make_smtp: Make) -> None:
    recipients = [make_recipient(1, local="refused5xx"), make_recipient(2)]
    assert kinds(make_smtp(smtp_server.url).send(make_mailing(), recipients)) == {1: REFUSED, 2: ACCEPTED}
    stats = smtp_server.stats()
    assert (stats.connections, stats.resets) == (1, 1)


def test_a_limit_of_messages_per_connection_costs_a_new_connection_and_no_mail(
    smtp_server: SmtpServer, make_smtp: Make
) -> None:
    smtp_server.set(messages_per_connection=3)
    outcomes = kinds(make_smtp(smtp_server.url).send(make_mailing(), make_recipients(10)))
    assert list(outcomes.values()) == [ACCEPTED] * 10
    assert smtp_server.stats().connections == 4
    assert set(message_ids(smtp_server).values()) == {1}


def test_a_kept_connection_that_died_meanwhile_costs_no_mail(smtp_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(smtp_server.url)
    smtp_server.set(close_after_message=True)
    for number in range(1, 4):
        assert provider.send_test(make_mailing(), make_recipient(number)).kind is ACCEPTED
    assert kinds(provider.send(make_mailing(), make_recipients(5))) == dict.fromkeys(range(1, 6), ACCEPTED)
    assert smtp_server.stats().connections == 8


def test_the_connections_of_all_slots_of_a_process_are_kept(smtp_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(smtp_server.url, connections=2)
    for round_ in range(3):
        # Two batches that are under way at the same time, as those of two threads of a worker.
        batches = [provider.send(make_mailing(), make_recipients(20)) for _ in range(2)]
        first = [next(batch) for batch in batches]
        rest = [kind for batch in batches for kind in kinds(batch).values()]
        assert [outcome.kind for outcome in first] + rest == [ACCEPTED] * 40, round_
    assert smtp_server.stats().connections == 4


def test_a_connection_that_comes_back_to_a_closed_pool_says_goodbye(smtp_server: SmtpServer) -> None:
    pool = SmtpPool(parse_smtp_url(smtp_server.url), kept=2, timeout_seconds=5)
    connection = pool.acquire()
    pool.close()
    pool.release(connection)
    for thread in threading.enumerate():
        if thread.name == "smtp-quitting":
            thread.join(60)
    assert connection.socket.fileno() == -1


def test_parallel_connections_hand_each_mail_over_once(smtp_server: SmtpServer, make_smtp: Make) -> None:
    recipients = make_recipients(300)
    outcomes = kinds(make_smtp(smtp_server.url, connections=4).send(make_mailing(), recipients))
    assert outcomes == dict.fromkeys(ids(recipients), ACCEPTED)
    assert message_ids(smtp_server) == Counter(recipient.headers["Message-ID"] for recipient in recipients)
    assert smtp_server.stats().connections == 4


def test_a_server_that_allows_fewer_connections_than_we_open_still_takes_all(
    smtp_server: SmtpServer, make_smtp: Make
) -> None:
    smtp_server.set(max_connections=2)
    outcomes = kinds(make_smtp(smtp_server.url, connections=6).send(make_mailing(), make_recipients(60)))
    assert list(outcomes.values()) == [ACCEPTED] * 60
    assert set(message_ids(smtp_server).values()) == {1}


@pytest.mark.parametrize("connections", [1, 4])
def test_closing_stops_the_sending_and_every_mail_that_went_out_has_its_outcome(
    smtp_server: SmtpServer, make_smtp: Make, connections: int
) -> None:
    recipients = make_recipients(1000)
    outcomes = make_smtp(smtp_server.url, connections=connections).send(make_mailing(), recipients)
    found = []
    for outcome in outcomes:
        found.append(outcome)
        if len(found) == 10:
            outcomes.close()
    went_out = {mail["rcpt"][0] for mail in smtp_server.accepted()}
    assert 10 <= len(found) < 1000
    assert {f"reader{outcome.subscriber_id}@example.org" for outcome in found} == went_out


def test_nothing_is_sent_before_the_first_outcome_is_asked_for(smtp_server: SmtpServer, make_smtp: Make) -> None:
    outcomes = make_smtp(smtp_server.url, connections=4).send(make_mailing(), make_recipients(10))
    outcomes.close()
    assert list(outcomes) == []
    assert smtp_server.stats().connections == 0


@pytest.mark.parametrize("connections", [1, 4])
def test_a_mail_that_cannot_be_composed_ends_the_sending_with_its_error(
    smtp_server: SmtpServer, make_smtp: Make, connections: int
) -> None:
    def fragile(recipient: Recipient) -> bytes:
        if recipient.subscriber_id == 5:
            raise KeyError("greeting")
        return compose(recipient)

    provider = make_smtp(smtp_server.url, connections=connections)
    found, error = gather(provider.send(make_mailing(compose=fragile), make_recipients(40)))
    assert isinstance(error, KeyError)
    assert len(found) == len(smtp_server.accepted()) < 40


def test_a_sending_that_is_interrupted_at_its_first_mail_leaves_nothing_open(
    smtp_server: SmtpServer, make_smtp: Make
) -> None:
    def interrupt(recipient: Recipient) -> bytes:
        raise KeyboardInterrupt

    provider = make_smtp(smtp_server.url)
    assert provider.send_test(make_mailing(), make_recipient(1)).kind is ACCEPTED
    with pytest.raises(KeyboardInterrupt):
        list(provider.send(make_mailing(compose=interrupt), make_recipients(2)))
    # What was left open is a warning of the collector, and that an error.
    gc.collect()
    assert smtp_server.stats_when(lambda stats: stats.open == 0).accepted == 1


def test_an_address_that_could_smuggle_a_command_is_refused_unsent(smtp_server: SmtpServer, make_smtp: Make) -> None:
    evil = make_recipient(1, email="a@example.org>\r\nRCPT TO:<victim@example.org")
    foreign = make_recipient(2, email="пример@example.org")
    outcomes = kinds(make_smtp(smtp_server.url).send(make_mailing(), [evil, foreign, make_recipient(3)]))
    assert outcomes == {1: REFUSED, 2: REFUSED, 3: ACCEPTED}
    assert [mail["rcpt"] for mail in smtp_server.accepted()] == [["reader3@example.org"]]


def test_bare_line_ends_never_reach_the_server(tmp_path: Path, make_smtp: Make) -> None:
    smuggled = b"Subject: x\r\n\r\none\n.\nMAIL FROM:<evil@example.org>\r.\rtwo\r\n"
    with SmtpServer(tmp_path / "kept.jsonl", "--keep", str(tmp_path)) as server:
        outcome = make_smtp(server.url).send_test(make_mailing(compose=lambda _: smuggled), make_recipient(1))
        assert outcome.kind is ACCEPTED
        (mail,) = server.accepted()
    received = (tmp_path / f"{mail['sha256']}.eml").read_bytes()
    assert received == b"Subject: x\r\n\r\none\r\n.\r\nMAIL FROM:<evil@example.org>\r\n.\r\ntwo\r\n"


def test_a_mailing_that_is_not_as_ready_as_it_says_is_made_ready(smtp_server: SmtpServer, make_smtp: Make) -> None:
    recipients = make_recipients(3)
    mailing = make_mailing(is_wire_ready=True)
    assert kinds(make_smtp(smtp_server.url).send(mailing, recipients)) == dict.fromkeys((1, 2, 3), ACCEPTED)
    assert [mail["sha256"] for mail in smtp_server.accepted()] == [sha256(each) for each in recipients]


def test_a_mailing_that_is_ready_goes_out_as_it_is(smtp_server: SmtpServer, make_smtp: Make) -> None:
    ready = make_mailing(compose=lambda each: compose(each).replace(b"\r\n.", b"\r\n=2E"), is_wire_ready=True)
    assert kinds(make_smtp(smtp_server.url).send(ready, make_recipients(3))) == dict.fromkeys((1, 2, 3), ACCEPTED)
    sizes = [len(ready.compose(recipient)) for recipient in make_recipients(3)]
    assert [mail["size"] for mail in smtp_server.accepted()] == sizes


def test_the_null_return_path_and_eight_bit_text_are_announced(smtp_server: SmtpServer, make_smtp: Make) -> None:
    mailing = make_mailing(compose=lambda _: "Subject: x\r\n\r\nпривет\r\n".encode())
    assert make_smtp(smtp_server.url).send_test(mailing, make_recipient(1, return_path="")).kind is ACCEPTED
    (mail,) = smtp_server.accepted()
    assert mail["mail_from"] == ""
    assert mail["parameters"] == "SIZE=28 BODY=8BITMIME"


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize(
    ("moods", "needs_person"),
    [
        ({"mail_reply": "550 5.7.1 sender not allowed"}, True),
        ({"mail_reply": "451 4.3.0 busy"}, False),
        ({"greeting": "554 5.3.2 no service"}, True),
        ({"greeting": "421 4.3.2 too busy"}, False),
        ({"size_limit": 100}, True),
    ],
)
def test_a_refusal_of_ourselves_pauses_the_provider_and_fails_nobody(
    smtp_server: SmtpServer, make_smtp: Make, moods: dict[str, object], needs_person: bool, pipelining: bool
) -> None:
    smtp_server.set(pipelining=pipelining, **moods)
    found, error = gather(make_smtp(smtp_server.url, connections=2).send(make_mailing(), make_recipients(5)))
    assert found == []
    assert isinstance(error, ProviderUnavailable)
    assert error.needs_person is needs_person
    assert (error.retry_after_seconds is None) is needs_person
    assert smtp_server.accepted() == []


def test_a_relay_that_denies_relaying_pauses_the_provider_instead_of_failing_the_audience(
    smtp_server: SmtpServer, make_smtp: Make
) -> None:
    recipients = [make_recipient(1), make_recipient(2, local="relaydenied"), make_recipient(3)]
    found, error = gather(make_smtp(smtp_server.url).send(make_mailing(), recipients))
    assert kinds(found) == {1: ACCEPTED}
    assert isinstance(error, ProviderUnavailable) and error.needs_person
    assert "example.org" not in str(error)


def test_another_servers_words_about_relaying_concern_one_recipient(smtp_server: SmtpServer, make_smtp: Make) -> None:
    recipients = [make_recipient(1, local="remotesaid"), make_recipient(2)]
    assert kinds(make_smtp(smtp_server.url).send(make_mailing(), recipients)) == {1: REFUSED, 2: ACCEPTED}


def test_a_server_that_is_gone_makes_the_provider_unavailable(smtp_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(smtp_server.url, connections=3)
    provider.check()
    smtp_server.stop()
    found, error = gather(provider.send(make_mailing(), make_recipients(5)))
    assert found == []
    assert isinstance(error, ProviderUnavailable)
    assert not error.needs_person
    assert error.retry_after_seconds is not None
    assert "Connection refused" in str(error)


def test_a_host_without_an_address_makes_the_provider_unavailable(make_smtp: Make) -> None:
    with pytest.raises(ProviderUnavailable, match="cannot be reached"):
        make_smtp("smtp://no-such-host.invalid").check()


def test_a_server_that_is_silent_from_the_start_makes_the_provider_unavailable(make_smtp: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ProviderUnavailable, match="cannot be reached"):
            make_smtp(url, timeout_seconds=0.3).check()
