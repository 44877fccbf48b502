"""Statements about batches: who is in them, giving them back, and finding those whose worker died."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import (
    BindParameter,
    Exists,
    bindparam,
    case,
    exists,
    func,
    insert,
    literal,
    null,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from newsletter.db.dialects import rows_changed, table_of
from newsletter.db.models import (
    Attempt,
    Batch,
    Delivery,
    Issue,
    IssueList,
    Subscriber,
    Subscription,
    Suppression,
)
from newsletter.domain.flow import Hold
from newsletter.domain.issue import BatchStatus, DeliveryStatus
from newsletter.domain.retrying import PlanLimits
from newsletter.domain.subscriber import SubscriberStatus, SubscriptionStatus


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


class ClaimedBatch(NamedTuple):
    """A batch as it was claimed; `size` is how many deliveries it was cut for."""

    id: int
    issue_id: int
    cohort: int
    first_id: int
    last_id: int
    size: int
    attempts: int
    planned_at: datetime
    turns: Mapping[str, float] | None


# The statements of each batch are built once, on tables instead of mapped classes: building and caching them anew cost
# more than running them (docs/benchmarks.md). Their parameters have names of their own, since SQLAlchemy keeps the
# names of columns to itself.
_issues, _batches, _attempts, _ledger = map(table_of, (Issue, Batch, Attempt, Delivery))
_people, _places, _suppressions = map(table_of, (Subscriber, Subscription, Suppression))

_IS_MINE = (
    _batches.c.id == bindparam("batch"),
    _batches.c.claimed_by == bindparam("claim"),
    _batches.c.status == int(BatchStatus.CLAIMED),
)
_RENEW = update(_batches).where(*_IS_MINE).values(lease_until=bindparam("until", type_=_batches.c.lease_until.type))
_HOLDS = select(_batches.c.id).where(*_IS_MINE).with_for_update()
_RELEASE = (
    update(_batches)
    .where(*_IS_MINE)
    .values(status=bindparam("to_status"), claimed_by=None, lease_until=None, hold=None, turns=null())
)
_RELEASE_UNTIL = _RELEASE.values(due_at=bindparam("until", type_=_batches.c.due_at.type))
_ADD_ATTEMPT = insert(_attempts).returning(_attempts.c.id)
_FINISH_ATTEMPT = (
    update(_attempts)
    .where(_attempts.c.id == bindparam("attempt"))
    .values({name: bindparam(f"new_{name}") for name in ("finished_at", "outcome", "response", "provider_message_id")})
)
# Each table is walked once, over the range of the batch, and the ids are matched by hashing. As joins or plain EXISTS
# the planner, who knows little of a fresh issue, looks every person up by themselves in each table, or walks all
# suppressions for each batch (docs/benchmarks.md); "IS TRUE" keeps it from making joins of these.
_FIRST: BindParameter[int] = bindparam("first")
_LAST: BindParameter[int] = bindparam("last")
_PENDING_IDS = select(_ledger.c.subscriber_id).where(
    _ledger.c.issue_id == bindparam("of_issue"),
    _ledger.c.cohort == bindparam("of_cohort"),
    _ledger.c.subscriber_id.between(_FIRST, _LAST),
    _ledger.c.status == int(DeliveryStatus.PENDING),
)
_CONFIRMED_IDS = select(_places.c.subscriber_id).where(
    _places.c.list_id.in_(select(IssueList.list_id).where(IssueList.issue_id == bindparam("of_issue"))),
    _places.c.subscriber_id.between(_FIRST, _LAST),
    _places.c.status == int(SubscriptionStatus.CONFIRMED),
)
_MAILABLE = (
    select(_people.c.id, _people.c.email, _people.c.name)
    .where(
        _people.c.id.between(_FIRST, _LAST),
        _people.c.status == int(SubscriberStatus.ENABLED),
        _people.c.id.in_(_PENDING_IDS).is_(true()),
        _people.c.id.in_(_CONFIRMED_IDS).is_(true()),
        ~exists().where(_suppressions.c.address == _people.c.address),
    )
    .order_by(_people.c.id)
)


def mailable_of_batch(session: Session, batch: ClaimedBatch) -> Sequence[tuple[int, str, str]]:
    """Id, email and name of everybody with a pending delivery of a batch who may be mailed now, in order of ids."""
    values = {
        "of_issue": batch.issue_id,
        "of_cohort": batch.cohort,
        "first": batch.first_id,
        "last": batch.last_id,
    }
    return session.execute(_MAILABLE, values).all()


def members_of_batch(session: Session, batch: ClaimedBatch) -> list[AudienceMember]:
    """The pending deliveries of a batch, each with its person as they are now and what may withhold them.

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
        # Looked up for each: as a join it made the planner walk all suppressions for each batch.
        select(Suppression.id).where(Suppression.address == Subscriber.address).scalar_subquery(),
        places.c.is_confirmed,
        places.c.has_left,
    )
    rows = session.execute(
        select(*columns)
        .select_from(Delivery)
        .outerjoin(Subscriber, (Subscriber.id == Delivery.subscriber_id) & Subscriber.id.between(*range_))
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
    return rows_changed(session, _RENEW, {"batch": batch_id, "claim": claim, "until": lease_until}) == 1


def holds_batch(session: Session, batch_id: int, *, claim: str) -> bool:
    """Whether a claim still holds its batch; it cannot be taken away before this transaction ends."""
    return session.scalar(_HOLDS, {"batch": batch_id, "claim": claim}) is not None


def release_batch(session: Session, batch_id: int, *, claim: str, status: BatchStatus, due_at: datetime | None) -> bool:
    """End a claim: done with, or back to waiting until `due_at`; False where it is no longer ours."""
    values = {"batch": batch_id, "claim": claim, "to_status": int(status)}
    if due_at is None:
        return rows_changed(session, _RELEASE, values) == 1
    return rows_changed(session, _RELEASE_UNTIL, values | {"until": due_at}) == 1


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


def has_open_batches(session: Session, issue_id: int) -> bool:
    """Whether a batch that waits, or is with a worker, holds a pending delivery: a glance, where a count walks all."""
    is_open = Batch.status.in_((int(BatchStatus.PENDING), int(BatchStatus.CLAIMED)))
    statement = select(Batch.id).where(Batch.issue_id == issue_id, is_open, _holds_pending(issue_id)).limit(1)
    return session.scalar(statement) is not None


def was_tried_before(session: Session, issue_id: int, moment: datetime) -> bool:
    """Whether some batch of an issue was tried before a moment."""
    tried = Attempt.started_at < moment
    statement = select(Attempt.id).join(Batch).where(Batch.issue_id == issue_id, tried).limit(1)
    return session.scalar(statement) is not None


def close_late_batches(
    session: Session, issue_id: int, *, plans: PlanLimits, limit: int
) -> Sequence[tuple[int, int, int]]:
    """Close batches that wait and are too late by these limits; returns cohort, first and last id of each."""
    fresh_after, tried_after = (literal(moment, Batch.planned_at.type) for moment in plans[1:3])
    late = (
        select(Batch.id)
        .where(
            Batch.issue_id == issue_id,
            Batch.status == int(BatchStatus.PENDING),
            Batch.planned_at <= case((Batch.attempts == 0, fresh_after), else_=tried_after),
        )
        .order_by(Batch.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("late")
    )
    statement = (
        update(Batch)
        .where(Batch.id.in_(select(late.c.id)))
        .values(status=int(BatchStatus.DONE))
        .returning(Batch.cohort, Batch.first_id, Batch.last_id)
        .execution_options(synchronize_session=False)
    )
    return [(cohort, first_id, last_id) for cohort, first_id, last_id in session.execute(statement)]


def lock_batches(session: Session, issue_id: int, *, statuses: Iterable[BatchStatus] = BatchStatus) -> None:
    """Wait for all who are just moving a batch of these statuses, and keep all as they are until the end."""
    is_meant = Batch.status.in_([int(status) for status in statuses])
    session.execute(
        select(Batch.id).where(Batch.issue_id == issue_id, is_meant).order_by(Batch.id).with_for_update()
    ).all()


def plan_anew(session: Session, issue_id: int, *, now: datetime) -> None:
    """Count the deadline of what waits of an issue from now."""
    waits = (
        select(Batch.id)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.PENDING), Batch.planned_at < now)
        .order_by(Batch.id)
        .with_for_update(skip_locked=True)
        .cte("waits")
    )
    session.execute(
        update(Batch)
        .where(Batch.id.in_(select(waits.c.id)))
        .values(planned_at=now)
        .execution_options(synchronize_session=False)
    )


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
    session.execute(
        update(Batch)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.DONE), _holds_pending(issue_id))
        .values(status=int(BatchStatus.PENDING), attempts=0, planned_at=now, due_at=now)
        .execution_options(synchronize_session=False)
    )


