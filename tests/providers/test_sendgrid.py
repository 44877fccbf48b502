"""The SendGrid provider against a strict local SendGrid: one outcome each, no doubt hidden, nothing sent twice."""

from __future__ import annotations

import logging
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from newsletter.bench.ports import free_port
from newsletter.domain.mail import OutcomeKind
from newsletter.errors import ConfigurationError, InvalidInput, ServiceUnavailable
from newsletter.providers import ProviderUnavailable
from newsletter.providers.sendgrid import SendGridProvider
from tests.fakes.sendgrid_server import API_KEY, ORACLE, SendGridServer
from tests.providers.mails import gather, ids, kinds, make_mailing, make_recipient, make_recipients

ACCEPTED, REFUSED, UNKNOWN = OutcomeKind.ACCEPTED, OutcomeKind.REFUSED, OutcomeKind.UNKNOWN
Make = Callable[..., SendGridProvider]


def taken(server: SendGridServer) -> Counter[str]:
    """How often each delivery was taken, by its token."""
    return Counter(row["custom_args"]["nl_delivery"] for row in server.accepted())


def test_only_202_is_an_acceptance_and_its_message_id_is_kept(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    recipients = make_recipients(3)
    outcomes = list(make_sendgrid().send(make_mailing(), recipients))
    rows = sendgrid_server.accepted()
    assert [(o.subscriber_id, o.kind) for o in outcomes] == [(1, ACCEPTED), (2, ACCEPTED), (3, ACCEPTED)]
    assert {o.message_id for o in outcomes} == {row["message_id"] for row in rows}
    assert [row["custom_args"] for row in rows] == [{"nl_delivery": r.token, "nl_issue": "7"} for r in recipients]
    assert [row["headers"] for row in rows] == [dict(r.headers) for r in recipients]


def test_the_body_is_what_sendgrids_own_document_asks_for(sendgrid_server: SendGridServer, make_sendgrid: Make) -> None:
    if not ORACLE.is_file():
        pytest.skip(f"SendGrid's document is not at {ORACLE.parent}: bodies are checked by our own rules only")
    list(make_sendgrid().send(make_mailing(), make_recipients(2)))
    seen = sendgrid_server.seen()
    assert seen["oracle"] is True
    assert seen["violations"] == []


def test_the_body_shares_what_is_shared_and_escapes_what_goes_into_html(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    name = 'Анна "Ann"\r\nBcc: x@example.org'
    values = {"greeting": "Hi <b>Ann</b> & co\r\nnew line", "unsubscribe": "https://n.example/u?a=1&b=2"}
    headers = {"List-Id": "Вести дня <daily.n.example>", "Subject": "reserved", "Precedence": "bulk"}
    mailing = make_mailing(subject="Новости\r\nBcc: y@example.org", headers=headers)
    list(make_sendgrid().send(mailing, [make_recipient(1, name=name, values=values)]))
    (request,) = sendgrid_server.seen(bodies=True)["requests"]
    body: dict[str, Any] = request["body"]
    (row,) = body["personalizations"]
    assert request["content_type"] == "application/json"
    assert row["to"] == [{"email": "reader1@example.org", "name": 'Анна "Ann" Bcc: x@example.org'}]
    assert row["substitutions"] == {
        "[[h-greeting]]": "Hi &lt;b&gt;Ann&lt;/b&gt; &amp; co\r\nnew line",
        "[[h-unsubscribe]]": "https://n.example/u?a=1&amp;b=2",
        "[[t-greeting]]": "Hi <b>Ann</b> & co new line",
        "[[t-unsubscribe]]": "https://n.example/u?a=1&b=2",
    }
    assert body["subject"] == "Новости Bcc: y@example.org"
    assert [part["type"] for part in body["content"]] == ["text/plain", "text/html"]
    assert body["headers"] == {
        "List-Id": "=?utf-8?b?0JLQtdGB0YLQuCDQtNC90Y8=?= <daily.n.example>",
        "Precedence": "bulk",
    }
    assert body["categories"] == ["daily-brief"]
    assert not any(setting["enable"] for setting in body["tracking_settings"].values())
    assert set(body["tracking_settings"]) == {"click_tracking", "open_tracking", "subscription_tracking", "ganalytics"}


def test_one_token_for_both_parts_is_refused_before_anything_is_sent(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    mailing = make_mailing(text_slots={"greeting": "[[h-greeting]]"})
    with pytest.raises(InvalidInput, match="share the slot token"):
        list(make_sendgrid().send(mailing, make_recipients(2)))
    assert sendgrid_server.accepted() == []


def test_a_large_batch_goes_in_chunks_over_one_connection(sendgrid_server: SendGridServer, make_sendgrid: Make) -> None:
    recipients = make_recipients(2300)
    outcomes = kinds(make_sendgrid(batch_size=500).send(make_mailing(), recipients))
    assert outcomes == dict.fromkeys(ids(recipients), ACCEPTED)
    assert taken(sendgrid_server) == Counter(recipient.token for recipient in recipients)
    seen = sendgrid_server.seen()
    assert [request["rows"] for request in seen["requests"]] == [500, 500, 500, 500, 300]
    assert seen["connections"] == 1


def test_a_row_that_sendgrid_names_is_refused_and_the_others_are_sent(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    recipients = [make_recipient(n, local="badaddress" if n in {3, 8} else "reader") for n in range(1, 11)]
    outcomes = {o.subscriber_id: o for o in make_sendgrid().send(make_mailing(), recipients)}
    assert {number for number, outcome in outcomes.items() if outcome.kind is REFUSED} == {3, 8}
    assert len(outcomes) == 10
    assert outcomes[3].response == "400 Does not contain a valid address: (address)"
    assert taken(sendgrid_server) == Counter(r.token for r in recipients if r.subscriber_id not in {3, 8})


@pytest.mark.parametrize("local", ["poison", "badheader"])
@pytest.mark.parametrize("bad", [{1}, {250}, {500}, {17, 18, 400}])
def test_bad_rows_are_found_without_losing_or_doubling_the_others(
    sendgrid_server: SendGridServer, make_sendgrid: Make, bad: set[int], local: str
) -> None:
    recipients = [make_recipient(n, local=local if n in bad else "reader") for n in range(1, 501)]
    outcomes = kinds(make_sendgrid().send(make_mailing(), recipients))
    assert {number for number, kind in outcomes.items() if kind is REFUSED} == bad
    assert len(outcomes) == 500
    assert taken(sendgrid_server) == Counter(r.token for r in recipients if r.subscriber_id not in bad)
    assert len(sendgrid_server.seen()["requests"]) <= 60


def test_if_every_row_is_bad_the_fault_is_ours_and_nobody_fails(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    sendgrid_server.always("400")
    found, error = gather(make_sendgrid().send(make_mailing(), make_recipients(500)))
    assert found == []
    assert isinstance(error, ProviderUnavailable) and error.needs_person
    assert len(sendgrid_server.seen()["requests"]) <= 16


def test_a_fault_in_the_shared_part_needs_a_person_at_once(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    sendgrid_server.always("400-from")
    found, error = gather(make_sendgrid().send(make_mailing(), make_recipients(500)))
    assert found == []
    assert isinstance(error, ProviderUnavailable) and error.needs_person
    assert "verified Sender Identity" in str(error)
    assert len(sendgrid_server.seen()["requests"]) == 1


def test_a_single_mail_that_sendgrid_refuses_is_refused_with_its_words(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    outcome = make_sendgrid().send_test(make_mailing(), make_recipient(1, local="poison"))
    assert (outcome.kind, outcome.response) == (REFUSED, "400 Bad Request")
    assert sendgrid_server.accepted() == []


@pytest.mark.parametrize(
    ("kind", "retry_after_seconds", "words"),
    [
        ("401", None, "authorization grant is invalid"),
        ("403", 900, "correct the API key"),
        ("credits", 3600, "quota is used up"),
        ("404", None, "404"),
        ("302", None, "302"),
    ],
)
def test_a_refusal_of_the_account_needs_a_person_and_fails_nobody(
    sendgrid_server: SendGridServer, make_sendgrid: Make, kind: str, retry_after_seconds: float | None, words: str
) -> None:
    sendgrid_server.always(kind)
    found, error = gather(make_sendgrid(batch_size=5).send(make_mailing(), make_recipients(20)))
    assert found == []
    assert isinstance(error, ProviderUnavailable) and error.needs_person
    assert error.retry_after_seconds == retry_after_seconds
    assert words in str(error)
    assert len(sendgrid_server.seen()["requests"]) == 1


@pytest.mark.parametrize("form", ["seconds", "epoch", "retry-after"])
def test_too_many_requests_wait_as_long_as_sendgrid_says(
    sendgrid_server: SendGridServer, make_sendgrid: Make, form: str
) -> None:
    sendgrid_server.answer("202", {"kind": "429", "form": form, "seconds": 42})
    found, error = gather(make_sendgrid(batch_size=10).send(make_mailing(), make_recipients(40)))
    assert kinds(found) == dict.fromkeys(range(1, 11), ACCEPTED)
    assert isinstance(error, ProviderUnavailable) and not error.needs_person
    # Less by what has gone by since, where SendGrid names a moment.
    assert error.retry_after_seconds is not None and 12 < error.retry_after_seconds <= 45
    assert len(sendgrid_server.accepted()) == 10


def test_a_request_that_is_too_large_is_halved(sendgrid_server: SendGridServer, make_sendgrid: Make) -> None:
    sendgrid_server.always("413", fits=30)
    recipients = make_recipients(100)
    assert kinds(make_sendgrid().send(make_mailing(), recipients)) == dict.fromkeys(ids(recipients), ACCEPTED)
    assert taken(sendgrid_server) == Counter(recipient.token for recipient in recipients)


def test_a_mail_that_alone_is_too_large_fails_and_the_others_are_sent(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    recipients = make_recipients(8)
    sendgrid_server.answer(*({"kind": "413"},) * 4)  # 8, 4, 2 and the first alone
    outcomes = {o.subscriber_id: o for o in make_sendgrid().send(make_mailing(), recipients)}
    assert (outcomes[1].kind, outcomes[1].response) == (REFUSED, "413 Payload too large")
    assert {number for number, outcome in outcomes.items() if outcome.kind is ACCEPTED} == set(range(2, 9))
    assert taken(sendgrid_server) == Counter(recipient.token for recipient in recipients[1:])


def test_if_every_mail_is_too_large_the_fault_is_ours_and_nobody_fails(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    sendgrid_server.always("413", fits=0)
    found, error = gather(make_sendgrid().send(make_mailing(), make_recipients(500)))
    assert found == []
    assert isinstance(error, ProviderUnavailable) and error.needs_person
    assert len(sendgrid_server.seen()["requests"]) <= 16


@pytest.mark.parametrize(
    ("kind", "is_taken"),
    [
        ("500", False),
        ("500-taken", True),
        ("503", False),
        ("closed", False),
        ("closed-taken", True),
        ("slow-taken", True),
        ("200", False),
    ],
)
def test_an_answer_that_says_nothing_leaves_one_chunk_in_doubt_and_stops(
    sendgrid_server: SendGridServer, make_sendgrid: Make, kind: str, is_taken: bool
) -> None:
    sendgrid_server.answer("202", kind)
    # Only who is silent is waited for so long.
    provider = make_sendgrid(batch_size=10, timeout_seconds=1.5 if kind.startswith("slow") else 60)
    found, error = gather(provider.send(make_mailing(), make_recipients(40)))
    assert kinds(found) == dict.fromkeys(range(1, 11), ACCEPTED) | dict.fromkeys(range(11, 21), UNKNOWN)
    assert isinstance(error, ProviderUnavailable) and not error.needs_person
    assert error.retry_after_seconds == 5
    assert len(sendgrid_server.accepted()) == (20 if is_taken else 10)
    assert len(sendgrid_server.seen()["requests"]) == 2


def test_a_202_whose_body_breaks_off_is_an_acceptance(sendgrid_server: SendGridServer, make_sendgrid: Make) -> None:
    sendgrid_server.answer("202-cut")
    provider = make_sendgrid()
    assert provider.send_test(make_mailing(), make_recipient(1)).kind is ACCEPTED
    assert provider.send_test(make_mailing(), make_recipient(2)).kind is ACCEPTED


def test_a_kept_connection_that_was_closed_meanwhile_leaves_no_doubt(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    provider = make_sendgrid()
    for number in range(1, 4):
        sendgrid_server.answer("202-cut" if number % 2 else "202")
        assert provider.send_test(make_mailing(), make_recipient(number)).kind is ACCEPTED
        time.sleep(0.05)
    assert sum(taken(sendgrid_server).values()) == 3


def test_a_server_that_cannot_be_reached_leaves_no_doubt(sendgrid_server: SendGridServer, make_sendgrid: Make) -> None:
    provider = make_sendgrid()
    sendgrid_server.seen()
    url = f"http://127.0.0.1:{free_port()}"
    for unreachable in (url, "http://no-such-host.invalid", url.replace("http", "https")):
        found, error = gather(make_sendgrid(url=unreachable).send(make_mailing(), make_recipients(5)))
        assert found == []
        assert isinstance(error, ProviderUnavailable) and not error.needs_person
        assert error.retry_after_seconds == 10
    assert provider.check().endswith("the key may send")


def test_a_failed_tls_handshake_leaves_no_doubt(sendgrid_server: SendGridServer, make_sendgrid: Make) -> None:
    url = sendgrid_server.url.replace("http://", "https://")
    found, error = gather(make_sendgrid(url=url).send(make_mailing(), make_recipients(5)))
    assert found == []
    assert isinstance(error, ProviderUnavailable)
    assert "TLS failed" in str(error)


def test_closing_stops_between_chunks_and_each_taken_mail_has_its_outcome(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    outcomes = make_sendgrid(batch_size=10).send(make_mailing(), make_recipients(100))
    found = [next(outcomes)]
    outcomes.close()
    found.extend(outcomes)
    assert kinds(found) == dict.fromkeys(range(1, 11), ACCEPTED)
    assert len(sendgrid_server.accepted()) == 10


def test_a_redirect_is_not_followed_and_the_key_stays_here(
    sendgrid_server: SendGridServer, make_sendgrid: Make
) -> None:
    sendgrid_server.answer("302")
    with pytest.raises(ProviderUnavailable):
        make_sendgrid().send_test(make_mailing(), make_recipient(1))
    assert [request["path"] for request in sendgrid_server.seen()["requests"]] == ["/v3/mail/send"]


def test_the_key_appears_in_no_log_error_or_repr(
    sendgrid_server: SendGridServer, make_sendgrid: Make, caplog: pytest.LogCaptureFixture
) -> None:
    sendgrid_server.answer("202", "403")
    provider = make_sendgrid()
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("python_http_client.client").setLevel(logging.DEBUG)
        provider.send_test(make_mailing(), make_recipient(1))
        with pytest.raises(ProviderUnavailable) as caught:
            provider.send_test(make_mailing(), make_recipient(2))
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    shown = caplog.text + repr(provider) + "".join(frames.format())
    assert API_KEY not in shown
    assert "reader1@example.org" not in caplog.text


def test_check_says_whether_the_key_may_send(sendgrid_server: SendGridServer, make_sendgrid: Make) -> None:
    assert make_sendgrid().check().endswith("answers, and the key may send")
    with pytest.raises(ConfigurationError, match="authorization grant is invalid"):
        make_sendgrid(key="SG.other").check()
    sendgrid_server.control({"scopes": ["user.profile.read"]})
    with pytest.raises(ConfigurationError, match=r"mail\.send scope"):
        make_sendgrid().check()
    with pytest.raises(ServiceUnavailable, match="cannot be reached"):
        make_sendgrid(url="http://no-such-host.invalid").check()


@pytest.mark.parametrize("key", ["", "  ", "SG.two words", "ключ", "SG.line\nbreak"])
def test_a_missing_or_garbled_key_is_a_configuration_error(make_sendgrid: Make, key: str) -> None:
    with pytest.raises(ConfigurationError, match="SENDGRID_API_KEY"):
        make_sendgrid(key=key)
