"""Facts about what the pages of an issue claim: to cancel it, to send it, how fast it goes, where its mails are."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.db.queries import deliveries
from newsletter.domain.issue import DeliveryReason, DeliveryStatus
from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import issues, lists, sending, users
from tests import factories
from tests.web.conftest import Person, SignIn, add_issue, said


def _told(person: Person, path: str) -> str:
    return said(person.get(path)).replace("\u00a0", " ")


def test_to_cancel_what_is_in_doubt_does_not_promise_that_nobody_has_it(admin: Person, runtime: Runtime) -> None:
    issue_id, ids = add_issue(runtime, started=True)
    assert "Nobody has got it yet, and nobody will" in _told(admin, f"/admin/issues/{issue_id}/cancel")
    with runtime.transaction() as session:
        deliveries.settle(session, issue_id, ids, status=DeliveryStatus.UNKNOWN, reason=DeliveryReason.NO_ANSWER)
        issues.finish_if_done(session, issue_id, now=runtime.now())
    page = _told(admin, f"/admin/issues/{issue_id}/cancel")
    assert "3 deliveries are in doubt: some of these people may have it" in page
    assert "Nobody has got it" not in page
    assert "pause it instead" not in page


def test_a_link_to_import_people_is_for_who_may(sign_in: SignIn, runtime: Runtime) -> None:
    add_issue(runtime)
    with runtime.transaction() as session:
        lists.create_list(session, name="Empty", newsletter_id=1, now=runtime.now())
        made = issues.create_issue(
            session, brief_id=1, list_slugs=["empty"], actor=users.OPERATOR, now=runtime.now(), again=True
        )
        issue_id = made.id
    href = 'href="/admin/subscribers/import"'
    approver, admin = sign_in(Role.APPROVER), sign_in(Role.ADMIN)
    assert href in admin.get(f"/admin/issues/{issue_id}/send").text
    assert href not in approver.get(f"/admin/issues/{issue_id}/send").text
    assert "Ask an admin to import subscribers" in _told(approver, f"/admin/issues/{issue_id}/send")


def test_an_issue_by_peoples_own_clocks_promises_no_end(admin: Person, runtime: Runtime) -> None:
    add_issue(runtime)
    with runtime.transaction() as session:
        issue = issues.create_issue(
            session,
            brief_id=1,
            list_slugs=["readers"],
            actor=users.OPERATOR,
            now=runtime.now(),
            local_time="07:00",
            again=True,
        )
        factories.start_issue(session, issue)
        deliveries.settle(session, issue.id, [1], status=DeliveryStatus.ACCEPTED)
    page = _told(admin, f"/admin/issues/{issue.id}")
    assert "1 of 3 done" in page
    assert "a second" not in page
    assert "left" not in page


def test_a_retry_is_measured_by_what_it_sends_itself(admin: Person, runtime: Runtime) -> None:
    issue_id, ids = add_issue(runtime, started=True)
    with runtime.transaction() as session:
        now, lease = runtime.now(), timedelta(minutes=1)
        claim = sending.claim_batch(session, issue_id, worker="w", provider="outbox", now=now, lease=lease)
        assert claim is not None
        sending.finish_claim(session, claim, outcome="done", now=now)
        deliveries.settle(session, issue_id, ids[:2], status=DeliveryStatus.ACCEPTED)
        deliveries.settle(session, issue_id, ids[2:], status=DeliveryStatus.FAILED, reason=DeliveryReason.REFUSED)
        issues.finish_if_done(session, issue_id, now=runtime.now())
    assert "a second" in _told(admin, f"/admin/issues/{issue_id}")
    admin.post(f"/admin/issues/{issue_id}/retry")
    page = _told(admin, f"/admin/issues/{issue_id}")
    assert "2 of 3 done" in page
    assert "a second" not in page


def test_mails_are_looked_at_where_they_were_written(admin: Person, runtime: Runtime) -> None:
    issue_id, ids = add_issue(runtime)
    with runtime.transaction() as session:
        issues.send_issue(session, issue_id, actor=users.OPERATOR, provider="sendgrid", batch_size=4, now=runtime.now())
        deliveries.settle(session, issue_id, ids, status=DeliveryStatus.ACCEPTED)
    assert "look at the mails" not in _told(admin, f"/admin/issues/{issue_id}")


def test_the_dashboard_says_why_an_issue_was_paused(admin: Person, runtime: Runtime) -> None:
    issue_id, _ = add_issue(runtime, started=True)
    with runtime.transaction() as session:
        issues.pause_issue(session, issue_id, actor=None, now=runtime.now(), reason="12 of 100 do not exist")
    assert "12 of 100 do not exist" in _told(admin, "/admin")


@pytest.mark.parametrize("typed", ["x@bücher.example", "x@xn--bcher-kva.example", " X@Bücher.example "])
def test_an_address_is_confirmed_in_either_of_its_spellings(admin: Person, runtime: Runtime, typed: str) -> None:
    form = {"email": "x@bücher.example", "list": "readers"}
    person_id = admin.post("/admin/subscribers/new", form).headers["location"].partition("?")[0].rpartition("/")[2]
    assert admin.post(f"/admin/subscribers/{person_id}/erase", {"email": typed}).status_code == 303
