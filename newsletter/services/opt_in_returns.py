"""What comes back of the mail that answers a request at the public door: who cannot be reached, or calls it spam.

Anybody may type anybody's address, so nothing follows from the request. Only the mail itself carries the token of its
answer: what comes back with it comes from the mail server, the provider, or the owner of the mailbox.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import OptInRequest
from newsletter.db.queries import opting_in as queries
from newsletter.db.queries import provider_lists as lift_queries
from newsletter.domain.events import EventKind, Meaning, meaning_of_refusal
from newsletter.domain.exchange import LISTS_BOUNCES
from newsletter.domain.opt_in import RequestMail
from newsletter.domain.reacting import suppression_for
from newsletter.domain.subscriber import SuppressionReason
from newsletter.services import suppressions

log = logging.getLogger(__name__)

AddressKey = Callable[[str], bytes]

MAIL_AFTER: dict[EventKind, RequestMail] = {
    EventKind.BOUNCED: RequestMail.BOUNCED,
    EventKind.REJECTED: RequestMail.BOUNCED,
    EventKind.COMPLAINED: RequestMail.COMPLAINED,
}
# What a provider may have had in its hands. A complaint outweighs a bounce, whichever came first.
_MAY_COME_BACK: dict[RequestMail, tuple[RequestMail, ...]] = {
    RequestMail.BOUNCED: (RequestMail.SENT, RequestMail.UNKNOWN, RequestMail.CLAIMED),
    RequestMail.COMPLAINED: (RequestMail.SENT, RequestMail.UNKNOWN, RequestMail.CLAIMED, RequestMail.BOUNCED),
}


def find_request(session: Session, request_id: int) -> OptInRequest | None:
    """The request whose answer may still come back; None once it is forgotten."""
    return queries.request_by_id(session, request_id)


def hear(
    session: Session,
    request_id: int,
    meaning: Meaning,
    *,
    source: str,
    address_key: AddressKey,
    now: datetime,
    heard_at: datetime | None = None,
) -> SuppressionReason | None:
    """Write down what became of an answer, and suppress an address that is dead or complained; the reason, or None.

    A soft bounce and a refusal of ourselves are written down alone. What happened before the owner confirmed, or before
    the address was lifted, has no effect. The same again changes nothing. No issue has a negative number, under which
    a provider is asked to try again.
    """
    request = queries.request_by_id(session, request_id)
    mail = MAIL_AFTER.get(meaning.kind)
    if request is None or mail is None:
        return None
    moved = queries.move_mail(
        session, request_id, from_mails=_MAY_COME_BACK[mail], to_mail=mail, response=_in_words(meaning)
    )
    log.info("opt_in.returned request_id=%s mail=%s moved=%s", request_id, mail, moved)
    return _suppress(
        session, request, meaning, source=source, address_key=address_key, now=now, heard_at=heard_at or now
    )


def hear_refusal(
    session: Session, request: OptInRequest, response: str, *, source: str, address_key: AddressKey, now: datetime
) -> SuppressionReason | None:
    """The same for what the mail server said to our own connection ("550 5.1.1 no such user")."""
    if not response.startswith("5"):
        return None  # not a server's answer, but why we did not ask one
    meaning = meaning_of_refusal(response)
    return _suppress(session, request, meaning, source=source, address_key=address_key, now=now, heard_at=now)


def _suppress(
    session: Session,
    request: OptInRequest,
    meaning: Meaning,
    *,
    source: str,
    address_key: AddressKey,
    now: datetime,
    heard_at: datetime,
) -> SuppressionReason | None:
    reason, address = suppression_for(meaning), request.address
    if reason is None:
        if meaning.kind is EventKind.BOUNCED and source in LISTS_BOUNCES:
            suppressions.ask_provider_to_retry(session, [address], issue_id=-request.id, now=now)
        return None
    if _is_outweighed(session, request, meaning, heard_at=heard_at):
        return None
    if meaning.kind is EventKind.REJECTED and not suppressions.without_echoes(
        session, [address], reason=reason, issue_id=-request.id, now=now
    ):
        return None
    evidence = f"{source}: {_in_words(meaning)} of the answer to request {request.id}"
    suppressions.suppress_addresses(
        session, [address], reason=reason, evidence=evidence, address_key=address_key, now=now
    )
    return reason


def _is_outweighed(session: Session, request: OptInRequest, meaning: Meaning, *, heard_at: datetime) -> bool:
    """Whether the owner, or one of us, has said otherwise since; who pressed the button of a mail has had it."""
    lifted_at = lift_queries.lifts_of(session, [request.address]).get(request.address)
    said = [moment for moment in (request.confirmed_at, lifted_at) if moment is not None]
    has_arrived = request.confirmed_at is not None and meaning.kind is not EventKind.COMPLAINED
    return has_arrived or any(heard_at <= moment for moment in said)


def _in_words(meaning: Meaning) -> str:
    """What happened, in a few words without an address: "bounced (hard, mailbox_unknown)"."""
    told = ", ".join(str(part) for part in (meaning.bounce_class, meaning.category) if part)
    return f"{meaning.kind} ({told})" if told else str(meaning.kind)
