"""Subscribing by oneself: what a newsletter offers to new readers, asking for it, and confirming by the mailed link.

Asking never looks at who is known here, so that neither its answer nor its time can tell. A worker decides which mail
answers (`services.opt_in_mails`), and only the link in it leads to a place on a list.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy.orm import Session

from newsletter.db.models import MailingList, NewsletterRow, OptInRequest
from newsletter.db.queries import imports as import_queries
from newsletter.db.queries import opting_in as queries
from newsletter.db.queries import subscribers as subscriber_queries
from newsletter.domain.opt_in import OF_ADDRESS, OF_CLIENT, Allowance, is_expired, network_of
from newsletter.domain.slots_of_day import slot_from_json
from newsletter.domain.subscriber import normalise_address
from newsletter.errors import Conflict, InvalidInput
from newsletter.jobs import SEND_OPT_INS, enqueue
from newsletter.links import Links
from newsletter.services import newsletters, opting_in, subscribers
from newsletter.services.leaving import mask_email

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Offer:
    """What a newsletter offers to new readers. `daily_at` is its daily slot (HH:MM by its own clock), if it has one."""

    newsletter: NewsletterRow
    lists: tuple[MailingList, ...]
    daily_at: str

    def chosen(self, slugs: Sequence[str]) -> list[MailingList]:
        """The lists of these slugs; where there is but one, nobody has to choose it."""
        if len(self.lists) == 1:
            return list(self.lists)
        return [row for row in self.lists if row.slug in slugs]


class LinkState(StrEnum):
    """What a mailed link is good for. SUBSCRIBED: it was used, and the reader is there; USED: they have left since."""

    OPEN = "open"
    SUBSCRIBED = "subscribed"
    USED = "used"
    EXPIRED = "expired"
    FORGED = "forged"


@dataclass(frozen=True, kw_only=True, slots=True)
class MailedLink:
    """A mailed link as its page shows it. Where the request is forgotten, or never was, nothing but the state is known.

    `masked_email` is for a page that others may see.
    """

    state: LinkState
    newsletter: NewsletterRow | None = None
    request_id: int = 0
    masked_email: str = ""
    language: str = ""
    list_names: tuple[str, ...] = ()


def offer_of(session: Session, newsletter_slug: str) -> Offer:
    """What one can subscribe to; NotFound for an unknown newsletter. Private lists are not part of it."""
    row = newsletters.find_newsletter(session, newsletter_slug)
    slot = slot_from_json(row.daily_slot) if row.daily_slot else None
    return Offer(
        newsletter=row,
        lists=tuple(queries.public_lists(session, row.id)),
        daily_at=f"{slot.at:%H:%M}" if slot else "",
    )


def ask(
    session: Session,
    offer: Offer,
    *,
    email: str,
    lists: Sequence[MailingList],
    language: str,
    consent: str,
    client: str,
    links: Links,
    now: datetime,
) -> bool:
    """Write down that somebody wants this address on these lists, and wake a worker; False for a client who asks much.

    An address that was asked for a moment ago gets no second mail, and the caller does not learn of it. InvalidInput
    for what is no address.
    """
    if not lists:
        raise InvalidInput("nothing was chosen to subscribe to")
    address = normalise_address(email)
    if not may_take(session, OF_CLIENT, "client", network_of(client), links=links, now=now):
        log.warning("opt_in.limited newsletter_id=%s", offer.newsletter.id)
        return False
    if may_take(session, OF_ADDRESS, "address", address, links=links, now=now):
        queries.add_request(
            session,
            newsletter_id=offer.newsletter.id,
            email=email.strip(),
            address=address,
            list_ids=[row.id for row in lists],
            language=language,
            consent=consent,
            client=client,
            requested_at=now,
            due_at=now,
        )
    # Asked for in either case, so that both take as long.
    enqueue(session, SEND_OPT_INS)
    return True


def may_take(
    session: Session, allowances: Sequence[Allowance], kind: str, what: str, *, links: Links, now: datetime
) -> bool:
    """Count one more of this kind; whether all allowances still cover it. Kept by keyed hashes, for all processes."""
    key = links.address_key(what).hex()
    for allowance in allowances:
        name = f"{kind}:{int(allowance.window.total_seconds())}:{key}"
        if queries.take(session, name, window=allowance.window, now=now) > allowance.most:
            return False
    return True


def find_link(session: Session, token: str, *, links: Links, now: datetime) -> MailedLink:
    """What is behind a mailed link. It changes nothing."""
    ref = links.read_opt_in_token(token)
    if ref is None:
        return MailedLink(state=LinkState.FORGED)
    request = queries.request_by_id(session, ref.request_id)
    if request is None or int(request.requested_at.timestamp()) != ref.asked_at:
        # Genuine, and so old that the request is forgotten.
        return MailedLink(state=LinkState.EXPIRED)
    return MailedLink(
        state=_state_of(session, request, now=now),
        newsletter=newsletters.newsletter_of(session, request.newsletter_id),
        request_id=request.id,
        masked_email=mask_email(request.email),
        language=request.language,
        list_names=tuple(row.name for row in queries.lists_by_ids(session, request.list_ids)),
    )


def _state_of(session: Session, request: OptInRequest, *, now: datetime) -> LinkState:
    if request.confirmed_at is None:
        return LinkState.EXPIRED if is_expired(request.requested_at, now=now) else LinkState.OPEN
    person = subscriber_queries.subscriber_by_address(session, request.address)
    is_there = person is not None and subscribers.is_subscribed(
        session, subscriber_id=person.id, newsletter_id=request.newsletter_id
    )
    return LinkState.SUBSCRIBED if is_there else LinkState.USED


def confirm(session: Session, token: str, *, links: Links, client: str, now: datetime) -> MailedLink:
    """Subscribe whoever the link was mailed to; twice is the same as once, and never brings back who has left since.

    Conflict for whom an admin has disabled; nothing is changed then.
    """
    link = find_link(session, token, links=links, now=now)
    if link.state is not LinkState.OPEN:
        return link
    # In the order in which an erasure takes the same two, so that neither waits for the other.
    import_queries.lock_imports(session)
    if queries.mark_confirmed(session, link.request_id, now=now):
        request = queries.request_by_id(session, link.request_id)
        assert request is not None
        _subscribe(session, request, links=links, client=client, now=now)
    return find_link(session, token, links=links, now=now)


def _subscribe(session: Session, request: OptInRequest, *, links: Links, client: str, now: datetime) -> None:
    chosen = queries.lists_by_ids(session, request.list_ids)
    if not chosen:
        raise Conflict("the lists that were asked for are no more: subscribe anew")
    for row in chosen:
        person = opting_in.confirm_opt_in(
            session,
            email=request.email,
            list_slug=row.slug,
            evidence=evidence_of(request, client=client),
            address_key=links.address_key,
            now=now,
        )
        log.info("opt_in.confirmed request_id=%s list_id=%s subscriber_id=%s", request.id, row.id, person.id)


def evidence_of(request: OptInRequest, *, client: str) -> str:
    """What proves a consent: who agreed to which words, when and from where, and where the link was pressed.

    The moment of the press stands beside it, as `confirmed_at`.
    """
    asked = request.requested_at.astimezone(UTC)
    return (
        f"asked by the form on {asked:%Y-%m-%d %H:%M:%S} UTC from {request.client}, in these words"
        f" ({request.language}): “{request.consent}” Confirmed by the link mailed to the address, from {client}"
        f" (request {request.id})"
    )