def _holds_pending(issue_id: int) -> Exists:
    return exists().where(
        Delivery.issue_id == issue_id,
        Delivery.cohort == Batch.cohort,
        Delivery.subscriber_id.between(Batch.first_id, Batch.last_id),
        Delivery.status == int(DeliveryStatus.PENDING),
    )


def add_attempt(session: Session, batch: ClaimedBatch, *, worker: str, provider: str, now: datetime) -> int:
    """Write down that a batch is about to be handed over; returns the id of the attempt."""
    values = {
        "batch_id": batch.id,
        "issue_id": batch.issue_id,
        "number": batch.attempts,
        "worker": worker,
        "provider": provider,
        "started_at": now,
        "provider_message_id": "",
        "response": "",
    }
    attempt_id: int = session.execute(_ADD_ATTEMPT, values).scalar_one()
    return attempt_id


def finish_attempt(
    session: Session, attempt_id: int, *, outcome: str, response: str, provider_message_id: str, now: datetime
) -> None:
    """Write down how one try ended."""
    values = {
        "attempt": attempt_id,
        "new_finished_at": now,
        "new_outcome": outcome,
        "new_response": response,
        "new_provider_message_id": provider_message_id,
    }
    session.execute(_FINISH_ATTEMPT, values)


def lose_attempts(session: Session, batch_id: int, *, now: datetime) -> Sequence[Attempt]:
    """The tries of a dead worker ended without a word; returns them."""
    return session.scalars(
        update(Attempt)
        .where(Attempt.batch_id == batch_id, Attempt.finished_at.is_(None))
        .values(finished_at=now, outcome="lost")
        .returning(Attempt)
        .execution_options(synchronize_session=False, populate_existing=True)
    ).all()
