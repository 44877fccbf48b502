"""Commands about suppressions: ls, add, remove; those about whole lists are in suppression_lists."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_result, print_table, say
from newsletter.cli.suppression_lists import register_lists
from newsletter.db.models import Suppression
from newsletter.domain.subscriber import SuppressionReason
from newsletter.services import suppressions

_TABLE_ROWS = 100
_PAGE_ROWS = 1_000

Address = Annotated[str, typer.Argument(metavar="EMAIL", help="The address.")]


def register(app: typer.Typer) -> None:
    """Add `newsletter suppression …`."""
    group = typer.Typer(no_args_is_help=True, help="Addresses that must not be mailed, and why.")
    group.command("ls")(show_suppressions)
    group.command("add")(add)
    group.command("remove")(remove)
    register_lists(group)
    app.add_typer(group, name="suppression")


def show_suppressions(
    reason: Annotated[SuppressionReason | None, typer.Option(help="Only those of one reason.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="How many at most; without it 100, and with --json all of them.")
    ] = None,
    after: Annotated[int, typer.Option(metavar="ID", min=0, help="Go on after this one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List the addresses that must not be mailed.

    Example: newsletter suppression ls --reason bounced
    """
    with open_runtime() as runtime, runtime.reading() as session:
        wanted = limit or (None if as_json else _TABLE_ROWS)
        rows = [_as_dict(row) for row in _rows(session, after_id=after, limit=wanted, reason=reason)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "address", "reason", "since", "evidence"),
        [
            (
                row["suppression_id"],
                row["email"] or "(erased)",
                row["reason"],
                row["created_at"],
                row["evidence"],
            )
            for row in rows
        ],
        nothing="no address is suppressed",
    )
    if len(rows) == wanted:
        say(f"there may be more: add --after {rows[-1]['suppression_id']}", style="dim")


def _rows(
    session: Session, *, after_id: int, limit: int | None, reason: SuppressionReason | None
) -> Iterator[Suppression]:
    """The suppressions after a place, `limit` at most, read in pages."""
    left = limit or sys.maxsize
    while left:
        page = suppressions.list_suppressions(session, after_id=after_id, limit=min(left, _PAGE_ROWS), reason=reason)
        yield from page
        if len(page) < min(left, _PAGE_ROWS):
            return
        left, after_id = left - len(page), page[-1].id
        session.expunge_all()


def add(
    email: Address,
    reason: Annotated[SuppressionReason, typer.Option(help="Why.")] = SuppressionReason.MANUAL,
    evidence: Annotated[str, typer.Option(help="Where this comes from.")] = "",
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Never mail this address again. Doing it again changes nothing.

    Example: newsletter suppression add former@example.org --evidence "asked by telephone"
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "suppression add", acting_as=acting_as)
        address_key = runtime.links.address_key
        changed = suppressions.suppress(
            session,
            address=email,
            reason=reason,
            evidence=evidence,
            address_key=address_key,
            now=runtime.now(),
            actor_id=actor.user_id,
        )
        found = suppressions.find_suppression(session, address=email, address_key=address_key)
        result = {"email": email, "reason": found.reason if found else str(reason), "changed": changed}
    print_result(result, as_json=as_json)


def remove(email: Address, acting_as: As = None, as_json: AsJson = False) -> None:
    """Let an address be mailed again.

    Example: newsletter suppression remove reader@example.org
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "suppression remove", acting_as=acting_as)
        suppressions.lift(
            session,
            address=email,
            address_key=runtime.links.address_key,
            now=runtime.now(),
            actor_id=actor.user_id,
        )
    print_result({"email": email, "removed": True}, as_json=as_json)


def _as_dict(row: Suppression) -> dict[str, Any]:
    return {
        "suppression_id": row.id,
        "email": row.address,
        "reason": row.reason,
        "evidence": row.evidence,
        "created_at": row.created_at,
    }
