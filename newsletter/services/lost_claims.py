"""Lost claims: batches whose worker died while it had them in hand, and what becomes of each delivery."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Attempt, Batch
from newsletter.db.queries import batches as queries
from newsletter.db.queries import deliveries
from newsletter.db.queries import doubts as doubt_queries
from newsletter.domain.issue import BatchStatus, DeliveryReason, DeliveryStatus
from newsletter.domain.last_words import LastWords
from newsletter.services import doubts


def expire_claims(
    session: Session, *, now: datetime, last_words_of: Callable[[str], LastWords | None] = lambda _: None
) -> list[str]:
    """Batches whose worker died: what it held becomes unknown; returns the claims that were lost.

    Where the dead worker left last words, only what it was just handing over is unknown: what it knew is recorded,
    and what it had not touched goes out with another worker.
    """
    lost = []
    for batch in queries.expired_batches(session, now=now):
        claim = batch.claimed_by
        assert claim is not None
        last_words = last_words_of(claim)
        status = BatchStatus.DONE if last_words is None else BatchStatus.PENDING
        if queries.release_batch(session, batch.id, claim=claim, status=status, due_at=now):
            held = doubt_queries.pending_in_range(
                session, batch.issue_id, cohort=batch.cohort, first_id=batch.first_id, last_id=batch.last_id
            )
            _settle_lost(session, batch, last_words)
            unanswered = last_words.unanswered if last_words else frozenset[int]()
            for attempt in queries.lose_attempts(session, batch.id, now=now):
                _open_doubt(session, attempt, unanswered, reason=DeliveryReason.NO_ANSWER, now=now)
                others = frozenset(held) - unanswered
                _open_doubt(session, attempt, others, reason=DeliveryReason.WORKER_DIED, now=now)
            lost.append(claim)
    return lost


def _open_doubt(
    session: Session, attempt: Attempt, people: Collection[int], *, reason: DeliveryReason, now: datetime
) -> None:
    doubts.open_doubt(
        session,
        issue_id=attempt.issue_id,
        batch_id=attempt.batch_id,
        attempt_id=attempt.id,
        provider=attempt.provider,
        subscriber_ids=people,
        reason=reason,
        now=now,
    )


def _settle_lost(session: Session, batch: Batch, last_words: LastWords | None) -> None:
    if last_words is None:
        deliveries.settle_range(
            session,
            batch.issue_id,
            cohort=batch.cohort,
            first_id=batch.first_id,
            last_id=batch.last_id,
            status=DeliveryStatus.UNKNOWN,
            reason=DeliveryReason.WORKER_DIED,
        )
        return
    for subscriber_ids, status, reason in (
        (last_words.accepted, DeliveryStatus.ACCEPTED, DeliveryReason.NONE),
        (last_words.refused, DeliveryStatus.FAILED, DeliveryReason.REFUSED),
        (last_words.unanswered, DeliveryStatus.UNKNOWN, DeliveryReason.NO_ANSWER),
        (last_words.in_doubt, DeliveryStatus.UNKNOWN, DeliveryReason.WORKER_DIED),
    ):
        deliveries.settle(session, batch.issue_id, sorted(subscriber_ids), status=status, reason=reason)
