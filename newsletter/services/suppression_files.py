"""Suppressions from a CSV file: each address with its own reason and evidence where the file has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import BinaryIO

from sqlalchemy.orm import Session

from newsletter.domain.csv_columns import columns_of
from newsletter.domain.csv_table import unguard_cell
from newsletter.domain.subscriber import SuppressionReason, normalise_address
from newsletter.errors import InvalidInput
from newsletter.services import audit, suppressions
from newsletter.services.subscriber_tables import read_file
from newsletter.services.suppressions import SuppressionCounts

_ROWS_AT_ONCE = 500
_LONGEST_EVIDENCE = 500
_ADDRESS_COLUMNS = frozenset({"address", "recipient"})
# An erasure is done, not imported; what a file calls by another word is a decision of whoever imports it.
_REASONS = {str(reason): reason for reason in SuppressionReason if reason is not SuppressionReason.ERASED}


@dataclass(frozen=True, kw_only=True, slots=True)
class _Columns:
    """Where a file has what; without a header the address comes first."""

    email: int = 0
    reason: int | None = None
    evidence: int | None = None
    has_header: bool = True


def import_file(
    session: Session,
    stream: BinaryIO,
    *,
    reason: SuppressionReason,
    evidence: str,
    address_key: Callable[[str], bytes],
    now: datetime,
    actor_id: int | None,
) -> SuppressionCounts:
    """Suppress the addresses of a CSV file (columns email, reason, evidence; or a bare list); twice is as once.

    The file may have the encodings, delimiters and names of columns of a table of subscribers. `reason` and `evidence`
    are for the rows that have none of their own. A stronger reason stays. InvalidInput for what is no such table, and
    for the reason "erased".
    """
    suppressions.refuse_erased(reason)
    rows = created = invalid = 0
    wanted = _read(stream, reason=reason, evidence=evidence)
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
    stream: BinaryIO, *, reason: SuppressionReason, evidence: str
) -> Iterator[tuple[str, SuppressionReason, str]]:
    """(address, reason, evidence) of each row that is not blank; the address is empty where it is none.

    A row with an address counts whatever else is wrong with it: leaving it out would mean to mail somebody.
    """
    records = read_file(stream)
    first = next(records, None)
    if first is None:
        return
    columns = _columns_of(first.cells)
    for record in records if columns.has_header else chain([first], records):
        cells = [unguard_cell(cell.strip()) for cell in record.cells]
        own = _one_line(_cell(cells, columns.evidence))[:_LONGEST_EVIDENCE]
        why = _REASONS.get(_cell(cells, columns.reason).strip('"').lower(), reason)
        yield _address_or_empty(_cell(cells, columns.email)), why, own or evidence


def _columns_of(cells: Sequence[str]) -> _Columns:
    """What the columns are; the only one of a file holds addresses, whatever stands above them."""
    if len(cells) == 1:
        return _Columns(has_header="@" not in cells[0])
    try:
        found = columns_of(cells, time_zones=())
    except InvalidInput:
        # Beside a column of email addresses these would be something else.
        renamed = ["email" if cell.strip().lower() in _ADDRESS_COLUMNS else cell for cell in cells]
        found = columns_of(renamed, time_zones=())
    names = {name.strip().lower(): position for position, name in enumerate(cells)} if found.has_header else {}
    return _Columns(
        email=found.email,
        reason=names.get("reason"),
        evidence=names.get("evidence"),
        has_header=found.has_header,
    )


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _cell(cells: list[str], place: int | None) -> str:
    return cells[place] if place is not None and place < len(cells) else ""


def _address_or_empty(text: str) -> str:
    try:
        return normalise_address(text.strip("\"'<> \0"))
    except InvalidInput:
        return ""
