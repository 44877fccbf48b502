"""Facts about issues in the console: making, sending, steering, watching."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from newsletter import samples
from newsletter.db.queries import deliveries
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, IssueStatus
from newsletter.domain.people import Role
from newsletter.errors import Conflict
from newsletter.runtime import Runtime
from newsletter.services import briefs, issues, lists, probing, sending, ticking, users
from tests import factories
from tests.web.conftest import Person, SignIn, add_brief, add_issue, said


def _status(runtime: Runtime, issue_id: int) -> str:
    with runtime.reading() as session:
        return issues.find_issue(session, issue_id).status


def _approved_brief(runtime: Runtime) -> int:
    brief_id = add_brief(runtime, submitted=True)
    with runtime.transaction() as session:
        briefs.approve_brief(session, brief_id, actor=users.OPERATOR, now=runtime.now())
        factories.add_people(session, lists.find_list(session, "readers"), 3)
    return brief_id


def test_an_issue_is_made_confirmed_and_sent(sign_in: SignIn, runtime: Runtime) -> None:
    approver, brief_id = sign_in(Role.APPROVER), _approved_brief(runtime)
    form = approver.get(f"/admin/issues/new?brief={brief_id}")
    assert "3 people would get it now" in said(form).replace("\u00a0", " ")
    answer = approver.post("/admin/issues/new", {"brief": brief_id, "lists": "readers", "when": "now"})
    assert answer.headers["location"] == "/admin/issues/1/send?done=issue-created"
    assert "Send to 3 people?" in said(approver.get("/admin/issues/1/send")).replace("\u00a0", " ")
    assert _status(runtime, 1) == IssueStatus.DRAFT
    assert approver.post("/admin/issues/1/send").headers["location"] == "/admin/issues/1?done=issue-sending"
    assert _status(runtime, 1) == IssueStatus.SENDING
    assert approver.post("/admin/issues/1/send").status_code == 409


def test_an_issue_is_scheduled_on_the_newsletters_clock(sign_in: SignIn, runtime: Runtime) -> None:
    approver, brief_id = sign_in(Role.APPROVER), _approved_brief(runtime)
    year = runtime.now().year + 1
    data = {"brief": brief_id, "lists": "readers", "when": "later", "send_at": f"{year}-07-01T07:00"}
    assert approver.post("/admin/issues/new", data).headers["location"].endswith("issue-scheduled")
    with runtime.reading() as session:
        moment = issues.find_issue(session, 1).send_at
    assert moment is not None
    assert (moment.hour, moment.utcoffset()) == (5, timedelta())
    assert "07:00 CEST" in said(approver.get("/admin/issues/1"))


def test_an_issue_goes_out_at_each_readers_own_time_of_day(sign_in: SignIn, runtime: Runtime) -> None:
    approver, brief_id = sign_in(Role.APPROVER), _approved_brief(runtime)
    data = {"brief": brief_id, "lists": "readers", "when": "local", "local_time": "07:30"}
    assert approver.post("/admin/issues/new", data | {"local_time": "25:00"}).status_code == 422
    assert approver.post("/admin/issues/new", data).status_code == 303
    assert "each at 07:30 by their own clock" in said(approver.get("/admin/issues/1/send"))
    with runtime.reading() as session:
        assert issues.find_issue(session, 1).local_time == "07:30"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"brief": "", "lists": "readers"}, "choose the brief"),
        ({"brief": "x", "lists": "readers"}, "is not a number"),
        ({"lists": []}, "at least one list"),
        ({"lists": "nothing"}, "there is no list"),
        ({"lists": "readers", "when": "later", "send_at": ""}, "is not a time"),
        ({"lists": "readers", "when": "later", "send_at": "2020-01-01T07:00"}, "has passed"),
        ({"lists": "readers", "when": "later", "send_at": "2031-03-30T02:30"}, "leaps over"),
    ],
)
def test_an_issue_that_cannot_be_made_is_explained_on_its_form(
    sign_in: SignIn, runtime: Runtime, data: dict[str, object], words: str
) -> None:
    approver, brief_id = sign_in(Role.APPROVER), _approved_brief(runtime)
    answer = approver.post("/admin/issues/new", {"brief": str(brief_id)} | data)
    assert answer.status_code in (404, 422)
    assert words in said(answer).lower()
    with runtime.reading() as session:
        assert issues.recent_issues(session) == []


def test_an_issue_that_nobody_would_get_says_so_before_and_after(sign_in: SignIn, runtime: Runtime) -> None:
    approver = sign_in(Role.APPROVER)
    issue_id, _ = add_issue(runtime, people=1)
    with runtime.transaction() as session:
        lists.create_list(session, name="Empty", newsletter_id=1, now=runtime.now())
    approver.post("/admin/issues/new", {"brief": 1, "lists": "empty"})
    assert "nobody to send to" in said(approver.get(f"/admin/issues/{issue_id + 1}/send"))
    assert approver.post(f"/admin/issues/{issue_id + 1}/send").status_code == 409
    assert _status(runtime, issue_id + 1) == IssueStatus.DRAFT


def test_the_six_numbers_of_a_page_add_up_to_the_audience(admin: Person, runtime: Runtime) -> None:
    issue_id, ids = add_issue(runtime, people=10, started=True)
    with runtime.transaction() as session:
        deliveries.settle(session, issue_id, ids[:4], status=DeliveryStatus.ACCEPTED)
        deliveries.settle(session, issue_id, ids[4:5], status=DeliveryStatus.FAILED, reason=DeliveryReason.REFUSED)
    page = said(admin.get(f"/admin/issues/{issue_id}/progress"))
    assert "5 of 10 done" in page
    assert "accepted 4 failed 1 suppressed 0 unknown 0 with a worker 0 pending 5 audience 10" in page


def test_a_page_and_a_status_say_why_nothing_goes_out(admin: Person, runtime: Runtime) -> None:
    issue_id, _ = add_issue(runtime, started=True)
    words = "takes nothing at present: it cannot be reached"
    assert words not in said(admin.get(f"/admin/issues/{issue_id}/progress"))
    with runtime.transaction() as session:
        issue = issues.find_issue(session, issue_id)
        now, reason = runtime.now(), "it cannot be reached"
        sending.pause_provider(session, issue.provider, reason=reason, needs_person=False, until=now, now=now)
        assert words in probing.waits_for(session, issue)
    assert words in said(admin.get(f"/admin/issues/{issue_id}/progress"))
    with runtime.transaction() as session:
        issue = issues.pause_issue(session, issue_id, actor=None, now=runtime.now())
        assert probing.waits_for(session, issue) == ""


def test_the_progress_of_a_moving_issue_refreshes_with_and_without_a_script(admin: Person, runtime: Runtime) -> None:
    issue_id, _ = add_issue(runtime, started=True)
    page = admin.get(f"/admin/issues/{issue_id}").text
    assert f'data-poll="/admin/issues/{issue_id}/progress"' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "<progress" in page
    assert "<html" not in admin.get(f"/admin/issues/{issue_id}/progress").text


def test_an_issue_is_paused_resumed_and_cancelled_after_a_question(sign_in: SignIn, runtime: Runtime) -> None:
    approver = sign_in(Role.APPROVER)
    issue_id, _ = add_issue(runtime, started=True)
    here = f"/admin/issues/{issue_id}"
    assert approver.post(f"{here}/pause").status_code == 303
    assert _status(runtime, issue_id) == IssueStatus.PAUSED
    assert approver.post(f"{here}/pause").status_code == 409
    assert approver.post(f"{here}/resume").status_code == 303
    assert "Cancel this issue for good?" in said(approver.get(f"{here}/cancel"))
    assert _status(runtime, issue_id) == IssueStatus.SENDING
    assert approver.post(f"{here}/cancel").status_code == 303
    assert _status(runtime, issue_id) == IssueStatus.CANCELLED
    assert approver.get(f"{here}/cancel").status_code == 409


@pytest.mark.parametrize(
    ("decision", "status"),
    [("skip", IssueStatus.SENT), ("resend", IssueStatus.SENDING), ("both", IssueStatus.INCOMPLETE)],
)
def test_deliveries_in_doubt_are_decided_by_a_person(
    sign_in: SignIn, runtime: Runtime, decision: str, status: IssueStatus
) -> None:
    approver = sign_in(Role.APPROVER)
    issue_id, ids = add_issue(runtime, started=True)
    with runtime.transaction() as session:
        deliveries.settle(session, issue_id, ids[1:], status=DeliveryStatus.ACCEPTED)
        deliveries.settle(session, issue_id, ids[:1], status=DeliveryStatus.UNKNOWN, reason=DeliveryReason.NO_ANSWER)
        issues.finish_if_done(session, issue_id, now=runtime.now())
    page = said(approver.get(f"/admin/issues/{issue_id}")).replace("\u00a0", " ")
    assert "1 delivery is in doubt" in page
    assert "may get the issue twice" in page
    approver.post(f"/admin/issues/{issue_id}/resolve", {"decision": decision})
    assert _status(runtime, issue_id) == status


def test_failed_deliveries_are_retried(sign_in: SignIn, runtime: Runtime) -> None:
    approver = sign_in(Role.APPROVER)
    issue_id, ids = add_issue(runtime, started=True)
    with runtime.transaction() as session:
        deliveries.settle(session, issue_id, ids, status=DeliveryStatus.FAILED, reason=DeliveryReason.REFUSED)
        issues.finish_if_done(session, issue_id, now=runtime.now())
    assert "Retry 3 failed" in said(approver.get(f"/admin/issues/{issue_id}"))
    assert approver.post(f"/admin/issues/{issue_id}/retry").status_code == 303
    with runtime.reading() as session:
        assert issues.tally_of(session, issue_id).pending == 3


def test_why_an_issue_fell_off_the_schedule_is_shown(admin: Person, runtime: Runtime) -> None:
    issue_id, _ = add_issue(runtime)
    with runtime.transaction() as session:
        issues.find_issue(session, issue_id).status = str(IssueStatus.SCHEDULED)
        session.flush()
        ticking.unschedule(session, issue_id, Conflict("the brief <was> edited"))
    assert "the brief &lt;was&gt; edited" in admin.get(f"/admin/issues/{issue_id}").text


def test_the_dashboard_says_what_waits_for_whom(sign_in: SignIn, runtime: Runtime) -> None:
    add_brief(runtime, submitted=True)
    assert "Review and approve" in said(sign_in(Role.APPROVER).get("/admin"))
    assert "Review and approve" not in said(sign_in(Role.EDITOR).get("/admin"))
    assert "Get ready to send" in said(sign_in(Role.ADMIN).get("/admin"))


def test_another_issue_for_a_list_and_date_has_to_be_ticked(sign_in: SignIn, runtime: Runtime) -> None:
    approver, brief_id = sign_in(Role.APPROVER), _approved_brief(runtime)
    data = {"brief": brief_id, "lists": "readers", "when": "now"}
    approver.post("/admin/issues/new", data)
    refused = approver.post("/admin/issues/new", data)
    assert refused.status_code == 409
    assert "ssue 1 (draft) is made for this list and date already" in said(refused)
    again = approver.post("/admin/issues/new", data | {"again": "yes"}).headers["location"]
    assert re.match(r"/admin/issues/[2-9]\d*/send", again)


def test_a_sent_issue_is_corrected_for_those_who_were_sent_it(sign_in: SignIn, runtime: Runtime) -> None:
    approver = sign_in(Role.APPROVER)
    issue_id, ids = add_issue(runtime, started=True)
    with runtime.transaction() as session:
        deliveries.settle(session, issue_id, ids[:2], status=DeliveryStatus.ACCEPTED)
        issues.cancel_issue(session, issue_id, actor=users.OPERATOR, now=runtime.now())
        row = briefs.import_brief(
            session,
            samples.brief_text().replace("Summary: ", "Summary: Corrected: ", 1),
            actor=users.OPERATOR,
            now=runtime.now(),
        )
        briefs.submit_brief(session, row.id, actor=users.OPERATOR, now=runtime.now())
        briefs.approve_brief(session, row.id, actor=users.OPERATOR, now=runtime.now())
    assert f"/admin/issues/{issue_id}/correct" in approver.get(f"/admin/issues/{issue_id}").text
    form = said(approver.get(f"/admin/issues/{issue_id}/correct")).replace("\u00a0", " ")
    assert "2 people at most" in form
    answer = approver.post(f"/admin/issues/{issue_id}/correct", {"brief": row.id})
    assert answer.headers["location"] == "/admin/issues/2/send?done=issue-created"
    assert "Send to 2 people?" in said(approver.get("/admin/issues/2/send")).replace("\u00a0", " ")
    assert f"issue {issue_id} : it goes to exactly those" in said(approver.get("/admin/issues/2"))
