"""Leaving: what the link in a mail does for its reader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Issue, Subscriber
from newsletter.db.queries import deliveries
from newsletter.domain.issue import Mark
from newsletter.links import DeliveryRef, Links
from newsletter.services import newsletters, subscribers


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaver:
    """Who a link is for and what it is about. `email` is masked: the page may be seen by others."""

    ref: DeliveryRef
    newsletter_name: str
    masked_email: str
    is_subscribed: bool


def find_leaver(session: Session, token: str, *, links: Links) -> Leaver | None:
    """The person behind an unsubscribe token; None for one that is forged, of a test send or of somebody erased."""
    ref = links.read_delivery_token(token)
    if ref is None or not ref.is_in_ledger:
        return None
    issue = session.get(Issue, ref.issue_id)
    person = session.get(Subscriber, ref.subscriber_id)
    if issue is None or person is None or deliveries.delivery(session, ref.issue_id, ref.subscriber_id) is None:
        return None
    newsletter = newsletters.newsletter_of(session, issue.newsletter_id)
    return Leaver(
        ref=ref,
        newsletter_name=newsletter.name,
        masked_email=mask_email(person.email),
        is_subscribed=subscribers.is_subscribed(session, subscriber_id=person.id, newsletter_id=issue.newsletter_id),
    )


def leave(session: Session, token: str, *, links: Links, source: str, now: datetime) -> Leaver | None:
    """Take the person off all lists of the newsletter at once; twice is the same as once.

    Mail that no worker has claimed yet is not sent to them any more.
    """
    leaver = find_leaver(session, token, links=links)
    if leaver is None:
        return None
    ref = leaver.ref
    issue = session.get_one(Issue, ref.issue_id)
    subscribers.unsubscribe(
        session, subscriber_id=ref.subscriber_id, newsletter_id=issue.newsletter_id, source=source, now=now
    )
    deliveries.set_marks(session, ref.issue_id, ref.subscriber_id, int(Mark.UNSUBSCRIBED))
    deliveries.add_events(
        session,
        [
            {
                "natural_key": f"unsubscribe:{ref.issue_id}:{ref.subscriber_id}",
                "issue_id": ref.issue_id,
                "subscriber_id": ref.subscriber_id,
                "kind": "unsubscribed",
                "at": now,
                "source": source,
                "detail": None,
            }
        ],
    )
    return leaver


def mask_email(email: str) -> str:
    """An address that its owner recognises and nobody else learns: m…a@example.org."""
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}…{local[-1:] if len(local) > 2 else ''}@{domain}"
