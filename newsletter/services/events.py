"""Provider events: stored as they come, taken in by many at once, each with effect exactly once.

A post is a row before it is answered; the drain reads rows. What is new is decided by the natural key of an event and
by the provider's own id. Statuses move by rank and marks are bits, so order and repetition do not matter.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson
from sqlalchemy.orm import Session

from newsletter.db.queries import doubts as doubt_queries
from newsletter.db.queries import events as queries
from newsletter.db.queries.events import LedgerRow, NewEvent, WaitingPost
from newsletter.domain.events import PostStatus, Settlement, is_moved_by, stronger
from newsletter.domain.issue import DeliveryReason, DeliveryStatus
from newsletter.errors import InvalidInput
from newsletter.jobs import DRAIN_EVENTS, enqueue
from newsletter.links import Links
from newsletter.providers.sendgrid_events import ToldEvent, parse_events
from newsletter.services import doubts, issues, reactions

log = logging.getLogger(__name__)

SENDGRID = "sendgrid"
POSTS_AT_ONCE = 20
MAX_BYTES_AT_ONCE = 16 * 1024 * 1024
# SendGrid repeats a post for a day; raw posts are of use a little longer, to look something up.
KEEP_DAYS = 7
_COMPRESSION = 1

Pair = tuple[int, int]


@dataclass(frozen=True, kw_only=True, slots=True)
class EventCounts:
    """What became of events: received = new + duplicate + unmatched. Test sends are unmatched: they are not counted."""

    posts: int = 0
    received: int = 0
    new: int = 0
    duplicate: int = 0
    unmatched: int = 0

    def __add__(self, other: EventCounts) -> EventCounts:
        return EventCounts(
            posts=self.posts + other.posts,
            received=self.received + other.received,
            new=self.new + other.new,
            duplicate=self.duplicate + other.duplicate,
            unmatched=self.unmatched + other.unmatched,
        )


class Matched(NamedTuple):
    """An event with the delivery that its token names; (0, 0) where it is about the account."""

    pair: Pair
    digest: bytes
    event: ToldEvent


@dataclass(kw_only=True, slots=True)
class _Told:
    """What all new events together say of one delivery."""

    marks: int = 0
    proof: Settlement | None = field(default=None)


def store_post(session: Session, body: bytes, *, source: str, now: datetime) -> bool:
    """Keep a post until it is drained, and ask for the drain; False where the same bytes are kept already."""
    digest = hashlib.sha256(body).digest()
    is_new = queries.add_post(session, source=source, sha256=digest, body=zlib.compress(body, _COMPRESSION), now=now)
    if is_new:
        enqueue(session, DRAIN_EVENTS)
    return is_new


def announce_waiting(session: Session, *, now: datetime) -> bool:
    """Ask for a drain where posts wait whose own announcement was lost, and forget old ones; whether any wait."""
    queries.forget_before(session, now - timedelta(days=KEEP_DAYS))
    doubt_queries.forget_heard_before(session, now - doubts.KEEP_HEARD)
    if not queries.has_waiting_posts(session):
        return False
    enqueue(session, DRAIN_EVENTS)
    return True


def drain_posts(session: Session, *, links: Links, now: datetime, limit: int = POSTS_AT_ONCE) -> EventCounts:
    """Take in the oldest waiting posts, about `limit` of them; `posts` is 0 once none is left.

    All or nothing: where the transaction fails, the posts wait on.
    """
    queries.lock_drain(session)
    with _collector_at_rest():
        return _drain_locked(session, links=links, now=now, limit=limit)


def ingest_events(session: Session, told: Sequence[ToldEvent], *, links: Links, now: datetime) -> EventCounts:
    """Take in events that came by another way than a post."""
    queries.lock_drain(session)
    with _collector_at_rest():
        return _take_in(session, told, links=links, now=now)


def _drain_locked(session: Session, *, links: Links, now: datetime, limit: int) -> EventCounts:
    told: list[ToldEvent] = []
    done: list[int] = []
    unreadable: list[int] = []
    size = 0
    for post in queries.waiting_posts(session, limit=limit):
        if size > MAX_BYTES_AT_ONCE:
            break
        size += _read_post(post, told, done, unreadable)
    if not done and not unreadable:
        return EventCounts()
    counts = _take_in(session, told, links=links, now=now)
    queries.set_post_status(session, done, status=PostStatus.DONE)
    queries.set_post_status(session, unreadable, status=PostStatus.UNREADABLE)
    return EventCounts(posts=len(done) + len(unreadable)) + counts


def _read_post(post: WaitingPost, told: list[ToldEvent], done: list[int], unreadable: list[int]) -> int:
    body = zlib.decompress(post.body)
    try:
        told += parse_events(body)
        done.append(post.id)
    except InvalidInput:
        log.warning("post.unreadable post_id=%s", post.id)
        unreadable.append(post.id)
    return len(body)


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Half of a drain's time went into looking for cycles among a hundred thousand small values that have none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _take_in(session: Session, told: Sequence[ToldEvent], *, links: Links, now: datetime) -> EventCounts:
    matched, unmatched = _match(told, links)
    found = len(matched)
    fresh = _without_known(session, _without_repeats(matched))
    touched = _hear_requests(session, fresh.values(), now=now)
    rows = {(row.issue_id, row.subscriber_id): row for row in _ledger(session, fresh)}
    new = {key: item for key, item in fresh.items() if item.pair in rows or item.pair == (0, 0)}
    strange = len(fresh) - len(new)
    _write_ledger(session, new.values(), rows, touched=touched, now=now)
    queries.insert_events(session, [_event_row(key, item, now) for key, item in new.items() if item.pair != (0, 0)])
    queries.insert_digests(session, {item.digest for item in new.values() if item.digest}, now=now)
    reactions.react(
        session,
        [(*item.pair, item.event.meaning) for item in new.values() if item.event.meaning.needs_reaction],
        address_key=links.address_key,
        source=SENDGRID,
        now=now,
    )
    return EventCounts(received=len(told), new=len(new), duplicate=found - len(fresh), unmatched=unmatched + strange)


def _match(told: Sequence[ToldEvent], links: Links) -> tuple[list[tuple[str, Matched]], int]:
    """Each event with its natural key and its delivery; and how many name none of ours."""
    pairs: dict[str, Pair | None] = {}
    matched: list[tuple[str, Matched]] = []
    blake2b, no_digest = hashlib.blake2b, b""
    for event in told:
        token = event.token
        if token not in pairs:
            pairs[token] = _pair_of(token, links)
        pair = pairs[token]
        if pair is None:
            if not event.meaning.stops_provider or token:
                continue
            pair = (0, 0)
        key = f"sg:{pair[0]}:{pair[1]}:{event.key}"
        told_as = event.event_id or (key if pair == (0, 0) else "")
        digest = blake2b(told_as.encode("utf-8", "replace"), digest_size=16).digest() if told_as else no_digest
        matched.append((key, Matched(pair, digest, event)))
    return matched, len(told) - len(matched)


def _pair_of(token: str, links: Links) -> Pair | None:
    ref = links.read_delivery_token(token) if token else None
    # Issue 0 stands for test sends, which nobody counts; ids beyond 31 bits are in no ledger.
    if ref is None or ref.issue_id == 0 or max(ref.issue_id, ref.subscriber_id) >= 2**31:
        return None
    return ref.issue_id, ref.subscriber_id


def _without_repeats(matched: Iterable[tuple[str, Matched]]) -> dict[str, Matched]:
    fresh: dict[str, Matched] = {}
    seen: set[bytes] = set()
    for key, item in matched:
        if key in fresh or item.digest in seen:
            continue
        fresh[key] = item
        if item.digest:
            seen.add(item.digest)
    return fresh


def _without_known(session: Session, fresh: dict[str, Matched]) -> dict[str, Matched]:
    if not fresh:
        return fresh
    keys = queries.known_keys(session, sorted(fresh))
    digests = queries.known_digests(session, sorted(item.digest for item in fresh.values() if item.digest))
    if not keys and not digests:
        return fresh
    return {key: item for key, item in fresh.items() if key not in keys and item.digest not in digests}


def _ledger(session: Session, fresh: dict[str, Matched]) -> list[LedgerRow]:
    pairs = {item.pair for item in fresh.values()} - {(0, 0)}
    return queries.ledger_rows(session, pairs) if pairs else []


def _hear_requests(session: Session, fresh: Iterable[Matched], *, now: datetime) -> set[int]:
    """An event of one mail proves that the whole request was taken; the issues in which that settled a doubt."""
    told: dict[str, list[Pair]] = {}
    for pair, _, event in fresh:
        if event.request and event.meaning.settles:
            told.setdefault(event.request, []).append(pair)
    return doubts.hear_events(session, told, source=SENDGRID, now=now) if told else set()


def _write_ledger(
    session: Session, new: Iterable[Matched], rows: dict[Pair, LedgerRow], *, touched: set[int], now: datetime
) -> None:
    """Move each delivery by what all its new events say together; `touched` issues had doubts that were settled."""
    told: dict[Pair, _Told] = {}
    for pair, _, event in new:
        if pair in rows:
            sum_ = told.get(pair)
            if sum_ is None:
                sum_ = told[pair] = _Told()
            sum_.marks |= event.meaning.marks
            if sum_.proof is not event.meaning.settles:
                sum_.proof = stronger(sum_.proof, event.meaning.settles)
    changed = {pair: _moved(rows[pair], sum_) for pair, sum_ in told.items()}
    queries.write_ledger(session, [row for pair, row in changed.items() if row != rows[pair]])
    was_in_doubt = {
        row.issue_id for pair, row in changed.items() if row.status != rows[pair].status and _is_in_doubt(rows[pair])
    }
    for issue_id in sorted(was_in_doubt | touched):
        issues.finish_if_done(session, issue_id, now=now)


def _moved(row: LedgerRow, told: _Told) -> LedgerRow:
    marks = row.marks | told.marks
    if told.proof and is_moved_by(DeliveryStatus(row.status), DeliveryReason(row.reason), proof=told.proof):
        return row._replace(status=int(told.proof.status), reason=int(told.proof.reason), marks=marks)
    return row if marks == row.marks else row._replace(marks=marks)


def _is_in_doubt(row: LedgerRow) -> bool:
    return row.status == DeliveryStatus.UNKNOWN or row.reason == DeliveryReason.SKIPPED_IN_DOUBT


def _event_row(key: str, item: Matched, now: datetime) -> NewEvent:
    event = item.event
    return NewEvent(
        key,
        item.pair[0],
        item.pair[1],
        event.meaning.kind.value,
        event.seconds or now.timestamp(),
        SENDGRID,
        orjson.dumps(event.detail).decode() if event.detail else None,
    )
