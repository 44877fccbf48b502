"""Statements about doubts. A doubt is locked before it is changed; deliveries move by compare and set."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import Attempt, Batch, Delivery, Doubt, HeardRequest, InboxPost, Issue, Subscriber
from newsletter.domain.doubt import DoubtStatus, RequestTag
from newsletter.domain.events import PostStatus
from newsletter.domain.issue import BatchStatus, DeliveryStatus

# Hearing of one request a thousand times in a minute is worth one row and two updates.
_HEARD_STEP = timedelta(seconds=30)


class Member(NamedTuple):
    """One delivery of a doubt as the ledger has it now."""

    subscriber_id: int
    status: int
    reason: int
    marks: int


class Witnesses(NamedTuple):
    """How many other requests were heard of, when the last of them was, and how many that were accepted were not."""

    heard: int
    last_heard_at: datetime | None
    mute: int


def add_doubt(session: Session, **values: Any) -> int | None:
    """Write a doubt down; its id, or None where the same one is known."""
    statement = insert_into(session, Doubt).values(status=int(DoubtStatus.OPEN), asks=0, log_words="", **values)
    found: int | None = session.scalar(
        statement.on_conflict_do_nothing(index_elements=["attempt_id", "first_id"]).returning(Doubt.id)
    )
    return found


def lock_doubt(session: Session, doubt_id: int) -> Doubt | None:
    """One doubt, as it is now, for this transaction alone."""
    return session.get(Doubt, doubt_id, populate_existing=True, with_for_update=True)


def lock_due(session: Session, *, now: datetime, limit: int) -> Sequence[Doubt]:
    """Open doubts whose time has come to be looked at; those that another transaction holds are left to it."""
    return session.scalars(
        select(Doubt)
        .where(Doubt.status == int(DoubtStatus.OPEN), Doubt.check_at <= now)
        .order_by(Doubt.check_at, Doubt.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()


def lock_open_of_issue(session: Session, issue_id: int) -> Sequence[Doubt]:
    """The open doubts of an issue, for this transaction alone."""
    return session.scalars(
        select(Doubt)
        .where(Doubt.issue_id == issue_id, Doubt.status == int(DoubtStatus.OPEN))
        .order_by(Doubt.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def lock_of_attempts(session: Session, attempt_ids: Collection[int]) -> Sequence[Doubt]:
    """All doubts that some attempts left, for this transaction alone."""
    return session.scalars(
        select(Doubt)
        .where(Doubt.attempt_id.in_(attempt_ids))
        .order_by(Doubt.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    ).all()


def open_of_issue(session: Session, issue_id: int) -> Sequence[Doubt]:
    """The open doubts of an issue, to be read."""
    return session.scalars(
        select(Doubt).where(Doubt.issue_id == issue_id, Doubt.status == int(DoubtStatus.OPEN)).order_by(Doubt.id)
    ).all()


def has_open(session: Session, issue_id: int) -> bool:
    """Whether an issue has doubts that are not decided."""
    statement = select(Doubt.id).where(Doubt.issue_id == issue_id, Doubt.status == int(DoubtStatus.OPEN)).limit(1)
    return session.scalar(statement) is not None


def doubts_about(session: Session, batch_id: int, subscriber_id: int) -> list[Doubt]:
    """The doubts that one delivery was or is in, the first one first."""
    found = session.scalars(
        select(Doubt)
        .where(Doubt.batch_id == batch_id, Doubt.first_id <= subscriber_id, Doubt.last_id >= subscriber_id)
        .order_by(Doubt.id)
    )
    return [doubt for doubt in found if subscriber_id in doubt.members]


def other_doubts(session: Session, doubt: Doubt) -> Sequence[Doubt]:
    """The other doubts of the same batch."""
    return session.scalars(
        select(Doubt).where(Doubt.batch_id == doubt.batch_id, Doubt.id != doubt.id).order_by(Doubt.id)
    ).all()


def members_now(session: Session, doubt: Doubt, *, is_locked: bool = True) -> list[Member]:
    """The deliveries of a doubt as they are now, locked in order unless they are only to be read."""
    statement = (
        select(Delivery.subscriber_id, Delivery.status, Delivery.reason, Delivery.marks)
        .where(Delivery.issue_id == doubt.issue_id, Delivery.subscriber_id.between(doubt.first_id, doubt.last_id))
        .order_by(Delivery.subscriber_id)
    )
    rows = session.execute(statement.with_for_update() if is_locked else statement)
    members = frozenset(doubt.members)
    return [Member._make(row) for row in rows if row[0] in members]


def pending_in_range(session: Session, issue_id: int, *, cohort: int, first_id: int, last_id: int) -> list[int]:
    """The subscriber ids of a batch's pending deliveries."""
    return list(
        session.scalars(
            select(Delivery.subscriber_id)
            .where(
                Delivery.issue_id == issue_id,
                Delivery.cohort == cohort,
                Delivery.subscriber_id.between(first_id, last_id),
                Delivery.status == int(DeliveryStatus.PENDING),
            )
            .order_by(Delivery.subscriber_id)
        )
    )


