"""Commands about alerts: ls, close."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_result, print_table
from newsletter.db.models import Alert
from newsletter.domain.alerts import WORDING, AlertKind
from newsletter.services import alerts


def register(app: typer.Typer) -> None:
    """Add `newsletter alert …`."""
    group = typer.Typer(no_args_is_help=True, help="Alerts: what happened that a person should look at.")
    group.command("ls")(show_alerts)
    group.command("close")(close)
    app.add_typer(group, name="alert")


def show_alerts(
    closed: Annotated[bool, typer.Option("--closed", help="Those that were closed, instead.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the latest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List open alerts, the latest first. A cause that repeats itself is one alert with a count.

    Example: newsletter alert ls
    """
    with open_runtime() as runtime, runtime.reading() as session:
        found = alerts.closed_alerts(session, limit=limit) if closed else alerts.open_alerts(session, limit=limit)
        rows = [_as_dict(row) for row in found]
    if as_json:
        print_json(rows)
        return
    names = ("alert_id", "title", "subject", "count", "since", "evidence")
    print_table(
        ("id", *names[1:]), [tuple(row[name] for name in names) for row in rows], nothing="there is nothing to look at"
    )


def close(
    alert_id: Annotated[int, typer.Argument(metavar="ID", help="The alert's number, as `alert ls` shows it.")],
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Say that somebody has looked. The same cause opens a new alert when it comes back.

    Example: newsletter alert close 3
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "alert close", acting_as=acting_as)
        result = _as_dict(alerts.close_alert(session, alert_id, actor_id=actor.user_id, now=runtime.now()))
    print_result(result, as_json=as_json)


def _as_dict(row: Alert) -> dict[str, Any]:
    wording = WORDING[AlertKind(row.kind)]
    return {
        "alert_id": row.id,
        "kind": row.kind,
        "title": wording.title,
        "subject": row.subject,
        "count": row.count,
        "evidence": row.evidence,
        "since": row.since,
        "last_at": row.last_at,
        "closed_at": row.closed_at,
        "closed_by": row.closed_by,
        "repair": wording.repair,
    }
