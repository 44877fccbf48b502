"""Facts about transactions that meet: none waits for another that waits for it, and none leaves a row behind."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from newsletter.db.models import Batch
from newsletter.domain.issue import BatchStatus
from newsletter.errors import NewsletterError
from newsletter.runtime import Runtime
from newsletter.services import flow, issues, sending
from newsletter.services.users import OPERATOR
from tests.doubtful import Doubtful

MORNING = timedelta(hours=8)
on_postgres = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)


def test_what_a_worker_gives_back_while_somebody_cancels_is_cancelled_too(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=20)
    claim = site.claim()
    assert claim is not None

    def cancel() -> None:
        with runtime.transaction() as session:
            issues.cancel_issue(session, site.issue_id, actor=OPERATOR, now=site.now)

    person = threading.Thread(target=cancel)
    with runtime.transaction() as session:
        sending.finish_claim(session, claim, outcome="handed_back", now=site.now)
        person.start()
        # On Postgres the person reads the batch as claimed until this transaction ends.
        person.join(timeout=0.5)
    person.join()
    assert site.tally() == {"suppressed": 20}
    with runtime.reading() as session:
        assert set(session.scalars(select(Batch.status))) == {BatchStatus.DONE}


@on_postgres
def test_a_cancel_and_a_tick_that_expires_a_claim_do_not_wait_for_each_other(runtime: Runtime) -> None:
    """The tick holds the batch and wants the issue; who held the issue and wanted the batch would wait for ever."""
    site = Doubtful(runtime, people=5)
    claim = site.claim()
    assert claim is not None
    errors: list[NewsletterError] = []

    def cancel() -> None:
        try:
            with runtime.transaction() as session:
                issues.cancel_issue(session, site.issue_id, actor=OPERATOR, now=site.now)
        except NewsletterError as error:
            errors.append(error)

    person = threading.Thread(target=cancel)
    with runtime.transaction() as session:
        sending.abandon_claim(session, claim, response="broken", now=site.now)
        person.start()
        time.sleep(0.3)
        issues.pause_if_sending(session, site.issue_id, now=site.now, reason="broken")
    person.join()
    assert errors == []
    assert site.status() == "cancelled"


@on_postgres
def test_two_workers_that_postpone_the_same_batches_do_not_wait_for_each_other(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=50)
    morning = site.now + MORNING
    with runtime.transaction() as first, runtime.transaction() as second:
        for session in (first, second):
            session.execute(text("SET LOCAL lock_timeout = '2s'"))
        # Each has one batch in hand already, in the opposite order: whoever waited would wait for ever.
        for session, order in ((first, Batch.id), (second, Batch.id.desc())):
            session.scalars(select(Batch.id).order_by(order).limit(1).with_for_update()).one()
        for session in (first, second):
            flow.keep_quiet(session, site.issue_id, until=morning, now=site.now)
    with runtime.reading() as session:
        planned = session.scalars(select(Batch.planned_at).order_by(Batch.id)).all()
    # The second leaves to the first what that has in hand, and the other way round.
    assert planned == [morning] * 9 + [morning]
