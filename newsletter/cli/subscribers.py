"""Commands about subscribers: import, add, ls, show, export, erase."""

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
from newsletter.cli.output import (
    AsJson,
    print_fields,
    print_json,
    print_line,
    print_result,
    print_table,
    progress_line,
    say,
)
from newsletter.errors import Conflict, InvalidInput
from newsletter.runtime import Runtime
from newsletter.services import importing, lists, subscribers

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The subscriber's address.")]
ListSlug = Annotated[str | None, typer.Option("--list", metavar="SLUG", help="Only those of one list.")]


def register(app: typer.Typer) -> None:
    """Add `newsletter subscriber …`."""
    group = typer.Typer(no_args_is_help=True, help="Subscribers: import, look at, export, erase.")
    group.command("import")(import_file)
    group.command("add")(add)
    group.command("ls")(show_subscribers)
    group.command("show")(show)
    group.command("export")(export)
    group.command("erase")(erase)
    app.add_typer(group, name="subscriber")


def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="email, name, language, time_zone and any others.")],
    list_slug: Annotated[str, typer.Option("--list", metavar="SLUG", help="The list they come onto.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would happen and change nothing.")] = False,
    confirmed: Annotated[
        bool, typer.Option("--confirmed", help="They have confirmed already: mail them, double opt-in or not.")
    ] = False,
    errors_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where faulty lines go; else the data folder's imports.")
    ] = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Put the people of a CSV file on a list. Doing it again changes nothing more.

    Who was suppressed, erased or has unsubscribed does not come back by it. Faulty lines go to a file of their own
    and do not stop the others.

    Example: newsletter subscriber import readers.csv --list readers --dry-run
    """
    _require_file(file)
    with open_runtime() as runtime:
        with runtime.reading() as session:
            actor = actor_for(session, "subscriber import", acting_as=acting_as)
        with progress_line(f"Importing {file.name}") as line:
            result = importing.import_subscribers(
                runtime.transaction,
                file,
                list_slug=list_slug,
                file_name=file.name,
                now=runtime.now(),
                address_key=runtime.links.address_key,
                errors_path=errors_file or _errors_path(runtime, file),
                dry_run=dry_run,
                confirmed=confirmed,
                on_progress=line.update,
                actor_id=actor.user_id,
            )
    print_result(asdict(result), as_json=as_json)
    if dry_run:
        say("a dry run: nothing was changed", style="yellow")
    if result.invalid:
        say(f"lines that could not be used: {result.invalid}, see {result.errors_file}", style="yellow")


def add(
    email: Email,
    list_slug: Annotated[str, typer.Option("--list", metavar="SLUG", help="The list they come onto.")],
    name: Annotated[str, typer.Option(help="How they are greeted.")] = "",
    language: Annotated[str, typer.Option(help="Such as en or zh-Hans.")] = "",
    time_zone: Annotated[str, typer.Option(help="Such as Europe/Berlin.")] = "",
    confirmed: Annotated[bool, typer.Option("--confirmed", help="They have confirmed already.")] = False,
    evidence: Annotated[str, typer.Option(help="How they agreed to it.")] = "",
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Put one person on a list.

    Example: newsletter subscriber add reader@example.org --list readers --name "Wei Chen"
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "subscriber add", acting_as=acting_as)
        person = subscribers.add_subscriber(
            session,
            email=email,
            list_slug=list_slug,
            name=name,
            language=language,
            time_zone=time_zone,
            confirmed=confirmed,
            consent_source="command line",
            consent_evidence=evidence or None,
            address_key=runtime.links.address_key,
            now=runtime.now(),
            actor_id=actor.user_id,
        )
        result = {"subscriber_id": person.id, "email": person.email, "list": list_slug}
    print_result(result, as_json=as_json)


def show_subscribers(
    query: Annotated[str, typer.Argument(help="A part of the address or the name.")] = "",
    list_slug: ListSlug = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many at most.")] = 100,
    after: Annotated[int, typer.Option(metavar="ID", min=0, help="Go on after this one.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List subscribers.

    Example: newsletter subscriber ls example.org --list readers
    """
    with open_runtime() as runtime, runtime.reading() as session:
        list_id = lists.find_list(session, list_slug).id if list_slug else None
        found = subscribers.search_subscribers(session, query=query, list_id=list_id, after_id=after, limit=limit)
        rows = [
            {"subscriber_id": row.id, "email": row.email, "name": row.name, "language": row.language} for row in found
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "email", "name", "language"), [list(row.values()) for row in rows], nothing="there is no such subscriber"
    )


def show(email: Email, as_json: AsJson = False) -> None:
    """Show a subscriber: profile, consent to each list, and what was sent to them.

    Example: newsletter subscriber show reader@example.org
    """
    with open_runtime() as runtime, runtime.reading() as session:
        profile = subscribers.subscriber_profile(session, email)
    if as_json:
        print_json(profile)
        return
    _print_profile(profile)


def export(
    list_slug: ListSlug = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it here instead of printing it.")] = None,
    as_json: AsJson = False,
) -> None:
    """Write subscribers as CSV; importing it again changes nothing.

    With --json and no --out it is an array of objects.

    Example: newsletter subscriber export --list readers --out readers.csv
    """
    with open_runtime() as runtime:
        if out is not None:
            rows = _export_to(runtime, out, list_slug)
            print_result({"rows": rows, "file": str(out)}, as_json=as_json)
        elif as_json:
            with runtime.reading() as session:
                header, *people = subscribers.export_subscribers(session, list_slug=list_slug)
            print_json([dict(zip(header, person, strict=True)) for person in people])
        else:
            _write_csv(runtime, csv.writer(sys.stdout, lineterminator="\n").writerow, list_slug)


def erase(
    email: Email,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Erase a person for good; a keyed hash keeps them from coming back by an import.

    Example: newsletter subscriber erase reader@example.org --yes
    """
    if not yes and sys.stdin.isatty() and not typer.confirm(f"Erase {email} for good?", err=True):
        raise Conflict("nothing was erased: answer y, or use --yes")
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "subscriber erase", acting_as=acting_as)
        erased = subscribers.erase_subscriber(
            session, email, address_key=runtime.links.address_key, now=runtime.now(), actor_id=actor.user_id
        )
    print_result(asdict(erased), as_json=as_json)


def _require_file(file: Path) -> None:
    if not file.exists():
        raise InvalidInput(f"there is no file {file}: check its name")
    if file.is_dir():
        raise InvalidInput(f"{file} is a folder: name one file in it")


def _errors_path(runtime: Runtime, file: Path) -> Path:
    return runtime.settings.data_dir / "imports" / f"{file.stem}-errors.csv"


def _export_to(runtime: Runtime, path: Path, list_slug: str | None) -> int:
    with path.open("w", encoding="utf-8", newline="") as file:
        return _write_csv(runtime, csv.writer(file).writerow, list_slug)


def _write_csv(runtime: Runtime, write: Callable[[Any], object], list_slug: str | None) -> int:
    """Write a header and a row for each subscriber as they come; returns how many subscribers."""
    count = -1
    with runtime.reading() as session:
        for row in subscribers.export_subscribers(session, list_slug=list_slug):
            write(row)
            count += 1
    return count


def _print_profile(profile: dict[str, Any]) -> None:
    print_fields({name: value for name, value in profile.items() if not isinstance(value, list | dict)})
    for name, value in profile.items():
        if isinstance(value, dict):
            print_line(name, style="bold")
            print_fields(value)
        elif isinstance(value, list) and value:
            print_line(name, style="bold")
            print_table(list(value[0]), [list(item.values()) for item in value], nothing="")
