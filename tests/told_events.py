"""An issue that SendGrid is getting, and what it tells about it."""

from __future__ import annotations

import random
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import func, select

from newsletter.db.models import Attempt, Delivery, Event, InboxPost, Subscription, Suppression
from newsletter.domain.events import PostStatus
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.domain.subscriber import SubscriptionStatus
from newsletter.runtime import Runtime
from newsletter.services import events, issues, sending
from newsletter.services.events import SENDGRID, EventCounts
from newsletter.services.users import OPERATOR
from tests.factories import NOW, make_issue
from tests.webhook_posts import event, post

LEASE = timedelta(seconds=60)
HARD = {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 user unknown"}
SOFT = {"type": "bounce", "status": "5.2.2", "reason": "552 5.2.2 mailbox full"}
BLOCKED = {"type": "blocked", "status": "5.7.1", "reason": "550 5.7.1 listed by spamhaus"}


def start(runtime: Runtime, people: int = 10, *, batch_size: int = 5) -> tuple[int, list[int]]:
    """An issue that SendGrid is getting."""
    with runtime.transaction() as session:
        issue, ids = make_issue(session, people)
        issues.send_issue(session, issue.id, actor=OPERATOR, provider=SENDGRID, batch_size=batch_size, now=NOW)
    return issue.id, ids


def hand_over(runtime: Runtime, issue_id: int, kind: OutcomeKind = OutcomeKind.ACCEPTED) -> list[int]:
    """Hand over the next batch with one outcome for all; returns its people."""
    with runtime.transaction() as session:
        claim = sending.claim_batch(session, issue_id, worker="w", provider=SENDGRID, now=NOW, lease=LEASE)
        assert claim is not None
        people = [person.subscriber_id for person in claim.addressees]
        outcomes = [Outcome(subscriber_id=person, kind=kind, response="") for person in people]
        sending.record_outcomes(session, claim, outcomes, source=SENDGRID, now=NOW, lease=LEASE)
        sending.finish_claim(session, claim, outcome="done", now=NOW)
    return people


def request_of(runtime: Runtime, people: list[int]) -> str:
    with runtime.reading() as session:
        return f"{session.scalar(select(func.max(Attempt.id)))}:{people[0]}-{people[-1]}"


def tell(runtime: Runtime, *told: dict[str, Any]) -> EventCounts:
    """Store one post and drain."""
    return tell_posts(runtime, [post(*told)])


def tell_posts(runtime: Runtime, bodies: list[bytes]) -> EventCounts:
    for body in bodies:
        with runtime.transaction() as session:
            events.store_post(session, body, source=SENDGRID, now=NOW)
    return drain(runtime)


def drain(runtime: Runtime) -> EventCounts:
    total = EventCounts()
    while True:
        with runtime.transaction() as session:
            counts = events.drain_posts(session, links=runtime.links, now=NOW)
        if not counts.posts:
            return total
        total += counts


def tally(runtime: Runtime, issue_id: int) -> dict[str, int]:
    with runtime.reading() as session:
        numbers = asdict(issues.tally_of(session, issue_id))
    return {name: number for name, number in numbers.items() if number}


def row_of(runtime: Runtime, issue_id: int, subscriber_id: int) -> tuple[int, int]:
    with runtime.reading() as session:
        row = session.get_one(Delivery, (issue_id, subscriber_id))
        return row.status, row.reason


def suppressed(runtime: Runtime) -> dict[str | None, str]:
    with runtime.reading() as session:
        return {row.address: row.reason for row in session.scalars(select(Suppression))}


def state(runtime: Runtime) -> dict[str, Any]:
    """All that events change, comparable between two runs."""
    with runtime.reading() as session:
        ledger = select(Delivery.issue_id, Delivery.subscriber_id, Delivery.status, Delivery.reason, Delivery.marks)
        heard = select(Event.natural_key, Event.kind, Event.at).order_by(Event.natural_key)
        left = select(Subscription.subscriber_id).where(Subscription.status == int(SubscriptionStatus.UNSUBSCRIBED))
        return {
            "ledger": [tuple(row) for row in session.execute(ledger.order_by(Delivery.subscriber_id))],
            "events": [tuple(row) for row in session.execute(heard)],
            "suppressions": {row.address: row.reason for row in session.scalars(select(Suppression))},
            "left": set(session.scalars(left)),
        }


def make_shuffled_posts(runtime: Runtime, people: int, *, post_size: int = 1_000) -> tuple[int, list[bytes]]:
    """An issue and posts of so many events about it: three for each reader, a third of them told again."""
    issue_id, ids = start(runtime, people=people, batch_size=1_000)
    for _ in range(-(-people // 1_000)):
        hand_over(runtime, issue_id)
    chance = random.Random(7)
    names = ("processed", "delivered", "open")
    unique = [event(runtime.links, issue_id, person, name) for person in ids for name in names]
    told = unique + chance.sample(unique, people)
    chance.shuffle(told)
    return issue_id, [post(*told[begin : begin + post_size]) for begin in range(0, len(told), post_size)]


def waiting(runtime: Runtime) -> int:
    """How many posts were kept and not read yet."""
    with runtime.reading() as session:
        statement = select(func.count()).select_from(InboxPost).where(InboxPost.status == int(PostStatus.WAITING))
        return session.scalar(statement) or 0
