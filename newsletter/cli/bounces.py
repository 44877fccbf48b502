"""Commands about mail that comes back: classify, ingest, listen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from newsletter.cli.bounce_receivers import register_receivers
from newsletter.cli.output import AsJson, print_json, print_table
from newsletter.inbound import MAX_BYTES, Report, understand

Files = Annotated[list[Path], typer.Argument(metavar="FILE…", help="Raw mails (.eml, or files of a Maildir).")]


def register(app: typer.Typer) -> None:
    """Add `newsletter bounce …`."""
    group = typer.Typer(no_args_is_help=True, help="Mail that comes back: bounces, complaints, replies.")
    # A group of one command would run it without being asked for it by name.
    group.callback()(_group)
    group.command("classify")(classify)
    register_receivers(group)
    app.add_typer(group, name="bounce")


def classify(files: Files, as_json: AsJson = False) -> None:
    """Say what each mail is, whom it is about and why. Reads files alone: no database, no network.

    Example: newsletter bounce classify returned.eml --json
    """
    results = [_described(path, understand(_read(path))) for path in files]
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
