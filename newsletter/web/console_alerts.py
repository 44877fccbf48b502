"""Alerts in the console: what a person should look at, and what was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from newsletter.db.models import Alert
from newsletter.domain.alerts import WORDING, AlertKind
from newsletter.services import alerts
from newsletter.web.visits import Id, Visiting, see

_OPEN_SHOWN = 100
_CLOSED_SHOWN = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertLine:
    """An alert with the words for it and the page that it is about."""

    alert: Alert
    title: str
    repair: str
    href: str


def show_alerts(visit: Visiting) -> Response:
    """Open alerts, and those closed lately."""
    return visit.page(
        "alerts.html",
        lines=alert_lines(alerts.open_alerts(visit.session, limit=_OPEN_SHOWN)),
        count=alerts.count_open(visit.session),
        closed=alert_lines(alerts.closed_alerts(visit.session, limit=_CLOSED_SHOWN)),
    )


def close_alert(visit: Visiting, alert_id: Id) -> Response:
    """Say that somebody has looked."""
    alerts.close_alert(visit.session, alert_id, actor_id=visit.actor.user_id, now=visit.now)
    return see("/admin/alerts", done="alert-closed")


def alert_lines(found: Sequence[Alert]) -> list[AlertLine]:
    """Alerts as pages show them."""
    return [
        AlertLine(
            alert=alert,
            title=WORDING[AlertKind(alert.kind)].title,
            repair=WORDING[AlertKind(alert.kind)].repair,
            href=_href(alert.subject),
        )
        for alert in found
    ]


def _href(subject: str) -> str:
    kind, _, name = subject.partition(":")
    pages = {"issue": f"/admin/issues/{name}", "domain": "/admin/suppressions"}
    return pages.get(kind, "")
