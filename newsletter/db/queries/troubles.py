"""Statements about bounces, refusals and complaints: how many an issue has, and how a person's mail came back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

from sqlalchemy import BindParameter, ColumnElement, bindparam, exists, func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Attempt, Batch, Delivery, Event, Issue, Subscriber
from newsletter.db.models.inbound import TROUBLE_KINDS
from newsletter.domain.issue import DeliveryStatus, Mark

# Two months of a daily brief: enough to see a run of soft bounces whole.
_ISSUES_LOOKED_AT = 60
_PEOPLE_AT_ONCE = 500

T = TypeVar("T")


class Trouble(NamedTuple):
    """How many deliveries of an issue have had one kind and class of trouble."""

    kind: str
    bounce_class: str | None
    deliveries: int


class Heard(NamedTuple):
    """One event of one person that says whether an issue came back."""

    subscriber_id: int
    issue_id: int
    kind: str
    bounce_class: str | None
    at: datetime


def troubles_of_issue(session: Session, issue_id: int, *, since: datetime | None) -> list[Trouble]:
    """Bounces, refusals and complaints of an issue by class; of batches first sent after `since` where it is given."""
    bounce_class = Event.detail["class"].as_string()
    statement = (
        select(Event.kind, bounce_class, func.count(func.distinct(Event.subscriber_id)))
        .where(Event.issue_id == issue_id, is_trouble())
        .group_by(Event.kind, bounce_class)
    )
    if since is not None:
        sent_since = exists().where(
            Delivery.issue_id == issue_id,
            Delivery.subscriber_id == Event.subscriber_id,
            Batch.issue_id == issue_id,
            Batch.cohort == Delivery.cohort,
            Event.subscriber_id.between(Batch.first_id, Batch.last_id),
            _was_tried(since),
        )
        statement = statement.where(sent_since)
    return [Trouble._make(row) for row in session.execute(statement)]


def count_sent(session: Session, issue_id: int, *, since: datetime | None) -> int:
    """How many deliveries are in batches that were handed over, after `since` where it is given."""
    statement = select(func.coalesce(func.sum(Batch.size), 0)).where(Batch.issue_id == issue_id, _was_tried(since))
    return int(session.scalar(statement) or 0)


def heard_of(session: Session, subscriber_ids: Sequence[int]) -> list[Heard]:
    """What was heard of people's mail in the latest issues: bounces, refusals and deliveries, the oldest first."""
    issue_ids = _latest_issues(session)
    found: list[Heard] = []
    for people in in_chunks(subscriber_ids):
        rows = session.execute(
            select(Event.subscriber_id, Event.issue_id, Event.kind, Event.detail["class"].as_string(), Event.at)
            .where(
                Event.issue_id.in_(issue_ids),
                Event.subscriber_id.in_(people),
                Event.kind.in_(("bounced", "rejected", "delivered")),
            )
            .order_by(Event.at, Event.id)
        )
        found += [Heard._make(row) for row in rows]
    return found


def silent_issues_of(
    session: Session, subscriber_ids: Sequence[int], *, started_before: datetime
) -> list[tuple[int, int, datetime]]:
    """(person, issue, beginning) where mail was accepted that long ago and nothing bounced, among the latest issues."""
    issue_ids = _latest_issues(session)
    found: list[tuple[int, int, datetime]] = []
    for people in in_chunks(subscriber_ids):
        rows = session.execute(
            select(Delivery.subscriber_id, Delivery.issue_id, Issue.started_at)
            .join(Issue, Issue.id == Delivery.issue_id)
            .where(
                Delivery.issue_id.in_(issue_ids),
                Delivery.subscriber_id.in_(people),
                Delivery.status == int(DeliveryStatus.ACCEPTED),
                Delivery.marks.op("&")(int(Mark.BOUNCED)) == 0,
                Issue.started_at <= started_before,
            )
        )
        found += [(row[0], row[1], row[2]) for row in rows if row[2] is not None]
    return found


def addresses_of(session: Session, subscriber_ids: Sequence[int]) -> dict[int, str]:
    """The addresses of those of these people who were not erased."""
    found: dict[int, str] = {}
    for people in in_chunks(subscriber_ids):
        rows = session.execute(select(Subscriber.id, Subscriber.address).where(Subscriber.id.in_(people)))
        found |= {row[0]: row[1] for row in rows}
    return found


def _was_tried(since: datetime | None) -> ColumnElement[bool]:
    """Whether a batch was handed over, and not before `since`."""
    tried = exists().where(Attempt.batch_id == Batch.id)
    if since is None:
        return tried
    return tried & ~exists().where(Attempt.batch_id == Batch.id, Attempt.started_at <= since)


def _latest_issues(session: Session) -> Sequence[int]:
    latest = select(Issue.id).where(Issue.started_at.is_not(None)).order_by(Issue.id.desc()).limit(_ISSUES_LOOKED_AT)
    return session.scalars(latest).all()


def is_trouble() -> ColumnElement[bool]:
    """Whether an event is a bounce, refusal or complaint, written as in their index: else it is not used."""
    kinds: BindParameter[Any] = bindparam("kinds", TROUBLE_KINDS, expanding=True, literal_execute=True)
    return Event.kind.in_(kinds)


def in_chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """The items in pieces that fit into one statement."""
    return (items[start : start + _PEOPLE_AT_ONCE] for start in range(0, len(items), _PEOPLE_AT_ONCE))
