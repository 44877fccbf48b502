"""Suppressions: addresses that must not be mailed, and why. They outlive the subscriber."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy.orm import Session

from newsletter.db.models import Suppression
from newsletter.db.queries import provider_copies as copy_queries
from newsletter.db.queries import provider_lists as lift_queries
from newsletter.db.queries import provider_retries as retry_queries
from newsletter.db.queries import suppressions as queries
from newsletter.db.queries.suppressions import NamedAddress
from newsletter.domain.csv_table import guard_cell
from newsletter.domain.exchange import ECHOES_FOR
from newsletter.domain.subscriber import SuppressionReason, normalise_address
from newsletter.domain.suppression import weaker_reasons
from newsletter.errors import InvalidInput, NotFound
from newsletter.services import audit

AddressKey = Callable[[str], bytes]

EXPORT_HEADER = ["email", "reason", "evidence", "created_at"]
_ADDRESSES_AT_ONCE = 500
_FIRST_CELL_ENDS = re.compile(r"[,;\t]")


@dataclass(frozen=True, kw_only=True, slots=True)
class SuppressionCounts:
    """What became of a list of addresses: rows = created + unchanged + invalid."""

    rows: int
    created: int
    unchanged: int
    invalid: int


def suppress(
    session: Session,
    *,
    address: str,
    reason: SuppressionReason,
    evidence: str = "",
    address_key: AddressKey,
    now: datetime,
    actor_id: int | None = None,
) -> bool:
    """Never mail this address again; whether anything changed by it.

    An address has one suppression. A stronger reason (`domain.suppression`) takes the place of a weaker one,
    otherwise the first stays, and so does its date. An erased address stays unknown. InvalidInput for what
    is no address.
    """
    refuse_erased(reason)
    named = _named(address, address_key)
    changed = _suppress_all(session, [named], reason=reason, evidence=evidence, now=now)[1]
    if changed:
        _audit(session, "create", named, actor_id=actor_id, now=now, reason=reason)
    return changed > 0


def refuse_erased(reason: SuppressionReason) -> None:
    """InvalidInput for the one reason that nobody can give: who is erased is suppressed by that."""
    if reason is SuppressionReason.ERASED:
        raise InvalidInput("erased is not a reason to choose: erase the subscriber instead")


def suppress_addresses(
    session: Session,
    addresses: Iterable[str],
    *,
    reason: SuppressionReason = SuppressionReason.MANUAL,
    evidence: str = "",
    address_key: AddressKey,
    now: datetime,
    actor_id: int | None = None,
) -> SuppressionCounts:
    """Suppress the address that each line begins with; blank lines do not count, and neither does a header line."""
    rows = created = invalid = 0
    lines = (line.strip() for line in addresses)
    wanted = (line for number, line in enumerate(lines) if line and not (number == 0 and "@" not in line))
    while chunk := list(islice(wanted, _ADDRESSES_AT_ONCE)):
        named = [found for line in chunk if (found := _named_or_none(line, address_key))]
        rows += len(chunk)
        invalid += len(chunk) - len(named)
        created += _suppress_all(session, named, reason=reason, evidence=evidence, now=now)[0]
    counts = SuppressionCounts(rows=rows, created=created, unchanged=rows - created - invalid, invalid=invalid)
    audit.record(
        session,
        action="suppression.import",
        subject_type="suppression",
        subject_id=None,
        actor_id=actor_id,
        detail={
            "reason": str(reason),
            "rows": rows,
            "created": created,
            "invalid": invalid,
        },
        now=now,
    )
    return counts


def suppress_each(
    session: Session, rows: Sequence[tuple[str, SuppressionReason, str]], *, address_key: AddressKey, now: datetime
) -> int:
    """Suppress (address, reason, evidence) each; returns how many were not suppressed before."""
    groups: dict[tuple[SuppressionReason, str], list[NamedAddress]] = {}
    for address, reason, evidence in rows:
        groups.setdefault((reason, evidence), []).append(_named(address, address_key))
    created = 0
    for (reason, evidence), group in sorted(groups.items()):
        added = _suppress_all(session, group, reason=reason, evidence=evidence, now=now)[0]
        created += added
        if added:
            detail = {"reason": str(reason), "created": added, "evidence": evidence}
            audit.record(
                session,
                action="suppression.import",
                subject_type="suppression",
                subject_id=None,
                actor_id=None,
                detail=detail,
                now=now,
            )
    return created


def lift(
    session: Session,
    *,
    address: str,
    address_key: AddressKey,
    now: datetime,
    actor_id: int | None = None,
) -> None:
    """Let an address be mailed again; NotFound where it is not suppressed."""
    named = _named(address, address_key)
    found = _find(session, named)
    if found is None:
        raise NotFound(f"{address.strip()} is not suppressed")
    audit.record(
        session,
        action="suppression.delete",
        subject_type="suppression",
        subject_id=found.id,
        actor_id=actor_id,
        detail={"reason": found.reason},
        now=now,
    )
    queries.delete_suppression(session, address=_address_of(named), address_key=named.address_key)
    ask_provider_to_lift(session, [_address_of(named)], now=now)


def lift_on_consent(
    session: Session, *, address: str, address_key: AddressKey, now: datetime, source: str = "opt-in"
) -> bool:
    """A new confirmed opt-in outweighs whatever was said before, here and at the provider; whether anything was lifted.

    Call it only where the owner of the address has confirmed by a link that was mailed there.
    """
    named = _named(address, address_key)
    found = _find(session, named)
    if found is None:
        return False
    audit.record(
        session,
        action="suppression.lift_on_consent",
        subject_type="suppression",
        subject_id=found.id,
        actor_id=None,
        detail={"reason": found.reason, "source": source},
        now=now,
    )
    queries.delete_suppression(session, address=_address_of(named), address_key=named.address_key)
    ask_provider_to_lift(session, [_address_of(named)], now=now)
    return True


def ask_provider_to_lift(session: Session, addresses: Sequence[str], *, now: datetime) -> None:
    """See to it that the next exchange takes these addresses off the provider's own lists."""
    lift_queries.add_lifts(session, [address for address in addresses if address], now=now)


