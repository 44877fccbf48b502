"""Probing: after a pause one claim tries the provider, and all others wait for what becomes of that.

The turn is a row that is taken by compare and set; whoever dies with it is waited for half a minute.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Issue
from newsletter.db.queries import claims, providers
from newsletter.db.queries.batches import ClaimedBatch
from newsletter.domain.issue import IssueStatus
from newsletter.domain.mail import OutcomeKind
from newsletter.domain.retrying import PROBE_PATIENCE, PlanLimits
from newsletter.jobs import DISPATCH, enqueue

OPEN, PAUSED, PROBING = "open", "paused", "probing"
# What only a provider that works can say. Who was deferred may have been on a connection that broke.
_ANSWERS = frozenset({OutcomeKind.ACCEPTED, OutcomeKind.REFUSED})


def is_answer(kind: OutcomeKind) -> bool:
    """Whether this outcome shows that the provider works."""
    return kind in _ANSWERS


def standing_of(session: Session, provider: str) -> dict[str, datetime | str | bool | None]:
    """Whether a provider is open, paused (until when, why, and whether a person has to see to it) or being tried."""
    state = providers.state_of(session, provider)
    if state is None:
        return {"state": OPEN, "until": None, "reason": "", "needs_person": False}
    name = PAUSED if state.is_paused else PROBING if state.is_probing else OPEN
    return {"state": name, "until": state.until, "reason": state.reason, "needs_person": state.needs_person}


def waits_for(session: Session, issue: Issue) -> str:
    """Why nothing of an issue goes out at present though it is being sent; empty where its provider is open."""
    if issue.status != IssueStatus.SENDING:
        return ""
    standing = standing_of(session, issue.provider)
    if standing["state"] == PAUSED:
        return f"{issue.provider} takes nothing at present: {standing['reason']}"
    return f"{issue.provider} was away and is being tried again" if standing["state"] == PROBING else ""


def claim_probe(
    session: Session, issue_id: int, *, claim: str, provider: str, plans: PlanLimits, lease_until: datetime
) -> ClaimedBatch | None:
    """A batch to try the provider with; None where it needs no trying, another tries it, or nothing is due."""
    now = plans.now
    until = min(now + PROBE_PATIENCE, lease_until)
    if not providers.begin_probe(session, provider, claim=claim, now=now, until=until):
        return None
    batch = claims.claim_for_probe(
        session, issue_id, claim=claim, provider=provider, plans=plans, lease_until=lease_until
    )
    if batch is None:
        providers.leave_probe(session, provider, claim=claim)
    return batch


def hear(
    session: Session, issue_id: int, kinds: Collection[OutcomeKind], *, provider: str, claim: str, now: datetime
) -> None:
    """Let everybody go on where one of these outcomes shows that the provider works."""
    if any(map(is_answer, kinds)) and providers.end_probing(session, provider, claim=claim, now=now):
        enqueue(session, DISPATCH, issue_id)


def leave(session: Session, *, provider: str, claim: str) -> None:
    """Leave the turn to the next, where the claim ends and nobody knows more than before."""
    providers.leave_probe(session, provider, claim=claim)
