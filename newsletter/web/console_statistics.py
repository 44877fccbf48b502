"""Statistics in the console: issues one after the other, and one issue by mailbox provider."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from newsletter.domain.statistics import Outcome, Rate, rates_of
from newsletter.services import statistics
from newsletter.web.visits import Id, Visiting

_ISSUES_SHOWN = 20
_NAMES = {
    "gmail": "Gmail",
    "yahoo": "Yahoo, AOL",
    "microsoft": "Outlook, Hotmail",
    "apple": "Apple",
    "tencent": "QQ, Foxmail",
    "netease": "163, 126",
    "rest": "all others",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class StatisticsLine:
    """One row of a table of rates."""

    label: str
    href: str
    outcome: Outcome
    rates: dict[str, Rate]


def show_statistics(visit: Visiting) -> Response:
    """The latest issues, each with its rates."""
    found = statistics.outcomes_over_time(visit.session, limit=_ISSUES_SHOWN)
    lines = [
        _line(
            f"{row.title} (issue {row.issue.id})",
            row.outcome,
            whole=row.outcome,
            href=f"/admin/statistics/{row.issue.id}",
        )
        for row in found
    ]
    return visit.page("statistics.html", lines=lines, whole=None, issue=None, title="Statistics")


def show_issue_statistics(visit: Visiting, issue_id: Id) -> Response:
    """One issue by mailbox provider."""
    row, groups = statistics.outcome_of_issue(visit.session, issue_id)
    lines: Sequence[StatisticsLine] = [
        _line(_NAMES[group], outcome, whole=row.outcome) for group, outcome in groups.items()
    ]
    return visit.page(
        "statistics.html",
        lines=lines,
        whole=_line("all readers", row.outcome, whole=row.outcome),
        issue=row.issue,
        title=row.title,
    )


def _line(label: str, outcome: Outcome, *, whole: Outcome, href: str = "") -> StatisticsLine:
    return StatisticsLine(label=label, href=href, outcome=outcome, rates=rates_of(outcome, whole=whole))
