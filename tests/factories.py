"""Rows that tests begin with, made through the same services that people use."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from newsletter import samples
from newsletter.db.models import Issue, MailingList, NewsletterRow, Subscriber, Subscription
from newsletter.domain.subscriber import SubscriptionStatus
from newsletter.services import briefs, issues, lists, newsletters
from newsletter.services.users import OPERATOR

NOW = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)


def make_newsletter(session: Session, **values: object) -> NewsletterRow:
    """The sample newsletter, with some values changed."""
    return newsletters.create_newsletter(session, **(samples.NEWSLETTER | values), now=NOW)


def make_list(session: Session, newsletter: NewsletterRow, slug: str = "readers") -> MailingList:
    """A single opt-in list."""
    return lists.create_list(session, name=slug.title(), slug=slug, newsletter_id=newsletter.id, now=NOW)


def add_people(
    session: Session,
    mailing_list: MailingList,
    count: int,
    *,
    prefix: str = "reader",
    status: SubscriptionStatus = SubscriptionStatus.CONFIRMED,
) -> list[int]:
    """`count` subscribers of this list; returns their ids in order."""
    addresses = [f"{prefix}{number:06}@example.org" for number in range(count)]
    session.execute(
        insert(Subscriber),
        [
            {"email": address, "address": address, "name": f"Reader {number}", "created_at": NOW, "updated_at": NOW}
            for number, address in enumerate(addresses)
        ],
    )
    ids = list(
        session.scalars(
            select(Subscriber.id).where(Subscriber.address.like(f"{prefix}%@example.org")).order_by(Subscriber.id)
        )
    )
    session.execute(
        insert(Subscription),
        [
            {"list_id": mailing_list.id, "subscriber_id": id_, "status": int(status), "consent_source": "test"}
            for id_ in ids
        ],
    )
    return ids


def make_approved_brief(session: Session, *, source: str | None = None) -> int:
    """The sample brief, submitted and approved; returns its id."""
    row = briefs.import_brief(session, source or samples.brief_text(), actor=OPERATOR, now=NOW)
    briefs.submit_brief(session, row.id, actor=OPERATOR, now=NOW)
    briefs.approve_brief(session, row.id, actor=OPERATOR, now=NOW)
    return row.id


def make_issue(session: Session, people: int = 10) -> tuple[Issue, list[int]]:
    """A draft issue of the approved sample brief for a fresh list; returns it and its subscribers' ids."""
    newsletter = make_newsletter(session)
    mailing_list = make_list(session, newsletter)
    ids = add_people(session, mailing_list, people)
    brief_id = make_approved_brief(session)
    issue = issues.create_issue(session, brief_id=brief_id, list_slugs=["readers"], actor=OPERATOR, now=NOW)
    return issue, ids


def start_issue(session: Session, issue: Issue, *, batch_size: int = 4, now: datetime = NOW) -> Issue:
    """Begin to send through a provider called "outbox"."""
    return issues.send_issue(session, issue.id, actor=OPERATOR, provider="outbox", batch_size=batch_size, now=now)
