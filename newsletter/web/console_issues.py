"""Issues in the console: making one, watching it, steering it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.db.models import Issue
from newsletter.domain.brief import BriefStatus
from newsletter.domain.issue import TRANSITIONS, IssueStatus
from newsletter.domain.local_time import moment_of
from newsletter.errors import Conflict, InvalidInput, NewsletterError
from newsletter.services import briefs, doubts, issues, lists, newsletters, pace, probing
from newsletter.web.console_home import issue_lines
from newsletter.web.forms import Form, plain
from newsletter.web.visits import Id, Place, Visit, Visiting, refused_to, see

_ISSUES_PER_PAGE = 25


def show_issues(visit: Visiting, before: Place | None = None) -> Response:
    """All issues, the newest first."""
    found = issues.recent_issues(visit.session, limit=_ISSUES_PER_PAGE + 1, before_id=before)
    return visit.page(
        "issues.html",
        lines=issue_lines(visit.session, found[:_ISSUES_PER_PAGE]),
        next_before=found[_ISSUES_PER_PAGE - 1].id if len(found) > _ISSUES_PER_PAGE else None,
    )


def show_new_issue(visit: Visiting, brief: Place | None = None) -> Response:
    """The form for a new issue of an approved brief."""
    return _new_page(visit, brief_id=brief)


def create_issue(visit: Visiting) -> Response:
    """Make an issue for the chosen lists: sent by hand, at a time on the newsletter's clock, or on each reader's."""
    form = visit.form
    with refused_to(lambda fresh, error: _new_page(fresh, brief_id=_brief_or_none(form), typed=form, error=error)):
        brief_id = form.number("brief")
        if brief_id is None:
            raise InvalidInput("choose the brief that the issue is made of")
        send_at = _send_at(visit, brief_id)
        issue = issues.create_issue(
            visit.session,
            brief_id=brief_id,
            list_slugs=form.lines("lists"),
            actor=visit.actor,
            now=visit.now,
            send_at=send_at,
            local_time=form.line("local_time") if form.line("when") == "local" else None,
            again=form.is_checked("again"),
        )
    if send_at is not None:
        return see(f"/admin/issues/{issue.id}", done="issue-scheduled")
    return see(f"/admin/issues/{issue.id}/send", done="issue-created")


def show_correct_issue(visit: Visiting, issue_id: Id) -> Response:
    """The form that corrects an issue with another brief."""
    return _correct_page(visit, issue_id)


def correct_issue(visit: Visiting, issue_id: Id) -> Response:
    """Make an issue for exactly those who were sent this one."""
    with refused_to(lambda fresh, error: _correct_page(fresh, issue_id, error=error)):
        brief_id = visit.form.number("brief")
        if brief_id is None:
            raise InvalidInput("choose the brief that puts it right")
        issue = issues.correct_issue(
            visit.session, brief_id=brief_id, corrects_id=issue_id, actor=visit.actor, now=visit.now
        )
    return see(f"/admin/issues/{issue.id}/send", done="issue-created")


def show_estimate(visit: Visiting) -> Response:
    """How many people some lists reach together: a fragment for the form of a new issue."""
    slugs = [plain(slug) for slug in visit.request.query_params.getlist("lists")]
    return visit.page("_estimate.html", people=issues.estimate_audience(visit.session, slugs) if slugs else None)


def show_issue(visit: Visiting, issue_id: Id) -> Response:
    """One issue: where it stands, its ledger in numbers, what can be done now."""
    return _issue_page(visit, issue_id)


def show_progress(visit: Visiting, issue_id: Id) -> Response:
    """The part of an issue's page that changes while it is sent."""
    issue = issues.find_issue(visit.session, issue_id)
    return visit.page("_progress.html", **_standing(visit, issue))


def show_send_issue(visit: Visiting, issue_id: Id) -> Response:
    """Ask once more before an issue goes out."""
    return _send_page(visit, issue_id)


def send_issue(visit: Visiting, issue_id: Id) -> Response:
    """Freeze the audience and begin to send."""
    settings = visit.runtime.settings
    with refused_to(lambda fresh, error: _issue_page(fresh, issue_id, error=error)):
        issues.send_issue(
            visit.session,
            issue_id,
            actor=visit.actor,
            provider=str(settings.provider),
            batch_size=settings.batch_size(),
            now=visit.now,
        )
    return see(f"/admin/issues/{issue_id}", done="issue-sending")


def pause_issue(visit: Visiting, issue_id: Id) -> Response:
    """Stop taking up deliveries."""
    return _steer(visit, issue_id, issues.pause_issue, done="issue-paused")


def resume_issue(visit: Visiting, issue_id: Id) -> Response:
    """Go on sending."""
    return _steer(visit, issue_id, issues.resume_issue, done="issue-resumed")


def retry_issue(visit: Visiting, issue_id: Id) -> Response:
    """Send again to those whose delivery failed."""
    return _steer(visit, issue_id, issues.retry_issue, done="issue-retrying")


def show_cancel_issue(visit: Visiting, issue_id: Id) -> Response:
    """Ask once more before an issue is stopped for good."""
    issue = issues.find_issue(visit.session, issue_id)
    if (IssueStatus(issue.status), "cancel") not in TRANSITIONS:
        raise Conflict(f"issue {issue_id} is {issue.status}: there is nothing left to cancel")
    return visit.page("issue_cancel.html", **_standing(visit, issue))


def cancel_issue(visit: Visiting, issue_id: Id) -> Response:
    """Stop an issue for good."""
    return _steer(visit, issue_id, issues.cancel_issue, done="issue-cancelled")


