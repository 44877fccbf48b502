"""The pace of an issue: how fast it goes out, where that can be told."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Issue
from newsletter.db.queries import batches as queries
from newsletter.domain.issue import IssueStatus, Tally

_MEASURED = (IssueStatus.SENDING, IssueStatus.SENT)


def deliveries_a_second(session: Session, issue: Issue, tally: Tally, *, now: datetime) -> float | None:
    """Deliveries a second since sending began.

    None where there is nothing to measure yet, where people's own clocks set the pace, and where an issue was taken
    up again: what was done before would count as done since.
    """
    if issue.started_at is None or issue.local_time is not None or issue.status not in _MEASURED or not tally.done:
        return None
    seconds = ((issue.finished_at or now) - issue.started_at).total_seconds()
    if seconds <= 0 or queries.was_tried_before(session, issue.id, issue.started_at):
        return None
    return tally.done / seconds
