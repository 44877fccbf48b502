"""Facts about issues whose provider waits for a person."""

from __future__ import annotations

from newsletter.db.models import Issue
from newsletter.runtime import Runtime
from newsletter.services import issues, probing, sending, stopping
from newsletter.services.users import OPERATOR
from tests.doubtful import Doubtful
from tests.factories import NOW
from workers import tasks

REASON = "SendGrid refuses us (401): correct the API key"


def stop(site: Doubtful) -> None:
    """The provider says that a person is needed."""
    with site.runtime.transaction() as session:
        sending.pause_provider(session, site.provider, reason=REASON, needs_person=True, until=None, now=NOW)


def standing(site: Doubtful, *issue_ids: int) -> list[tuple[str, str]]:
    with site.runtime.reading() as session:
        found = [session.get_one(Issue, issue_id) for issue_id in issue_ids]
        return [(issue.status, issue.status_reason) for issue in found]


def another_issue(site: Doubtful, *, provider: str) -> int:
    now = site.runtime.now()
    with site.runtime.transaction() as session:
        brief_id = session.get_one(Issue, site.issue_id).brief_id
        issue = issues.create_issue(
            session, brief_id=brief_id, list_slugs=["readers"], actor=OPERATOR, now=now, again=True
        )
        issues.send_issue(session, issue.id, actor=OPERATOR, provider=provider, batch_size=5, now=now)
        return issue.id


def test_an_issue_that_is_begun_while_its_provider_needs_a_person_says_so(runtime: Runtime) -> None:
    site = Doubtful(runtime)
    stop(site)
    other, elsewhere = another_issue(site, provider=site.provider), another_issue(site, provider="outbox")
    tasks.tick(runtime)
    assert standing(site, other) == [("paused", REASON)]
    assert standing(site, elsewhere) == [("sending", "")]


def test_who_resumes_one_issue_resumes_all_that_waited_with_the_provider(runtime: Runtime) -> None:
    site = Doubtful(runtime)
    by_hand = another_issue(site, provider=site.provider)
    other = another_issue(site, provider=site.provider)
    with runtime.transaction() as session:
        issues.pause_issue(session, by_hand, actor=OPERATOR, now=NOW)
    stop(site)
    with runtime.transaction() as session:
        assert sorted(stopping.pause_stopped(session, now=NOW)) == [site.issue_id, other]
        assert list(stopping.pause_stopped(session, now=NOW)) == []
    with runtime.transaction() as session:
        issues.resume_issue(session, other, actor=OPERATOR, now=NOW)
    assert standing(site, site.issue_id, other, by_hand) == [("sending", ""), ("sending", ""), ("paused", "")]
    with runtime.reading() as session:
        assert probing.standing_of(session, site.provider)["state"] == probing.OPEN
    assert site.claim() is not None


def test_a_pause_that_ends_by_itself_pauses_no_issue(runtime: Runtime) -> None:
    site = Doubtful(runtime)
    with runtime.transaction() as session:
        sending.pause_provider(session, site.provider, reason="429", needs_person=False, until=NOW, now=NOW)
        assert list(stopping.pause_stopped(session, now=NOW)) == []
    assert standing(site, site.issue_id) == [("sending", "")]
