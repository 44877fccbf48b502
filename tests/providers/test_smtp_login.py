"""TLS and login of the SMTP provider, and the URL that asks for them."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP

from newsletter.domain.mail import OutcomeKind, Recipient
from newsletter.errors import ConfigurationError
from newsletter.providers import ProviderUnavailable
from newsletter.providers.smtp import SmtpProvider
from newsletter.providers.smtp_url import StartTls, parse_smtp_url
from tests.fakes.smtp_server import SmtpServer
from tests.providers.mails import kinds, make_mailing, make_recipient, make_recipients, sha256

Make = Callable[..., SmtpProvider]
LOGIN = "post%40n.example:p%2Fss%3Aword"


@pytest.fixture
def tls_server(tmp_path: Path, certificate: tuple[Path, Path]) -> Iterator[SmtpServer]:
    """A server with STARTTLS and AUTH."""
    cert, key = certificate
    arguments = ("--cert", str(cert), "--key", str(key), "--login", "post@n.example:p/ss:word")
    with SmtpServer(tmp_path / "tls.jsonl", *arguments) as server:
        yield server


@pytest.fixture
def trusted(certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Make this process trust the test's certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))


@pytest.mark.usefixtures("trusted")
def test_tls_and_login_happen_when_the_server_offers_them(tls_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(f"smtp://{LOGIN}@127.0.0.1:{tls_server.port}", connections=2)
    recipients = make_recipients(20)
    assert set(kinds(provider.send(make_mailing(), recipients)).values()) == {OutcomeKind.ACCEPTED}
    mails = tls_server.accepted()
    assert {(mail["tls"], mail["user"]) for mail in mails} == {(True, "post@n.example")}
    assert {mail["sha256"] for mail in mails} == {sha256(recipient) for recipient in recipients}


@pytest.mark.parametrize("pipelining", [True, False])
def test_large_mails_go_encrypted_one_behind_the_other(
    tls_server: SmtpServer, make_smtp: Make, pipelining: bool
) -> None:
    def large(recipient: Recipient) -> bytes:
        return b"To: %b\r\n\r\n" % recipient.email.encode() + (b"x" * 70 + b"\r\n") * 12_000

    tls_server.set(pipelining=pipelining)
    provider = make_smtp(f"smtp://{LOGIN}@127.0.0.1:{tls_server.port}?verify=no", connections=2)
    recipients = make_recipients(6)
    outcomes = kinds(provider.send(make_mailing(compose=large, is_wire_ready=True), recipients))
    assert set(outcomes.values()) == {OutcomeKind.ACCEPTED}
    mails = {mail["rcpt"][0]: mail for mail in tls_server.accepted()}
    assert {address: mail["sha256"] for address, mail in mails.items()} == {
        recipient.email: hashlib.sha256(large(recipient)).hexdigest() for recipient in recipients
    }
    assert {mail["tls"] for mail in mails.values()} == {True}


def test_smtps_is_encrypted_from_the_first_byte(
    tmp_path: Path, certificate: tuple[Path, Path], make_smtp: Make
) -> None:
    cert, key = certificate
    with SmtpServer(tmp_path / "smtps.jsonl", "--cert", str(cert), "--key", str(key), "--smtps") as server:
        provider = make_smtp(f"smtps://127.0.0.1:{server.port}?verify=no")
        assert provider.send_test(make_mailing(), make_recipient(1)).kind is OutcomeKind.ACCEPTED
        assert server.accepted()[0]["tls"] is True


def test_a_certificate_that_is_not_trusted_stops_the_sending(tls_server: SmtpServer, make_smtp: Make) -> None:
    with pytest.raises(ProviderUnavailable, match=r"not trusted.*verify=no") as caught:
        make_smtp(f"smtp://{LOGIN}@127.0.0.1:{tls_server.port}").send_test(make_mailing(), make_recipient(1))
    assert caught.value.needs_person
    assert tls_server.accepted() == []


def test_verify_no_takes_any_certificate(tls_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(f"smtp://{LOGIN}@127.0.0.1:{tls_server.port}?verify=no")
    assert provider.send_test(make_mailing(), make_recipient(1)).kind is OutcomeKind.ACCEPTED
    assert tls_server.accepted()[0]["tls"] is True


def test_a_wrong_password_needs_a_person_and_is_not_repeated_in_the_error(
    tls_server: SmtpServer, make_smtp: Make
) -> None:
    provider = make_smtp(f"smtp://post%40n.example:sesame@127.0.0.1:{tls_server.port}?verify=no")
    with pytest.raises(ProviderUnavailable, match=r"at auth \(535 5.7.8") as caught:
        provider.send_test(make_mailing(), make_recipient(1))
    assert caught.value.needs_person
    assert "sesame" not in str(caught.value) + repr(provider)


def test_a_login_that_the_server_does_not_offer_needs_a_person(smtp_server: SmtpServer, make_smtp: Make) -> None:
    with pytest.raises(ProviderUnavailable, match="takes no login") as caught:
        make_smtp(f"smtp://{LOGIN}@127.0.0.1:{smtp_server.port}").check()
    assert caught.value.needs_person


def test_a_server_that_wants_a_login_needs_a_person(tls_server: SmtpServer, make_smtp: Make) -> None:
    provider = make_smtp(f"smtp://127.0.0.1:{tls_server.port}?verify=no")
    with pytest.raises(ProviderUnavailable, match=r"530 5\.7\.0 authentication required") as caught:
        provider.send_test(make_mailing(), make_recipient(1))
    assert caught.value.needs_person


def test_starttls_require_refuses_a_server_without_it(smtp_server: SmtpServer, make_smtp: Make) -> None:
    with pytest.raises(ProviderUnavailable, match="offers no STARTTLS") as caught:
        make_smtp(f"{smtp_server.url}?starttls=require").send_test(make_mailing(), make_recipient(1))
    assert caught.value.needs_person
    assert smtp_server.accepted() == []


def test_starttls_never_stays_in_the_clear(tls_server: SmtpServer, make_smtp: Make) -> None:
    make_smtp(f"smtp://127.0.0.1:{tls_server.port}?starttls=never").check()


def test_smtps_to_a_server_that_speaks_in_the_clear_needs_a_person(smtp_server: SmtpServer, make_smtp: Make) -> None:
    with pytest.raises(ProviderUnavailable, match="do not agree on TLS") as caught:
        make_smtp(f"smtps://127.0.0.1:{smtp_server.port}").check()
    assert caught.value.needs_person


class _Keeper:
    def __init__(self) -> None:
        self.mails: list[tuple[str, list[str], str]] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        digest = hashlib.sha256(envelope.original_content).hexdigest()
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, digest))
        await asyncio.sleep(0)
        return "250 2.0.0 kept"


async def _end_sessions(server: asyncio.Server) -> None:
    server.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await server.wait_closed()


@contextmanager
def independent_server(keeper: _Keeper) -> Iterator[int]:
    """aiosmtpd, which shares no code with our fake, on a port of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    starting = loop.create_server(lambda: SMTP(keeper, loop=loop), "127.0.0.1", 0)
    server = asyncio.run_coroutine_threadsafe(starting, loop).result(timeout=60)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end_sessions(server), loop).result(timeout=60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=60)
        loop.close()


