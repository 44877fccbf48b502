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
from newsletter.db.queries import doubts as doubt_queries
from newsletter.db.queries import issues as issue_queries
from newsletter.domain.flow import NO_PLAN, FlowPlan
from newsletter.domain.issue import IssueStatus
from newsletter.domain.last_words import LastWords
from newsletter.errors import Conflict, NewsletterError
from newsletter.jobs import DISPATCH, enqueue
from newsletter.services import expiring, flow, issues, lost_claims, sending, settling
from newsletter.services.settling import Terms

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
    has_log: bool = False,
    plan: FlowPlan = NO_PLAN,
) -> TickReport:
    """One round over all issues that are not at rest. `last_words_of` a claim is what its dead worker left behind.

    `has_log` says that the provider's own log can be asked about what is in doubt, `plan` how fast mail may go.
    """
    lost = lost_claims.expire_claims(session, now=now, last_words_of=last_words_of)
    woken = sending.wake_providers(session, now=now)
    flow.forget_windows(session, now=now)
    terms = Terms(wait=unknown_wait, policy=unknown_policy, has_log=has_log)
    settling.settle_due(session, now=now, terms=terms)
    _apply_policy_without_doubts(session, now=now, terms=terms)
    finished = announced = 0
    for issue in issue_queries.issues_with_status(session, IssueStatus.SENDING):
        taking = flow.time_taken_by(session, issue, plan=plan, now=now)
        if late := expiring.expire_late(session, issue.id, now=now, taking=taking):
            log.warning("batches.expired issue_id=%s batches=%s", issue.id, late)
        if issues.finish_if_done(session, issue.id, now=now) is not IssueStatus.SENDING:
            finished += 1
        else:
            announced += _heal_or_announce(session, issue.id, now=now)
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


def _heal_or_announce(session: Session, issue_id: int, *, now: datetime) -> bool:
    """Wake the workers where batches of an issue are due; whether they are.

    A delivery that went back to waiting while a worker was just closing its batch would wait for ever: such batches are
    opened again.
    """
    if not doubt_queries.has_open_batches(session, issue_id):
        doubt_queries.reopen_stranded(session, issue_id, now=now)
    if not batch_queries.count_due_batches(session, issue_id, now=now):
        return False
    enqueue(session, DISPATCH, issue_id)
    return True


def _apply_policy_without_doubts(session: Session, *, now: datetime, terms: Terms) -> None:
    """What is unknown of issues that ended before doubts were registered: only the policy or a person decides."""
    for issue in issue_queries.issues_with_status(session, IssueStatus.INCOMPLETE):
        if doubt_queries.has_open(session, issue.id):
            continue
        status = issues.finish_if_done(session, issue.id, now=now)
        has_waited = issue.finished_at is not None and now - issue.finished_at >= terms.wait
        if status is IssueStatus.INCOMPLETE and has_waited and terms.policy != "hold":
            issues.resolve_unknown(session, issue.id, decision=terms.policy, actor=None, now=now)
