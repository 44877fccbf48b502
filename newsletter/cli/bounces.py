"""Commands about mail that comes back: classify, ingest, listen."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from newsletter.cli.output import AsJson, print_json, print_table
from newsletter.inbound import MAX_BYTES, Report, understand
from newsletter.inbound.mailboxes import mails_in

if TYPE_CHECKING:
    from typer._click import Command, Context

ONE_MAIL = ".eml"

Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Raw mails, mboxes, Maildirs, or folders of mails.")]


class BounceGroup(TyperGroup):
    """Loads the commands that need a database only when one of them is asked for: `classify` needs none."""

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command of this name."""
        if cmd_name not in self.commands:
            self._load_receivers()
        return super().get_command(ctx, cmd_name)

    def list_commands(self, ctx: Context) -> list[str]:
        """The names of all commands."""
        self._load_receivers()
        return super().list_commands(ctx)

    def _load_receivers(self) -> None:
        part = typer.Typer(rich_markup_mode=None)
        part.callback()(_group)
        import_module("newsletter.cli.bounce_receivers").register_receivers(part)
        self.commands.update(typer.main.get_group(part).commands)


def register(app: typer.Typer) -> None:
    """Add `newsletter bounce …`."""
    group = typer.Typer(
        cls=BounceGroup, no_args_is_help=True, help="Mail that comes back: bounces, complaints, replies."
    )
    # A group of one command would run it without being asked for it by name.
    group.callback()(_group)
    group.command("classify")(classify)
    app.add_typer(group, name="bounce")


def classify(files: Files, as_json: AsJson = False) -> None:
    """Say what each mail is, whom it is about and why. Reads files alone: no database, no network.

    A folder is one mail for each file in it, an mbox one for each mail in it; a name that ends in .eml is one mail.

    Example: newsletter bounce classify returned.eml --json
    """
    results = [_described(file, understand(raw)) for path in files for file, raw in _mails(path)]
    if as_json:
        print_json(results)
        return
    print_table(
        ("file", "kind", "address", "class", "category", "status", "rule"),
        [row for result in results for row in _rows(result)],
        nothing="no file was named",
    )


def _group() -> None:
    """Mail that comes back: bounces, complaints, replies."""


def _mails(path: Path) -> Iterator[tuple[Path, bytes]]:
    for file in _files(path):
        # What is returned in a mail may begin like a mail of an mbox; a file named for one mail is never cut there.
        yield from ((file, raw) for raw in ([_read(file)] if file.suffix == ONE_MAIL else mails_in(file)))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not file.name.startswith(".") and file.parent.name != "tmp"
    )


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES)


def _described(path: Path, report: Report) -> dict[str, Any]:
    recipients = [
        {
            "address": verdict.address,
            "class": verdict.bounce_class,
            "category": verdict.category,
            "status": verdict.status,
            "rule": verdict.rule,
        }
        for verdict in report.recipients
    ]
    return {"file": str(path), "kind": report.kind, "recipients": recipients}


def _rows(result: dict[str, Any]) -> list[tuple[str, ...]]:
    head = (result["file"], str(result["kind"]))
    names = ("address", "class", "category", "status", "rule")
    rows = [(*head, *(str(verdict[name] or "") for name in names)) for verdict in result["recipients"]]
    return rows or [(*head, "", "", "", "", "")]
