"""Statements about batches: claiming them, giving them back, and finding those whose worker died."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from newsletter.db.models import (
    Attempt,
    Batch,
    Delivery,
    Issue,
    IssueList,
    ProviderState,
    Subscriber,
    Subscription,
    Suppression,
)
from newsletter.domain.issue import BatchStatus, DeliveryStatus, IssueStatus
from newsletter.domain.subscriber import SubscriberStatus, SubscriptionStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class AudienceMember:
    """One pending delivery of a batch with what decides whether it may still be mailed."""

    subscriber_id: int
    email: str
    name: str
    language: str
    exists: bool
    is_enabled: bool
    is_suppressed: bool
    is_confirmed: bool
    has_left: bool


def claim_next_batch(
    session: Session, issue_id: int, *, claim: str, provider: str, now: datetime, lease_until: datetime
) -> Batch | None:
    """Take one due batch of a sending issue for `claim`, by compare and set; None where there is none.

    Nothing is claimed while the issue or its provider is paused. Two workers never get the same batch:
    on Postgres the second skips the locked row, on SQLite it waits for the first to commit.
    """
    candidate = (
        select(Batch.id)
        .join(Issue, Issue.id == Batch.issue_id)
        .where(
            Batch.issue_id == issue_id,
            Batch.status == int(BatchStatus.PENDING),
            Batch.due_at <= now,
            Issue.status == str(IssueStatus.SENDING),
            ~exists().where(ProviderState.name == provider, ProviderState.is_paused),
        )
        .order_by(Batch.due_at, Batch.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=Batch)
    )
    return session.scalar(
        update(Batch)
        .where(Batch.id == candidate.scalar_subquery(), Batch.status == int(BatchStatus.PENDING))
        .values(
            status=int(BatchStatus.CLAIMED), claimed_by=claim, lease_until=lease_until, attempts=Batch.attempts + 1
        )
        .returning(Batch)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def members_of_batch(session: Session, batch: Batch) -> list[AudienceMember]:
    """The pending deliveries of a batch, each with its person as they are now.

    The range stands on both tables, so that the database walks just this part of each (docs/benchmarks.md).
    """
    on_lists = select(IssueList.list_id).where(IssueList.issue_id == batch.issue_id).scalar_subquery()
    confirmed = exists().where(
        Subscription.subscriber_id == Delivery.subscriber_id,
        Subscription.list_id.in_(on_lists),
        Subscription.status == int(SubscriptionStatus.CONFIRMED),
    )
    left = exists().where(
        Subscription.subscriber_id == Delivery.subscriber_id,
        Subscription.list_id.in_(on_lists),
        Subscription.status == int(SubscriptionStatus.UNSUBSCRIBED),
    )
    rows = session.execute(
        select(
            Delivery.subscriber_id,
            Subscriber.email,
            Subscriber.name,
            Subscriber.language,
            Subscriber.status,
            Suppression.id.label("suppression_id"),
            confirmed.label("is_confirmed"),
            left.label("has_left"),
        )
        .select_from(Delivery)
        .outerjoin(
            Subscriber,
            (Subscriber.id == Delivery.subscriber_id) & Subscriber.id.between(batch.first_id, batch.last_id),
        )
        .outerjoin(Suppression, Suppression.address == Subscriber.address)
        .where(
            Delivery.issue_id == batch.issue_id,
            Delivery.subscriber_id.between(batch.first_id, batch.last_id),
            Delivery.status == int(DeliveryStatus.PENDING),
        )
        .order_by(Delivery.subscriber_id)
    )
    return [
        AudienceMember(
            subscriber_id=row.subscriber_id,
            email=row.email or "",
            name=row.name or "",
            language=row.language or "",
            exists=row.email is not None,
            is_enabled=row.status == int(SubscriberStatus.ENABLED),
            is_suppressed=row.suppression_id is not None,
            is_confirmed=bool(row.is_confirmed),
            has_left=bool(row.has_left),
        )
        for row in rows
    ]


def renew_lease(session: Session, batch_id: int, *, claim: str, lease_until: datetime) -> bool:
    """Keep a batch for longer; False where it is no longer ours."""
    renewed = session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.claimed_by == claim, Batch.status == int(BatchStatus.CLAIMED))
        .values(lease_until=lease_until)
        .execution_options(synchronize_session=False)
    )
    return renewed.rowcount == 1


def release_batch(session: Session, batch_id: int, *, claim: str, status: BatchStatus, due_at: datetime | None) -> bool:
    """End a claim: done with, or back to waiting until `due_at`; False where it is no longer ours."""
    values = {"status": int(status), "claimed_by": None, "lease_until": None}
    released = session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.claimed_by == claim, Batch.status == int(BatchStatus.CLAIMED))
        .values(**values, **({} if due_at is None else {"due_at": due_at}))
        .execution_options(synchronize_session=False)
    )
    return released.rowcount == 1


def expired_batches(session: Session, *, now: datetime) -> Sequence[Batch]:
    """Claimed batches whose lease has run out: their worker is dead or stuck."""
    return session.scalars(
        select(Batch)
        .where(Batch.status == int(BatchStatus.CLAIMED), Batch.lease_until < now)
        .order_by(Batch.id)
        .with_for_update(skip_locked=True)
    ).all()


def count_due_batches(session: Session, issue_id: int, *, now: datetime) -> int:
    """Whether an issue has batches waiting that may go out now (0 or 1: it is only asked whether)."""
    found = session.scalar(
        select(Batch.id)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.PENDING), Batch.due_at <= now)
        .limit(1)
    )
    return 0 if found is None else 1


def close_pending_batches(session: Session, issue_id: int) -> None:
    """Nothing more of this issue will be claimed."""
    session.execute(
        update(Batch)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.PENDING))
        .values(status=int(BatchStatus.DONE))
        .execution_options(synchronize_session=False)
    )


def reopen_batches(session: Session, issue_id: int, *, now: datetime) -> None:
    """Let the batches that hold pending deliveries be claimed again."""
    waiting = exists().where(
        Delivery.issue_id == issue_id,
        Delivery.subscriber_id.between(Batch.first_id, Batch.last_id),
        Delivery.status == int(DeliveryStatus.PENDING),
    )
    session.execute(
        update(Batch)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.DONE), waiting)
        .values(status=int(BatchStatus.PENDING), attempts=0, due_at=now)
        .execution_options(synchronize_session=False)
    )


def finish_attempt(
    session: Session, attempt_id: int, *, outcome: str, response: str, provider_message_id: str, now: datetime
) -> None:
    """Write down how one try ended."""
    session.execute(
        update(Attempt)
        .where(Attempt.id == attempt_id)
        .values(finished_at=now, outcome=outcome, response=response, provider_message_id=provider_message_id)
        .execution_options(synchronize_session=False)
    )


def lose_attempts(session: Session, batch_id: int, *, now: datetime) -> None:
    """The tries of a dead worker ended without a word."""
    session.execute(
        update(Attempt)
        .where(Attempt.batch_id == batch_id, Attempt.finished_at.is_(None))
        .values(finished_at=now, outcome="lost")
        .execution_options(synchronize_session=False)
    )
