"""Facts about deliveries in doubt on the page of an issue, and in the commands."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update

from newsletter.db.models import Doubt
from newsletter.domain.issue import IssueStatus
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.runtime import Runtime
from newsletter.services import doubts, issues, sending, ticking
from tests.web.conftest import Person, add_issue, said

WAIT = timedelta(seconds=900)


@pytest.fixture
def doubtful(runtime: Runtime) -> int:
    """An issue for three people, of whom nobody knows whether they got it."""
    issue_id, ids = add_issue(runtime, people=3, started=True)
    now = runtime.now()
    with runtime.transaction() as session:
        claim = sending.claim_batch(session, issue_id, worker="w", provider="sendgrid", now=now, lease=WAIT)
        assert claim is not None
        outcomes = [Outcome(subscriber_id=id_, kind=OutcomeKind.UNKNOWN, response="no answer") for id_ in ids]
        sending.record_outcomes(session, claim, outcomes, source="sendgrid", now=now, lease=WAIT)
        sending.finish_claim(session, claim, outcome="done", now=now)
        assert issues.finish_if_done(session, issue_id, now=now) is IssueStatus.INCOMPLETE
    return issue_id


def page_of(admin: Person, issue_id: int) -> str:
    return said(admin.get(f"/admin/issues/{issue_id}")).replace("\u00a0", " ")


def age(runtime: Runtime, **values: object) -> None:
    """Let the wait be over."""
    with runtime.transaction() as session:
        session.execute(update(Doubt).values(since=runtime.now() - WAIT - timedelta(minutes=1), **values))


def test_the_page_says_until_when_events_are_waited_for(admin: Person, runtime: Runtime, doubtful: int) -> None:
    with runtime.reading() as session:
        found = doubts.standings(session, doubtful, wait=WAIT, now=runtime.now())
    until = found[0].events_until
    page = page_of(admin, doubtful)
    assert "3 deliveries in doubt since" in page
    assert "(the provider gave no answer): waiting for events until" in page
    assert f"{until:%M}" in page.partition("waiting for events until")[2][:30]
    assert f'data-poll="/admin/issues/{doubtful}/progress"' in admin.get(f"/admin/issues/{doubtful}").text


def test_the_page_says_how_often_the_log_was_asked_and_what_it_said(
    admin: Person, runtime: Runtime, doubtful: int
) -> None:
    age(runtime, asks=2, log_words="the log asks us to slow down (HTTP 429)", ask_at=runtime.now() + WAIT)
    page = page_of(admin, doubtful)
    assert "asked the log of sendgrid twice (the log asks us to slow down (HTTP 429)), next after" in page


def test_the_page_says_when_only_a_person_can_decide(admin: Person, runtime: Runtime, doubtful: int) -> None:
    age(runtime, asks=5, log_words="HTTP 403", check_at=runtime.now())
    with runtime.transaction() as session:
        ticking.run_tick(session, now=runtime.now(), unknown_policy="hold", unknown_wait=WAIT, has_log=True)
    page = page_of(admin, doubtful)
    told = page.partition("in doubt since")[2]
    assert "asked the log of sendgrid 5 times (HTTP 403); nobody can tell, a person decides" in told
    assert "Send them again" in page
    admin.post(f"/admin/issues/{doubtful}/cancel")
    cancelled = page_of(admin, doubtful)
    assert "(HTTP 403); nobody can tell." in cancelled
    assert "a person decides" not in cancelled


def test_the_page_says_nothing_of_doubts_that_are_settled(admin: Person, runtime: Runtime, doubtful: int) -> None:
    admin.post(f"/admin/issues/{doubtful}/resolve", {"decision": "skip"})
    page = page_of(admin, doubtful)
    assert "in doubt since" not in page
    with runtime.reading() as session:
        assert doubts.standings(session, doubtful, wait=WAIT, now=runtime.now()) == []
