"""Bounces by mail: each raw mail is kept, matched to its delivery, and has its effect exactly once.

However a mail comes in (listener, file, mbox, Maildir), it goes through `ingest`.
"""

from __future__ import annotations

import hashlib
import logging
import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from newsletter.db.models import OptInRequest
from newsletter.db.queries import deliveries
from newsletter.db.queries import events as event_queries
from newsletter.db.queries import inbound_mails as queries
from newsletter.db.queries.inbound_mails import SentDelivery
from newsletter.domain.bounces import BounceClass, Report, ReportKind
from newsletter.domain.counts import Counts
from newsletter.domain.events import EventKind, Meaning, is_moved_by
from newsletter.domain.issue import DeliveryReason, DeliveryStatus
from newsletter.domain.returning import (
    COMPLAINT,
    IGNORED_KINDS,
    REMARKS,
    RETURN_PATH_DAYS,
    OwnVerdict,
    asks_to_leave,
    is_return_path_open,
    meaning_of_bounce_mail,
    own_verdict,
)
from newsletter.errors import NotFound
from newsletter.inbound import understand
from newsletter.links import DeliveryRef, Links
from newsletter.services import issues, leaving, opt_in_returns, reactions

log = logging.getLogger(__name__)

SOURCE = "mail"
_OUR_ADDRESS = re.compile(r"(?P<purpose>[bu])-(?P<token>[0-9a-f]{30})@", re.IGNORECASE)
_NEWLINES = re.compile(rb"\r\n?")


@dataclass(frozen=True, kw_only=True, slots=True)
class BounceCounts(Counts):
    """What became of mails, one number for each.

    `matched` are those about a delivery of ours; of them `hard`, `soft`, `block` and `complaint` had effect, and a
    wish to leave is counted in `matched` alone. `ignored` are repetitions, delays, replies and mail about test sends;
    `unknown` is kept for a person to look at.
    """

    read: int = 0
    matched: int = 0
    hard: int = 0
    soft: int = 0
    block: int = 0
    complaint: int = 0
    ignored: int = 0
    unknown: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Match:
    """Which delivery a mail is about, or which answer to a request. `token` is "" where only an address says so."""

    token: str = ""
    is_for_unsubscribe: bool = False
    is_in_ledger: bool = True
    is_proven: bool = False
    delivery: SentDelivery | None = None
    request: OptInRequest | None = None

    @property
    def address(self) -> str | None:
        """Whom we wrote to, where that is known."""
        return self.request.address if self.request else self.delivery.address if self.delivery else None


@dataclass(frozen=True, kw_only=True, slots=True)
class ReturnedMail:
    """One mail with all that was found out about it before anything is written."""

    report: Report
    match: Match
    digest: bytes
    own: OwnVerdict


_BY_CLASS = {
    BounceClass.HARD: BounceCounts(read=1, matched=1, hard=1),
    BounceClass.SOFT: BounceCounts(read=1, matched=1, soft=1),
    BounceClass.BLOCK: BounceCounts(read=1, matched=1, block=1),
}
_IGNORED = BounceCounts(read=1, ignored=1)
_UNKNOWN = BounceCounts(read=1, unknown=1)


def ingest(
    session: Session, raw: bytes, *, links: Links, now: datetime, envelope_recipients: Sequence[str] = ()
) -> BounceCounts:
    """Keep one mail that came back and draw the consequences; the same mail again changes nothing.

    `envelope_recipients` are the addresses it was accepted for, where a server told them. Whatever the bytes are, the
    mail is kept; what nobody understands counts as unknown.
    """
    report = understand(raw)
    event_queries.lock_drain(session)
    match = find_match(session, report, envelope_recipients, links=links, now=now)
    own = own_verdict(report.recipients, match.address)
    mail = ReturnedMail(report=report, match=match, digest=_digest(raw, is_body_enough=bool(match.token)), own=own)
    if not _keep(session, raw, mail, now=now):
        return _IGNORED
    counts = take_effect(session, mail, links=links, now=now)
    log.info("mail.returned kind=%s matched=%s rule=%s", report.kind, counts.matched, own.verdict.rule)
    return counts


def is_awaited(session: Session, address: str, *, links: Links, now: datetime) -> bool:
    """Whether mail to this address is for us: a genuine token of a delivery that may still come back.

    An unsubscribe address stays open for ever, a return path for a month, that of an answer as long as its request.
    """
    found = _OUR_ADDRESS.match(address.strip())
    ref = links.read_delivery_token(found["token"]) if found else None
    if found is None or ref is None:
        return False
    if not ref.is_in_ledger:
        return ref.issue_id == 0 or opt_in_returns.find_request(session, ref.opt_in_request_id) is not None
    delivery = queries.sent_delivery(session, ref.issue_id, ref.subscriber_id)
    if delivery is None:
        return False
    return found["purpose"].lower() == "u" or is_return_path_open(delivery.started_at, now=now)


