"""Commands about issues: create, ls, send, pause, resume, cancel, retry, resolve, status, wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlalchemy.orm import Session

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_next, print_result, print_table, say, show_time
from newsletter.cli.waiting import wait_for_issue
from newsletter.db.models import Issue
from newsletter.domain.issue import IssueStatus
from newsletter.errors import Conflict, InvalidInput
from newsletter.runtime import Runtime
from newsletter.services import briefs, doubts, issues, newsletters, probing
from newsletter.services.users import Actor

IssueId = Annotated[int, typer.Argument(metavar="ID", help="The issue's number, as `issue ls` shows it.")]


class Resolution(StrEnum):
    """What to do with deliveries in doubt."""

    RESEND = "resend"
    SKIP = "skip"


def register(app: typer.Typer) -> None:
    """Add `newsletter issue …`."""
    group = typer.Typer(no_args_is_help=True, help="Issues: an approved brief on its way to its audience.")
    group.command("create")(create)
    group.command("ls")(show_issues)
    group.command("send")(send)
    group.command("pause")(pause)
    group.command("resume")(resume)
    group.command("cancel")(cancel)
    group.command("retry")(retry)
    group.command("resolve")(resolve)
    group.command("status")(status)
    group.command("wait")(wait)
    app.add_typer(group, name="issue")


def create(
    brief_id: Annotated[int, typer.Option("--brief", metavar="ID", help="The approved brief.")],
    list_slugs: Annotated[
        list[str] | None, typer.Option("--list", metavar="SLUG", help="Who gets it; may be given several times.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="ISO", help="When it goes out; without an offset, in the newsletter's time zone."),
    ] = None,
    local_time: Annotated[
        str | None,
        typer.Option("--local-time", metavar="HH:MM", help="Everybody gets it at this time of their own time zone."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Another one, though the list has an issue of that date already.")
    ] = False,
    corrects: Annotated[
        int | None,
        typer.Option(
            "--correct", metavar="ISSUE_ID", help="To exactly those who were sent that issue; without --list."
        ),
    ] = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Make an issue of an approved brief; with --at it goes out by itself.

    Each list gets one issue for a date, unless you say --again. A correction goes to exactly those who were sent the
    other issue and may still be mailed.

    Example: newsletter issue create --brief 1 --list readers --at 2026-06-22T20:00 --local-time 07:00
    """
    if corrects is not None and (list_slugs or local_time or again):
        raise typer.BadParameter("goes to those who were sent that issue: leave out --list, --local-time and --again")
    if corrects is None and not list_slugs:
        raise typer.BadParameter("an issue needs at least one list: name it with --list")
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "issue create", acting_as=acting_as)
        zone = _zone_of_brief(session, brief_id)
        send_at = _read_time(at, zone) if at else None
        common: dict[str, Any] = {"brief_id": brief_id, "actor": actor, "now": runtime.now(), "send_at": send_at}
        if corrects is not None:
            issue = issues.correct_issue(session, corrects_id=corrects, **common)
            in_doubt = issues.tally_of(session, corrects).unknown
        else:
            issue = issues.create_issue(
                session, list_slugs=list_slugs or (), local_time=local_time, again=again, **common
            )
            in_doubt = 0
        estimate = issues.audience_estimate(session, issue.id)
        result = _as_dict(issue) | {"audience_estimate": estimate}
    print_result(result, as_json=as_json)
    if in_doubt:
        say(f"left out: {in_doubt} of whom nobody can tell whether they have issue {corrects}", style="yellow")
    if not as_json:
        print_next(f"newsletter issue wait {issue.id}" if send_at else f"newsletter issue send {issue.id}")
    if send_at:
        say(f"goes out {show_time(send_at, zone)}, while a worker and beat run", style="dim")


