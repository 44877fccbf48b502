"""Facts about a real worker that sends slowly: what a person or the system says takes hold at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import func, select

from newsletter.db.models import Attempt, Batch
from newsletter.domain.issue import BatchStatus, IssueStatus
from newsletter.runtime import Runtime
from newsletter.services import issues
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings
from tests.processes import Processes, settings_environment
from tests.workers.test_pacing import open_mailer, start, tally, wait_for, written_after, written_at

RATE = 5
# What goes in two seconds, counted in mails: a busy machine has longer seconds.
SOON = 2 * RATE

# Processes as slots, as in production.
pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


@pytest.fixture
def slow(settings: Settings) -> Iterator[Runtime]:
    """The runtime of a worker that sends five mails a second."""
    with closing(open_mailer(settings, rate_per_second=RATE, claim_lease_seconds=60)) as runtime:
        yield runtime


def wait_until_nobody_holds_anything(runtime: Runtime) -> None:
    until = time.monotonic() + 60
    held = select(func.count()).where(Batch.status == int(BatchStatus.CLAIMED))
    open_attempts = select(func.count()).where(Attempt.finished_at.is_(None))
    while True:
        with runtime.reading() as session:
            if session.scalar(held) == session.scalar(open_attempts) == 0:
                return
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_pause_and_a_cancel_take_hold_within_two_seconds_and_leave_no_row_behind(
    slow: Runtime, processes: Processes
) -> None:
    issue_id = start(slow, people=120, batch_size=50)
    processes.start("worker", "--concurrency=2", environment=settings_environment(slow.settings))
    wait_for(slow, issue_id, accepted=3)
    with slow.transaction() as session:
        issues.pause_issue(session, issue_id, actor=OPERATOR, now=slow.now())
    paused_at = slow.now()
    wait_until_nobody_holds_anything(slow)
    assert written_after(slow, paused_at) <= SOON
    paused = tally(slow, issue_id)
    assert paused.pending == 120 - paused.accepted > 60
    with slow.transaction() as session:
        issues.resume_issue(session, issue_id, actor=OPERATOR, now=slow.now())
    wait_for(slow, issue_id, accepted=paused.accepted + 3)
    with slow.transaction() as session:
        issues.cancel_issue(session, issue_id, actor=OPERATOR, now=slow.now())
    cancelled_at = slow.now()
    wait_until_nobody_holds_anything(slow)
    assert written_after(slow, cancelled_at) <= SOON
    found = tally(slow, issue_id)
    assert (found.accepted, found.suppressed) == (len(written_at(slow)), 120 - len(written_at(slow)))
    with slow.reading() as session:
        assert issues.find_issue(session, issue_id).status == IssueStatus.CANCELLED
        assert set(session.scalars(select(Batch.status))) == {BatchStatus.DONE}
