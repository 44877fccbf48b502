"""`newsletter stats`: what became of mail, issue by issue, or one issue by mailbox provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_table
from newsletter.domain.statistics import DENOMINATORS, Outcome, rates_of, reached_of
from newsletter.services import statistics
from newsletter.services.statistics import IssueOutcome


def register(app: typer.Typer) -> None:
    """Add stats to the command line."""
    app.command("stats")(stats)


def stats(
    issue_id: Annotated[
        int | None, typer.Option("--issue", metavar="ID", help="One issue, by mailbox provider; else the latest ones.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many issues at most, the latest first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """What became of mail, in rates with what they are of: issue by issue, or one by mailbox.

    delivered is a share of accepted; hard, soft and block of those tried (accepted + failed); complained,
    unsubscribed, opened and clicked of those reached (delivered, or accepted less bounced where nobody tells).

    Example: newsletter stats --issue 1
    """
    with open_runtime() as runtime, runtime.reading() as session:
        if issue_id is not None:
            whole, mailboxes = statistics.outcome_of_issue(session, issue_id)
            rows = [
                {"mailbox": str(group)} | _as_dict(outcome, whole=whole.outcome) for group, outcome in mailboxes.items()
            ]
            result: Any = _issue_as_dict(whole) | {"mailboxes": rows}
            lines = [*((row["mailbox"], row) for row in rows), ("all", result)]
        else:
            result = [_issue_as_dict(row) for row in statistics.outcomes_over_time(session, limit=limit)]
            lines = [(f"{row['issue_id']} {row['title']}", row) for row in result]
    if as_json:
        print_json(result)
        return
    _print(lines, first="mailbox" if issue_id is not None else "issue")


def _issue_as_dict(row: IssueOutcome) -> dict[str, Any]:
    issue = row.issue
    return {
        "issue_id": issue.id,
        "title": row.title,
        "status": issue.status,
        "started_at": issue.started_at,
    } | _as_dict(row.outcome, whole=row.outcome)


def _as_dict(outcome: Outcome, *, whole: Outcome) -> dict[str, Any]:
    rates = {
        name: {"count": rate.count, "of": rate.of, "denominator": rate.denominator, "rate": rate.rate}
        for name, rate in rates_of(outcome, whole=whole).items()
    }
    return asdict(outcome) | {"tried": outcome.tried, "reached": reached_of(outcome, whole=whole), "rates": rates}


def _print(lines: Sequence[tuple[str, Mapping[str, Any]]], *, first: str) -> None:
    print_table(
        (first, "audience", "accepted", *DENOMINATORS),
        [
            (name, row["audience"], row["accepted"], *(_shown(row["rates"][rate]) for rate in DENOMINATORS))
            for name, row in lines
        ],
        nothing="no issue has gone out yet",
    )


def _shown(rate: Mapping[str, Any]) -> str:
    return f"{rate['count']} ({rate['rate']:.2%} of {rate['of']})" if rate["rate"] is not None else "-"
