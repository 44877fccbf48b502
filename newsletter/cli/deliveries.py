"""Commands about deliveries: show."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_fields, print_json, print_table
from newsletter.services import ledger


def register(app: typer.Typer) -> None:
    """Add `newsletter delivery …`."""
    group = typer.Typer(no_args_is_help=True, help="One issue to one subscriber: what happened to it.")
    group.callback()(_group)
    group.command("show")(show)
    app.add_typer(group, name="delivery")


def _group() -> None:
    """One issue to one subscriber: what happened to it."""


def show(
    issue_id: Annotated[int, typer.Option("--issue", metavar="ID", help="The issue's number.")],
    email: Annotated[str, typer.Option(metavar="ADDRESS", help="The subscriber's address.")],
    as_json: AsJson = False,
) -> None:
    """Show the timeline of one delivery. Attempts are those of the whole batch; times are in UTC.

    Example: newsletter delivery show --issue 1 --email reader@example.org
    """
    with open_runtime() as runtime, runtime.reading() as session:
        found = ledger.delivery_timeline(session, issue_id, email, links=runtime.links)
    if as_json:
        print_json(found)
        return
    names = ("issue_id", "email", "status", "reason", "token")
    print_fields({name: found[name] for name in names} | {"heard": ", ".join(found["marks"])})
    print_table(
        ("at (UTC)", "what", "from", "detail"),
        [
            (f"{entry['at']:%Y-%m-%d %H:%M:%S}", entry["kind"].replace("_", " "), entry["source"], _detail(entry))
            for entry in found["timeline"]
        ],
        nothing="nothing has happened yet",
    )


def _detail(entry: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in entry["detail"].items())
