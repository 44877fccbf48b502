"""Trial mails ("test sends"): a brief to any address, as a subscriber would get it, marked and never counted."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Subscriber
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.domain.subscriber import normalise_address
from newsletter.errors import InvalidInput, ServiceUnavailable
from newsletter.links import Links
from newsletter.providers import Provider
from newsletter.rendering import DkimSigner
from newsletter.services import audit, briefs, subscribers
from newsletter.services.mailings import MailingFactory
from newsletter.services.users import Actor

SUBJECT_MARK = "[Test] "
MAX_ADDRESSES = 20
TEST_ISSUE_ID = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class TestMail:
    """What became of one test mail, with the provider's own answer."""

    __test__ = False

    to: str
    provider: str
    message_id: str
    response: str
    is_accepted: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedTest:
    """A test send made ready inside a transaction, to be handed over outside of it."""

    factory: MailingFactory
    addresses: tuple[str, ...]
    name: str


def prepare_test(
    session: Session,
    brief_id: int,
    addresses: Sequence[str],
    *,
    like: str | None,
    links: Links,
    bounce_domain: str,
    signer: DkimSigner | None,
    actor: Actor,
    now: datetime,
) -> PreparedTest:
    """The brief as it would go out now, for these addresses: the stored bytes once it was submitted.

    `like` borrows a subscriber's name.
    """
    if not addresses:
        raise InvalidInput("a test send needs at least one address: name it with --to")
    if len(addresses) > MAX_ADDRESSES:
        raise InvalidInput(f"a test send goes to {MAX_ADDRESSES} addresses at most")
    for address in addresses:
        normalise_address(address)
    rendered = briefs.shown_preview(session, brief_id).rendered
    person: Subscriber | None = subscribers.find_subscriber(session, like) if like else None
    audit.record(
        session,
        action="brief.test_send",
        subject_type="brief",
        subject_id=brief_id,
        actor_id=actor.user_id,
        detail={"count": len(addresses)},
        now=now,
    )
    factory = MailingFactory(
        rendered,
        issue_id=TEST_ISSUE_ID,
        links=links,
        bounce_domain=bounce_domain,
        date=now,
        subject=SUBJECT_MARK + rendered.subject,
        signer=signer,
    )
    unique = dict.fromkeys(address.strip() for address in addresses)
    return PreparedTest(factory=factory, addresses=tuple(unique), name=person.name if person else "")


def hand_over_test(prepared: PreparedTest, provider: Provider) -> list[TestMail]:
    """Send the test mails one by one; no transaction is open meanwhile. Never raises for one address."""
    return [_send_one(prepared, provider, address) for address in prepared.addresses]


def _send_one(prepared: PreparedTest, provider: Provider, address: str) -> TestMail:
    # Any number will do: issue 0 has no ledger, and each test mail wants a Message-ID of its own.
    recipient = prepared.factory.recipient(subscriber_id=secrets.randbits(32), email=address, name=prepared.name)
    try:
        outcome = provider.send_test(prepared.factory.mailing, recipient)
    except ServiceUnavailable as error:
        outcome = Outcome(subscriber_id=0, kind=OutcomeKind.DEFERRED, response=str(error))
    return TestMail(
        to=address,
        provider=provider.name,
        message_id=recipient.headers["Message-ID"],
        response=outcome.response,
        is_accepted=outcome.kind is OutcomeKind.ACCEPTED,
    )
