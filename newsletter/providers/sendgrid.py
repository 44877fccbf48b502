"""The SendGrid provider: one API call for up to a thousand recipients."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import orjson

from newsletter.domain.mail import Mailing, Outcome, Recipient
from newsletter.errors import ConfigurationError
from newsletter.providers.base import Outcomes, ProviderUnavailable
from newsletter.providers.sendgrid_sending import DOUBT_PAUSE_SECONDS, SendGridSending, not_reached, refused_us
from newsletter.providers.sendgrid_transport import HttpAnswer, NoAnswer, NotReached, SendGridTransport

MAX_BATCH_SIZE = 1000
_SEND_SCOPE = "mail.send"


class SendGridProvider:
    """Sends the shared HTML and text with one personalization per recipient, and never retries by itself."""

    name = "sendgrid"

    def __init__(self, api_key: str, *, api_url: str, batch_size: int, timeout_seconds: float) -> None:
        key = api_key.strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigurationError(
                "set NEWSLETTER_SENDGRID_API_KEY to an API key with the mail.send scope: it is missing or no key"
            )
        self._batch_size = min(batch_size, MAX_BATCH_SIZE)
        self._transport = SendGridTransport(key, api_url=api_url, timeout_seconds=timeout_seconds)

    def __repr__(self) -> str:
        return f"SendGridProvider({self._transport.host})"

    def send(self, mailing: Mailing, recipients: Sequence[Recipient]) -> Outcomes:
        """Hand over one mail per recipient, a chunk in each call; ProviderUnavailable while iterating."""

        def start(stop: threading.Event) -> Iterator[Sequence[Outcome]]:
            sending = SendGridSending(self._transport, mailing, stop=stop)
            return sending.answers(recipients, batch_size=self._batch_size)

        return Outcomes.of_answers(start)

    def send_test(self, mailing: Mailing, recipient: Recipient) -> Outcome:
        """Hand over one mail; an answer that leaves doubt is an outcome here, not an error."""
        outcomes = self.send(mailing, [recipient])
        return next(outcomes)

    def check(self) -> str:
        """Ask what the key may do; ConfigurationError where it may not send, ServiceUnavailable without an answer."""
        try:
            answer = self._transport.get_scopes()
        except NotReached as error:
            raise not_reached(self._transport.host, error) from None
        except NoAnswer as error:
            raise _silent(self._transport.host, error.reason) from None
        if answer.status == 200:
            return self._check_scopes(answer)
        if answer.status in {401, 403}:
            raise ConfigurationError(str(refused_us(answer)))
        raise _silent(self._transport.host, f"HTTP status {answer.status}")

    def close(self) -> None:
        """Close kept connections."""
        self._transport.close()

    def _check_scopes(self, answer: HttpAnswer) -> str:
        try:
            scopes = orjson.loads(answer.body)["scopes"]
        except (ValueError, KeyError, TypeError):
            raise _silent(self._transport.host, "its answer is not SendGrid's") from None
        if _SEND_SCOPE not in scopes:
            raise ConfigurationError(
                "the SendGrid API key may not send: give it the mail.send scope, or set another in"
                " NEWSLETTER_SENDGRID_API_KEY"
            )
        return f"SendGrid at {self._transport.host} answers, and the key may send"


def _silent(host: str, reason: str) -> ProviderUnavailable:
    return ProviderUnavailable(
        f"SendGrid at {host} gives no usable answer ({reason}): try again later",
        retry_after_seconds=DOUBT_PAUSE_SECONDS,
    )
