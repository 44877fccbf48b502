"""Commands about briefs: import, ls, show, render, check, submit, approve, request-changes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from newsletter.cli.acting import As, actor_for
from newsletter.cli.brief_files import BriefFiles, brief_files, write_files
from newsletter.cli.opening import open_runtime, read_input
from newsletter.cli.output import (
    AsJson,
    print_fields,
    print_findings,
    print_json,
    print_line,
    print_next,
    print_result,
    print_table,
)
from newsletter.db.models import BriefRow
from newsletter.domain.findings import blockers, warnings
from newsletter.domain.reading import BriefFormat, brief_as_dict
from newsletter.errors import Conflict
from newsletter.services import briefs

# What `brief show` prints of a brief, in this order; each story has all its keys.
SHOWN = ("title", "date", "preheader", "language", "sections")

BriefId = Annotated[int, typer.Argument(metavar="ID", help="The brief's number, as `brief ls` shows it.")]


def register(app: typer.Typer) -> None:
    """Add `newsletter brief …`."""
    group = typer.Typer(no_args_is_help=True, help="Briefs: from a text on paper to bytes that somebody approved.")
    group.command("import")(import_brief)
    group.command("ls")(show_briefs)
    group.command("show")(show)
    group.command("render")(render)
    group.command("check")(check)
    group.command("submit")(submit)
    group.command("approve")(approve)
    group.command("request-changes")(request_changes)
    app.add_typer(group, name="brief")


def import_brief(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The brief; - reads standard input.")],
    brief_format: Annotated[BriefFormat, typer.Option("--format", help="How it is written.")] = BriefFormat.AUTO,
    newsletter: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Whose brief; else the first newsletter.")
    ] = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Read a brief and keep it as a draft. The same text again gives the draft that is there.

    Example: newsletter brief import brief.txt
    """
    source = read_input(file)
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "brief import", acting_as=acting_as)
        row = briefs.import_brief(
            session, source, brief_format=brief_format, newsletter_slug=newsletter, actor=actor, now=runtime.now()
        )
        findings = briefs.reading_findings(session, row)
        stories = sum(1 for _ in briefs.content_of(session, row).stories)
        result = _summary(row) | {"stories": stories}
    if as_json:
        print_json(result | {"findings": [finding.as_dict() for finding in findings]})
        return
    print_fields(result | {"status": _spoken(row.status)})
    print_findings(findings)
    print_next(f"newsletter brief {'check' if blockers(findings) else 'submit'} {row.id}")


