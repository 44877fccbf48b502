"""Statements about suppressions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import Suppression

_EXPORT_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, kw_only=True, slots=True)
class NamedAddress:
    """A normalised address with its key; `address` is None where only the key may be kept."""

    address: str | None
    address_key: bytes


def add_suppressions(
    session: Session,
    addresses: Sequence[NamedAddress],
    *,
    reason: str,
    evidence: str,
    now: datetime,
) -> int:
    """Insert suppressions for those addresses that have none; returns how many that were."""
    if not addresses:
        return 0
    rows = [
        {
            "address": named.address,
            "address_key": named.address_key,
            "reason": reason,
            "evidence": evidence,
            "created_at": now,
        }
        for named in addresses
    ]
    # Without a target: the address and its key are both unique, and each may be there already.
    return rows_changed(session, insert_into(session, Suppression).values(rows).on_conflict_do_nothing())


def strengthen_suppressions(
    session: Session,
    addresses: Sequence[NamedAddress],
    *,
    reason: str,
    evidence: str,
    weaker: Sequence[str],
) -> int:
    """Compare and set: give suppressions another reason where theirs is weaker; returns how many changed."""
    return rows_changed(
        session,
        update(Suppression)
        .where(
            or_(
                Suppression.address.in_([named.address for named in addresses if named.address]),
                Suppression.address_key.in_([named.address_key for named in addresses]),
            ),
            Suppression.reason.in_(weaker),
        )
        .values(reason=reason, evidence=evidence)
        .execution_options(synchronize_session="fetch"),
    )


def blank_suppression(session: Session, *, address: str, address_key: bytes, reason: str) -> None:
    """Leave nothing of a suppression but the key of its address and a new reason."""
    session.execute(
        update(Suppression)
        .where(_is_about(address, address_key))
        .values(address=None, address_key=address_key, reason=reason, evidence="")
        .execution_options(synchronize_session="fetch")
    )


def suppression_of(session: Session, *, address: str, address_key: bytes) -> Suppression | None:
    """The suppression of an address, also where only its key is left."""
    return session.scalar(select(Suppression).where(_is_about(address, address_key)).order_by(Suppression.id).limit(1))


def delete_suppression(session: Session, *, address: str, address_key: bytes) -> int:
    """Forget the suppression of an address; returns how many rows that were."""
    return rows_changed(session, delete(Suppression).where(_is_about(address, address_key)))


def suppressions_after(
    session: Session, *, after_id: int, limit: int, reason: str | None, query: str
) -> Sequence[Suppression]:
    """Suppressions in the order in which they were made, after a keyset position."""
    statement = select(Suppression).where(Suppression.id > after_id).order_by(Suppression.id).limit(limit)
    if reason:
        statement = statement.where(Suppression.reason == reason)
    if query:
        statement = statement.where(Suppression.address.contains(query, autoescape=True))
    return session.scalars(statement).all()


def count_known(session: Session, addresses: Sequence[tuple[str, bytes]]) -> int:
    """How many of these (address, key) pairs, at most some hundreds, are suppressed."""
    names, keys = [address for address, _ in addresses], [key for _, key in addresses]
    by_name = session.execute(
        select(Suppression.address_key).where(or_(Suppression.address.in_(names), Suppression.address_key.in_(keys)))
    )
    return len({bytes(row[0]) for row in by_name})


def each_suppression(session: Session) -> Iterator[Suppression]:
    """All suppressions whose address is known, streamed by address."""
    statement = select(Suppression).where(Suppression.address.is_not(None)).order_by(Suppression.address)
    yield from session.scalars(statement.execution_options(yield_per=_EXPORT_ROWS_AT_ONCE))


def count_suppressions(session: Session) -> dict[str, int]:
    """How many suppressions there are for each reason."""
    rows = session.execute(select(Suppression.reason, func.count()).group_by(Suppression.reason))
    return {row[0]: row[1] for row in rows}


def _is_about(address: str, address_key: bytes) -> ColumnElement[bool]:
    return or_(Suppression.address == address, Suppression.address_key == address_key)
