"""Statements about the exchange of suppressions with a provider: what is lifted there, and how far we have read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import ProviderLift, ProviderSync, Subscriber
from newsletter.db.queries.provider_copies import is_on_its_way
from newsletter.db.queries.troubles import in_chunks
from newsletter.domain.exchange import PUSH_PATIENCE


def add_lifts(session: Session, addresses: Sequence[str], *, now: datetime) -> None:
    """Have addresses taken off the provider's lists; one that waits already, or waited once, waits from now on."""
    for chunk in in_chunks(sorted(set(addresses))):
        rows = [{"address": address, "lifted_at": now} for address in chunk]
        statement = insert_into(session, ProviderLift).values(rows)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["address"], set_={"lifted_at": statement.excluded.lifted_at, "pushed_at": None}
            )
        )


def waiting_lifts(session: Session, *, limit: int, after_id: int = 0) -> Sequence[ProviderLift]:
    """Lifts that the provider does not know of yet, the oldest first."""
    return session.scalars(
        select(ProviderLift)
        .where(ProviderLift.pushed_at.is_(None), ProviderLift.id > after_id)
        .order_by(ProviderLift.id)
        .limit(limit)
    ).all()


def finish_lift(session: Session, lift_id: int, *, lifted_at: datetime, now: datetime) -> bool:
    """Compare and set: a lift is done.

    Not so where it was asked for again, or is void by now, or where a push of this address may arrive after it.
    """
    is_overtaken = is_on_its_way(begun_after=now - PUSH_PATIENCE)
    statement = (
        update(ProviderLift)
        .where(ProviderLift.id == lift_id, ProviderLift.lifted_at == lifted_at, ~is_overtaken)
        .values(pushed_at=now)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1


def lifts_of(session: Session, addresses: Sequence[str]) -> dict[str, datetime]:
    """When each of these addresses was last lifted here, as far as it is remembered."""
    found: dict[str, datetime] = {}
    for chunk in in_chunks(addresses):
        rows = session.execute(
            select(ProviderLift.address, ProviderLift.lifted_at).where(ProviderLift.address.in_(chunk))
        )
        found |= {row[0]: row[1] for row in rows}
    return found


def people_lifted_since(session: Session, moment: datetime) -> dict[int, datetime]:
    """Who was lifted here at this moment or later, and when, as far as it is remembered: a few at most."""
    rows = session.execute(
        select(Subscriber.id, ProviderLift.lifted_at)
        .join(ProviderLift, ProviderLift.address == Subscriber.address)
        .where(ProviderLift.lifted_at >= moment)
    )
    return {row[0]: row[1] for row in rows}


def lifted_people(session: Session, people: Sequence[int]) -> dict[int, datetime]:
    """When each of these people was last lifted here, as far as it is remembered."""
    found: dict[int, datetime] = {}
    for chunk in in_chunks(people):
        rows = session.execute(
            select(Subscriber.id, ProviderLift.lifted_at)
            .join(ProviderLift, ProviderLift.address == Subscriber.address)
            .where(Subscriber.id.in_(chunk))
        )
        found |= {row[0]: row[1] for row in rows}
    return found


def forget_lift(session: Session, address: str) -> None:
    """Forget a lift, because its address is erased."""
    _delete(session, ProviderLift.address == address)


def forget_lifts(session: Session, *, lifted_before: datetime) -> int:
    """Delete lifts that were asked for before a moment, done or not; returns how many."""
    return _delete(session, ProviderLift.lifted_at < lifted_before)


def people_of(session: Session, addresses: Sequence[str]) -> dict[str, int]:
    """The subscribers among these addresses, with their numbers."""
    rows = session.execute(select(Subscriber.address, Subscriber.id).where(Subscriber.address.in_(addresses)))
    return {row[0]: row[1] for row in rows}


def sync_of(session: Session, name: str) -> ProviderSync:
    """How far one list was read; from the beginning where it never was."""
    session.execute(insert_into(session, ProviderSync).values(name=name).on_conflict_do_nothing())
    return session.scalars(select(ProviderSync).where(ProviderSync.name == name).with_for_update()).one()


def all_syncs(session: Session) -> Sequence[ProviderSync]:
    """How far each list was read."""
    return session.scalars(select(ProviderSync).order_by(ProviderSync.name)).all()


def _delete(session: Session, condition: Any) -> int:
    statement = delete(ProviderLift).where(condition)
    return rows_changed(session, statement.execution_options(synchronize_session=False))