def resolve_issue(visit: Visiting, issue_id: Id) -> Response:
    """Decide about deliveries of which nobody can tell whether they arrived."""
    with refused_to(lambda fresh, error: _issue_page(fresh, issue_id, error=error)):
        issues.resolve_unknown(
            visit.session, issue_id, decision=visit.form.line("decision"), actor=visit.actor, now=visit.now
        )
    return see(f"/admin/issues/{issue_id}", done="issue-resolved")


def _steer(visit: Visit, issue_id: int, act: Callable[..., Issue], *, done: str) -> Response:
    with refused_to(lambda fresh, error: _issue_page(fresh, issue_id, error=error)):
        act(visit.session, issue_id, actor=visit.actor, now=visit.now)
    return see(f"/admin/issues/{issue_id}", done=done)


def _issue_page(visit: Visit, issue_id: int, *, error: NewsletterError | None = None) -> Response:
    issue = issues.find_issue(visit.session, issue_id)
    standing = _standing(visit, issue)
    status = IssueStatus(issue.status)
    can_estimate = status in (IssueStatus.DRAFT, IssueStatus.SCHEDULED)
    return visit.page(
        "issue.html",
        **standing,
        estimate=issues.audience_estimate(visit.session, issue_id) if can_estimate else None,
        retryable=issues.count_retryable(visit.session, issue_id) if standing["tally"].failed else 0,
        acts={act for found, act in TRANSITIONS if found is status},
        error=error,
    )


def _send_page(visit: Visit, issue_id: int) -> Response:
    issue = issues.find_issue(visit.session, issue_id)
    if (IssueStatus(issue.status), "send") not in TRANSITIONS:
        raise Conflict(f"issue {issue_id} is {issue.status}: it cannot be sent from there")
    return visit.page(
        "issue_send.html",
        **_standing(visit, issue),
        estimate=issues.audience_estimate(visit.session, issue_id),
        rendered=issues.approved_mail(visit.session, issue_id),
    )


def _correct_page(visit: Visit, issue_id: int, *, error: NewsletterError | None = None) -> Response:
    issue = issues.find_issue(visit.session, issue_id)
    found = briefs.recent_briefs(visit.session)
    return visit.page(
        "issue_correct.html",
        **_standing(visit, issue),
        approved=[
            row
            for row in found
            if BriefStatus(row.status) is BriefStatus.APPROVED and row.newsletter_id == issue.newsletter_id
        ],
        error=error,
    )


def _standing(visit: Visit, issue: Issue) -> dict[str, Any]:
    """What all pages of an issue show."""
    tally = issues.tally_of(visit.session, issue.id)
    newsletter = newsletters.newsletter_of(visit.session, issue.newsletter_id)
    rate = pace.deliveries_a_second(visit.session, issue, tally, now=visit.now)
    return {
        "issue": issue,
        "brief": briefs.find_brief(visit.session, issue.brief_id),
        "newsletter": newsletter,
        "zone": newsletter.time_zone,
        "lists": issues.lists_of(visit.session, issue.id),
        "tally": tally,
        "remark": issue.status_reason or probing.waits_for(visit.session, issue),
        "doubts": _doubts(visit, issue) if tally.unknown else [],
        "rate": rate,
        "remaining_seconds": (tally.audience - tally.done) / rate if rate else None,
        "is_moving": IssueStatus(issue.status) in (IssueStatus.SENDING, IssueStatus.PAUSED),
    }


def _doubts(visit: Visit, issue: Issue) -> list[doubts.Standing]:
    wait = timedelta(seconds=visit.runtime.settings.unknown_wait_seconds)
    return doubts.standings(visit.session, issue.id, wait=wait, now=visit.now)


def _new_page(
    visit: Visit, *, brief_id: int | None, typed: Form | None = None, error: NewsletterError | None = None
) -> Response:
    session = visit.session
    approved = [row for row in briefs.recent_briefs(session) if BriefStatus(row.status) is BriefStatus.APPROVED]
    chosen = next((row for row in approved if row.id == brief_id), approved[0] if approved else None)
    newsletter = newsletters.newsletter_of(session, chosen.newsletter_id) if chosen else None
    slugs = [summary.slug for summary in _lists_for(session, newsletter.id if newsletter else None)]
    ticked = typed.lines("lists") if typed else slugs if len(slugs) == 1 else []
    known = [slug for slug in ticked if slug in slugs]
    return visit.page(
        "issue_new.html",
        approved=approved,
        chosen=chosen,
        newsletter=newsletter,
        lists=_lists_for(session, newsletter.id if newsletter else None),
        ticked=ticked,
        estimate=issues.estimate_audience(session, known) if known else None,
        when=typed.line("when") if typed else "now",
        send_at=typed.line("send_at") if typed else "",
        local_time=typed.line("local_time") if typed else "07:00",
        again=bool(typed and typed.is_checked("again")),
        local_now=visit.now.astimezone(ZoneInfo(newsletter.time_zone)) if newsletter else None,
        error=error,
    )


def _lists_for(session: Session, newsletter_id: int | None) -> list[lists.ListSummary]:
    return [summary for summary in lists.list_summaries(session) if summary.newsletter_id == newsletter_id]


def _send_at(visit: Visit, brief_id: int) -> datetime | None:
    if visit.form.line("when") != "later":
        return None
    row = briefs.find_brief(visit.session, brief_id)
    zone = newsletters.newsletter_of(visit.session, row.newsletter_id).time_zone
    moment = moment_of(visit.form.line("send_at"), zone=zone)
    if moment <= visit.now:
        raise InvalidInput("that time has passed: choose a later one, or send by hand")
    return moment


def _brief_or_none(form: Form) -> int | None:
    text = form.line("brief")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
