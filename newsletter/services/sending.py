"""Sending: claim a batch, hand it over, record what became of each recipient.

The claim is committed before the first byte leaves; no transaction is open while we talk to a provider; what a
worker held when it died becomes unknown, never pending: the row is the work.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy.orm import Session

from newsletter.db.models import Issue, Rendering
from newsletter.db.queries import batches as queries
from newsletter.db.queries import claims, deliveries, providers
from newsletter.db.queries import doubts as doubt_queries
from newsletter.db.queries import issues as issue_queries
from newsletter.db.queries.batches import ClaimedBatch
from newsletter.domain.events import EventKind, meaning_of_refusal
from newsletter.domain.flow import Hold
from newsletter.domain.issue import BatchStatus, DeliveryReason, DeliveryStatus, IssueStatus, withheld_reason
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.domain.retrying import is_too_late, moved_plan, plan_limits, provider_down_delay, retry_delay
from newsletter.domain.subscriber import SubscriberStatus
from newsletter.errors import Conflict
from newsletter.rendering import Rendered, sha256_of
from newsletter.services import doubts, issues, probing


class Addressee(NamedTuple):
    """One person of a claimed batch who is to be mailed."""

    subscriber_id: int
    email: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A batch that is ours until the lease runs out. `claim` tells our hold from any other's.

    `turns` says when its people of a mailbox group may hope for their turn, where they were handed back before.
    `is_probe` says that it is this claim's turn to try a provider that was away.
    """

    claim: str
    issue_id: int
    batch_id: int
    attempt_id: int
    attempt_number: int
    provider: str
    cohort: int
    first_id: int
    last_id: int
    planned_at: datetime
    addressees: tuple[Addressee, ...]
    turns: Mapping[str, float] = field(default_factory=dict)
    is_probe: bool = False


def load_approved(session: Session, issue_id: int) -> tuple[Issue, Rendered]:
    """The issue and the bytes it was approved with, proven by their hash; Conflict where they differ."""
    issue = issues.find_issue(session, issue_id)
    stored = session.get(Rendering, issue.rendering_id)
    if stored is None or sha256_of(stored.document) != issue.sha256:
        raise Conflict(f"the stored bytes of issue {issue_id} are not the bytes that were approved: nothing is sent")
    return issue, Rendered.from_bytes(stored.document)


def claim_batch(
    session: Session,
    issue_id: int,
    *,
    worker: str,
    provider: str,
    now: datetime,
    lease: timedelta,
    taking: timedelta = timedelta(),
) -> Claim | None:
    """Take the next due batch; whoever unsubscribed or was suppressed since the snapshot is dropped here.

    None where nothing is due, or the issue or its provider is paused, or another claim tries the provider. The attempt
    is written down in the same transaction, so that it is known before the first byte leaves. `taking` is how long the
    issue takes at the rate that is set.
    """
    claim = uuid.uuid4().hex
    plans, until = plan_limits(now, taking=taking), now + lease
    batch = claims.claim_next_batch(session, issue_id, claim=claim, provider=provider, plans=plans, lease_until=until)
    is_probe = batch is None
    batch = batch or probing.claim_probe(
        session, issue_id, claim=claim, provider=provider, plans=plans, lease_until=until
    )
    if batch is None:
        return None
    addressees = _drop_withheld(session, batch)
    attempt_id = queries.add_attempt(session, batch, worker=worker, provider=provider, now=now)
    return Claim(
        claim=claim,
        issue_id=issue_id,
        batch_id=batch.id,
        attempt_id=attempt_id,
        attempt_number=batch.attempts,
        provider=provider,
        cohort=batch.cohort,
        first_id=batch.first_id,
        last_id=batch.last_id,
        planned_at=batch.planned_at,
        addressees=tuple(addressees),
        turns=batch.turns or {},
        is_probe=is_probe,
    )


