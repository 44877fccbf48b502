"""Statements about batches: claiming them, giving them back, and finding those whose worker died."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, exists, func, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import rows_changed
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
from newsletter.domain.flow import Hold
from newsletter.domain.issue import BatchStatus, DeliveryStatus, IssueStatus
from newsletter.domain.subscriber import SubscriptionStatus


class AudienceMember(NamedTuple):
    """One pending delivery of a batch with what decides whether it may still be mailed.

    `status` is None where the person was erased; `suppression_id` names the suppression of their address;
    `is_confirmed` and `has_left` speak of the lists of the issue (None: on none of them any more).
    """

    subscriber_id: int
    email: str | None
    name: str | None
    status: int | None
    suppression_id: int | None
    is_confirmed: int | None
    has_left: int | None


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
        .values(status=int(BatchStatus.CLAIMED), claimed_by=claim, lease_until=lease_until, attempts=Batch.attempts + 1)
        .returning(Batch)
        .execution_options(synchronize_session=False, populate_existing=True)
    )


def members_of_batch(session: Session, batch: Batch) -> list[AudienceMember]:
    """The pending deliveries of a batch, each with its person as they are now.

    The range stands on every table, so that the database walks just this part of each (docs/benchmarks.md).
    """
    range_ = (batch.first_id, batch.last_id)
    on_lists = select(IssueList.list_id).where(IssueList.issue_id == batch.issue_id)
    places = (
        select(
            Subscription.subscriber_id,
            func.max(case((Subscription.status == int(SubscriptionStatus.CONFIRMED), 1), else_=0)).label(
                "is_confirmed"
            ),
            func.max(case((Subscription.status == int(SubscriptionStatus.UNSUBSCRIBED), 1), else_=0)).label("has_left"),
        )
        .where(Subscription.list_id.in_(on_lists), Subscription.subscriber_id.between(*range_))
        .group_by(Subscription.subscriber_id)
        .subquery()
    )
    columns = (
        Delivery.subscriber_id,
        Subscriber.email,
        Subscriber.name,
        Subscriber.status,
        Suppression.id,
        places.c.is_confirmed,
        places.c.has_left,
    )
    rows = session.execute(
        select(*columns)
        .select_from(Delivery)
        .outerjoin(Subscriber, (Subscriber.id == Delivery.subscriber_id) & Subscriber.id.between(*range_))
        .outerjoin(Suppression, Suppression.address == Subscriber.address)
        .outerjoin(places, places.c.subscriber_id == Delivery.subscriber_id)
        .where(
            Delivery.issue_id == batch.issue_id,
            Delivery.cohort == batch.cohort,
            Delivery.subscriber_id.between(*range_),
            Delivery.status == int(DeliveryStatus.PENDING),
        )
        .order_by(Delivery.subscriber_id)
    )
    return [AudienceMember._make(row) for row in rows]


def renew_lease(session: Session, batch_id: int, *, claim: str, lease_until: datetime) -> bool:
    """Keep a batch for longer; False where it is no longer ours."""
    statement = (
        update(Batch)
        .where(Batch.id == batch_id, Batch.claimed_by == claim, Batch.status == int(BatchStatus.CLAIMED))
        .values(lease_until=lease_until)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1


def holds_batch(session: Session, batch_id: int, *, claim: str) -> bool:
    """Whether a claim still holds its batch; it cannot be taken away before this transaction ends."""
    statement = select(Batch.id).where(
        Batch.id == batch_id, Batch.claimed_by == claim, Batch.status == int(BatchStatus.CLAIMED)
    )
    return session.scalar(statement.with_for_update()) is not None


def release_batch(session: Session, batch_id: int, *, claim: str, status: BatchStatus, due_at: datetime | None) -> bool:
    """End a claim: done with, or back to waiting until `due_at`; False where it is no longer ours."""
    values = {"status": int(status), "claimed_by": None, "lease_until": None, "hold": None, "turns": None}
    statement = (
        update(Batch)
        .where(Batch.id == batch_id, Batch.claimed_by == claim, Batch.status == int(BatchStatus.CLAIMED))
        .values(**values, **({} if due_at is None else {"due_at": due_at}))
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1


def hold_batch(
    session: Session,
    batch_id: int,
    *,
    claim: str,
    hold: Hold,
    due_at: datetime,
    planned_at: datetime,
    is_try: bool,
) -> bool:
    """End a claim whose rest waits for flow control; False where it is no longer ours.

    A claim that only found out that it has to wait does not count as a try.
    """
    values = {"status": int(BatchStatus.PENDING), "claimed_by": None, "lease_until": None}
    statement = (
        update(Batch)
        .where(Batch.id == batch_id, Batch.claimed_by == claim, Batch.status == int(BatchStatus.CLAIMED))
        .values(**values, hold=hold.cause, turns=dict(hold.turns), due_at=due_at, planned_at=planned_at)
        .values(attempts=Batch.attempts - (0 if is_try else 1))
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1


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
        Delivery.cohort == Batch.cohort,
        Delivery.subscriber_id.between(Batch.first_id, Batch.last_id),
        Delivery.status == int(DeliveryStatus.PENDING),
    )
    session.execute(
        update(Batch)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.DONE), waiting)
        .values(status=int(BatchStatus.PENDING), attempts=0, planned_at=now, due_at=now)
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


def lose_attempts(session: Session, batch_id: int, *, now: datetime) -> Sequence[Attempt]:
    """The tries of a dead worker ended without a word; returns them."""
    return session.scalars(
        update(Attempt)
        .where(Attempt.batch_id == batch_id, Attempt.finished_at.is_(None))
        .values(finished_at=now, outcome="lost")
        .returning(Attempt)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