def ask_provider_to_retry(session: Session, addresses: Sequence[str], *, issue_id: int, now: datetime) -> None:
    """See to it that the next exchange has the provider forget a bounce for which nobody is suppressed here."""
    retry_queries.ask_retries(session, addresses, issue_id=issue_id, now=now)


def without_echoes(
    session: Session, addresses: Sequence[str], *, reason: SuppressionReason, issue_id: int, now: datetime
) -> list[str]:
    """Those of these addresses of which the provider's "I do not mail them, for this reason" is news.

    It is none where it may not have heard of our own lift yet (its lists say what was said after that); where it has
    the address from us, so that an unsubscribe there is nothing but our copy; and where it means a bounce in another
    issue that was no reason for us.
    """
    lifted = lift_queries.lifts_of(session, addresses)
    echoes = {address for address, lifted_at in lifted.items() if lifted_at >= now - ECHOES_FOR}
    if reason is SuppressionReason.BOUNCED:
        echoes |= retry_queries.asked_by_another(session, addresses, issue_id=issue_id)
    if reason is SuppressionReason.UNSUBSCRIBED:
        echoes |= copy_queries.pushed_by_us(session, addresses)
    return [address for address in addresses if address not in echoes]


def find_suppression(session: Session, *, address: str, address_key: AddressKey) -> Suppression | None:
    """The suppression of an address, also where an erasure left only its key; None where it may be mailed."""
    return _find(session, _named(address, address_key))


def is_suppressed(session: Session, *, address: str, address_key: AddressKey) -> bool:
    """Whether an address must not be mailed."""
    return find_suppression(session, address=address, address_key=address_key) is not None


def list_suppressions(
    session: Session,
    *,
    after_id: int = 0,
    limit: int = 100,
    reason: SuppressionReason | None = None,
    query: str = "",
) -> Sequence[Suppression]:
    """A page of suppressions by id; `address` is None where a person was erased. `query` is a part of the address."""
    return queries.suppressions_after(
        session,
        after_id=after_id,
        limit=limit,
        reason=str(reason) if reason else None,
        query=query.strip().lower(),
    )


def count_suppressions(session: Session) -> dict[str, int]:
    """How many suppressions there are for each reason."""
    return queries.count_suppressions(session)


def export_suppressions(session: Session) -> Iterator[list[str]]:
    """Header and rows of a CSV file, streamed by address; erased addresses are unknown and so not in it."""
    yield EXPORT_HEADER
    for row in queries.each_suppression(session):
        yield [
            guard_cell(row.address or ""),
            row.reason,
            guard_cell(row.evidence),
            row.created_at.isoformat(),
        ]


def mark_erased(session: Session, *, address: str, address_key: AddressKey, now: datetime) -> None:
    """Keep nothing but a keyed hash of an address, by which it is recognised if somebody imports it again."""
    key = address_key(address)
    erased = str(SuppressionReason.ERASED)
    queries.blank_suppression(session, address=address, address_key=key, reason=erased)
    lift_queries.forget_lift(session, address)
    copy_queries.forget_copy(session, address)
    retry_queries.forget_retry(session, address)
    queries.add_suppressions(
        session,
        [NamedAddress(address=None, address_key=key)],
        reason=erased,
        evidence="",
        now=now,
    )


def _suppress_all(
    session: Session,
    addresses: Sequence[NamedAddress],
    *,
    reason: SuppressionReason,
    evidence: str,
    now: datetime,
) -> tuple[int, int]:
    """(how many are new, how many are new or changed)"""
    # Sorted, so that two at once wait for each other instead of each for the other.
    ordered = sorted(set(addresses), key=lambda named: named.address_key)
    if not ordered:
        return 0, 0
    weaker = [str(other) for other in weaker_reasons(reason)]
    strengthened = queries.strengthen_suppressions(
        session, ordered, reason=str(reason), evidence=evidence, weaker=weaker
    )
    created = queries.add_suppressions(session, ordered, reason=str(reason), evidence=evidence, now=now)
    return created, created + strengthened


def _named(email: str, address_key: AddressKey) -> NamedAddress:
    address = normalise_address(email)
    return NamedAddress(address=address, address_key=address_key(address))


def _named_or_none(line: str, address_key: AddressKey) -> NamedAddress | None:
    try:
        return _named(_FIRST_CELL_ENDS.split(line, maxsplit=1)[0].strip("\"'<> "), address_key)
    except InvalidInput:
        return None


def _address_of(named: NamedAddress) -> str:
    return named.address or ""


def _find(session: Session, named: NamedAddress) -> Suppression | None:
    return queries.suppression_of(session, address=_address_of(named), address_key=named.address_key)


def _audit(
    session: Session,
    act: str,
    named: NamedAddress,
    *,
    reason: SuppressionReason,
    actor_id: int | None,
    now: datetime,
) -> None:
    found = _find(session, named)
    audit.record(
        session,
        action=f"suppression.{act}",
        subject_type="suppression",
        subject_id=found.id if found else None,
        actor_id=actor_id,
        detail={"reason": str(reason)},
        now=now,
    )