def record_outcomes(
    session: Session, claim: Claim, outcomes: Sequence[Outcome], *, source: str, now: datetime, lease: timedelta
) -> bool:
    """Write outcomes into the ledger and keep the batch; returns whether to go on sending.

    False once the issue is no longer sending, or the lease was lost to the tick. What is written holds either way:
    an answer of the provider settles a delivery that the tick had called unknown.
    """
    is_ours = queries.renew_lease(session, claim.batch_id, claim=claim.claim, lease_until=now + lease)
    _write(session, claim, outcomes, is_ours=is_ours, source=source, now=now)
    return is_ours and issue_queries.status_of_issue(session, claim.issue_id) is IssueStatus.SENDING


def record_last_outcomes(
    session: Session, claim: Claim, outcomes: Sequence[Outcome], *, source: str, now: datetime
) -> None:
    """Write the outcomes that came right before the end of a claim: there is no lease to be kept for it."""
    is_ours = queries.holds_batch(session, claim.batch_id, claim=claim.claim)
    _write(session, claim, outcomes, is_ours=is_ours, source=source, now=now)


def finish_claim(
    session: Session,
    claim: Claim,
    *,
    outcome: str,
    now: datetime,
    response: str = "",
    provider_message_id: str = "",
    deferred: int = 0,
    wait: timedelta | None = None,
    hold: Hold | None = None,
) -> None:
    """End a claim after its last recorded outcome.

    Deliveries still pending in the range were not handed over: they wait for another attempt (after `wait`, until the
    flow control's `hold` is over, or after the schedule of retries where some were deferred), fail where it is too
    late, or are cancelled with their issue.
    """
    _leave_probe(session, claim)
    queries.finish_attempt(
        session,
        claim.attempt_id,
        outcome=outcome,
        response=response,
        provider_message_id=provider_message_id,
        now=now,
    )
    if outcome == "done" and not deferred:
        # Everybody has an outcome: nothing is pending that a cancelled issue would have to take back.
        queries.release_batch(session, claim.batch_id, claim=claim.claim, status=BatchStatus.DONE, due_at=None)
        return
    if not queries.holds_batch(session, claim.batch_id, claim=claim.claim):
        return  # the tick took it: what waits in the range may be with another worker
    if issue_queries.status_of_issue(session, claim.issue_id) is IssueStatus.CANCELLED:
        _settle_rest(session, claim, DeliveryStatus.SUPPRESSED, DeliveryReason.CANCELLED)
    elif _may_expire(outcome, deferred, hold) and is_too_late(planned_at=claim.planned_at, now=now):
        _settle_rest(session, claim, DeliveryStatus.FAILED, DeliveryReason.EXPIRED)
    else:
        pause = wait if wait is not None else retry_delay(claim.attempt_number) if deferred else timedelta()
        if hold is None or outcome == "unavailable":
            queries.release_batch(
                session, claim.batch_id, claim=claim.claim, status=BatchStatus.PENDING, due_at=now + pause
            )
            return
        queries.hold_batch(
            session,
            claim.batch_id,
            claim=claim.claim,
            hold=hold,
            due_at=max(hold.until, now + pause),
            planned_at=_plan_after(claim, hold, deferred=deferred, now=now),
            is_try=deferred > 0,
        )
        return
    queries.release_batch(session, claim.batch_id, claim=claim.claim, status=BatchStatus.DONE, due_at=None)


def _plan_after(claim: Claim, hold: Hold, *, deferred: int, now: datetime) -> datetime:
    if not hold.is_planned:
        return claim.planned_at
    was_tried = deferred > 0 or claim.attempt_number > 1
    return moved_plan(claim.planned_at, was_tried=was_tried, now=now, until=hold.until)


def _may_expire(outcome: str, deferred: int, hold: Hold | None) -> bool:
    """Whether the rest of a batch waits against our will: what waits by plan does not grow old."""
    return deferred > 0 or outcome == "unavailable" or (hold is not None and not hold.is_planned)


def abandon_claim(session: Session, claim: Claim, *, response: str, now: datetime) -> None:
    """Something broke while the provider had the batch: what has no outcome yet is in doubt."""
    _leave_probe(session, claim)
    queries.finish_attempt(
        session, claim.attempt_id, outcome="broken", response=response, provider_message_id="", now=now
    )
    if queries.release_batch(session, claim.batch_id, claim=claim.claim, status=BatchStatus.DONE, due_at=None):
        people = _pending_of(session, claim)
        _settle_rest(session, claim, DeliveryStatus.UNKNOWN, DeliveryReason.NO_ANSWER)
        _open_doubt(session, claim, people, now=now)