def forget_old_mails(session: Session, *, keep_days: int, now: datetime) -> int:
    """Delete raw mails that were kept for so many days; returns how many."""
    return queries.forget_before(session, now - timedelta(days=keep_days))


def kept_mails(session: Session, *, kind: ReportKind | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """What kept mails were taken for and whose delivery they are about, the latest first; no address is among it."""
    return [
        {
            "mail_id": row.id,
            "received_at": row.received_at,
            "kind": row.kind,
            **dict.fromkeys(("class", "category", "status", "rule")),
            **(row.understood or {}),
            **({} if row.kind == ReportKind.BOUNCE else {"class": None}),
            "issue_id": row.issue_id,
            "subscriber_id": row.subscriber_id,
        }
        for row in queries.latest_mails(session, kind=str(kind) if kind else None, limit=limit)
    ]


def kept_mail(session: Session, mail_id: int) -> bytes:
    """A mail as it came; NotFound where none of this number is kept, or no longer."""
    raw = queries.raw_of(session, mail_id)
    if raw is None:
        raise NotFound(f"no returned mail {mail_id} is kept: see `newsletter bounce ls`")
    return zlib.decompress(raw)


def find_match(
    session: Session, report: Report, envelope_recipients: Sequence[str], *, links: Links, now: datetime
) -> Match:
    """Whom a mail is about: by the first genuine token of its envelope or of what it returns, else by an address."""
    for purpose, token in _candidates(report, envelope_recipients):
        ref = links.read_delivery_token(token)
        if ref is not None:
            return match_by_token(session, ref, token, is_for_unsubscribe=purpose == "u", now=now)
    since = now - timedelta(days=RETURN_PATH_DAYS)
    for verdict in report.recipients if report.kind is ReportKind.BOUNCE else ():
        delivery = queries.latest_delivery_to(session, verdict.address, since=since) if verdict.address else None
        if delivery is not None:
            return Match(delivery=delivery)
    return Match()


def _candidates(report: Report, envelope_recipients: Sequence[str]) -> list[tuple[str, str]]:
    """(purpose, token) in order of strength: the envelope, then the addresses in headers, then what was returned."""
    arrived_for = [*envelope_recipients, *report.traces.arrived_for]
    addressed = [found for address in arrived_for if (found := _OUR_ADDRESS.match(address.strip()))]
    told = [(found["purpose"].lower(), found["token"].lower()) for found in addressed]
    return told + [("", token) for token in report.traces.tokens]


def match_by_token(session: Session, ref: DeliveryRef, token: str, *, is_for_unsubscribe: bool, now: datetime) -> Match:
    """Whom the mail of a genuine token went to."""
    if not ref.is_in_ledger:
        return Match(
            token=token, is_in_ledger=False, request=opt_in_returns.find_request(session, ref.opt_in_request_id)
        )
    delivery = queries.sent_delivery(session, ref.issue_id, ref.subscriber_id)
    return Match(
        token=token,
        is_for_unsubscribe=is_for_unsubscribe,
        is_proven=delivery is not None and is_return_path_open(delivery.started_at, now=now),
        delivery=delivery,
    )


def _digest(raw: bytes, *, is_body_enough: bool) -> bytes:
    """The hash by which the same mail is known again: servers on the way add headers, and change ends of lines."""
    text = _NEWLINES.sub(b"\n", raw)
    body = text.partition(b"\n\n")[2].strip() if is_body_enough else b""
    return hashlib.sha256(body or text.strip()).digest()


def _keep(session: Session, raw: bytes, mail: ReturnedMail, *, now: datetime) -> bool:
    delivery = mail.match.delivery
    return queries.add_mail(
        session,
        token=mail.match.token,
        sha256=mail.digest,
        issue_id=delivery.issue_id if delivery else None,
        subscriber_id=delivery.subscriber_id if delivery else None,
        kind=str(mail.report.kind),
        understood=understood_as(mail.own),
        raw=zlib.compress(raw),
        received_at=now,
    )


def understood_as(own: OwnVerdict) -> dict[str, Any]:
    """What is kept of a verdict."""
    verdict = own.verdict
    told = str(verdict.bounce_class) if verdict.bounce_class else None
    return {"class": told, "category": str(verdict.category), "status": verdict.status, "rule": verdict.rule}


def take_effect(session: Session, mail: ReturnedMail, *, links: Links, now: datetime) -> BounceCounts:
    """Draw the consequences of one mail that came back at `now`; a person who was lifted since is left alone."""
    report, match = mail.report, mail.match
    if not match.is_in_ledger:
        return _hear_answer(session, mail, links=links, now=now)
    if asks_to_leave(report, is_for_unsubscribe=match.is_for_unsubscribe):
        leaver = leaving.leave(session, match.token, links=links, source=SOURCE, now=now) if match.token else None
        return BounceCounts(read=1, matched=1) if leaver else _UNKNOWN
    if report.kind in IGNORED_KINDS:
        return _IGNORED + BounceCounts(matched=_remark(session, mail, now=now))
    if report.kind is ReportKind.OTHER:
        return _IGNORED if report.feedback_type else _UNKNOWN
    if report.kind is ReportKind.COMPLAINT:
        return _complain(session, mail, links=links, now=now)
    return _bounce(session, mail, links=links, now=now)


def _hear_answer(session: Session, mail: ReturnedMail, *, links: Links, now: datetime) -> BounceCounts:
    """Mail about a test send counts nothing; an answer at the public door that came back has a place of its own."""
    request, kind = mail.match.request, mail.report.kind
    if request is None or kind not in (ReportKind.BOUNCE, ReportKind.COMPLAINT):
        return _IGNORED
    meaning = COMPLAINT if kind is ReportKind.COMPLAINT else meaning_of_bounce_mail(mail.own, is_proven=True)
    opt_in_returns.hear(session, request.id, meaning, source=SOURCE, address_key=links.address_key, now=now)
    if meaning.bounce_class is None:
        return BounceCounts(read=1, matched=1, complaint=1)
    return _BY_CLASS[meaning.bounce_class]


def _remark(session: Session, mail: ReturnedMail, *, now: datetime) -> int:
    delivery, meaning = mail.match.delivery, REMARKS.get(mail.report.kind)
    if delivery is None or not mail.match.token:
        return 0
    if meaning is not None:
        _write(session, mail, delivery, meaning, now=now)
    return 1


def _complain(session: Session, mail: ReturnedMail, *, links: Links, now: datetime) -> BounceCounts:
    """A complaint that does not carry our token may be anybody's work, and takes nobody off a list."""
    delivery = mail.match.delivery
    if delivery is None or not mail.match.token:
        return _UNKNOWN
    _write(session, mail, delivery, COMPLAINT, now=now)
    _react(session, delivery, COMPLAINT, links=links, now=now)
    return BounceCounts(read=1, matched=1, complaint=1)


def _bounce(session: Session, mail: ReturnedMail, *, links: Links, now: datetime) -> BounceCounts:
    delivery = mail.match.delivery
    if delivery is None:
        return _UNKNOWN
    meaning = meaning_of_bounce_mail(mail.own, is_proven=mail.match.is_proven)
    assert meaning.bounce_class is not None
    _write(session, mail, delivery, meaning, now=now)
    _react(session, delivery, meaning, links=links, now=now)
    return _BY_CLASS[meaning.bounce_class]


def _write(session: Session, mail: ReturnedMail, delivery: SentDelivery, meaning: Meaning, *, now: datetime) -> None:
    """The event, the marks, and what the mail proves: whoever returns a mail has had it."""
    issue_id, subscriber_id = delivery.issue_id, delivery.subscriber_id
    detail = understood_as(mail.own) | {"class": str(meaning.bounce_class) if meaning.bounce_class else None}
    deliveries.add_events(
        session,
        [
            {
                "natural_key": event_key(issue_id, subscriber_id, meaning.kind, mail.digest),
                "issue_id": issue_id,
                "subscriber_id": subscriber_id,
                "kind": str(meaning.kind),
                "at": now,
                "source": SOURCE,
                "detail": detail | {"proven": mail.match.is_proven},
            }
        ],
    )
    for row in event_queries.ledger_rows(session, [(issue_id, subscriber_id)]):
        moved = row._replace(marks=row.marks | meaning.marks)
        proof = meaning.settles
        if proof and is_moved_by(DeliveryStatus(row.status), DeliveryReason(row.reason), proof=proof):
            moved = moved._replace(status=int(proof.status), reason=int(proof.reason))
        if moved != row:
            event_queries.write_ledger(session, [moved])
        if moved.status != row.status:
            issues.finish_if_done(session, issue_id, now=now)


def event_key(issue_id: int, subscriber_id: int, kind: EventKind, digest: bytes) -> str:
    """The natural key of what a mail says about a delivery."""
    return f"mail:{issue_id}:{subscriber_id}:{kind}:{digest.hex()[:32]}"


def _react(session: Session, delivery: SentDelivery, meaning: Meaning, *, links: Links, now: datetime) -> None:
    trouble = (delivery.issue_id, delivery.subscriber_id, meaning)
    heard_at = {trouble[:2]: now}
    reactions.react(session, [trouble], address_key=links.address_key, source=SOURCE, now=now, heard_at=heard_at)
