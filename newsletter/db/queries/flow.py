"""Statements about flow: what was learned about mailbox groups, and batches that wait for their turn."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import Attempt, Batch, GroupState, Issue, NewsletterRow
from newsletter.domain.flow import DAY_IS_FULL, QUIET
from newsletter.domain.issue import BatchStatus, IssueStatus
from newsletter.domain.retrying import moved_plan

_IDS_AT_ONCE = 1000


def group_states(session: Session, provider: str | None = None) -> Sequence[GroupState]:
    """What was learned about mailbox groups, at one provider or at all."""
    statement = select(GroupState).order_by(GroupState.provider, GroupState.mailbox_group)
    return session.scalars(statement if provider is None else statement.where(GroupState.provider == provider)).all()


def set_group_state(session: Session, provider: str, mailbox_group: str, *, now: datetime, **values: Any) -> None:
    """Write what was learned about a mailbox group ("" for the whole provider); other columns stay as they are."""
    fresh = {"factor": 1.0, "base_per_second": 0.0, "reason": ""} | values | {"updated_at": now}
    statement = insert_into(session, GroupState).values(provider=provider, mailbox_group=mailbox_group, **fresh)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["provider", "mailbox_group"], set_=values | {"updated_at": now}
        ).execution_options(synchronize_session=False)
    )


def handed_over(session: Session, provider: str, *, since: datetime) -> tuple[int, datetime | None]:
    """How many mails of whole batches a provider took in tries begun at a time or later, and when the first began."""
    statement = (
        select(func.coalesce(func.sum(Batch.size), 0), func.min(Attempt.started_at))
        .join(Batch, Batch.id == Attempt.batch_id)
        .where(Attempt.provider == provider, Attempt.started_at >= since, Attempt.outcome == "done")
    )
    mails, first = session.execute(statement).one()
    return mails, first


def hours_of_issue(session: Session, issue_id: int) -> tuple[str, str, str | None]:
    """The quiet hours and the time zone of an issue's newsletter, and the issue's local time."""
    row = session.execute(
        select(NewsletterRow.quiet_hours, NewsletterRow.time_zone, Issue.local_time)
        .join(Issue, Issue.newsletter_id == NewsletterRow.id)
        .where(Issue.id == issue_id)
    ).one()
    return row.quiet_hours, row.time_zone, row.local_time


def postpone_batches(session: Session, issue_id: int, *, until: datetime, cause: str, now: datetime) -> int:
    """Plan what waits of an issue for later; returns how many batches.

    What another transaction has in hand is left to it, so that nobody waits for anybody here. What was tried before is
    older then by what it waited until now, and no older.
    """
    waits = (
        select(Batch.id, Batch.attempts, Batch.planned_at, Batch.due_at)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.PENDING), Batch.due_at < until)
        .order_by(Batch.id)
        .with_for_update(skip_locked=True)
    )
    rows = session.execute(waits).all()
    fresh = [row.id for row in rows if row.attempts == 0]
    tried = [row for row in rows if row.attempts > 0]
    later = {"due_at": until, "hold": cause}
    for first in range(0, len(fresh), _IDS_AT_ONCE):
        some = update(Batch).where(Batch.id.in_(fresh[first : first + _IDS_AT_ONCE]))
        session.execute(some.values(**later, planned_at=until).execution_options(synchronize_session=False))
    for row in tried:
        plan = moved_plan(row.planned_at, was_tried=True, now=max(row.due_at, now), until=until)
        one = update(Batch).where(Batch.id == row.id).values(**later, planned_at=plan)
        session.execute(one.execution_options(synchronize_session=False))
    return len(rows)


def next_due(session: Session, issue_id: int) -> datetime | None:
    """When the next batch of an issue is due that nobody has in hand, also in the past; None where none waits."""
    return session.scalar(
        select(Batch.due_at)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.PENDING))
        .order_by(Batch.due_at)
        .limit(1)
    )


def next_turn(session: Session, issue_id: int) -> datetime | None:
    """When the next batch is due that waits for the turn of a mailbox group; None where none does."""
    return session.scalar(
        select(Batch.due_at)
        .where(
            Batch.issue_id == issue_id,
            Batch.status == int(BatchStatus.PENDING),
            Batch.hold.is_not(None),
            Batch.hold.not_in((DAY_IS_FULL, QUIET)),
        )
        .order_by(Batch.due_at)
        .limit(1)
    )


def release_held(session: Session, *, cause: str, now: datetime) -> int:
    """Let batches be claimed at once that wait for this; returns how many."""
    statement = (
        update(Batch)
        .where(
            Batch.status == int(BatchStatus.PENDING), Batch.due_at > now, Batch.hold.contains(cause, autoescape=True)
        )
        .values(due_at=now, hold=None)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement)


def waiting_by_cause(session: Session) -> dict[str, int]:
    """How many batches of issues being sent wait, by what they wait for."""
    rows = session.execute(
        select(Batch.hold, func.count())
        .join(Issue, Issue.id == Batch.issue_id)
        .where(
            Issue.status == str(IssueStatus.SENDING),
            Batch.status == int(BatchStatus.PENDING),
            Batch.hold.is_not(None),
        )
        .group_by(Batch.hold)
    )
    return {cause: count for cause, count in rows if cause is not None}