def _leave_probe(session: Session, claim: Claim) -> None:
    if claim.is_probe:
        probing.leave(session, provider=claim.provider, claim=claim.claim)


def _pending_of(session: Session, claim: Claim) -> list[int]:
    return doubt_queries.pending_in_range(
        session, claim.issue_id, cohort=claim.cohort, first_id=claim.first_id, last_id=claim.last_id
    )


def _open_doubt(session: Session, claim: Claim, people: Sequence[int], *, now: datetime) -> None:
    if people:
        doubts.open_doubt(
            session,
            issue_id=claim.issue_id,
            batch_id=claim.batch_id,
            attempt_id=claim.attempt_id,
            provider=claim.provider,
            subscriber_ids=people,
            reason=DeliveryReason.NO_ANSWER,
            now=now,
        )


def pause_provider(
    session: Session, name: str, *, reason: str, needs_person: bool, until: datetime | None, now: datetime
) -> None:
    """Stop all claims for a provider until a time, or until a person lifts the pause.

    The more attempts in a row found it closed, whatever batch they were of, the longer it is left alone: a breaker that
    trips at the first, lets the next claims through as probes when its time is over, and forgets when one goes through.
    """
    if until is not None:
        until = max(until, now + provider_down_delay(providers.failures_in_a_row(session, name)))
    providers.set_state(session, name, is_paused=True, needs_person=needs_person, reason=reason, until=until, now=now)


def resume_provider(session: Session, name: str, *, now: datetime) -> None:
    """Let claims for a provider go on."""
    providers.set_state(session, name, is_paused=False, needs_person=False, reason="", until=None, now=now)


def wake_providers(session: Session, *, now: datetime) -> int:
    """Lift the pauses whose time is over; returns how many."""
    return providers.lift_expired(session, now=now)


def _drop_withheld(session: Session, batch: ClaimedBatch) -> list[Addressee]:
    """Who is to be mailed. Why somebody is not is only asked where somebody is missing."""
    mailable = queries.mailable_of_batch(session, batch)
    if len(mailable) == batch.size:
        return list(map(Addressee._make, mailable))
    return _sort_out_withheld(session, batch)


def _sort_out_withheld(session: Session, batch: ClaimedBatch) -> list[Addressee]:
    addressees: list[Addressee] = []
    withheld: dict[DeliveryReason, list[int]] = {}
    for subscriber_id, email, name, status, suppression_id, is_confirmed, has_left in queries.members_of_batch(
        session, batch
    ):
        if is_confirmed and suppression_id is None and status == SubscriberStatus.ENABLED:
            addressees.append(Addressee(subscriber_id, email or "", name or ""))
            continue
        reason = withheld_reason(
            exists=status is not None,
            is_enabled=status == SubscriberStatus.ENABLED,
            is_suppressed=suppression_id is not None,
            has_left=bool(has_left),
        )
        withheld.setdefault(reason, []).append(subscriber_id)
    for reason, subscriber_ids in withheld.items():
        deliveries.settle(session, batch.issue_id, subscriber_ids, status=DeliveryStatus.SUPPRESSED, reason=reason)
    return addressees


def _write(
    session: Session, claim: Claim, outcomes: Sequence[Outcome], *, is_ours: bool, source: str, now: datetime
) -> None:
    settle = _settle_answers if is_ours else _settle_late_answers
    settle(session, claim, _ids_by_kind(outcomes), now=now)
    if claim.is_probe:
        kinds = {outcome.kind for outcome in outcomes}
        probing.hear(session, claim.issue_id, kinds, provider=claim.provider, claim=claim.claim, now=now)
    _tell(session, claim, outcomes, source=source, now=now)