def unknown_among(session: Session, issue_id: int, subscriber_ids: Collection[int]) -> list[int]:
    """Those of these people whose delivery is unknown, in order."""
    rows = session.scalars(
        select(Delivery.subscriber_id)
        .where(
            Delivery.issue_id == issue_id,
            Delivery.subscriber_id.between(min(subscriber_ids), max(subscriber_ids)),
            Delivery.status == int(DeliveryStatus.UNKNOWN),
        )
        .order_by(Delivery.subscriber_id)
    )
    chosen = frozenset(subscriber_ids)
    return [subscriber_id for subscriber_id in rows if subscriber_id in chosen]


def write_members(session: Session, issue_id: int, members: Iterable[Member]) -> None:
    """Write deliveries that this transaction has locked."""
    for member in members:
        session.execute(
            update(Delivery)
            .where(Delivery.issue_id == issue_id, Delivery.subscriber_id == member.subscriber_id)
            .values(status=member.status, reason=member.reason, marks=member.marks)
            .execution_options(synchronize_session=False)
        )


def lock_batch(session: Session, batch_id: int) -> Batch:
    """A batch as it is now, so that nobody claims it before this transaction ends."""
    return session.get_one(Batch, batch_id, populate_existing=True, with_for_update=True)


def reopen_batch(session: Session, batch_id: int, *, now: datetime) -> None:
    """Let a batch be claimed again, now, with the deadline and the date it had; one that waits anyhow is left alone."""
    session.execute(
        update(Batch)
        .where(Batch.id == batch_id, Batch.status == int(BatchStatus.DONE))
        .values(status=int(BatchStatus.PENDING), due_at=now)
        .execution_options(synchronize_session=False)
    )


def issues_of_attempts(session: Session, attempt_ids: Collection[int]) -> dict[int, int]:
    """The issue of each of these attempts that exists."""
    rows = session.execute(select(Attempt.id, Attempt.issue_id).where(Attempt.id.in_(attempt_ids)))
    return {row[0]: row[1] for row in rows}


def attempt_started_at(session: Session, attempt_id: int) -> datetime | None:
    """When an attempt began."""
    return session.scalar(select(Attempt.started_at).where(Attempt.id == attempt_id))


def hear(session: Session, tags: Iterable[RequestTag], *, now: datetime) -> None:
    """Write down that events of these requests came."""
    rows = [
        {"attempt_id": tag.attempt_id, "first_id": tag.first_id, "last_id": tag.last_id, "heard_at": now}
        for tag in sorted(tags, key=lambda tag: (tag.attempt_id, tag.first_id, tag.last_id))
    ]
    if not rows:
        return
    statement = insert_into(session, HeardRequest).values(rows)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["attempt_id", "first_id", "last_id"],
            set_={"heard_at": now},
            where=HeardRequest.heard_at < now - _HEARD_STEP,
        )
    )


def heard_of_attempt(session: Session, attempt_id: int) -> list[RequestTag]:
    """The requests of an attempt of which events came."""
    rows = session.execute(
        select(HeardRequest.attempt_id, HeardRequest.first_id, HeardRequest.last_id)
        .where(HeardRequest.attempt_id == attempt_id)
        .order_by(HeardRequest.first_id)
    )
    return [RequestTag(attempt_id=row[0], first_id=row[1], last_id=row[2]) for row in rows]


