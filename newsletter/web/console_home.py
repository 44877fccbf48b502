"""The dashboard: what waits for me, what is going out, and the next step where there is nothing yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.db.models import BriefRow, Issue
from newsletter.domain.brief import BriefStatus
from newsletter.domain.issue import IssueStatus, Tally
from newsletter.domain.newsletter import PLACEHOLDER_POSTAL_ADDRESS
from newsletter.domain.people import Right
from newsletter.services import alerts, briefs, issues, lists, newsletters
from newsletter.web.auth import Visitor
from newsletter.web.console_alerts import alert_lines
from newsletter.web.visits import Visiting

_LOOKED_AT = 50
_SHOWN = 6


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueLine:
    """An issue with its title, the time zone of its newsletter, and its ledger."""

    issue: Issue
    title: str
    zone: str
    tally: Tally


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One step of setting up."""

    title: str
    hint: str
    href: str
    is_done: bool


def show_dashboard(visit: Visiting) -> Response:
    """What a user should look at first."""
    session = visit.session
    recent = issues.recent_issues(session, limit=_LOOKED_AT)
    found = briefs.recent_briefs(session, limit=_LOOKED_AT)
    assert visit.visitor is not None
    steps = setup_steps(session, found)
    return visit.page(
        "dashboard.html",
        alert_lines=alert_lines(alerts.open_alerts(session, limit=_SHOWN)),
        alert_count=alerts.count_open(session),
        waiting=_waiting(found, recent, visit.visitor)[:_SHOWN],
        to_steer=issue_lines(session, [issue for issue in recent if _needs_a_person(issue, visit.visitor)]),
        going_out=issue_lines(session, [issue for issue in recent if issue.status in ("sending", "scheduled")]),
        latest=issue_lines(session, [issue for issue in recent if issue.status == IssueStatus.SENT][:_SHOWN]),
        steps=steps if not all(step.is_done for step in steps) else [],
    )


def issue_lines(session: Session, found: Sequence[Issue]) -> list[IssueLine]:
    """Issues as lists show them."""
    zones = {row.id: row.time_zone for row in newsletters.all_newsletters(session)}
    return [
        IssueLine(
            issue=issue,
            title=briefs.find_brief(session, issue.brief_id).title,
            zone=zones[issue.newsletter_id],
            tally=issues.tally_of(session, issue.id),
        )
        for issue in found
    ]


def setup_steps(session: Session, found: Sequence[BriefRow]) -> list[Step]:
    """What has to be there before a first issue can go out, in order."""
    rows = newsletters.all_newsletters(session)
    summaries = lists.list_summaries(session)
    return [
        Step(
            title="Say who publishes",
            hint="The newsletter's name, From address and postal address. The law asks for the last one.",
            href=f"/admin/newsletters/{rows[0].id}" if rows else "/admin/newsletters/new",
            is_done=any(row.postal_address not in ("", PLACEHOLDER_POSTAL_ADDRESS) for row in rows),
        ),
        Step(
            title="Make a mailing list",
            hint="An issue goes to one or more lists.",
            href="/admin/lists/new",
            is_done=bool(summaries),
        ),
        Step(
            title="Import subscribers",
            hint="A CSV file with a column of email addresses is enough.",
            href="/admin/subscribers/import",
            is_done=any(summary.confirmed for summary in summaries),
        ),
        Step(
            title="Paste your first brief",
            hint="Text, Markdown, HTML or JSON: you see at once what was understood.",
            href="/admin/briefs/new",
            is_done=bool(found),
        ),
    ]


def _waiting(found: Sequence[BriefRow], recent: Sequence[Issue], visitor: Visitor) -> list[tuple[BriefRow, str]]:
    """Briefs with the step that this user can do next."""
    has_issue = {issue.brief_id for issue in recent}
    acts = {
        BriefStatus.DRAFT: (Right.WRITE_BRIEFS, "Finish and submit"),
        BriefStatus.CHANGES_REQUESTED: (Right.WRITE_BRIEFS, "Make the changes"),
        BriefStatus.IN_REVIEW: (Right.APPROVE, "Review and approve"),
        BriefStatus.APPROVED: (Right.SEND, "Send it"),
    }
    waiting = []
    for row in found:
        right, label = acts[BriefStatus(row.status)]
        is_done = BriefStatus(row.status) is BriefStatus.APPROVED and row.id in has_issue
        if visitor.may(right) and not is_done:
            waiting.append((row, label))
    return waiting


def _needs_a_person(issue: Issue, visitor: Visitor) -> bool:
    return visitor.may(Right.SEND) and issue.status in ("draft", "paused", "incomplete")
