"""Suppressions from a CSV file: each address with its own reason and evidence where the file has them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

from sqlalchemy.orm import Session

from newsletter.domain.csv_table import detect_dialect, unguard_cell
from newsletter.domain.subscriber import SuppressionReason, normalise_address
from newsletter.errors import InvalidInput
from newsletter.services import audit, suppressions
from newsletter.services.suppressions import SuppressionCounts

_ROWS_AT_ONCE = 500
_LINES_LOOKED_AT = 20
_LONGEST_EVIDENCE = 500
# An erasure is done, not imported; what a file calls by another word is a decision of whoever imports it.
_REASONS = {str(reason): reason for reason in SuppressionReason if reason is not SuppressionReason.ERASED}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Columns:
    """Where a file has what; without a header the address comes first."""

    email: int = 0
    reason: int | None = None
    evidence: int | None = None


def import_file(
    session: Session,
    lines: Iterable[str],
    *,
    reason: SuppressionReason,
    evidence: str,
    address_key: Callable[[str], bytes],
    now: datetime,
    actor_id: int | None,
) -> SuppressionCounts:
    """Suppress the addresses of a CSV file (columns email, reason, evidence; or a bare list); twice is as once.

    `reason` and `evidence` are for the rows that have none of their own. A stronger reason stays.
    """
    rows = created = invalid = 0
    wanted = _read(lines, reason=reason, evidence=evidence)
    while chunk := list(islice(wanted, _ROWS_AT_ONCE)):
        valid = {address: (address, why, said) for address, why, said in chunk if address}
        rows += len(chunk)
        invalid += sum(1 for address, _, _ in chunk if not address)
        created += suppressions.suppress_each(session, list(valid.values()), address_key=address_key, now=now)
    counts = SuppressionCounts(rows=rows, created=created, unchanged=rows - created - invalid, invalid=invalid)
    audit.record(
        session,
        action="suppression.import",
        subject_type="suppression",
        subject_id=None,
        actor_id=actor_id,
        detail={"rows": rows, "created": created, "invalid": invalid},
        now=now,
    )
    return counts


def _read(
    lines: Iterable[str], *, reason: SuppressionReason, evidence: str
) -> Iterator[tuple[str, SuppressionReason, str]]:
    """(address, reason, evidence) of each row that is not blank; the address is empty where it is none."""
    columns = _Columns()
    stream = iter(lines)
    head = list(islice(stream, _LINES_LOOKED_AT))
    dialect = detect_dialect("".join(head))
    for number, row in enumerate(csv.reader(chain(head, stream), delimiter=dialect.delimiter)):
        cells = [unguard_cell(cell).strip() for cell in row]
        if not any(cells):
            continue
        if number == 0 and not any("@" in cell for cell in cells):
            columns = _columns_of([cell.lower() for cell in cells])
            continue
        own = _cell(cells, columns.evidence)[:_LONGEST_EVIDENCE]
        why = _REASONS.get(_cell(cells, columns.reason).lower(), reason)
        yield _address_or_empty(_cell(cells, columns.email)), why, own or evidence


def _columns_of(header: list[str]) -> _Columns:
    places = {name: header.index(name) for name in ("email", "address", "reason", "evidence") if name in header}
    return _Columns(
        email=places.get("email", places.get("address", 0)),
        reason=places.get("reason"),
        evidence=places.get("evidence"),
    )


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _address_or_empty(text: str) -> str:
    try:
        return normalise_address(text.strip("\"'<> "))
    except InvalidInput:
        return ""
