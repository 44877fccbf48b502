"""Statements about bursts of hard bounces: how many there are at a domain, who is frozen, and who is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, case, delete, func, select, text, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import domain_of, insert_into, rows_changed
from newsletter.db.models import Delivery, Event, Freeze, HeldBounce, Issue, Subscriber, Suppression
from newsletter.db.queries.troubles import in_chunks, is_trouble
from newsletter.domain.bounces import BounceClass
from newsletter.domain.freezing import BURST_WINDOW, DomainBounces, FreezeDecision
from newsletter.domain.issue import DeliveryStatus, Mark
from newsletter.domain.subscriber import SuppressionReason

_EARLIER_ISSUES = 10


class Held(NamedTuple):
    """One person whose bounce waits for a decision; `address` is None after an erasure."""

    subscriber_id: int
    address: str | None
    evidence: str


def latest_hard_bounce(session: Session, issue_ids: Sequence[int], people: Sequence[int]) -> datetime | None:
    """When the last hard bounce of these people in these issues happened."""
    moments = [
        session.scalar(select(func.max(Event.at)).where(*_is_hard(issue_ids), Event.subscriber_id.in_(chunk)))
        for chunk in in_chunks(people)
    ]
    return max((moment for moment in moments if moment), default=None)


def hard_bounces_by_domain(
    session: Session, issue_ids: Sequence[int], domains: Sequence[str], *, near: datetime
) -> list[DomainBounces]:
    """For each of these domains and issues, how many people bounced hard: in all, and within a window around a moment.

    On both sides of it, because events come in any order.
    """
    domain = domain_of(session, Subscriber.address)
    recent = case((Event.at.between(near - BURST_WINDOW, near + BURST_WINDOW), Event.subscriber_id))
    rows = session.execute(
        select(
            domain,
            Event.issue_id,
            func.count(func.distinct(Event.subscriber_id)),
            func.count(func.distinct(recent)),
        )
        .join(Subscriber, Subscriber.id == Event.subscriber_id)
        .where(*_is_hard(issue_ids), domain.in_(domains), Event.at > _last_release(domain))
        .group_by(domain, Event.issue_id)
    )
    return [DomainBounces(domain=row[0], issue_id=row[1], in_issue=row[2], in_window=row[3]) for row in rows]


def people_bounced_at(session: Session, issue_id: int, domain: str) -> list[int]:
    """Who bounced hard at one domain in an issue, and was not decided about yet."""
    found = domain_of(session, Subscriber.address)
    return list(
        session.scalars(
            select(Event.subscriber_id)
            .distinct()
            .join(Subscriber, Subscriber.id == Event.subscriber_id)
            .where(*_is_hard([issue_id]), found == domain, Event.at > _last_release(found))
            .order_by(Event.subscriber_id)
        )
    )


def count_accepted_before(session: Session, people: Sequence[int], *, issue_id: int) -> int:
    """How many of these people had an earlier issue that was accepted and did not come back."""
    began = select(Issue.started_at).where(Issue.id == issue_id).scalar_subquery()
    earlier = session.scalars(
        select(Issue.id).where(Issue.started_at < began).order_by(Issue.started_at.desc()).limit(_EARLIER_ISSUES)
    ).all()
    accepted = select(func.count(func.distinct(Delivery.subscriber_id))).where(
        Delivery.issue_id.in_(earlier),
        Delivery.subscriber_id.in_(people),
        Delivery.status == int(DeliveryStatus.ACCEPTED),
        Delivery.marks.op("&")(int(Mark.BOUNCED)) == 0,
    )
    return session.scalar(accepted) or 0


def open_freeze(session: Session, domain: str) -> Freeze | None:
    """The freeze of a domain that nobody has released."""
    return session.scalar(select(Freeze).where(Freeze.domain == domain, Freeze.released_at.is_(None)))


def open_freezes(session: Session) -> Sequence[Freeze]:
    """All domains that are frozen now."""
    return session.scalars(select(Freeze).where(Freeze.released_at.is_(None)).order_by(Freeze.id)).all()


def add_freeze(session: Session, *, domain: str, evidence: str, now: datetime) -> bool:
    """Freeze a domain unless it is frozen; whether it was not."""
    statement = insert_into(session, Freeze).values(domain=domain, evidence=evidence, began_at=now)
    return (
        rows_changed(
            session,
            statement.on_conflict_do_nothing(index_elements=["domain"], index_where=text("released_at IS NULL")),
        )
        == 1
    )


def release_freeze(
    session: Session, freeze_id: int, *, decision: FreezeDecision, released_by: int | None, now: datetime
) -> bool:
    """Compare and set: end a freeze; whether it was still open."""
    statement = (
        update(Freeze)
        .where(Freeze.id == freeze_id, Freeze.released_at.is_(None))
        .values(released_at=now, released_by=released_by, decision=str(decision))
        .execution_options(synchronize_session="fetch")
    )
    return rows_changed(session, statement) == 1


def hold_people(session: Session, freeze_id: int, people: Sequence[int], *, evidence: str, now: datetime) -> int:
    """Let people wait for the decision about their domain; returns how many did not wait yet."""
    added = 0
    for chunk in in_chunks(people):
        rows = [
            {"freeze_id": freeze_id, "subscriber_id": person, "evidence": evidence, "held_at": now} for person in chunk
        ]
        added += rows_changed(session, insert_into(session, HeldBounce).values(rows).on_conflict_do_nothing())
    return added


def held_people(session: Session, freeze_id: int) -> list[Held]:
    """Who waits at a frozen domain."""
    rows = session.execute(
        select(HeldBounce.subscriber_id, Subscriber.address, HeldBounce.evidence)
        .outerjoin(Subscriber, Subscriber.id == HeldBounce.subscriber_id)
        .where(HeldBounce.freeze_id == freeze_id)
        .order_by(HeldBounce.subscriber_id)
    )
    return [Held._make(row) for row in rows]


def count_held(session: Session) -> dict[int, int]:
    """How many people wait in each freeze."""
    rows = session.execute(select(HeldBounce.freeze_id, func.count()).group_by(HeldBounce.freeze_id))
    return {row[0]: row[1] for row in rows}


def forget_held(session: Session, freeze_id: int) -> None:
    """Nobody waits in this freeze any more."""
    session.execute(
        delete(HeldBounce).where(HeldBounce.freeze_id == freeze_id).execution_options(synchronize_session=False)
    )


def take_back_bounced(session: Session, addresses: Sequence[str], *, since: datetime) -> int:
    """Undo suppressions for bounces that were made since a moment; returns how many."""
    taken = 0
    for chunk in in_chunks(addresses):
        statement = delete(Suppression).where(
            Suppression.address.in_(chunk),
            Suppression.reason == str(SuppressionReason.BOUNCED),
            Suppression.created_at >= since,
        )
        taken += rows_changed(session, statement.execution_options(synchronize_session="fetch"))
    return taken


def _is_hard(issue_ids: Sequence[int]) -> tuple[ColumnElement[bool], ...]:
    return (
        is_trouble(),
        Event.issue_id.in_(issue_ids),
        Event.kind == "bounced",
        Event.detail["class"].as_string() == str(BounceClass.HARD),
    )


def _last_release(domain: ColumnElement[str]) -> Any:
    """When a person last decided about a domain: what came before is settled."""
    long_ago = text("'0001-01-01 00:00:00'")
    decided = select(func.max(Freeze.released_at)).where(Freeze.domain == domain).scalar_subquery()
    return func.coalesce(decided, long_ago)
