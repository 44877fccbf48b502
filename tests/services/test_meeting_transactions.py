"""Facts about transactions that meet: none waits for another that waits for it, and none leaves a row behind."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from newsletter.db.models import Batch
from newsletter.db.queries import doubts as doubt_queries
from newsletter.domain.issue import BatchStatus
from newsletter.domain.mail import OutcomeKind
from newsletter.errors import Conflict, NewsletterError
from newsletter.runtime import Runtime
from newsletter.services import flow, issues, sending, settling
from newsletter.services.settling import Terms
from newsletter.services.users import OPERATOR
from tests.doubtful import WAIT, Doubtful

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


@pytest.mark.parametrize("order", ["the resend is first", "the end is first"])
def test_an_issue_does_not_end_while_its_doubts_are_sent_again(runtime: Runtime, order: str) -> None:
    """Each would see the world before the other, and an issue at rest would keep a batch that nobody takes."""
    site = Doubtful(runtime, people=5, policy="resend")
    site.hand_over(OutcomeKind.UNKNOWN)
    site.later(WAIT)

    def resend(session: Session) -> None:
        terms = Terms(wait=WAIT, policy=site.policy)
        assert settling.settle_due(session, now=site.now, terms=terms) == 1

    def end(session: Session) -> None:
        issues.finish_if_done(session, site.issue_id, now=site.now)

    first, second = (resend, end) if order == "the resend is first" else (end, resend)

    def follow() -> None:
        with runtime.transaction() as session:
            second(session)

    other = threading.Thread(target=follow)
    with runtime.transaction() as session:
        first(session)
        other.start()
        other.join(timeout=0.5)
    other.join()
    assert (site.status(), site.tally()) == ("sending", {"pending": 5})
    assert site.claim() is not None


@on_postgres
def test_a_retry_and_a_tick_that_settles_a_doubt_do_not_wait_for_each_other(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5, policy="resend")
    claim = site.claim()
    assert claim is not None
    site.answer(claim, OutcomeKind.REFUSED, site.ids[:2])
    site.answer(claim, OutcomeKind.UNKNOWN, site.ids[2:])
    site.finish(claim, provider_message_id="")
    site.later(WAIT)
    site.finish_issue()
    assert site.status() == "incomplete"
    faults: list[Exception] = []

    def retry() -> None:
        try:
            with runtime.transaction() as session:
                session.execute(text("SET LOCAL lock_timeout = '60s'"))
                issues.retry_issue(session, site.issue_id, actor=OPERATOR, now=site.now)
        except Conflict as error:
            faults.append(error)

    person = threading.Thread(target=retry)
    with runtime.transaction() as session:
        doubt = doubt_queries.lock_due(session, now=site.now, limit=1)[0]
        doubt_queries.lock_batch(session, doubt.batch_id)
        person.start()
        time.sleep(0.3)
        settling.settle_doubt(session, doubt, now=site.now, terms=Terms(wait=WAIT, policy=site.policy))
    person.join()
    assert site.status() == "sending"
    assert site.tally() == ({"pending": 3, "failed": 2} if faults else {"pending": 5})


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
