"""Waiting for an issue, with a progress bar where somebody can see it."""

from __future__ import annotations

import time

from newsletter.cli.output import progress_line
from newsletter.domain.issue import FINAL_STATUSES, IssueStatus
from newsletter.errors import Conflict
from newsletter.runtime import Runtime
from newsletter.services import issues

POLL_SECONDS = 0.25


def wait_for_issue(runtime: Runtime, issue_id: int, *, timeout_seconds: float | None) -> IssueStatus | None:
    """The final status that an issue reaches; None where the time is up first.

    Conflict for a draft, which would never get there by waiting.
    """
    until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    with progress_line(f"Issue {issue_id}") as line:
        while True:
            with runtime.reading() as session:
                status = IssueStatus(issues.find_issue(session, issue_id).status)
                tally = issues.tally_of(session, issue_id)
            line.update(tally.done, tally.audience or None)
            if status in FINAL_STATUSES:
                return status
            if status is IssueStatus.DRAFT:
                raise Conflict(f"issue {issue_id} is a draft: send it with `newsletter issue send {issue_id}`")
            if until is not None and time.monotonic() >= until:
                return None
            time.sleep(POLL_SECONDS)
