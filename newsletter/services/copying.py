"""Copies of our suppressions at SendGrid, so that nothing else of the account mails these people either.

A page is noted as on its way before the request leaves, so that a lift made meanwhile knows of it and comes after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from newsletter.db.queries import provider_copies as queries
from newsletter.db.queries import provider_lists as sync_queries
from newsletter.db.queries import provider_retries as retries
from newsletter.domain.exchange import PAGE_SIZE, PUSHES
from newsletter.domain.subscriber import SuppressionReason

log = logging.getLogger(__name__)

AT_ONCE = 100
Transactions = Callable[[], AbstractContextManager[Session]]
# Id, address, and since when.
Waiting = tuple[int, str, datetime]


class TakesSuppressions(Protocol):
    """The provider, as far as it is told of ours."""

    def retry(self, address: str) -> None:
        """Forget that mail to this address bounced."""
        ...

    def suppress(self, addresses: Sequence[str]) -> set[str]:
        """Put up to PAGE_SIZE addresses on its list; returns those that it took."""
        ...


def push_suppressions(
    transactions: Transactions, provider: TakesSuppressions, *, reasons: Collection[SuppressionReason], now: datetime
) -> int:
    """Tell the provider of all suppressions with these reasons that it lacks; returns of how many it was told.

    In the order in which they were made, from where the last round broke off. Twice is as once: what was on its way
    when a round broke off is told again, and what the provider did not take is tried again in the next round.
    """
    pushed = 0
    while True:
        with transactions() as session:
            row = sync_queries.sync_of(session, PUSHES)
            if row.until is None:
                row.until, row.position = int(now.timestamp()), 0
            place = (row.until, row.position)
            page = queries.begin_copies(session, after_id=row.position, reasons=reasons, limit=PAGE_SIZE, now=now)
        taken = provider.suppress([address for _, address in page])
        with transactions() as session:
            told = queries.finish_copies(session, taken, begun_at=now, now=now)
            pushed += told
            row = sync_queries.sync_of(session, PUSHES)
            if (row.until, row.position) != place:
                return pushed  # another run has pushed this page
            if len(page) < PAGE_SIZE:
                row.until, row.position, row.finished_at = None, 0, now
                row.counts = {"pushed": pushed}
                log.info("suppressions.pushed pushed=%s refused=%s", pushed, len(page) - len(taken))
                return pushed
            row.position = page[-1][0]


def push_retries(transactions: Transactions, provider: TakesSuppressions, *, now: datetime) -> int:
    """Have the provider forget bounces for which nobody is suppressed here; returns of how many addresses."""
    pushed = 0
    for retry_id, address, asked_at in each_waiting(transactions, _waiting_retries):
        provider.retry(address)
        with transactions() as session:
            pushed += retries.finish_retry(session, retry_id, asked_at=asked_at, now=now)
    return pushed


def each_waiting(
    transactions: Transactions, waiting_after: Callable[[Session, int], Sequence[Waiting]]
) -> Iterator[Waiting]:
    """What waits to be told to the provider, in pages of AT_ONCE, each read when it is its turn."""
    last_id = 0
    while True:
        with transactions() as session:
            page = waiting_after(session, last_id)
        yield from page
        if len(page) < AT_ONCE:
            return
        last_id = page[-1][0]


def _waiting_retries(session: Session, last_id: int) -> Sequence[Waiting]:
    rows = retries.waiting_retries(session, limit=AT_ONCE, after_id=last_id)
    return [(row.id, row.address, row.asked_at) for row in rows]
