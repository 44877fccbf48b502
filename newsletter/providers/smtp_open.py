"""Opening an SMTP connection: smtplib greets, encrypts and logs in, and every failure becomes one sentence."""

from __future__ import annotations

import contextlib
import smtplib
import socket
import ssl
from collections.abc import Iterator

from newsletter.domain.answers import SmtpReply, Stage, Verdict, smtp_verdict
from newsletter.providers.base import ProviderUnavailable, without_addresses
from newsletter.providers.smtp_url import Relay, StartTls

RETRY_SECONDS = 15.0
_MOST_UNSEEN_BYTES = 131_072


def open_smtp(relay: Relay, *, local_hostname: str, timeout_seconds: float) -> smtplib.SMTP:
    """A connection after EHLO, TLS and AUTH; ProviderUnavailable when one of them fails."""
    client: smtplib.SMTP | None = None
    with _failures(relay):
        try:
            client = _connect(relay, local_hostname, timeout_seconds)
            client.ehlo_or_helo_if_needed()
            _encrypt(client, relay)
            _log_in(client, relay)
        except BaseException:
            if client is not None:
                client.close()
            raise
        return client


def refusal(relay: Relay, reply: SmtpReply, *, needs_person: bool) -> ProviderUnavailable:
    """The error for a reply that concerns us, not a recipient."""
    advice = "correct SMTP_URL, the From address or the server, then resume" if needs_person else "it is tried again"
    return ProviderUnavailable(
        f"the SMTP server {relay} refuses us at {reply.stage} ({without_addresses(str(reply))}): {advice}",
        retry_after_seconds=None if needs_person else RETRY_SECONDS,
        needs_person=needs_person,
    )


def _connect(relay: Relay, local_hostname: str, timeout_seconds: float) -> smtplib.SMTP:
    client: smtplib.SMTP
    if relay.is_implicit_tls:
        client = smtplib.SMTP_SSL(
            relay.host,
            relay.port,
            local_hostname=local_hostname,
            timeout=timeout_seconds,
            context=_tls_context(relay),
        )
    else:
        client = smtplib.SMTP(relay.host, relay.port, local_hostname=local_hostname, timeout=timeout_seconds)
    assert client.sock is not None
    # Commands and bodies leave in one write each, so there is nothing that Nagle's algorithm could gather.
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # By itself the system would take megabytes that the server has not seen: a slow server then looks like a silent
    # one, and a message like handed over that has hardly left.
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST_UNSEEN_BYTES)
    return client


def _encrypt(client: smtplib.SMTP, relay: Relay) -> None:
    if relay.is_implicit_tls or relay.starttls is StartTls.NEVER:
        return
    if client.has_extn("starttls"):
        client.starttls(context=_tls_context(relay))
        client.ehlo_or_helo_if_needed()
    elif relay.starttls is StartTls.REQUIRE:
        raise ProviderUnavailable(
            f"the SMTP server {relay} offers no STARTTLS, which SMTP_URL requires: nothing is sent in the clear",
            needs_person=True,
        )


def _log_in(client: smtplib.SMTP, relay: Relay) -> None:
    if not relay.user:
        return
    is_encrypted = isinstance(client.sock, ssl.SSLSocket)
    if not is_encrypted and not relay.is_loopback and relay.starttls is not StartTls.NEVER:
        raise ProviderUnavailable(
            f"the SMTP server {relay} offers no STARTTLS, and the password is not sent in the clear:"
            " use smtps://, or add ?starttls=never to allow it",
            needs_person=True,
        )
    if not {"PLAIN", "LOGIN", "CRAM-MD5"} & set(client.esmtp_features.get("auth", "").upper().split()):
        raise smtplib.SMTPNotSupportedError
    client.login(relay.user, relay.password)


def _tls_context(relay: Relay) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not relay.verifies_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


_STAGES: dict[type[smtplib.SMTPResponseException], Stage] = {
    smtplib.SMTPConnectError: Stage.GREETING,
    smtplib.SMTPHeloError: Stage.HELLO,
    smtplib.SMTPAuthenticationError: Stage.AUTH,
    smtplib.SMTPResponseException: Stage.STARTTLS,
}


@contextlib.contextmanager
def _failures(relay: Relay) -> Iterator[None]:
    """Turn what smtplib, TLS and the network raise into ProviderUnavailable, without the chain: it may show secrets."""
    try:
        yield
    except smtplib.SMTPResponseException as error:
        reply = _reply(error)
        raise refusal(relay, reply, needs_person=smtp_verdict(reply) is Verdict.NEEDS_PERSON) from None
    except smtplib.SMTPNotSupportedError:
        raise ProviderUnavailable(
            f"the SMTP server {relay} takes no login on this connection: correct SMTP_URL, then resume",
            needs_person=True,
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise ProviderUnavailable(
            f"the certificate of the SMTP server {relay} is not trusted ({error.verify_message}):"
            " repair it, or add ?verify=no to SMTP_URL",
            needs_person=True,
        ) from None
    except ssl.SSLError as error:
        is_cut_off = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        raise ProviderUnavailable(
            f"the SMTP server {relay} and we do not agree on TLS ({error.reason}): correct SMTP_URL or the server",
            retry_after_seconds=RETRY_SECONDS if is_cut_off else None,
            needs_person=not is_cut_off,
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        raise ProviderUnavailable(
            f"the SMTP server {relay} cannot be reached ({_reason(error)}): start it, or correct SMTP_URL",
            retry_after_seconds=RETRY_SECONDS,
        ) from None


def _reply(error: smtplib.SMTPResponseException) -> SmtpReply:
    text = error.smtp_error
    words = text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)
    return SmtpReply(stage=_STAGES[type(error)], code=error.smtp_code, text=" ".join(words.split()))


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return without_addresses(str(error)) or type(error).__name__