def test_an_independent_server_receives_the_same_bytes(make_smtp: Make) -> None:
    keeper = _Keeper()
    recipients = make_recipients(5)
    with independent_server(keeper) as port:
        provider = make_smtp(f"smtp://127.0.0.1:{port}")
        outcomes = kinds(provider.send(make_mailing(), recipients))
        provider.close()
    assert set(outcomes.values()) == {OutcomeKind.ACCEPTED}
    assert keeper.mails == [(each.return_path, [each.email], sha256(each)) for each in recipients]


def test_a_url_is_read_with_its_defaults() -> None:
    relay = parse_smtp_url("smtp://mail.example")
    assert (relay.host, relay.port, relay.starttls, relay.verifies_certificate) == (
        "mail.example",
        25,
        StartTls.OFFERED,
        True,
    )
    assert parse_smtp_url("smtps://mail.example").port == 465
    assert parse_smtp_url("smtp://[::1]:2525?starttls=require").is_loopback


def test_user_and_password_are_percent_decoded_and_the_password_stays_out_of_sight() -> None:
    relay = parse_smtp_url(f"smtp://{LOGIN}@mail.example:587")
    assert (relay.user, relay.password) == ("post@n.example", "p/ss:word")
    assert "p/ss" not in repr(relay) + str(relay)


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example",
        "smtp://",
        "smtp://mail.example:port",
        "smtp://user@mail.example",
        "smtp://mail.example?starttls=maybe",
        "smtp://mail.example?certificates=no",
        "smtp://us%C3%A9r:sesame@mail.example",
    ],
)
def test_a_url_that_cannot_be_used_is_one_sentence_without_the_url(url: str) -> None:
    with pytest.raises(ConfigurationError, match="SMTP_URL cannot be used: ") as caught:
        parse_smtp_url(url)
    assert "sesame" not in str(caught.value)
