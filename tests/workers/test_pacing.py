"""Facts about the pace of real dispatch loops: several at once, stopped in the middle, one group slower than others."""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import func, select, update

from newsletter.db.models import Batch, Subscriber
from newsletter.domain.issue import BatchStatus, IssueStatus
from newsletter.domain.mailbox_groups import MailboxGroup
from newsletter.domain.retrying import DEADLINE
from newsletter.runtime import Runtime
from newsletter.services import flow, issues, newsletters
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings
from tests.factories import make_issue
from tests.processes import Processes, settings_environment
from workers import tasks
from workers.dispatch import Dispatcher


def open_mailer(settings: Settings, **changed: Any) -> Runtime:
    """The runtime of a worker whose mails go to the outbox."""
    return Runtime.from_settings(Settings(_env_file=None, **(settings.model_dump() | changed)))


def start(runtime: Runtime, *, people: int, domain: str = "", every: int = 1, batch_size: int = 20) -> int:
    """A started issue of which each `every`th person has a mailbox at `domain`; returns its id."""
    with runtime.transaction() as session:
        issue, ids = make_issue(session, people=people)
        if domain:
            email = func.replace(Subscriber.email, "example.org", domain)
            session.execute(
                update(Subscriber).where(Subscriber.id.in_(ids[::every])).values(email=email, address=email)
            )
        issues.send_issue(
            session, issue.id, actor=OPERATOR, provider="outbox", batch_size=batch_size, now=runtime.now()
        )
        return issue.id


class Loops:
    """Dispatch loops in threads of their own, each begun anew as ticks do, until told to stop."""

    def __init__(self, runtime: Runtime, issue_id: int, *, count: int) -> None:
        self._stop = threading.Event()
        self._run = lambda number: self._loop(runtime, issue_id, number)
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def _loop(self, runtime: Runtime, issue_id: int, number: int) -> None:
        while not self._stop.is_set():
            Dispatcher(runtime, worker=f"loop {number}", should_stop=self._stop.is_set).run(issue_id)
            self._stop.wait(0.05)

    def end(self) -> None:
        """Ask all to stop, and wait for them."""
        self._stop.set()
        for thread in self._threads:
            thread.join()


def written_at(runtime: Runtime) -> list[float]:
    """When each mail was put into the outbox, in order (seconds since the epoch)."""
    return sorted(path.stat().st_mtime for path in runtime.settings.outbox_dir.rglob("*.eml"))


def written_after(runtime: Runtime, moment: datetime) -> int:
    """How many mails were put into the outbox after this moment."""
    return sum(at > moment.timestamp() for at in written_at(runtime))


