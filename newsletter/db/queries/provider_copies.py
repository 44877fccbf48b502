"""Statements about copies of suppressions at a provider: which it has, which are on their way, which it lacks."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, literal, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import domain_of, insert_into, rows_changed
from newsletter.db.models import Freeze, ProviderCopy, ProviderLift, Suppression
from newsletter.db.queries.troubles import in_chunks
from newsletter.domain.subscriber import SuppressionReason


def begin_copies(
    session: Session, *, after_id: int, reasons: Collection[str], limit: int, now: datetime
) -> list[tuple[int, str]]:
    """(id, address) of the next suppressions that the provider lacks, noted as on their way from now on.

    They are locked: whoever lifts one of them meanwhile waits, and then sees the note. A lift that was still to be
    done there is void, because the address is suppressed again.
    """
    found = session.execute(
        select(Suppression.id, Suppression.address)
        .where(Suppression.id > after_id, *_is_lacking(session, reasons))
        .order_by(Suppression.id)
        .limit(limit)
        .with_for_update(of=Suppression)
    ).all()
    page = [(row[0], str(row[1])) for row in found]
    if page:
        addresses = [address for _, address in page]
        session.execute(delete(ProviderLift).where(ProviderLift.address.in_(addresses)))
        rows = [{"address": address, "begun_at": now, "pushed_at": None} for address in sorted(addresses)]
        statement = insert_into(session, ProviderCopy).values(rows)
        session.execute(
            statement.on_conflict_do_update(index_elements=["address"], set_={"begun_at": now, "pushed_at": None})
        )
    return page


def finish_copies(session: Session, addresses: Collection[str], *, begun_at: datetime, now: datetime) -> int:
    """Compare and set: these are there now, unless another push was begun meanwhile; returns how many."""
    done = 0
    for chunk in in_chunks(sorted(addresses)):
        statement = (
            update(ProviderCopy)
            .where(ProviderCopy.address.in_(chunk), ProviderCopy.begun_at == begun_at, ProviderCopy.pushed_at.is_(None))
            .values(pushed_at=now)
            .execution_options(synchronize_session=False)
        )
        done += rows_changed(session, statement)
    return done


def count_lacking(session: Session, *, reasons: Collection[str]) -> int:
    """How many suppressions with these reasons the provider lacks."""
    return session.scalar(select(func.count()).select_from(Suppression).where(*_is_lacking(session, reasons))) or 0


def note_listed(session: Session, addresses: Sequence[str], *, now: datetime) -> None:
    """The provider has these on its own lists; only of those that are suppressed here is anything kept."""
    for chunk in in_chunks(addresses):
        chosen = (
            select(Suppression.address, literal(now))
            .where(Suppression.address.in_(chunk))
            .order_by(Suppression.address)
        )
        statement = insert_into(session, ProviderCopy).from_select(["address", "pushed_at"], chosen)
        session.execute(statement.on_conflict_do_nothing(index_elements=["address"]))


def pushed_by_us(session: Session, addresses: Sequence[str]) -> set[str]:
    """Those of these addresses that the provider has from us, or may have any moment."""
    found: set[str] = set()
    for chunk in in_chunks(addresses):
        found |= set(
            session.scalars(
                select(ProviderCopy.address).where(ProviderCopy.address.in_(chunk), ProviderCopy.begun_at.is_not(None))
            )
        )
    return found


def is_on_its_way(*, begun_after: datetime) -> ColumnElement[bool]:
    """Whether a push of a lift's address, begun after a moment, may still arrive there."""
    return exists().where(
        ProviderCopy.address == ProviderLift.address,
        ProviderCopy.begun_at > begun_after,
        ProviderCopy.pushed_at.is_(None),
    )


def forget_copy(session: Session, address: str) -> None:
    """The provider has this address no more, or nothing may be known of it any more."""
    session.execute(delete(ProviderCopy).where(ProviderCopy.address == address))


def repeat_copy(session: Session, address: str) -> None:
    """Have an address pushed anew that is suppressed here while it was just taken off there."""
    is_suppressed = exists().where(Suppression.address == ProviderCopy.address)
    session.execute(
        delete(ProviderCopy)
        .where(ProviderCopy.address == address, ProviderCopy.pushed_at.is_not(None), is_suppressed)
        .execution_options(synchronize_session=False)
    )


def _is_lacking(session: Session, reasons: Collection[str]) -> tuple[ColumnElement[bool], ...]:
    """Suppressed for one of these reasons, and not there; bounces at frozen domains wait for a person."""
    is_there = exists().where(ProviderCopy.address == Suppression.address, ProviderCopy.pushed_at.is_not(None))
    is_frozen = exists().where(Freeze.domain == domain_of(session, Suppression.address), Freeze.released_at.is_(None))
    is_held = and_(Suppression.reason == str(SuppressionReason.BOUNCED), is_frozen)
    return (
        Suppression.address.is_not(None),
        Suppression.reason.in_([str(reason) for reason in sorted(reasons)]),
        ~is_there,
        ~is_held,
    )
