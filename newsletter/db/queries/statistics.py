"""Statements that count an issue's rows by the domain of the reader, from which mailbox providers are made."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.dialects import domain_of
from newsletter.db.models import Delivery, Event, Subscriber
from newsletter.db.queries.troubles import is_trouble
from newsletter.domain.bounces import Category


class DomainCounts(NamedTuple):
    """How many deliveries of one issue to one domain stand alike; the domain is "" for readers who were erased."""

    domain: str
    status: int
    marks: int
    deliveries: int


class DomainTroubles(NamedTuple):
    """How many deliveries to a domain had one kind and class of bounce or refusal."""

    domain: str
    kind: str
    bounce_class: str | None
    deliveries: int


def ledger_by_domain(session: Session, issue_id: int) -> list[DomainCounts]:
    """An issue's ledger, counted by domain and by how rows stand: one walk, whose groups are few.

    Sums over conditions would be asked for each row; what a group means is decided once for all of it.
    """
    domain = func.coalesce(domain_of(session, Subscriber.address), "")
    rows = session.execute(
        select(domain, Delivery.status, Delivery.marks, func.count())
        .select_from(Delivery)
        .outerjoin(Subscriber, Subscriber.id == Delivery.subscriber_id)
        .where(Delivery.issue_id == issue_id)
        .group_by(domain, Delivery.status, Delivery.marks)
    )
    return [DomainCounts._make(row) for row in rows]


def troubles_by_domain(session: Session, issue_id: int) -> list[DomainTroubles]:
    """An issue's bounces and refusals, counted by domain and class."""
    domain = func.coalesce(domain_of(session, Subscriber.address), "")
    bounce_class = Event.detail["class"].as_string()
    rows = session.execute(
        select(domain, Event.kind, bounce_class, func.count(func.distinct(Event.subscriber_id)))
        .select_from(Event)
        .outerjoin(Subscriber, Subscriber.id == Event.subscriber_id)
        .where(Event.issue_id == issue_id, is_trouble())
        .group_by(domain, Event.kind, bounce_class)
    )
    return [DomainTroubles._make(row) for row in rows]


def throttled_by_domain(session: Session, issue_id: int) -> dict[str, int]:
    """How many deliveries of an issue were refused at each domain for mere haste."""
    domain = func.coalesce(domain_of(session, Subscriber.address), "")
    is_haste = Event.detail["category"].as_string() == str(Category.THROTTLE)
    rows = session.execute(
        select(domain, func.count(func.distinct(Event.subscriber_id)))
        .select_from(Event)
        .outerjoin(Subscriber, Subscriber.id == Event.subscriber_id)
        .where(Event.issue_id == issue_id, is_trouble(), is_haste)
        .group_by(domain)
    )
    return {row[0]: row[1] for row in rows}
