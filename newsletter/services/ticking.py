"""The tick: finds by reading rows whatever was not announced, not finished, or whose time has come.

Two ticks at once are harmless: each change is a compare and set.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.db.queries import batches as batch_queries
from newsletter.db.queries import issues as issue_queries
from newsletter.domain.issue import IssueStatus
from newsletter.domain.last_words import LastWords
from newsletter.errors import Conflict, NewsletterError
from newsletter.jobs import DISPATCH, enqueue
from newsletter.services import flow, issues, sending

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class TickReport:
    """What one tick did."""

    lost_claims: tuple[str, ...]
    woken_providers: int
    finished_issues: int
    announced_issues: int


def run_tick(
    session: Session,
    *,
    now: datetime,
    unknown_policy: str,
    unknown_wait: timedelta,
    last_words_of: Callable[[str], LastWords | None] = lambda _: None,
) -> TickReport:
    """One round over all issues that are not at rest. `last_words_of` a claim is what its dead worker left behind."""
    lost = sending.expire_claims(session, now=now, last_words_of=last_words_of)
    woken = sending.wake_providers(session, now=now)
    flow.forget_windows(session, now=now)
    finished = announced = 0
    for issue in issue_queries.issues_with_status(session, IssueStatus.SENDING):
        if issues.finish_if_done(session, issue.id, now=now) is not IssueStatus.SENDING:
            finished += 1
        elif batch_queries.count_due_batches(session, issue.id, now=now):
            enqueue(session, DISPATCH, issue.id)
            announced += 1
    _apply_unknown_policy(session, now=now, policy=unknown_policy, wait=unknown_wait)
    return TickReport(
        lost_claims=tuple(lost), woken_providers=woken, finished_issues=finished, announced_issues=announced
    )


def due_issue_ids(session: Session, *, now: datetime) -> list[int]:
    """The scheduled issues whose time has come."""
    return [issue.id for issue in issue_queries.due_issues(session, now=now)]


def start_due_issue(session: Session, issue_id: int, *, provider: str, batch_size: int, now: datetime) -> bool:
    """Send one scheduled issue; False where another scheduler was first. Conflict where it is too late for it."""
    issue = issues.find_issue(session, issue_id)
    if IssueStatus(issue.status) is not IssueStatus.SCHEDULED:
        return False
    if issue.send_before is not None and now > issue.send_before:
        raise Conflict("it was not begun in time, since nothing was running: send it by hand, or cancel it")
    issues.send_issue(session, issue_id, actor=None, provider=provider, batch_size=batch_size, now=now)
    return True


def unschedule(session: Session, issue_id: int, error: NewsletterError) -> None:
    """Take a scheduled issue that cannot be sent off the schedule, with the reason, for a person to see."""
    issue_queries.move_issue(
        session,
        issue_id,
        from_status=str(IssueStatus.SCHEDULED),
        to_status=str(IssueStatus.DRAFT),
        status_reason=str(error),
    )
    log.warning("issue.unscheduled issue_id=%s", issue_id)


def _apply_unknown_policy(session: Session, *, now: datetime, policy: str, wait: timedelta) -> None:
    for issue in issue_queries.issues_with_status(session, IssueStatus.INCOMPLETE):
        status = issues.finish_if_done(session, issue.id, now=now)
        waited = issue.finished_at is not None and now - issue.finished_at >= wait
        if status is IssueStatus.INCOMPLETE and waited and policy != "hold":
            issues.resolve_unknown(session, issue.id, decision=policy, actor=None, now=now)
