"""The statement that claims a batch, built once: it runs for each batch, and its parameters have names of their own."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, bindparam, case, exists, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.dml import ReturningUpdate

from newsletter.db.dialects import table_of
from newsletter.db.models import Batch, Issue, ProviderState
from newsletter.db.queries.batches import ClaimedBatch
from newsletter.domain.issue import BatchStatus, IssueStatus
from newsletter.domain.retrying import PlanLimits

_issues, _batches = map(table_of, (Issue, Batch))
# Parameters that are compared with moments need their type.
_moment = partial(bindparam, type_=_batches.c.due_at.type)
_is_fresh = _batches.c.attempts == 0
# The columns of a provider that keep ordinary claims out, and those that keep out even one that is to try it.
_closed = ProviderState.is_paused | ProviderState.is_probing
_paused = ProviderState.is_paused


def _candidate(is_closed: ColumnElement[bool] | InstrumentedAttribute[bool]) -> ScalarSelect[int]:
    return (
        select(_batches.c.id)
        .join(_issues, _issues.c.id == _batches.c.issue_id)
        .where(
            _batches.c.issue_id == bindparam("of_issue"),
            _batches.c.status == int(BatchStatus.PENDING),
            _batches.c.due_at <= _moment("now"),
            # Too late is for the tick, which writes down that it is.
            _batches.c.planned_at > case((_is_fresh, _moment("fresh_after")), else_=_moment("tried_after")),
            _issues.c.status == str(IssueStatus.SENDING),
            ~exists().where(ProviderState.name == bindparam("by_provider"), is_closed),
        )
        .order_by(_batches.c.due_at, _batches.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=_batches)
        .scalar_subquery()
    )


def _claim_of(candidate: ScalarSelect[int]) -> ReturningUpdate[Any]:
    waited_by_plan = _is_fresh & (_batches.c.planned_at < _moment("moved_before"))
    return (
        update(_batches)
        .where(_batches.c.id == candidate, _batches.c.status == int(BatchStatus.PENDING))
        .values(
            status=int(BatchStatus.CLAIMED),
            claimed_by=bindparam("claim"),
            lease_until=_moment("until"),
            attempts=_batches.c.attempts + 1,
            planned_at=case((waited_by_plan, _moment("now")), else_=_batches.c.planned_at),
        )
        .returning(*(_batches.c[name] for name in ClaimedBatch._fields))
    )


_CLAIM = _claim_of(_candidate(_closed))
_PROBE_CLAIM = _claim_of(_candidate(_paused))


def claim_next_batch(
    session: Session, issue_id: int, *, claim: str, provider: str, plans: PlanLimits, lease_until: datetime
) -> ClaimedBatch | None:
    """Take one due batch of a sending issue for `claim`, by compare and set; None where there is none.

    Nothing is claimed while the issue or its provider is paused, or the provider is being tried. Two workers never get
    the same batch: on Postgres the second skips the locked row, on SQLite it waits for the first to commit.
    """
    return _execute_claim(session, _CLAIM, issue_id, claim, provider, plans, lease_until)


def claim_for_probe(
    session: Session, issue_id: int, *, claim: str, provider: str, plans: PlanLimits, lease_until: datetime
) -> ClaimedBatch | None:
    """The same for a claim whose turn it is to try the provider."""
    return _execute_claim(session, _PROBE_CLAIM, issue_id, claim, provider, plans, lease_until)


def _execute_claim(
    session: Session,
    statement: ReturningUpdate[Any],
    issue_id: int,
    claim: str,
    provider: str,
    plans: PlanLimits,
    lease_until: datetime,
) -> ClaimedBatch | None:
    values = {"of_issue": issue_id, "by_provider": provider, "claim": claim, "until": lease_until}
    row = session.execute(statement, values | plans._asdict()).one_or_none()
    return None if row is None else ClaimedBatch._make(row)
