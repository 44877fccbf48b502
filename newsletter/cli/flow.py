"""Commands about flow: ls, pause, resume."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

import typer
from sqlalchemy.orm import Session

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_result, print_table, say
from newsletter.domain.flow import DAY_IS_FULL, PAUSED, QUIET
from newsletter.domain.mailbox_groups import MailboxGroup
from newsletter.runtime import Runtime
from newsletter.services import flow, probing

Group = Annotated[MailboxGroup, typer.Argument(metavar="GROUP", help=f"One of {', '.join(MailboxGroup)}.")]


def register(app: typer.Typer) -> None:
    """Add `newsletter flow …`."""
    group = typer.Typer(no_args_is_help=True, help="Flow: how fast mail goes to whom, and what waits for its turn.")
    group.command("ls")(show_flow)
    group.command("pause")(pause)
    group.command("resume")(resume)
    app.add_typer(group, name="flow")


def show_flow(as_json: AsJson = False) -> None:
    """Show the rate in force for each mailbox group, what is paused, and how many batches wait for it.

    Example: newsletter flow ls
    """
    with open_runtime() as runtime, runtime.reading() as session:
        result = _standing(session, runtime)
    if as_json:
        print_json(result)
        return
    print_table(
        ("group", "mails a second", "paused until", "waiting batches", "remark"),
        [
            (
                row["group"],
                f"{row['per_second']:g}" if row["per_second"] else "no limit",
                row["paused_until"] or "",
                row["waiting_batches"],
                row["reason"],
            )
            for row in result["groups"]
        ],
        nothing="there is no mailbox group",
    )
    say(
        f"for tomorrow's volume wait {result['waiting_for_tomorrow']} batches, for the end of quiet hours"
        f" {result['waiting_for_quiet_hours']}",
        style="dim",
    )
    say(_words_of(result["provider"], result["provider_standing"]), style="dim")
    if warm_up := result["warm_up"]:
        say(f"warm-up, day {warm_up['day']}: {warm_up['taken']} of {warm_up['volume']} mails taken", style="dim")


def pause(
    group: Group,
    minutes: Annotated[float, typer.Option(min=1, help="For how long.")] = 60,
    reason: Annotated[str, typer.Option(help="Why, for others to read.")] = "paused by hand",
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Send nothing to a mailbox group for a while; the others of an issue are not held up.

    Example: newsletter flow pause yahoo --minutes 120 --reason "TSS04 from Yahoo"
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor_for(session, "flow pause", acting_as=acting_as)
        now = runtime.now()
        until = now + timedelta(minutes=minutes)
        flow.pause_group(session, str(runtime.settings.provider), group, until=until, reason=reason, now=now)
    print_result({"group": str(group), "paused_until": until}, as_json=as_json)


def resume(
    group: Annotated[str, typer.Argument(metavar="GROUP", help="A mailbox group, or all for the whole provider.")],
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Let a mailbox group have its full rate again; what waits for it goes on at once.

    Example: newsletter flow resume yahoo
    """
    names = {"all": flow.WHOLE_PROVIDER} | {str(found): str(found) for found in MailboxGroup}
    if group not in names:
        raise typer.BadParameter(f"there is no mailbox group “{group}”: use all, {', '.join(MailboxGroup)}")
    with open_runtime() as runtime, runtime.transaction() as session:
        actor_for(session, "flow resume", acting_as=acting_as)
        flow.resume_group(session, str(runtime.settings.provider), names[group], now=runtime.now())
    print_result({"group": group, "paused_until": None}, as_json=as_json)


def _standing(session: Session, runtime: Runtime) -> dict[str, Any]:
    provider, now, plan = str(runtime.settings.provider), runtime.now(), runtime.flow_plan
    waiting = flow.waiting_batches(session)
    rows = []
    for group in (flow.WHOLE_PROVIDER, *map(str, MailboxGroup)):
        standing = flow.standing_of(session, provider, group, plan=plan, now=now)
        name = group or "all"
        rows.append({"group": name, **standing, "waiting_batches": _count(waiting, group, f"{PAUSED}:{group}")})
    day = plan.warm_up.day_of(now) if plan.warm_up else 0
    return {
        "provider": provider,
        "provider_standing": probing.standing_of(session, provider),
        "groups": rows,
        "waiting_for_tomorrow": _count(waiting, DAY_IS_FULL),
        "waiting_for_quiet_hours": _count(waiting, QUIET),
        "warm_up": plan.warm_up
        and {
            "day": day + 1,
            "volume": plan.warm_up.volume_of(day),
            "taken": flow.volume_taken(session, provider, day=day),
        },
    }


def _words_of(provider: str, standing: Mapping[str, Any]) -> str:
    if standing["state"] == probing.PAUSED:
        until = (
            "somebody resumes the issue" if standing["needs_person"] else f"{standing['until']:%Y-%m-%d %H:%M:%S} UTC"
        )
        return f"{provider} is paused until {until}: {standing['reason']}"
    is_probing = standing["state"] == probing.PROBING
    return f"{provider} was paused: one batch tries it before the others" if is_probing else f"{provider} is open"


def _count(waiting: Mapping[str, int], *causes: str) -> int:
    return sum(count for cause, count in waiting.items() if set(causes) & set(cause.split()))
