"""Facts about whatever is told of deliveries, by webhook and by mail: no order and no repetition changes the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import Table, select, update

from newsletter.db.models import (
    Alert,
    Delivery,
    Event,
    InboundMail,
    InboxPost,
    Issue,
    KnownEvent,
    ProviderState,
    Subscriber,
    Subscription,
    Suppression,
)
from newsletter.db.models.base import Base
from newsletter.domain.events import SENDGRID_CLASSIFICATIONS, SENDGRID_DROPS, SENDGRID_MEANINGS
from newsletter.domain.mail import OutcomeKind
from newsletter.domain.subscriber import SubscriptionStatus
from newsletter.runtime import Runtime
from newsletter.services import bouncing
from tests.bounce_mails import autoreply, complaint, delivery_report, leaving_address, plain_mail, return_path
from tests.factories import NOW
from tests.services.loop_site import THROTTLED
from tests.told_events import BLOCKED, HARD, SOFT, hand_over, start, state, tell
from tests.webhook_posts import SECOND, event

DISABLED = {"type": "bounce", "status": "5.2.1", "reason": "550 5.2.1 this account is disabled"}
ODD: list[dict[str, Any]] = [{}, {"sg_event_id": None, "sg_message_id": None}, {"email": "", "category": "one"}]
BY_WEBHOOK: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in SENDGRID_MEANINGS),
    *(("bounce", fields) for fields in (HARD, SOFT, BLOCKED, THROTTLED, DISABLED)),
    *(("bounce", {"type": "bounce", "bounce_classification": name}) for name in SENDGRID_CLASSIFICATIONS),
    *(("dropped", {"reason": reason.capitalize()}) for reason, _ in SENDGRID_DROPS),
    ("dropped", {"reason": "something new"}),
    ("deferred", {"attempt": "2", "response": "451 4.7.1 greylisted"}),
    ("account_status_change", {"type": "compliance_suspend"}),
    ("teleported", {}),
]
FULL = {"status": "5.2.2", "diagnostic": "552 5.2.2 mailbox full"}
SPAM = {"status": "5.7.1", "diagnostic": "550 5.7.1 listed by spamhaus"}
OFF = {"status": "5.2.1", "diagnostic": "550 5.2.1 this account is disabled"}
LATER = {"action": "delayed", "status": "4.4.1", "diagnostic": "451 4.4.1 try again"}


@dataclass(frozen=True)
class Mail:
    """One mail that comes in, and the address it came in for."""

    raw: bytes
    envelope: str


# Without a token a mail is about what was sent there last when it came in: that depends on the moment by its nature.
MailMaker = Callable[[str, str], Mail]
BY_MAIL: dict[str, MailMaker] = {
    **{
        name: (lambda email, token, said=said: Mail(delivery_report(email, **said), return_path(token)))
        for name, said in {"hard": {}, "full": FULL, "spam": SPAM, "off": OFF, "delayed": LATER}.items()
    },
    "complaint": lambda _, token: Mail(complaint(token), return_path(token)),
    "absence": lambda _, token: Mail(autoreply(return_path(token)), return_path(token)),
    "leaves": lambda _, token: Mail(plain_mail(leaving_address(token), subject="unsubscribe"), leaving_address(token)),
}


def test_the_webhooks_words_are_all_among_them() -> None:
    names = {name for name, _ in BY_WEBHOOK}
    assert names >= {"processed", "deferred", "delivered", "open", "click", "spamreport", "unsubscribe", "bounce"}
    assert names >= {"group_unsubscribe", "group_resubscribe", "dropped", "account_status_change"}


class HalfUnknown:
    """An issue of six deliveries, one batch in doubt and one accepted; what is told can be undone."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.issue_id, _ = start(runtime, people=6, batch_size=3)
        hand_over(runtime, self.issue_id, OutcomeKind.UNKNOWN)
        hand_over(runtime, self.issue_id)
        with runtime.reading() as session:
            self.emails = list(session.scalars(select(Subscriber.email).order_by(Subscriber.id)))
            self._ids = list(session.scalars(select(Subscriber.id).order_by(Subscriber.id)))
            self._ledger = [(row.subscriber_id, row.status, row.reason, row.marks) for row in self._rows(session)]
            self._status = session.get_one(Issue, self.issue_id).status

    def webhook(self, person: int, said: tuple[str, dict[str, Any]], odd: dict[str, Any], second: int) -> Any:
        """An event as SendGrid tells it."""
        name, fields = said
        timestamp = SECOND + second
        return event(self.runtime.links, self.issue_id, self._ids[person], name, timestamp=timestamp, **(fields | odd))

    def mail(self, person: int, name: str) -> Mail:
        """A mail about one of the deliveries."""
        token = self.runtime.links.delivery_token(self.issue_id, self._ids[person])
        return BY_MAIL[name](self.emails[person], token)

    def hear(self, told: Sequence[Any], *, post_size: int) -> None:
        """Take these in, one after the other; events that follow each other come in posts of a size."""
        post: list[Any] = []
        for item in told:
            if not isinstance(item, Mail):
                post.append(item)
                if len(post) == post_size:
                    self._tell(post)
                continue
            self._tell(post)
            with self.runtime.transaction() as session:
                recipients = [item.envelope]
                bouncing.ingest(session, item.raw, links=self.runtime.links, now=NOW, envelope_recipients=recipients)
        self._tell(post)

    def state(self) -> dict[str, Any]:
        """All that was changed by it, comparable between two runs."""
        with self.runtime.reading() as session:
            provider = session.scalars(select(ProviderState)).all()
            return state(self.runtime) | {
                "issue": session.get_one(Issue, self.issue_id).status,
                "providers": {(row.name, row.needs_person) for row in provider},
                "alerts": {(row.kind, row.subject) for row in session.scalars(select(Alert))},
                "mails": {(row.sha256, row.kind) for row in session.scalars(select(InboundMail))},
            }

    def forget(self) -> None:
        """As if nothing had been told."""
        with self.runtime.transaction() as session:
            for model in (InboxPost, KnownEvent, Suppression, ProviderState, Alert, InboundMail, Event):
                session.execute(_table(model).delete())
            session.execute(update(Subscription).values(status=int(SubscriptionStatus.CONFIRMED)))
            session.execute(update(Issue).values(status=self._status))
            for person, status, reason, marks in self._ledger:
                row = session.get_one(Delivery, (self.issue_id, person))
                row.status, row.reason, row.marks = status, reason, marks

    def _tell(self, post: list[Any]) -> None:
        if post:
            tell(self.runtime, *post)
            post.clear()

    def _rows(self, session: Any) -> Sequence[Delivery]:
        return session.scalars(select(Delivery).where(Delivery.issue_id == self.issue_id)).all()


def _table(model: type[Base]) -> Table:
    return model.metadata.tables[model.__tablename__]


@pytest.fixture
def half_unknown(runtime: Runtime) -> HalfUnknown:
    return HalfUnknown(runtime)


PEOPLE = st.integers(0, 5)
TOLD = st.one_of(
    st.tuples(PEOPLE, st.sampled_from(BY_WEBHOOK), st.sampled_from(ODD), st.integers(0, 2)),
    st.tuples(PEOPLE, st.sampled_from(sorted(BY_MAIL))),
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(said=st.lists(TOLD, min_size=1, max_size=20), seed=st.integers(0, 2**16))
def test_any_order_and_any_duplication_leads_to_the_same_state(
    half_unknown: HalfUnknown, said: list[tuple[Any, ...]], seed: int
) -> None:
    site = half_unknown
    told = [site.webhook(*words) if len(words) == 4 else site.mail(*words) for words in said]
    chance = random.Random(seed)
    mixed = told + chance.choices(told, k=len(told) // 2)
    chance.shuffle(mixed)
    site.forget()
    site.hear(told, post_size=len(told))
    once = site.state()
    site.forget()
    site.hear(mixed, post_size=chance.randint(1, 7))
    assert site.state() == once
