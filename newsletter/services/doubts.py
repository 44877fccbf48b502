"""The register of doubts: which deliveries an attempt left in doubt, what was heard of them, and what was decided.

A decision is written three times in one transaction: into the ledger, into the history of the doubt (which the timeline
of a delivery shows), and into the audit log. What is decided about whom is in `settling`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from newsletter.db.models import Doubt
from newsletter.db.queries import doubts as queries
from newsletter.db.queries.doubts import Member
from newsletter.domain.doubt import DoubtStatus, RequestTag, Stage, read_tag, stage_of
from newsletter.domain.events import ACCEPTED, is_moved_by
from newsletter.domain.issue import BatchStatus, DeliveryReason, DeliveryStatus, Mark
from newsletter.services import audit

log = logging.getLogger(__name__)

# What was heard of requests is of use for as long as a doubt may be settled by it.
KEEP_HEARD = timedelta(days=14)
_SENT_AGAIN = frozenset({DoubtStatus.RESENT, DoubtStatus.EXPIRED, DoubtStatus.CANCELLED})


def open_doubt(
    session: Session,
    *,
    issue_id: int,
    batch_id: int,
    attempt_id: int,
    provider: str,
    subscriber_ids: Collection[int],
    reason: DeliveryReason,
    now: datetime,
) -> None:
    """Write down whom an attempt left in doubt: those of these people whom the ledger calls unknown. Twice is once."""
    members = queries.unknown_among(session, issue_id, subscriber_ids) if subscriber_ids else []
    if not members:
        return
    history = [_entry("in_doubt", now=now, detail={"reason": reason.name.lower(), "deliveries": len(members)})]
    doubt_id = queries.add_doubt(
        session,
        issue_id=issue_id,
        batch_id=batch_id,
        attempt_id=attempt_id,
        provider=provider,
        reason=int(reason),
        first_id=members[0],
        last_id=members[-1],
        members=members,
        since=now,
        check_at=now,
        history=history,
    )
    log.info("doubt.opened issue_id=%s attempt_id=%s deliveries=%s", issue_id, attempt_id, len(members))
    if doubt_id is not None and (doubt := queries.lock_doubt(session, doubt_id)):
        apply_heard(session, doubt, source=provider, now=now)


def hear_events(
    session: Session, told: Mapping[str, Collection[tuple[int, int]]], *, source: str, now: datetime
) -> set[int]:
    """Note the requests that events name, and settle the doubts about them; the issues in which something changed.

    `told` holds for each tag the (issue, subscriber) pairs of its events. A tag that names an attempt of another issue,
    or a run that the delivery is not in, is no tag of ours.
    """
    tags = {tag: told[text] for text in told if (tag := read_tag(text))}
    known = queries.issues_of_attempts(session, {tag.attempt_id for tag in tags}) if tags else {}
    heard: dict[RequestTag, list[int]] = {}
    for tag, pairs in tags.items():
        people = [person for issue_id, person in pairs if known.get(tag.attempt_id) == issue_id]
        if tag.has_run:
            people = [person for person in people if tag.covers(person)]
        if people:
            heard[tag] = people
    if not heard:
        return set()
    queries.hear(session, heard, now=now)
    changed: set[int] = set()
    for doubt in queries.lock_of_attempts(session, {tag.attempt_id for tag in heard}):
        for tag, people in heard.items():
            if tag.attempt_id == doubt.attempt_id:
                proven = _members_of_run(doubt, tag) if tag.has_run else people
                if prove(session, doubt, proven, by={"event": source, "request": str(tag)}, now=now):
                    changed.add(doubt.issue_id)
    return changed


def apply_heard(session: Session, doubt: Doubt, *, source: str, now: datetime) -> int:
    """Settle what events proved before the doubt was known; returns how many deliveries that were."""
    return sum(
        prove(session, doubt, _members_of_run(doubt, tag), by={"event": source, "request": str(tag)}, now=now)
        for tag in queries.heard_of_attempt(session, doubt.attempt_id)
        if tag.has_run
    )


def prove_by_answer(session: Session, attempt_id: int, subscriber_ids: Collection[int], *, now: datetime) -> None:
    """An answer of the provider came after the attempt was given up: it took these mails."""
    if subscriber_ids:
        for doubt in queries.lock_of_attempts(session, {attempt_id}):
            prove(session, doubt, subscriber_ids, by={"answer": doubt.provider}, now=now)


def prove(
    session: Session, doubt: Doubt, subscriber_ids: Collection[int], *, by: Mapping[str, Any], now: datetime
) -> int:
    """The attempt of this (locked) doubt was accepted for these people; returns for how many that is news.

    Those whom nobody mailed again are accepted; those who were mailed again have it twice, and are marked.
    """
    proven_before = _proven(doubt)
    chosen = frozenset(subscriber_ids) - proven_before
    if not chosen:
        return 0
    batch = queries.lock_batch(session, doubt.batch_id)
    members = queries.members_now(session, doubt)
    by_others = frozenset[int]().union(*(_proven(other) for other in queries.other_doubts(session, doubt)))
    news = [member for member in members if member.subscriber_id in chosen]
    is_held = batch.status == BatchStatus.CLAIMED
    moved = [_proven_member(doubt, member, by_others, is_held=is_held) for member in news]
    if not moved:
        return 0
    queries.write_members(session, doubt.issue_id, [new for old, new in zip(news, moved, strict=True) if old != new])
    doubled = [new.subscriber_id for old, new in zip(news, moved, strict=True) if new.marks != old.marks]
    people = [member.subscriber_id for member in moved]
    note(session, doubt, "accepted", people=people, detail={**by, "deliveries": len(people)}, now=now)
    if doubled:
        log.warning("doubt.doubled issue_id=%s doubt_id=%s deliveries=%s", doubt.issue_id, doubt.id, len(doubled))
        note(session, doubt, "doubled", people=doubled, detail={"deliveries": len(doubled)}, now=now)
    close_if_settled(session, doubt, now=now)
    return len(people)


def note(
    session: Session,
    doubt: Doubt,
    kind: str,
    *,
    detail: Mapping[str, Any],
    now: datetime,
    people: Sequence[int] = (),
    actor_id: int | None = None,
) -> None:
    """Write what was heard or decided into the history of a doubt and into the audit log."""
    doubt.history = [*doubt.history, _entry(kind, now=now, detail=detail, people=people)]
    audit.record(
        session,
        action=f"doubt.{kind}",
        subject_type="issue",
        subject_id=doubt.issue_id,
        actor_id=actor_id,
        detail={"doubt_id": doubt.id, "attempt_id": doubt.attempt_id, **detail},
        now=now,
    )


def close(session: Session, doubt: Doubt, status: DoubtStatus, *, now: datetime) -> None:
    """Nothing more is to be decided about a doubt."""
    doubt.status, doubt.closed_at, doubt.check_at, doubt.ask_at = int(status), now, None, None
    session.flush()


def close_if_settled(session: Session, doubt: Doubt, *, now: datetime) -> bool:
    """Close a doubt none of whose deliveries is unknown any more; whether it is closed."""
    if doubt.status != DoubtStatus.OPEN:
        return True
    session.flush()
    if queries.unknown_among(session, doubt.issue_id, doubt.members):
        return False
    is_proven = _proven(doubt) >= frozenset(doubt.members)
    close(session, doubt, DoubtStatus.ACCEPTED if is_proven else DoubtStatus.SETTLED, now=now)
    return True


def close_by_person(session: Session, issue_id: int, *, decision: str, actor_id: int | None, now: datetime) -> None:
    """Write down what was decided about all that is in doubt of an issue; its deliveries are moved by the caller."""
    status = {"resend": DoubtStatus.RESENT, "skip": DoubtStatus.SKIPPED}[decision]
    for doubt in queries.lock_open_of_issue(session, issue_id):
        people = queries.unknown_among(session, issue_id, doubt.members)
        why = "a person decided" if actor_id else "decided by command"
        detail = {"why": why, "by": "person", "deliveries": len(people)}
        note(session, doubt, status.name.lower(), people=people, detail=detail, actor_id=actor_id, now=now)
        close(session, doubt, status, now=now)


def history_of(session: Session, batch_id: int, subscriber_id: int) -> Iterator[tuple[Doubt, dict[str, Any]]]:
    """What the doubts about one delivery went through: each entry with its doubt."""
    for doubt in queries.doubts_about(session, batch_id, subscriber_id):
        for entry in doubt.history:
            if not entry["people"] or subscriber_id in entry["people"]:
                yield doubt, entry | {"at": datetime.fromisoformat(entry["at"])}


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Deliveries of an issue that are in doubt since the same time, and what is being done about them."""

    deliveries: int
    provider: str
    reason: str
    since: datetime
    stage: Stage
    events_until: datetime
    asks: int
    log_words: str
    ask_at: datetime | None


