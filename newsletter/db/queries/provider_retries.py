"""Statements about addresses that a provider shall try again, although a mail to them came back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import ProviderRetry, Suppression
from newsletter.db.queries.troubles import in_chunks


def ask_retries(session: Session, addresses: Sequence[str], *, issue_id: int, now: datetime) -> None:
    """Have these tried again, of which one issue came back; who was asked for before is asked for anew."""
    for chunk in in_chunks(sorted(set(addresses))):
        rows = [{"address": address, "issue_id": issue_id, "asked_at": now, "done_at": None} for address in chunk]
        statement = insert_into(session, ProviderRetry).values(rows)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["address"], set_={"issue_id": issue_id, "asked_at": now, "done_at": None}
            )
        )


def waiting_retries(session: Session, *, limit: int, after_id: int = 0) -> Sequence[ProviderRetry]:
    """Those that the provider was not told of yet, the oldest first; who is suppressed meanwhile is not tried again."""
    is_suppressed = exists().where(Suppression.address == ProviderRetry.address)
    return session.scalars(
        select(ProviderRetry)
        .where(ProviderRetry.done_at.is_(None), ProviderRetry.id > after_id, ~is_suppressed)
        .order_by(ProviderRetry.id)
        .limit(limit)
    ).all()


def finish_retry(session: Session, retry_id: int, *, asked_at: datetime, now: datetime) -> bool:
    """Compare and set: the provider forgot this bounce, unless another came meanwhile."""
    statement = (
        update(ProviderRetry)
        .where(ProviderRetry.id == retry_id, ProviderRetry.asked_at == asked_at)
        .values(done_at=now)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1


def asked_by_another(session: Session, addresses: Sequence[str], *, issue_id: int) -> set[str]:
    """Those of these addresses that are to be tried again since another issue came back."""
    found: set[str] = set()
    for chunk in in_chunks(addresses):
        found |= set(
            session.scalars(
                select(ProviderRetry.address).where(
                    ProviderRetry.address.in_(chunk), ProviderRetry.issue_id != issue_id
                )
            )
        )
    return found


def forget_retry(session: Session, address: str) -> None:
    """Forget an address, because it is erased."""
    session.execute(delete(ProviderRetry).where(ProviderRetry.address == address))


def forget_retries(session: Session, *, asked_before: datetime) -> int:
    """Delete those asked for before a moment; returns how many."""
    statement = delete(ProviderRetry).where(ProviderRetry.asked_at < asked_before)
    return rows_changed(session, statement.execution_options(synchronize_session=False))