def forget_heard_before(session: Session, moment: datetime) -> int:
    """Delete what was heard before a moment; returns how many rows that were."""
    statement = delete(HeardRequest).where(HeardRequest.heard_at < moment)
    return rows_changed(session, statement.execution_options(synchronize_session=False))


def witnesses(
    session: Session, doubt: Doubt, *, made_since: datetime, heard_since: datetime, mute_before: datetime
) -> Witnesses:
    """What came of the attempts that the same provider accepted at about the time of a doubt, or later.

    Heard are those of which an event came `heard_since` or later; mute those that were answered before `mute_before`,
    and of which nothing ever came.
    """
    last_heard = select(func.max(HeardRequest.heard_at)).where(HeardRequest.attempt_id == Attempt.id).scalar_subquery()
    others = (
        select(Attempt.id, Attempt.finished_at, last_heard.label("heard_at"))
        .where(
            Attempt.started_at >= made_since,
            Attempt.provider == doubt.provider,
            Attempt.id != doubt.attempt_id,
            Attempt.outcome == "done",
            Attempt.provider_message_id != "",
        )
        .subquery()
    )
    is_heard = others.c.heard_at >= heard_since
    is_mute = others.c.heard_at.is_(None) & (others.c.finished_at <= mute_before)
    row = session.execute(
        select(
            func.count().filter(is_heard),
            func.max(others.c.heard_at),
            func.count().filter(is_mute),
        ).select_from(others)
    ).one()
    return Witnesses(row[0], row[1], row[2])


def oldest_waiting_post_at(session: Session) -> datetime | None:
    """When the oldest post came in that nobody has read yet."""
    return session.scalar(select(func.min(InboxPost.received_at)).where(InboxPost.status == int(PostStatus.WAITING)))


def posts_came_at(session: Session, *, source: str, since: datetime) -> Sequence[datetime]:
    """When each post of a provider came in, from a moment on, in order."""
    return session.scalars(
        select(InboxPost.received_at)
        .where(InboxPost.source == source, InboxPost.received_at > since)
        .order_by(InboxPost.received_at)
    ).all()


def has_unreadable_posts(session: Session, *, since: datetime) -> bool:
    """Whether a post came that could not be read."""
    statement = select(InboxPost.id).where(
        InboxPost.status == int(PostStatus.UNREADABLE), InboxPost.received_at >= since
    )
    return session.scalar(statement.limit(1)) is not None


def emails_of(session: Session, subscriber_ids: Collection[int]) -> dict[int, str]:
    """The addresses that people's mail goes to, of those who are there still."""
    rows = session.execute(select(Subscriber.id, Subscriber.email).where(Subscriber.id.in_(subscriber_ids)))
    return {row[0]: row[1] for row in rows if row[1]}


def has_open_batches(session: Session, issue_id: int) -> bool:
    """Whether a batch of an issue waits or is with a worker."""
    statement = select(Batch.id).where(Batch.issue_id == issue_id, Batch.status != int(BatchStatus.DONE)).limit(1)
    return session.scalar(statement) is not None


def reopen_stranded(session: Session, issue_id: int, *, now: datetime) -> int:
    """Reopen batches that were closed while a delivery of theirs went back to waiting; returns how many."""
    waits = (
        select(Delivery.subscriber_id)
        .where(
            Delivery.issue_id == issue_id,
            Delivery.cohort == Batch.cohort,
            Delivery.subscriber_id.between(Batch.first_id, Batch.last_id),
            Delivery.status == int(DeliveryStatus.PENDING),
        )
        .exists()
    )
    statement = (
        update(Batch)
        .where(Batch.issue_id == issue_id, Batch.status == int(BatchStatus.DONE), waits)
        .values(status=int(BatchStatus.PENDING), due_at=now)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement)


def issue_of(session: Session, doubt: Doubt) -> Issue:
    """The issue of a doubt as it is now."""
    return session.get_one(Issue, doubt.issue_id, populate_existing=True)