def standings(session: Session, issue_id: int, *, wait: timedelta, now: datetime) -> list[Standing]:
    """The open doubts of an issue, the oldest first, one for each that stands differently."""
    found: dict[tuple[object, ...], Standing] = {}
    for doubt in queries.open_of_issue(session, issue_id):
        one = _standing(session, doubt, wait=wait, now=now)
        place = (one.reason, one.stage, one.asks, one.log_words)
        known = found.get(place)
        if one.deliveries:
            found[place] = replace(known, deliveries=known.deliveries + one.deliveries) if known else one
    return list(found.values())


def _standing(session: Session, doubt: Doubt, *, wait: timedelta, now: datetime) -> Standing:
    events_until = doubt.since + wait
    return Standing(
        deliveries=len(queries.unknown_among(session, doubt.issue_id, doubt.members)),
        provider=doubt.provider,
        reason=DeliveryReason(doubt.reason).name.lower(),
        since=doubt.since,
        stage=stage_of(
            is_waiting=now < events_until,
            is_held=any(entry["kind"] == "held" for entry in doubt.history),
            asks=doubt.asks,
        ),
        events_until=events_until,
        asks=doubt.asks,
        log_words=doubt.log_words,
        ask_at=doubt.ask_at,
    )


def was_resent_by_policy(session: Session, doubt: Doubt) -> bool:
    """Whether the policy, without any proof, had some of these deliveries sent again before."""
    members = frozenset(doubt.members)
    return any(
        entry["kind"] == "resent" and entry["detail"].get("policy") and not members.isdisjoint(entry["people"])
        for other in queries.other_doubts(session, doubt)
        for entry in other.history
    )