def wait_for(runtime: Runtime, issue_id: int, *, accepted: int, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while tally(runtime, issue_id).accepted < accepted:
        assert time.monotonic() < until, tally(runtime, issue_id)
        time.sleep(0.05)


def tally(runtime: Runtime, issue_id: int) -> Any:
    with runtime.reading() as session:
        return issues.tally_of(session, issue_id)


def test_four_loops_keep_to_one_rate_evenly_also_when_all_begin_anew(settings: Settings) -> None:
    with closing(open_mailer(settings, rate_per_second=100)) as runtime:
        issue_id = start(runtime, people=300)
        began = [runtime.now().timestamp()]
        loops = Loops(runtime, issue_id, count=4)
        wait_for(runtime, issue_id, accepted=150)
        loops.end()
        # Nobody sends for a second: that is not made up for.
        time.sleep(1)
        with runtime.reading() as session:
            claimed = select(func.count()).where(Batch.status == int(BatchStatus.CLAIMED))
            assert session.scalar(claimed) == 0
        began.append(runtime.now().timestamp())
        loops = Loops(runtime, issue_id, count=4)
        wait_for(runtime, issue_id, accepted=300)
        loops.end()
        times = written_at(runtime)
    assert len(times) == 300
    # Whenever one looks, no more are out than the time allows since the loops began, but for one portion of a quarter
    # second: who is held up by a busy machine is later, and never too early.
    for begin, end in pairwise([*began, math.inf]):
        own = [at for at in times if begin <= at < end]
        ahead = max(number - 100 * (at - begin) for number, at in enumerate(own, start=1))
        assert ahead <= 25 * 1.2


def test_a_slow_group_does_not_hold_up_the_others_of_its_batches(settings: Settings) -> None:
    with closing(open_mailer(settings, domain_rates="gmail=12")) as runtime:
        issue_id = start(runtime, people=120, domain="gmail.com", every=2)
        loops = Loops(runtime, issue_id, count=2)
        wait_for(runtime, issue_id, accepted=120)
        loops.end()
        assert tally(runtime, issue_id).failed == 0
        with runtime.reading() as session:
            address_of = {row.id: row.email for row in session.execute(select(Subscriber.id, Subscriber.email))}
        of_gmail, of_rest = [], []
        for path in runtime.settings.outbox_dir.rglob("*.eml"):
            found = runtime.links.read_delivery_token(path.stem)
            assert found is not None
            is_gmail = address_of[found.subscriber_id].endswith("gmail.com")
            (of_gmail if is_gmail else of_rest).append(path.stat().st_mtime)
    assert (len(of_gmail), len(of_rest)) == (60, 60)
    # Whoever waited with the gmail of their own batch would be out with the last sixth.
    assert max(of_rest) < sorted(of_gmail)[45]
    # 60 at 12 a second, the first ten of them at once.
    assert max(of_gmail) - min(of_gmail) > 2


def test_a_pause_takes_hold_within_two_seconds_while_throttled(settings: Settings) -> None:
    with closing(open_mailer(settings, rate_per_second=4)) as runtime:
        issue_id = start(runtime, people=100, batch_size=50)
        loops = Loops(runtime, issue_id, count=2)
        wait_for(runtime, issue_id, accepted=2)
        with runtime.transaction() as session:
            issues.pause_issue(session, issue_id, actor=OPERATOR, now=runtime.now())
        paused_at = runtime.now()
        until = time.monotonic() + 60
        while tally(runtime, issue_id).claimed:
            assert time.monotonic() < until
            time.sleep(0.05)
        loops.end()
        # What goes in two seconds, counted in mails: a busy machine has longer seconds.
        assert written_after(runtime, paused_at) <= 2 * 4
        found = tally(runtime, issue_id)
        assert found.accepted == len(written_at(runtime))
        assert found.pending == 100 - found.accepted


# A real worker with processes as its slots, as in production; threads are stopped by the same event.
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_a_worker_that_is_told_to_stop_hands_back_what_it_holds(settings: Settings, processes: Processes) -> None:
    with closing(open_mailer(settings, rate_per_second=5, claim_lease_seconds=60)) as runtime:
        issue_id = start(runtime, people=60, batch_size=50)
        worker = processes.start("worker", "--concurrency=2", environment=settings_environment(runtime.settings))
        wait_for(runtime, issue_id, accepted=2)
        assert tally(runtime, issue_id).claimed > 0
        assert worker.terminate() == 0
        found = tally(runtime, issue_id)
        assert (found.claimed, found.unknown, found.failed) == (0, 0, 0)
        assert found.accepted == len(written_at(runtime)) < 60
        assert found.pending == 60 - found.accepted


def test_nothing_is_claimed_while_it_is_quiet(settings: Settings) -> None:
    with closing(open_mailer(settings)) as runtime:
        issue_id = start(runtime, people=4)
        now = runtime.now()
        hours = f"{now - timedelta(hours=2):%H:%M}-{now + timedelta(hours=2):%H:%M}"
        with runtime.transaction() as session:
            newsletter = newsletters.newsletter_of(session, issues.find_issue(session, issue_id).newsletter_id)
            newsletter.quiet_hours, newsletter.time_zone = hours, "UTC"
        assert Dispatcher(runtime, worker="w", should_stop=lambda: False).run(issue_id) == 0
        assert tally(runtime, issue_id).pending == 4
        with runtime.reading() as session:
            assert set(session.scalars(select(Batch.hold))) == {"quiet"}
            assert issues.find_issue(session, issue_id).status == IssueStatus.SENDING


def test_a_group_that_is_paused_meanwhile_gets_nothing_more(settings: Settings) -> None:
    with closing(open_mailer(settings, rate_per_second=20)) as runtime:
        issue_id = start(runtime, people=60, domain="yahoo.com", every=2, batch_size=10)
        with runtime.transaction() as session:
            until = runtime.now() + timedelta(hours=1)
            flow.pause_group(session, "outbox", MailboxGroup.YAHOO, until=until, reason="TSS04", now=runtime.now())
        loops = Loops(runtime, issue_id, count=2)
        wait_for(runtime, issue_id, accepted=30)
        loops.end()
        assert (tally(runtime, issue_id).accepted, tally(runtime, issue_id).pending) == (30, 30)
        assert Counter(path.suffix for path in runtime.settings.outbox_dir.rglob("*.eml")) == {".eml": 30}


def test_a_batch_that_is_handed_over_slowly_stops_at_its_deadline(settings: Settings) -> None:
    with closing(open_mailer(settings, rate_per_second=10)) as runtime:
        issue_id = start(runtime, people=60, batch_size=60)
        with runtime.transaction() as session:
            # It was tried before, almost half a day ago.
            planned_at = runtime.now() + timedelta(seconds=4) - DEADLINE
            session.execute(update(Batch).values(attempts=1, planned_at=planned_at))
        Dispatcher(runtime, worker="w", should_stop=lambda: False).run(issue_id)
        tasks.tick(runtime)
        found = tally(runtime, issue_id)
        assert 0 < found.accepted <= 45
        assert (found.failed, found.pending) == (60 - found.accepted, 0)
        assert len(written_at(runtime)) == found.accepted