def _ids_by_kind(outcomes: Sequence[Outcome]) -> dict[OutcomeKind, list[int]]:
    by_kind: dict[OutcomeKind, list[int]] = {kind: [] for kind in OutcomeKind}
    for outcome in outcomes:
        by_kind[outcome.kind].append(outcome.subscriber_id)
    return by_kind


def _tell(session: Session, claim: Claim, outcomes: Sequence[Outcome], *, source: str, now: datetime) -> None:
    """Acceptances are told by the ledger itself; only what needs explaining becomes an event."""
    told = [outcome for outcome in outcomes if outcome.kind is not OutcomeKind.ACCEPTED]
    deliveries.add_events(session, [_event(claim, outcome, source, now) for outcome in told])


# Who was deferred stays pending, and who was accepted is written apart.
_SETTLED_BY = {
    OutcomeKind.REFUSED: (DeliveryStatus.FAILED, DeliveryReason.REFUSED),
    OutcomeKind.UNKNOWN: (DeliveryStatus.UNKNOWN, DeliveryReason.NO_ANSWER),
}


def _settle_answers(session: Session, claim: Claim, by_kind: dict[OutcomeKind, list[int]], *, now: datetime) -> None:
    _settle_accepted(session, claim, by_kind[OutcomeKind.ACCEPTED])
    for kind, (status, reason) in _SETTLED_BY.items():
        deliveries.settle(session, claim.issue_id, by_kind[kind], status=status, reason=reason)
    _open_doubt(session, claim, by_kind[OutcomeKind.UNKNOWN], now=now)


def _settle_late_answers(
    session: Session, claim: Claim, by_kind: dict[OutcomeKind, list[int]], *, now: datetime
) -> None:
    """Answers after the lease was lost: the doubt is known, and its mails may be with another worker by now.

    An acceptance holds in any case; a refusal for what is in doubt still; no answer is no news.
    """
    doubts.prove_by_answer(session, claim.attempt_id, by_kind[OutcomeKind.ACCEPTED], now=now)
    deliveries.settle(session, claim.issue_id, by_kind[OutcomeKind.ACCEPTED], status=DeliveryStatus.ACCEPTED)
    deliveries.settle(
        session,
        claim.issue_id,
        by_kind[OutcomeKind.REFUSED],
        status=DeliveryStatus.FAILED,
        reason=DeliveryReason.REFUSED,
        from_statuses=(DeliveryStatus.UNKNOWN,),
    )


def _settle_accepted(session: Session, claim: Claim, accepted: Sequence[int]) -> None:
    """A whole batch is one range of the ledger, at half the cost of a list of ids; whatever that misses is listed."""
    if not accepted:
        return
    is_whole = len(accepted) == len(claim.addressees)
    if is_whole and _settle_rest(session, claim, DeliveryStatus.ACCEPTED, DeliveryReason.NONE) == len(accepted):
        return
    deliveries.settle(session, claim.issue_id, accepted, status=DeliveryStatus.ACCEPTED)


def _settle_rest(session: Session, claim: Claim, status: DeliveryStatus, reason: DeliveryReason) -> int:
    return deliveries.settle_range(
        session,
        claim.issue_id,
        cohort=claim.cohort,
        first_id=claim.first_id,
        last_id=claim.last_id,
        status=status,
        reason=reason,
    )


_EVENT_KINDS = {OutcomeKind.DEFERRED: EventKind.DEFERRED, OutcomeKind.UNKNOWN: EventKind.UNKNOWN}


def _event(claim: Claim, outcome: Outcome, source: str, now: datetime) -> dict[str, object]:
    detail: dict[str, object] = {"response": outcome.response, "attempt": claim.attempt_number}
    kind = _EVENT_KINDS.get(outcome.kind)
    if kind is None:
        meaning = meaning_of_refusal(outcome.response)
        kind = meaning.kind
        detail |= {"class": meaning.bounce_class, "category": meaning.category}
    return {
        "natural_key": f"attempt:{claim.attempt_id}:{outcome.subscriber_id}:{kind}",
        "issue_id": claim.issue_id,
        "subscriber_id": outcome.subscriber_id,
        "kind": str(kind),
        "at": now,
        "source": source,
        "detail": detail,
    }
