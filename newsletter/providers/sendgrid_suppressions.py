"""SendGrid's lists of addresses that it does not mail: reading them, putting addresses on, and taking one off.

GET /v3/suppression/{bounces,blocks,invalid_emails,spam_reports,unsubscribes}, each with start_time, end_time, limit and
offset; DELETE …/{email}, and /v3/asm/suppressions/global/{email} for the unsubscribes; POST /v3/asm/suppressions/global
with {"recipient_emails": […]}, which are the unsubscribes as well. All of it may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson

from newsletter.domain.answers import reset_wait_seconds
from newsletter.domain.exchange import PAGE_SIZE, ListedAddress, ProviderList
from newsletter.errors import ConfigurationError
from newsletter.providers.base import ProviderUnavailable
from newsletter.providers.sendgrid_sending import not_reached, refused_us
from newsletter.providers.sendgrid_transport import HttpAnswer, NoAnswer, NotReached, SendGridTransport

MAX_PAGE_BYTES = 8 * 1024 * 1024
ATTEMPTS = 3
MAX_WAIT_SECONDS = 10.0

_BOUNCES = ("suppression", "bounces")
_GLOBAL = ("asm", "suppressions", "global")
# Where an address is taken off. Blocks keep nobody from mail.
_LIFTED_AT: tuple[tuple[str, ...], ...] = (
    _BOUNCES,
    ("suppression", "invalid_emails"),
    ("suppression", "spam_reports"),
    _GLOBAL,
)
_GONE = frozenset({200, 204, 404})


class SendGridSuppressions:
    """The lists of one SendGrid account. A call that fails for now is tried three times, then ProviderUnavailable."""

    def __init__(
        self, api_key: str, *, api_url: str, timeout_seconds: float, max_wait_seconds: float = MAX_WAIT_SECONDS
    ) -> None:
        key = api_key.strip()
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            raise ConfigurationError(
                "set NEWSLETTER_SENDGRID_API_KEY to an API key with the suppression scopes: it is missing or no key"
            )
        self._max_wait_seconds = max_wait_seconds
        self._transport = SendGridTransport(
            key, api_url=api_url, timeout_seconds=timeout_seconds, max_body_bytes=MAX_PAGE_BYTES
        )

    def __repr__(self) -> str:
        return f"SendGridSuppressions({self._transport.host})"

    def page(self, list_: ProviderList, *, since: int, until: int, offset: int) -> list[ListedAddress]:
        """Up to PAGE_SIZE entries made within a time (seconds since the epoch, both ends in it); fewer at the end."""
        query = {"start_time": since, "end_time": until, "limit": PAGE_SIZE, "offset": offset}
        answer = self._patiently(lambda: self._transport.get(("suppression", str(list_)), query))
        if answer.status != 200:
            raise refused_us(answer)
        return _entries(answer)

    def lift(self, address: str) -> None:
        """Take an address off every list that keeps it from mail; one that is on none is fine."""
        for path in _LIFTED_AT:
            self._take_off(path, address)

    def retry(self, address: str) -> None:
        """Forget that mail to this address bounced, and nothing else; one that is not on the list is fine."""
        self._take_off(_BOUNCES, address)

    def suppress(self, addresses: Sequence[str]) -> set[str]:
        """Put addresses, at most a page of them, on the global list; returns those that SendGrid says it took.

        One that it calls no address does not keep the others from their place: it is left out, by halving the request.
        """
        if not addresses:
            return set()
        body = orjson.dumps({"recipient_emails": list(addresses)})
        answer = self._patiently(lambda: self._transport.post(_GLOBAL, body))
        if answer.status == 400:
            middle = len(addresses) // 2
            return self.suppress(addresses[:middle]) | self.suppress(addresses[middle:]) if middle else set()
        if answer.status != 201:
            raise refused_us(answer)
        return _taken(answer) & set(addresses)

    def _take_off(self, path: Sequence[str], address: str) -> None:
        target = (*path, quote(address, safe=""))
        answer = self._patiently(lambda: self._transport.delete(target))
        if answer.status not in _GONE:
            raise refused_us(answer)

    def close(self) -> None:
        """Close kept connections."""
        self._transport.close()

    def _patiently(self, call: Callable[[], HttpAnswer]) -> HttpAnswer:
        """An answer other than "later": 429, 5xx and silence are waited out, because every call may be repeated."""
        for attempt in range(1, ATTEMPTS):
            outcome, wait = self._try(call)
            if isinstance(outcome, HttpAnswer):
                return outcome
            time.sleep(min(wait if wait is not None else 2.0**attempt, self._max_wait_seconds))
        outcome, _ = self._try(call)
        if isinstance(outcome, HttpAnswer):
            return outcome
        raise outcome

    def _try(self, call: Callable[[], HttpAnswer]) -> tuple[HttpAnswer | ProviderUnavailable, float | None]:
        try:
            answer = call()
        except NotReached as error:
            return not_reached(self._transport.host, error), None
        except NoAnswer as error:
            return ProviderUnavailable(f"SendGrid does not answer ({error.reason}): try again later"), None
        if answer.status == 429:
            wait = reset_wait_seconds(answer.headers, now_epoch=time.time())
            reason = f"SendGrid asks us to slow down (429): go on in {wait:.0f} seconds"
            return ProviderUnavailable(reason, retry_after_seconds=wait), wait
        if answer.status >= 500:
            return ProviderUnavailable(f"SendGrid has a fault (HTTP status {answer.status}): try again later"), None
        return answer, None


def _entries(answer: HttpAnswer) -> list[ListedAddress]:
    try:
        rows: Sequence[dict[str, Any]] = orjson.loads(answer.body)
        return [_entry(row) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError):
        raise ProviderUnavailable("SendGrid’s answer is not a list of addresses: try again later") from None


def _taken(answer: HttpAnswer) -> set[str]:
    try:
        return {str(email).lower() for email in orjson.loads(answer.body)["recipient_emails"]}
    except (ValueError, KeyError, TypeError):
        raise ProviderUnavailable("SendGrid’s answer does not say whom it took: try again later") from None


def _entry(row: dict[str, Any]) -> ListedAddress:
    return ListedAddress(
        email=str(row["email"]),
        created_at=datetime.fromtimestamp(float(row["created"]), UTC),
        reason=str(row.get("reason") or ""),
        status=str(row.get("status") or ""),
    )