def _members_of_run(doubt: Doubt, tag: RequestTag) -> list[int]:
    return [member for member in doubt.members if tag.covers(member)]


def _proven(doubt: Doubt) -> frozenset[int]:
    return frozenset(person for entry in doubt.history if entry["kind"] == "accepted" for person in entry["people"])


def _proven_member(doubt: Doubt, member: Member, by_others: frozenset[int], *, is_held: bool) -> Member:
    """A delivery after the proof that this attempt was accepted for it."""
    status, reason = DeliveryStatus(member.status), DeliveryReason(member.reason)
    has_another = status is DeliveryStatus.ACCEPTED and doubt.status in _SENT_AGAIN
    is_in_hand = status is DeliveryStatus.PENDING and is_held
    is_doubled = has_another or is_in_hand or member.subscriber_id in by_others
    moved = member._replace(marks=member.marks | int(Mark.DOUBLED)) if is_doubled else member
    if is_moved_by(status, reason, proof=ACCEPTED):
        return moved._replace(status=int(DeliveryStatus.ACCEPTED), reason=int(DeliveryReason.NONE))
    return moved


def _entry(kind: str, *, now: datetime, detail: Mapping[str, Any], people: Iterable[int] = ()) -> dict[str, Any]:
    return {"at": now.isoformat(), "kind": kind, "detail": dict(detail), "people": list(people)}
