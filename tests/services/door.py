"""A public door for tests: a newsletter with lists, people whom we know in every way, and somebody who asks."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import OptInRequest
from newsletter.domain.subscriber import OptIn, SubscriberStatus, SuppressionReason
from newsletter.runtime import Runtime
from newsletter.services import lists, subscribers, subscribing, suppressions
from tests.factories import NOW, make_list, make_newsletter

ANN = "ann@example.org"
WORDS = "I agree to get it."


def open_door(runtime: Runtime) -> None:
    """A newsletter with a public list of either kind, and a private one."""
    with runtime.transaction() as session:
        newsletter = make_newsletter(session)
        make_list(session, newsletter)
        for slug, is_public in (("weekend", True), ("board", False)):
            lists.create_list(
                session,
                name=slug,
                newsletter_id=newsletter.id,
                opt_in=OptIn.DOUBLE,
                is_public=is_public,
                now=NOW,
            )


def ask(
    session: Session, runtime: Runtime, email: str = ANN, *, now: datetime = NOW, client: str = "192.0.2.1"
) -> bool:
    """Ask for the list "readers"."""
    offer = subscribing.offer_of(session, "harbour-morning-brief")
    return subscribing.ask(
        session,
        offer,
        email=email,
        lists=offer.chosen(["readers"]),
        language="en",
        consent=WORDS,
        client=client,
        links=runtime.links,
        now=now,
    )


def make_known(session: Session, runtime: Runtime, kind: str) -> str:
    """Somebody whom we know in one way or another."""
    email, key = f"{kind}@example.org", runtime.links.address_key
    if kind == "stranger":
        return email
    subscribers.add_subscriber(session, email=email, list_slug="readers", confirmed=True, address_key=key, now=NOW)
    if kind == "disabled":
        subscribers.set_status(session, email, status=SubscriberStatus.DISABLED, now=NOW)
    if kind == "erased":
        subscribers.erase_subscriber(session, email, address_key=key, now=NOW)
    if kind in tuple(SuppressionReason) and kind != "erased":
        suppressions.suppress(session, address=email, reason=SuppressionReason(kind), address_key=key, now=NOW)
    return email


def token_of_last(session: Session, runtime: Runtime) -> str:
    """The token in the mail that answers the latest request."""
    request = session.scalars(select(OptInRequest).order_by(OptInRequest.id.desc()).limit(1)).one()
    return runtime.links.opt_in_token(request.id, int(request.requested_at.timestamp()))
