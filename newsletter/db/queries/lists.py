"""Statements about mailing lists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into
from newsletter.db.models import MailingList, NewsletterRow, Subscription
from newsletter.domain.subscriber import SubscriptionStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class ListSummary:
    """A list with the number of its subscriptions by status; `confirmed` is who may be mailed."""

    list_id: int
    newsletter_id: int
    newsletter_name: str
    slug: str
    name: str
    opt_in: str
    is_public: bool
    created_at: datetime
    confirmed: int
    unconfirmed: int
    unsubscribed: int


def add_list(
    session: Session,
    *,
    newsletter_id: int,
    slug: str,
    name: str,
    opt_in: str,
    is_public: bool,
    now: datetime,
) -> MailingList | None:
    """Insert a list; None where the slug is taken."""
    return session.scalar(
        insert_into(session, MailingList)
        .values(
            newsletter_id=newsletter_id,
            slug=slug,
            name=name,
            opt_in=opt_in,
            is_public=is_public,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["slug"])
        .returning(MailingList)
    )


def list_by_slug(session: Session, slug: str) -> MailingList | None:
    """The list of this slug."""
    return session.scalar(select(MailingList).where(MailingList.slug == slug))


def list_slugs(session: Session) -> Sequence[str]:
    """All slugs in order of the alphabet."""
    return session.scalars(select(MailingList.slug).order_by(MailingList.slug)).all()


def sibling_list_ids(session: Session, list_id: int) -> Sequence[int]:
    """The other lists of a list's newsletter."""
    newsletter_id = select(MailingList.newsletter_id).where(MailingList.id == list_id).scalar_subquery()
    return session.scalars(
        select(MailingList.id).where(MailingList.newsletter_id == newsletter_id, MailingList.id != list_id)
    ).all()


def list_summaries(session: Session) -> list[ListSummary]:
    """All lists with their numbers, by name, counted by one statement."""
    return [ListSummary(**row._mapping) for row in session.execute(_summaries().order_by(MailingList.name))]


def list_summary(session: Session, list_id: int) -> ListSummary | None:
    """One list with its numbers."""
    row = session.execute(_summaries().where(MailingList.id == list_id)).one_or_none()
    return None if row is None else ListSummary(**row._mapping)


def _summaries() -> Select[*tuple[Any, ...]]:
    counts = (
        select(
            Subscription.list_id,
            _count_where(SubscriptionStatus.CONFIRMED).label("confirmed"),
            _count_where(SubscriptionStatus.UNCONFIRMED).label("unconfirmed"),
            _count_where(SubscriptionStatus.UNSUBSCRIBED).label("unsubscribed"),
        )
        .group_by(Subscription.list_id)
        .subquery()
    )
    return (
        select(
            MailingList.id.label("list_id"),
            MailingList.newsletter_id,
            NewsletterRow.name.label("newsletter_name"),
            MailingList.slug,
            MailingList.name,
            MailingList.opt_in,
            MailingList.is_public,
            MailingList.created_at,
            func.coalesce(counts.c.confirmed, 0).label("confirmed"),
            func.coalesce(counts.c.unconfirmed, 0).label("unconfirmed"),
            func.coalesce(counts.c.unsubscribed, 0).label("unsubscribed"),
        )
        .join(NewsletterRow, NewsletterRow.id == MailingList.newsletter_id)
        .outerjoin(counts, counts.c.list_id == MailingList.id)
    )


def _count_where(status: SubscriptionStatus) -> ColumnElement[int]:
    return func.sum(case((Subscription.status == int(status), 1), else_=0))
