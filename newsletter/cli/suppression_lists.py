"""Commands about whole lists of suppressions: import, export, sync; and about frozen domains: frozen, release."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_result, print_table
from newsletter.domain.exchange import PUSHES, RETRIES, parse_pushed_reasons
from newsletter.domain.freezing import FreezeDecision
from newsletter.domain.subscriber import SuppressionReason
from newsletter.providers import make_provider_lists
from newsletter.runtime import Runtime
from newsletter.services import freezing, suppression_files, suppressions, syncing


def register_lists(group: typer.Typer) -> None:
    """Add import, export, sync, frozen and release to `newsletter suppression …`."""
    group.command("import")(import_list)
    group.command("export")(export)
    group.command("sync")(sync)
    group.command("frozen")(show_frozen)
    group.command("release")(release)


def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="email, reason, evidence; or a bare list.")],
    reason: Annotated[SuppressionReason, typer.Option(help="For rows without a reason.")] = SuppressionReason.MANUAL,
    evidence: Annotated[str, typer.Option(help="For rows without evidence: where this comes from.")] = "",
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Suppress every address of a file. Doing it again changes nothing; a stronger reason stays.

    Example: newsletter suppression import former.csv --reason complained --evidence "old system"
    """
    with file.open("rb") as stream, open_runtime() as runtime:
        with runtime.transaction() as session:
            actor = actor_for(session, "suppression import", acting_as=acting_as)
            counts = suppression_files.import_file(
                session,
                stream,
                reason=reason,
                evidence=evidence or f"file {file.name}",
                address_key=runtime.links.address_key,
                now=runtime.now(),
                actor_id=actor.user_id,
            )
    print_result(asdict(counts), as_json=as_json)


def export(
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it here instead of printing it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write suppressions as CSV; erased addresses are unknown and so not in it. With --json an array of objects.

    Example: newsletter suppression export --out suppressions.csv
    """
    with open_runtime() as runtime:
        if out is not None:
            with out.open("w", encoding="utf-8", newline="") as stream:
                rows = _write(runtime, csv.writer(stream).writerow)
            print_result({"rows": rows, "file": str(out)}, as_json=as_json)
        elif as_json:
            with runtime.reading() as session:
                header, *found = suppressions.export_suppressions(session)
            print_json([dict(zip(header, row, strict=True)) for row in found])
        else:
            _write(runtime, csv.writer(sys.stdout, lineterminator="\n").writerow)


def sync(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell the numbers and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Exchange suppressions with SendGrid now: lifts and suppressions go there, their lists come here.

    NEWSLETTER_SENDGRID_PUSH_SUPPRESSIONS says which reasons go there: SendGrid then stops all mail of the account to
    these people. A run that breaks off is completed by the next one. Beat does the same once a night.

    Example: newsletter suppression sync --dry-run
    """
    with open_runtime() as runtime:
        lists = make_provider_lists(runtime.settings)
        try:
            key, now = runtime.links.address_key, runtime.now()
            reasons = parse_pushed_reasons(runtime.settings.sendgrid_push_suppressions)
            if dry_run:
                done = syncing.preview(runtime.reading, lists, address_key=key, pushed_reasons=reasons, now=now)
            else:
                done = syncing.exchange(
                    runtime.transaction, lists, address_key=key, pushed_reasons=reasons, now=now, is_forced=True
                )
        finally:
            lists.close()
    lifted = done.pop("lifts")["pushed"]
    pushed = done.pop(PUSHES, {"pushed": 0})["pushed"]
    retried = done.pop(RETRIES, {"pushed": 0})["pushed"]
    if as_json:
        print_json({"dry_run": dry_run, "lifted": lifted, "pushed": pushed, "retried": retried, "lists": done})
        return
    names = ("read", "created", "unchanged", "spared", "outdated", "held", "invalid", "own")
    print_table(("list", *names), [(list_, *(row[name] for name in names)) for list_, row in done.items()], nothing="")
    print_result({"lifted there": lifted, "suppressed there": pushed, "tried again": retried}, as_json=False)


def show_frozen(as_json: AsJson = False) -> None:
    """List the domains where a burst of bounces waits for a decision.

    Example: newsletter suppression frozen
    """
    with open_runtime() as runtime, runtime.reading() as session:
        rows: list[dict[str, Any]] = [
            {"domain": freeze.domain, "since": freeze.began_at, "held": held, "evidence": freeze.evidence}
            for freeze, held in freezing.open_freezes(session)
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("domain", "since", "held", "evidence"), [tuple(row.values()) for row in rows], nothing="no domain is frozen"
    )


def release(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="The frozen domain.")],
    decision: Annotated[
        FreezeDecision, typer.Option(help="real: suppress those who wait; outage: count it as a soft bounce.")
    ],
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Decide about a frozen domain, after asking whoever runs it.

    Example: newsletter suppression release example.org --decision outage
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "suppression release", acting_as=acting_as)
        done = freezing.release(
            session,
            domain,
            decision=decision,
            address_key=runtime.links.address_key,
            now=runtime.now(),
            actor_id=actor.user_id,
        )
    print_result(asdict(done), as_json=as_json)


def _write(runtime: Runtime, write_row: Callable[[Any], object]) -> int:
    with runtime.reading() as session:
        count = -1
        for row in suppressions.export_suppressions(session):
            write_row(row)
            count += 1
    return count
