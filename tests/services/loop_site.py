"""Issues that a provider has, and events it tells: what tests of consequences begin with."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select, update

from newsletter.db.models import Issue, Subscriber, Suppression
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.runtime import Runtime
from newsletter.services import events, issues, sending
from newsletter.services.events import SENDGRID
from newsletter.services.users import OPERATOR
from tests.factories import NOW, add_people, make_approved_brief, make_list, make_newsletter
from tests.webhook_posts import event, post

HARD = {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 user unknown"}
SOFT = {"type": "bounce", "status": "5.2.2", "reason": "552 5.2.2 mailbox full"}
BLOCKED = {"type": "blocked", "status": "5.7.1", "reason": "550 5.7.1 listed by spamhaus"}
THROTTLED = {"type": "blocked", "status": "4.7.28", "reason": "421 4.7.28 too many messages, slow down"}


class LoopSite:
    """One list of people whom issues go to, all accepted by the provider at once."""

    def __init__(self, runtime: Runtime, people: int, *, domain: str = "example.org") -> None:
        self.runtime = runtime
        with runtime.transaction() as session:
            mailing_list = make_list(session, make_newsletter(session))
            self.people = add_people(session, mailing_list, people)
            self.brief_id = make_approved_brief(session)
        self.move(self.people, domain)

    def move(self, people: list[int], domain: str) -> None:
        """Give these people addresses at another domain."""
        with self.runtime.transaction() as session:
            for person in people:
                address = f"reader{person}@{domain}"
                session.execute(
                    update(Subscriber).where(Subscriber.id == person).values(email=address, address=address)
                )

    def send(self, *, at: Any = NOW, provider: str = SENDGRID) -> int:
        """Send an issue to everybody; returns its id."""
        lease = timedelta(seconds=60)
        with self.runtime.transaction() as session:
            issue = issues.create_issue(
                session, brief_id=self.brief_id, list_slugs=["readers"], actor=OPERATOR, now=at, again=True
            )
            issues.send_issue(session, issue.id, actor=OPERATOR, provider=provider, batch_size=len(self.people), now=at)
            claim = sending.claim_batch(session, issue.id, worker="w", provider=provider, now=at, lease=lease)
            assert claim is not None
            people = [person.subscriber_id for person in claim.addressees]
            outcomes = [Outcome(subscriber_id=each, kind=OutcomeKind.ACCEPTED, response="") for each in people]
            sending.record_outcomes(session, claim, outcomes, source=provider, now=at, lease=lease)
            sending.finish_claim(session, claim, outcome="done", now=at)
        return issue.id

    def tell(self, issue_id: int, people: list[int], name: str, *, at: Any = NOW, **fields: Any) -> None:
        """One event of each of these people, in one post, drained."""
        told = [
            event(self.runtime.links, issue_id, person, name, timestamp=int(at.timestamp()), **fields)
            for person in people
        ]
        with self.runtime.transaction() as session:
            events.store_post(session, post(*told), source=SENDGRID, now=at)
        with self.runtime.transaction() as session:
            events.drain_posts(session, links=self.runtime.links, now=at)

    def suppressed(self) -> dict[str | None, str]:
        """Every suppressed address with its reason."""
        with self.runtime.reading() as session:
            return {row.address: row.reason for row in session.scalars(select(Suppression))}

    def status(self, issue_id: int) -> str:
        """The issue's status."""
        with self.runtime.reading() as session:
            return session.get_one(Issue, issue_id).status
