"""Returned mails read again by a classifier that has learnt: each is understood as if it had come in today.

What a mail was taken for is taken back, and what it is takes effect as of the day on which it came. Whom nothing but
this mail suppressed is lifted where it no longer says that the address is dead.
"""

from __future__ import annotations

import logging
import zlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import InboundMail
from newsletter.db.queries import deliveries
from newsletter.db.queries import events as event_queries
from newsletter.db.queries import inbound_mails as queries
from newsletter.db.queries import suppressions as suppression_queries
from newsletter.domain.bounces import BounceClass, Report
from newsletter.domain.counts import Counts
from newsletter.domain.events import EventKind
from newsletter.domain.issue import Mark
from newsletter.domain.returning import own_verdict
from newsletter.domain.subscriber import SuppressionReason
from newsletter.inbound import understand
from newsletter.links import Links
from newsletter.services import bouncing, suppressions
from newsletter.services.bouncing import SOURCE, BounceCounts, Match, ReturnedMail

log = logging.getLogger(__name__)

PAGE_MAILS = 500
# What must have been heard of a delivery that has a mark.
_GROUNDS: dict[Mark, frozenset[str]] = {
    Mark.BOUNCED: frozenset({EventKind.BOUNCED, EventKind.REJECTED}),
    Mark.COMPLAINED: frozenset({EventKind.COMPLAINED}),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class RereadCounts(Counts):
    """How many mails were read again, are understood otherwise, and what the latter are now; `lifted` people."""

    read: int = 0
    changed: int = 0
    hard: int = 0
    soft: int = 0
    block: int = 0
    complaint: int = 0
    ignored: int = 0
    unknown: int = 0
    lifted: int = 0


def kept_mails(session: Session, *, after_id: int) -> list[int]:
    """The next page of kept mails by number; empty at the end."""
    return queries.mails_after(session, after_id, limit=PAGE_MAILS)


def read_again(session: Session, mail_id: int, *, links: Links, now: datetime) -> RereadCounts:
    """Understand one kept mail anew; where that gives what is known, nothing changes. Twice is as once."""
    event_queries.lock_drain(session)
    kept = queries.mail_for_update(session, mail_id)
    if kept is None:
        return RereadCounts()
    report = understand(zlib.decompress(kept.raw))
    match = _match(session, kept, report, links=links)
    own = own_verdict(report.recipients, match.address)
    mail = ReturnedMail(report=report, match=match, digest=kept.sha256, own=own)
    verdict = bouncing.understood_as(own)
    if (kept.kind, kept.understood) == (report.kind, verdict):
        return RereadCounts(read=1)
    was = (kept.understood or {}).get("class")
    _take_back(session, kept)
    kept.kind, kept.understood = str(report.kind), verdict
    if match.delivery:
        kept.issue_id, kept.subscriber_id = match.delivery.issue_id, match.delivery.subscriber_id
    found = bouncing.take_effect(session, mail, links=links, now=kept.received_at)
    lifted = was == BounceClass.HARD and not found.hard and _lift(session, match, links=links, now=now)
    log.info("mail.reread mail_id=%s kind=%s class=%s was=%s", mail_id, kept.kind, verdict["class"], was)
    return _counts(found, is_lifted=lifted)


def _match(session: Session, kept: InboundMail, report: Report, *, links: Links) -> Match:
    """Whom the mail is about: its envelope is not kept, but what it was matched by is."""
    if ref := links.read_delivery_token(kept.token) if kept.token else None:
        return bouncing.match_by_token(session, ref, kept.token, is_for_unsubscribe=False, now=kept.received_at)
    if kept.issue_id and kept.subscriber_id:
        return Match(delivery=queries.sent_delivery(session, kept.issue_id, kept.subscriber_id))
    return bouncing.find_match(session, report, (), links=links, now=kept.received_at)


def _take_back(session: Session, kept: InboundMail) -> None:
    """Forget what the mail was taken for, and the marks that nothing else explains."""
    if not (kept.issue_id and kept.subscriber_id):
        return
    keys = [bouncing.event_key(kept.issue_id, kept.subscriber_id, kind, kept.sha256) for kind in EventKind]
    if not queries.forget_events(session, keys):
        return
    heard = {event.kind for event in deliveries.events_of(session, kept.issue_id, kept.subscriber_id)}
    groundless = sum(mark for mark, kinds in _GROUNDS.items() if not heard & kinds)
    for row in event_queries.ledger_rows(session, [(kept.issue_id, kept.subscriber_id)]):
        event_queries.write_ledger(session, [row._replace(marks=row.marks & ~groundless)])


def _lift(session: Session, match: Match, *, links: Links, now: datetime) -> bool:
    """Let somebody be mailed again whom nothing but the mail of a delivery suppressed; whether that was so."""
    if match.delivery is None or match.address is None:
        return False
    found = suppression_queries.suppression_of(session, address=match.address, address_key=b"")
    told = f"{SOURCE}: {EventKind.BOUNCED} in issue {match.delivery.issue_id}"
    is_ours = found is not None and found.reason == SuppressionReason.BOUNCED and found.evidence.startswith(told)
    if not is_ours or queries.has_hard_bounce(session, match.delivery.subscriber_id):
        return False
    suppressions.lift(session, address=match.address, address_key=links.address_key, now=now)
    return True


def _counts(found: BounceCounts, *, is_lifted: bool) -> RereadCounts:
    return RereadCounts(
        read=1,
        changed=1,
        hard=found.hard,
        soft=found.soft,
        block=found.block,
        complaint=found.complaint,
        ignored=found.ignored,
        unknown=found.unknown,
        lifted=int(is_lifted),
    )