def show_briefs(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List briefs, the newest first.

    Example: newsletter brief ls --limit 10
    """
    with open_runtime() as runtime, runtime.reading() as session:
        rows = [_summary(row) for row in briefs.recent_briefs(session, limit=limit)]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "date", "status", "title"),
        [(row["brief_id"], row["date"], _spoken(row["status"]), row["title"]) for row in rows],
        nothing="there is no brief yet: newsletter brief import FILE",
    )


def show(brief_id: BriefId, as_json: AsJson = False) -> None:
    """Show what a brief says, and the hash of what it renders to.

    Example: newsletter brief show 1
    """
    with open_runtime() as runtime, runtime.reading() as session:
        row = briefs.find_brief(session, brief_id)
        stored = brief_as_dict(briefs.content_of(session, row))
        content = {name: stored[name] for name in SHOWN}
        head = {"brief_id": row.id, "status": row.status}
        sha256 = briefs.current_sha256(session, row)
    if as_json:
        print_json(head | content | {"sha256": sha256})
        return
    _print_content(head | {"status": _spoken(row.status)}, content, sha256=sha256)


def render(
    brief_id: BriefId,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where the files go; it is made where it is missing.")],
    as_json: AsJson = False,
) -> None:
    """Write brief.html, brief.txt and brief.eml as a neutral reader would get them.

    Of a brief that was submitted these are the stored bytes that are up for approval.

    Example: newsletter brief render 1 --out preview
    """
    with open_runtime() as runtime, runtime.reading() as session:
        files: BriefFiles = brief_files(
            session,
            brief_id,
            links=runtime.links,
            bounce_domain=runtime.settings.bounce_domain,
            now=runtime.now(),
        )
    paths = write_files(files, out)
    result = {
        "html_bytes": len(files.html),
        "text_bytes": len(files.text),
        "sha256": files.sha256,
        "files": [str(path) for path in paths],
    }
    print_result(result, as_json=as_json)


def check(brief_id: BriefId, as_json: AsJson = False) -> None:
    """Say what stands in the way of a brief; exit code 1 where a blocker does.

    Example: newsletter brief check 1
    """
    with open_runtime() as runtime, runtime.reading() as session:
        findings = briefs.preview_brief(session, brief_id).findings
    stopping, seen = blockers(findings), warnings(findings)
    if as_json:
        shown = [{name: found.as_dict()[name] for name in ("level", "code", "message")} for found in findings]
        print_json({"blockers": len(stopping), "warnings": len(seen), "findings": shown})
    else:
        print_findings(findings)
        print_line(f"{len(stopping)} blockers, {len(seen)} warnings")
    if stopping:
        reasons = "; ".join(found.message for found in stopping)
        raise Conflict(f"brief {brief_id} cannot be submitted yet: {reasons}")


def submit(brief_id: BriefId, acting_as: As = None, as_json: AsJson = False) -> None:
    """Put a brief up for approval: its bytes are stored under their hash.

    Example: newsletter brief submit 1 --as editor@example.org
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "brief submit", acting_as=acting_as)
        sha256 = briefs.submit_brief(session, brief_id, actor=actor, now=runtime.now())
        result = _decided(briefs.find_brief(session, brief_id), sha256)
    _print_decided(result, as_json=as_json, following=f"newsletter brief approve {brief_id} --sha256 {sha256}")


def approve(
    brief_id: BriefId,
    sha256: Annotated[str | None, typer.Option(metavar="HASH", help="Approve these bytes and no others.")] = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Approve exactly the bytes that were submitted.

    Example: newsletter brief approve 1 --as approver@example.org
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "brief approve", acting_as=acting_as)
        decision = briefs.approve_brief(session, brief_id, actor=actor, now=runtime.now(), sha256=sha256)
        result = _decided(briefs.find_brief(session, brief_id), decision.sha256)
    _print_decided(result, as_json=as_json, following=f"newsletter issue create --brief {brief_id} --list SLUG")


def request_changes(
    brief_id: BriefId,
    note: Annotated[str, typer.Option(help="What the author should change.")],
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Send a brief back to its author with a note; an approval ends with it.

    Example: newsletter brief request-changes 1 --note "The second headline is out of date"
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "brief request-changes", acting_as=acting_as)
        row = briefs.find_brief(session, brief_id)
        sha256 = briefs.current_sha256(session, row)
        briefs.request_changes(session, brief_id, note=note, actor=actor, now=runtime.now())
        result = _decided(row, sha256)
    _print_decided(result, as_json=as_json, following=f"newsletter brief submit {brief_id}")


def _summary(row: BriefRow) -> dict[str, Any]:
    return {"brief_id": row.id, "status": row.status, "title": row.title, "date": row.date.isoformat()}


def _decided(row: BriefRow, sha256: str | None) -> dict[str, Any]:
    return {"brief_id": row.id, "status": row.status, "sha256": sha256}


def _print_decided(result: dict[str, Any], *, as_json: bool, following: str) -> None:
    if as_json:
        print_json(result)
        return
    print_fields(result | {"status": _spoken(result["status"])})
    print_next(following)


def _print_content(head: dict[str, Any], content: dict[str, Any], *, sha256: str) -> None:
    fields = {name: value for name, value in content.items() if name != "sections"}
    print_fields(head | fields | {"sha256": sha256})
    for section in content["sections"]:
        print_line("")
        print_line(section["title"], style="bold")
        for story in section["stories"]:
            print_line(f"{story['number']:>3}. {story['headline']}", style="bold")
            print_line(f"     {story['source']} · {story['date'] or 'no date'}", style="dim")
            print_line(f"     {story['url'] or story['link_title'] + ' (no address)'}", style="dim")


def _spoken(status: str) -> str:
    return status.replace("_", " ")
