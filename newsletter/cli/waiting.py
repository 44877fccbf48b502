"""Waiting for an issue, with a progress bar where somebody can see it."""

from __future__ import annotations

import time

from sqlalchemy.orm import Session

from newsletter.cli.output import ProgressLine, progress_line, say
from newsletter.domain.issue import FINAL_STATUSES, IssueStatus
from newsletter.errors import Conflict
from newsletter.runtime import Runtime
from newsletter.services import issues

POLL_SECONDS = 0.25
# Counting a million rows takes the database's time from the workers: a tenth of it at most.
_PAUSES_PER_COUNT = 10


def wait_for_issue(runtime: Runtime, issue_id: int, *, timeout_seconds: float | None) -> IssueStatus | None:
    """The final status that an issue reaches; None where the time is up first. Why it is paused is said meanwhile.

    Conflict for a draft, which would never get there by waiting.
    """
    until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    said = ""
    with progress_line(f"Issue {issue_id}") as line:
        progress = _Progress(line)
        while True:
            with runtime.reading() as session:
                issue = issues.find_issue(session, issue_id)
                status, reason = IssueStatus(issue.status), issue.status_reason
                progress.show(session, issue_id)
            if status in FINAL_STATUSES:
                return status
            if status is IssueStatus.DRAFT:
                raise Conflict(f"issue {issue_id} is a draft: send it with `newsletter issue send {issue_id}`")
            if status is IssueStatus.PAUSED and reason != said:
                say(f"issue {issue_id} is paused: {reason}", style="yellow")
            said = reason if status is IssueStatus.PAUSED else ""
            if until is not None and time.monotonic() >= until:
                return None
            time.sleep(POLL_SECONDS)


class _Progress:
    """Counts the ledger where somebody can see it, the more seldom the longer it takes."""

    def __init__(self, line: ProgressLine) -> None:
        self._line = line
        self._count_at = 0.0

    def show(self, session: Session, issue_id: int) -> None:
        """Show how far an issue is."""
        began = time.monotonic()
        if not self._line.is_visible or began < self._count_at:
            return
        tally = issues.tally_of(session, issue_id)
        self._line.update(tally.done, tally.audience or None)
        self._count_at = began + _PAUSES_PER_COUNT * (time.monotonic() - began)