def show_issues(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List issues, the newest first. Times are in the zone of each newsletter.

    Example: newsletter issue ls --limit 10
    """
    with open_runtime() as runtime, runtime.reading() as session:
        rows = [_row(session, issue) for issue in issues.recent_issues(session, limit=limit)]
    if as_json:
        print_json([row for row, _ in rows])
        return
    print_table(
        ("id", "brief", "status", "audience", "goes out", "started", "finished", "remark"),
        [
            (
                row["issue_id"],
                row["brief_id"],
                row["status"],
                row["audience"] or 0,
                *(show_time(row[name], zone) for name in ("send_at", "started_at", "finished_at")),
                row["status_reason"],
            )
            for row, zone in rows
        ],
        nothing="there is no issue yet: newsletter issue create --brief ID --list SLUG",
    )


def send(issue_id: IssueId, acting_as: As = None, as_json: AsJson = False) -> None:
    """Start sending now: the audience is counted and frozen first.

    Example: newsletter issue send 1 --as approver@example.org
    """

    def act(session: Session, actor: Actor, runtime: Runtime) -> Issue:
        settings = runtime.settings
        return issues.send_issue(
            session,
            issue_id,
            actor=actor,
            provider=str(settings.provider),
            batch_size=settings.batch_size(),
            now=runtime.now(),
        )

    _steer("issue send", act, acting_as=acting_as, as_json=as_json)


def pause(issue_id: IssueId, acting_as: As = None, as_json: AsJson = False) -> None:
    """Stop sending for now; what a worker holds is finished within seconds.

    Example: newsletter issue pause 1
    """

    def act(session: Session, actor: Actor, runtime: Runtime) -> Issue:
        return issues.pause_issue(session, issue_id, actor=actor, now=runtime.now())

    _steer("issue pause", act, acting_as=acting_as, as_json=as_json)


def resume(issue_id: IssueId, acting_as: As = None, as_json: AsJson = False) -> None:
    """Go on where the pause stopped; a pause of the provider is lifted too.

    Example: newsletter issue resume 1
    """

    def act(session: Session, actor: Actor, runtime: Runtime) -> Issue:
        return issues.resume_issue(session, issue_id, actor=actor, now=runtime.now())

    _steer("issue resume", act, acting_as=acting_as, as_json=as_json)


def cancel(issue_id: IssueId, acting_as: As = None, as_json: AsJson = False) -> None:
    """Stop the press for good: what no worker holds does not go out any more.

    Example: newsletter issue cancel 1
    """

    def act(session: Session, actor: Actor, runtime: Runtime) -> Issue:
        return issues.cancel_issue(session, issue_id, actor=actor, now=runtime.now())

    _steer("issue cancel", act, acting_as=acting_as, as_json=as_json)


def retry(issue_id: IssueId, acting_as: As = None, as_json: AsJson = False) -> None:
    """Send again to exactly those whose delivery failed.

    Example: newsletter issue retry 1
    """

    def act(session: Session, actor: Actor, runtime: Runtime) -> Issue:
        return issues.retry_issue(session, issue_id, actor=actor, now=runtime.now())

    _steer("issue retry", act, acting_as=acting_as, as_json=as_json)


def resolve(
    issue_id: IssueId,
    unknown: Annotated[Resolution, typer.Option(help="resend: some may get it twice; skip: some may miss it.")],
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Decide about deliveries of which nobody can tell whether they arrived.

    Example: newsletter issue resolve 1 --unknown skip
    """

    def act(session: Session, actor: Actor, runtime: Runtime) -> Issue:
        return issues.resolve_unknown(session, issue_id, decision=str(unknown), actor=actor, now=runtime.now())

    _steer("issue resolve", act, acting_as=acting_as, as_json=as_json)


def status(issue_id: IssueId, as_json: AsJson = False) -> None:
    """Show the ledger of an issue in numbers, counted from its rows.

    audience = pending + claimed + accepted + failed + suppressed + unknown, always.

    Example: newsletter issue status 1
    """
    with open_runtime() as runtime, runtime.reading() as session:
        result = _standing(session, issue_id)
        open_doubts = _doubts(session, issue_id, runtime) if result["unknown"] else []
        issue = issues.find_issue(session, issue_id)
        reason = issue.status_reason or probing.waits_for(session, issue)
    print_result(result | {"doubts": open_doubts} if as_json and open_doubts else result, as_json=as_json)
    for doubt in [] if as_json else open_doubts:
        say(_doubt_line(doubt), style="yellow")
    if reason:
        say(f"remark: {reason}", style="yellow")


def wait(
    issue_id: IssueId,
    timeout: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="Give up after this long; else wait on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Wait until an issue is sent, incomplete or cancelled; exit code 0 only for sent.

    Example: newsletter issue wait 1 --timeout 600
    """
    with open_runtime() as runtime:
        reached = wait_for_issue(runtime, issue_id, timeout_seconds=timeout)
        with runtime.reading() as session:
            result = _standing(session, issue_id)
    print_result(result, as_json=as_json)
    if reached is None:
        raise Conflict(
            f"issue {issue_id} is still {result['status']} after {timeout:g} seconds: wait on, or look at it"
        )
    if reached is not IssueStatus.SENT:
        raise Conflict(f"issue {issue_id} is {reached}: see `newsletter issue status {issue_id}`")


def _steer(
    command: str, act: Callable[[Session, Actor, Runtime], Issue], *, acting_as: str | None, as_json: bool
) -> None:
    with open_runtime() as runtime, runtime.transaction() as session:
        issue = act(session, actor_for(session, command, acting_as=acting_as), runtime)
        result = _as_dict(issue)
    print_result(result, as_json=as_json)
    if not as_json and result["status"] == IssueStatus.SENDING:
        print_next(f"newsletter issue wait {result['issue_id']}")


def _as_dict(issue: Issue) -> dict[str, Any]:
    return {"issue_id": issue.id, "status": issue.status}


def _standing(session: Session, issue_id: int) -> dict[str, Any]:
    """The contract's keys; `doubled` comes to them only where somebody is known to have got the issue twice."""
    tally = asdict(issues.tally_of(session, issue_id))
    if not tally["doubled"]:
        del tally["doubled"]
    return _as_dict(issues.find_issue(session, issue_id)) | tally


def _doubts(session: Session, issue_id: int, runtime: Runtime) -> list[dict[str, Any]]:
    wait = timedelta(seconds=runtime.settings.unknown_wait_seconds)
    return [asdict(found) for found in doubts.standings(session, issue_id, wait=wait, now=runtime.now())]


def _doubt_line(doubt: dict[str, Any]) -> str:
    asked = f", {doubt['provider']}'s log asked {doubt['asks']} × ({doubt['log_words']})" if doubt["asks"] else ""
    until = f" until {doubt['events_until']:%H:%M} UTC" if doubt["stage"] == "waiting_for_events" else ""
    stage = doubt["stage"].replace("_", " ")
    return f"{doubt['deliveries']} in doubt since {doubt['since']:%H:%M} UTC: {stage}{until}{asked}"


def _row(session: Session, issue: Issue) -> tuple[dict[str, Any], ZoneInfo]:
    row = _as_dict(issue) | {
        "brief_id": issue.brief_id,
        "audience": issue.audience,
        "send_at": issue.send_at,
        "started_at": issue.started_at,
        "finished_at": issue.finished_at,
        "status_reason": issue.status_reason,
    }
    return row, ZoneInfo(newsletters.newsletter_of(session, issue.newsletter_id).time_zone)


def _zone_of_brief(session: Session, brief_id: int) -> ZoneInfo:
    row = briefs.find_brief(session, brief_id)
    return ZoneInfo(newsletters.newsletter_of(session, row.newsletter_id).time_zone)


def _read_time(text: str, zone: ZoneInfo) -> datetime:
    """The moment that a person means; a time without an offset is one on the newsletter's clock."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidInput(f"“{text}” is not a time: write it as 2026-06-23T07:00 or 2026-06-23T07:00+08:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)
