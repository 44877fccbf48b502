"""Commands about returned mails that are kept: ls, show, reread."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_result, print_table
from newsletter.domain.bounces import ReportKind
from newsletter.services import bouncing, rereading
from newsletter.services.rereading import RereadCounts

COLUMNS = ("mail_id", "received_at", "kind", "class", "category", "rule", "issue_id", "subscriber_id")


def register_kept(group: typer.Typer) -> None:
    """Add `ls`, `show` and `reread` to `newsletter bounce …`."""
    group.command("ls")(show_mails)
    group.command("show")(show)
    group.command("reread")(reread)


def show_mails(
    kind: Annotated[ReportKind | None, typer.Option(help="Only those that were taken for this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most, the latest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List the mails that came back, and what each was taken for: what nobody understood is "other".

    Example: newsletter bounce ls --kind other
    """
    with open_runtime() as runtime, runtime.reading() as session:
        rows = bouncing.kept_mails(session, kind=kind, limit=limit)
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "received", "kind", "class", "category", "rule", "issue", "subscriber"),
        [tuple(row[name] for name in COLUMNS) for row in rows],
        nothing="no returned mail is kept",
    )


def show(mail_id: Annotated[int, typer.Argument(metavar="ID", help="The number of the mail.")]) -> None:
    """Print one mail exactly as it came back.

    Example: newsletter bounce show 7 > returned.eml
    """
    with open_runtime() as runtime, runtime.reading() as session:
        raw = bouncing.kept_mail(session, mail_id)
    sys.stdout.buffer.write(raw)


def reread(as_json: AsJson = False) -> None:
    """Read every kept mail again, after the rules have learnt; what is understood as before stays as it is.

    What a mail is now takes effect as of the day on which it came. Doing it again changes nothing.

    Example: newsletter bounce reread --json
    """
    counts, last_id = RereadCounts(), 0
    with open_runtime() as runtime:
        while True:
            with runtime.reading() as session:
                page = rereading.kept_mails(session, after_id=last_id)
            for last_id in page:
                with runtime.transaction() as session:
                    counts += rereading.read_again(session, last_id, links=runtime.links, now=runtime.now())
            if not page:
                break
    print_result(asdict(counts), as_json=as_json)
