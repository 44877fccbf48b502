"""Statements about providers: whether one takes mail now."""

from __future__ import annotations

from datetime import datetime
from itertools import takewhile
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import rows_changed
from newsletter.db.models import Attempt, ProviderState

# More failures than this in a row make no pause any longer.
_LOOKED_AT = 10


def set_state(
    session: Session,
    name: str,
    *,
    is_paused: bool,
    needs_person: bool,
    reason: str,
    until: datetime | None,
    now: datetime,
) -> None:
    """Write down how a provider stands; a pause that needs a person is not shortened by one that does not."""
    row = session.get(ProviderState, name, with_for_update=True) or ProviderState(name=name)
    if is_paused and row.is_paused and row.needs_person and not needs_person:
        return
    row.is_paused, row.needs_person, row.reason = is_paused, needs_person, reason
    row.until, row.updated_at = until, now
    row.is_probing, row.probe_by, row.probe_until = False, None, None
    session.merge(row)


def failures_in_a_row(session: Session, name: str) -> int:
    """How many of the last attempts ended with a provider that took nothing, up to the last that went through."""
    ended = session.scalars(
        select(Attempt.outcome)
        .where(Attempt.provider == name, Attempt.outcome.is_not(None))
        .order_by(Attempt.id.desc())
        .limit(_LOOKED_AT)
    )
    return sum(1 for _ in takewhile(lambda outcome: outcome == "unavailable", ended))


def state_of(session: Session, name: str) -> ProviderState | None:
    """How a provider stands; None where it was never paused."""
    return session.get(ProviderState, name)


def lift_expired(session: Session, *, now: datetime) -> int:
    """End the pauses that end by themselves and whose time is over: one claim may probe; returns how many."""
    statement = (
        update(ProviderState)
        .where(ProviderState.is_paused, ~ProviderState.needs_person, ProviderState.until <= now)
        .values(is_paused=False, is_probing=True, reason="", until=None, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement)


def begin_probe(session: Session, name: str, *, claim: str, now: datetime, until: datetime) -> bool:
    """Take the turn to try a provider; False where it needs none, or another claim has it."""
    is_free = ProviderState.probe_until.is_(None) | (ProviderState.probe_until <= now)
    statement = (
        update(ProviderState)
        .where(ProviderState.name == name, ProviderState.is_probing, is_free)
        .values(probe_by=claim, probe_until=until)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1


def end_probing(session: Session, name: str, *, claim: str, now: datetime) -> bool:
    """The provider answers: all may claim again; False where it was not this claim's turn any more."""
    return _change_probe(session, name, claim=claim, is_probing=False, updated_at=now)


def leave_probe(session: Session, name: str, *, claim: str) -> bool:
    """Leave the turn to the next; False where it was not this claim's any more."""
    return _change_probe(session, name, claim=claim)


def _change_probe(session: Session, name: str, *, claim: str, **values: Any) -> bool:
    statement = (
        update(ProviderState)
        .where(ProviderState.name == name, ProviderState.is_probing, ProviderState.probe_by == claim)
        .values(probe_by=None, probe_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1
