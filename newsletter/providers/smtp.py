"""The SMTP provider: mail goes to one relay over kept, parallel connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

from newsletter.domain.mail import Mailing, Outcome, Recipient
from newsletter.providers.base import Outcomes
from newsletter.providers.smtp_pool import SmtpPool
from newsletter.providers.smtp_sending import SmtpSending
from newsletter.providers.smtp_url import Relay


class SmtpProvider:
    """Sends whole messages, one recipient each, so that every recipient gets an answer of their own."""

    name = "smtp"

    def __init__(
        self, relay: Relay, *, connections: int, timeout_seconds: float, mails_per_connection: int = 0
    ) -> None:
        """`timeout_seconds` is the longest wait for a reply (for that to the final dot it is doubled).

        After `mails_per_connection` a connection is closed in good form and another opened; 0 sets no limit.
        """
        self._connections = connections
        self._pool = SmtpPool(relay, kept=connections, timeout_seconds=timeout_seconds, most_mails=mails_per_connection)

    def __repr__(self) -> str:
        return f"SmtpProvider({self._pool.relay})"

    def send(self, mailing: Mailing, recipients: Sequence[Recipient]) -> Outcomes:
        """Hand over one mail per recipient, over as many connections at once as allowed.

        All of them work while the next outcome is asked for, in the thread that asks; `mailing.compose` is called in
        it as well, when the server waits for the message. Raises ProviderUnavailable while iterating.
        """

        def start(stop: threading.Event) -> Iterator[Outcome]:
            with self._pool.sending():
                yield from SmtpSending(
                    self._pool, mailing, recipients=recipients, stop=stop, connections=self._connections
                ).outcomes()

        return Outcomes(start)

    def send_test(self, mailing: Mailing, recipient: Recipient) -> Outcome:
        """Hand over one mail; the outcome's response is the server's own reply."""
        outcomes = list(self.send(mailing, [recipient]))
        return outcomes[0]

    def check(self) -> str:
        """Connect, encrypt and log in; ProviderUnavailable says what is wrong with it."""
        self._pool.release(self._pool.acquire())
        return f"the SMTP server {self._pool.relay} answers"

    def close(self) -> None:
        """Say QUIT on all kept connections."""
        self._pool.close()
