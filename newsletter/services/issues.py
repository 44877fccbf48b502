"""Issues: making one from an approved brief, starting it, steering it, and saying how it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Issue, MailingList
from newsletter.db.queries import audience as audience_queries
from newsletter.db.queries import batches as batch_queries
from newsletter.db.queries import deliveries as delivery_queries
from newsletter.db.queries import editions
from newsletter.db.queries import issues as queries
from newsletter.db.queries import providers as provider_queries
from newsletter.domain.cohorts import CohortPlan, at_once, parse_local_time, plan_cohorts
from newsletter.domain.editions import edition_of
from newsletter.domain.issue import (
    FINAL_STATUSES,
    BatchStatus,
    DeliveryReason,
    DeliveryStatus,
    IssueStatus,
    Tally,
    after,
    finishing_act,
)
from newsletter.domain.retrying import send_before
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.jobs import DISPATCH, enqueue
from newsletter.rendering import Rendered
from newsletter.services import alerts, audit, briefs, doubts, lists, newsletters, stopping
from newsletter.services.users import Actor


def create_issue(
    session: Session,
    *,
    brief_id: int,
    list_slugs: Sequence[str],
    actor: Actor | None,
    now: datetime,
    send_at: datetime | None = None,
    begins_before: datetime | None = None,
    local_time: str | None = None,
    again: bool = False,
) -> Issue:
    """Make an issue of an approved brief for some lists; scheduled where `send_at` is given.

    With `local_time` (HH:MM) everybody gets it at that time by the clock of their own time zone. There is one issue for
    each list and date, unless somebody wants another one (`again`). A scheduled issue that was not begun by
    `begins_before` (half a day late, where it is left out) waits for a person.

    Conflict where the brief is not approved or the place is taken; InvalidInput where the lists belong to another
    newsletter.
    """
    row = briefs.find_brief(session, brief_id)
    approved = briefs.approved_rendering(session, brief_id)
    chosen = [lists.find_list(session, slug) for slug in dict.fromkeys(list_slugs)]
    if not chosen:
        raise InvalidInput("an issue needs at least one list: name it with --list")
    for mailing_list in chosen:
        if mailing_list.newsletter_id != row.newsletter_id:
            raise InvalidInput(f"list {mailing_list.slug} belongs to another newsletter than brief {brief_id}")
    issue = Issue(
        newsletter_id=row.newsletter_id,
        brief_id=row.id,
        rendering_id=approved.id,
        sha256=approved.sha256,
        status=str(IssueStatus.DRAFT if send_at is None else IssueStatus.SCHEDULED),
        send_at=send_at,
        send_before=begins_before or send_before(send_at, now=now),
        local_time=None if local_time is None else f"{parse_local_time(local_time):%H:%M}",
        author_id=actor.user_id if actor else None,
        created_at=now,
    )
    _add_issue(session, issue, chosen, edition=None if again else edition_of(row.date), actor=actor, now=now)
    return issue


def correct_issue(
    session: Session, *, brief_id: int, corrects_id: int, actor: Actor, now: datetime, send_at: datetime | None = None
) -> Issue:
    """Make an issue that corrects another: it goes to those who were sent that one, and to nobody else.

    Who has been suppressed or has left since does not get it; neither do those of whom nobody can tell whether they
    have the other (resolve these first). Conflict where the other is not over, or nothing is different.
    """
    row = briefs.find_brief(session, brief_id)
    approved = briefs.approved_rendering(session, brief_id)
    corrected = find_issue(session, corrects_id)
    _require_over(corrected)
    if corrected.newsletter_id != row.newsletter_id:
        raise InvalidInput(f"issue {corrects_id} belongs to another newsletter than brief {brief_id}")
    if corrected.sha256 == approved.sha256:
        raise Conflict(f"brief {brief_id} is the very mail that issue {corrects_id} sent: correct it first")
    issue = Issue(
        newsletter_id=row.newsletter_id,
        brief_id=row.id,
        rendering_id=approved.id,
        sha256=approved.sha256,
        status=str(IssueStatus.DRAFT if send_at is None else IssueStatus.SCHEDULED),
        send_at=send_at,
        send_before=send_before(send_at, now=now),
        corrects_id=corrects_id,
        author_id=actor.user_id,
        created_at=now,
    )
    edition = edition_of(row.date, corrects_id=corrects_id, sha256=approved.sha256)
    _add_issue(session, issue, lists_of(session, corrects_id), edition=edition, actor=actor, now=now)
    return issue


def _add_issue(
    session: Session,
    issue: Issue,
    chosen: Sequence[MailingList],
    *,
    edition: str | None,
    actor: Actor | None,
    now: datetime,
) -> None:
    session.add(issue)
    session.flush()
    list_ids = [found.id for found in chosen]
    if not editions.take_places(session, issue.id, list_ids, edition=edition):
        assert edition is not None
        holder = editions.holder_of(session, list_ids, edition=edition)
        raise Conflict(_taken(holder, corrects_id=issue.corrects_id))
    detail: dict[str, object] = {"lists": [found.slug for found in chosen]}
    if issue.corrects_id is not None:
        detail["corrects"] = issue.corrects_id
    _audit(session, "create", issue, actor=actor, now=now, detail=detail)


def _taken(holder: Issue | None, *, corrects_id: int | None) -> str:
    other = "another issue" if holder is None else f"issue {holder.id} ({holder.status})"
    if corrects_id is not None:
        return f"{other} corrects issue {corrects_id} with the same brief already: send that one, or cancel it"
    return (
        f"{other} is made for this list and date already: send or cancel that one,"
        " or ask for another one with --again (“Once more” in the console)"
    )


def _require_over(corrected: Issue) -> None:
    if IssueStatus(corrected.status) not in FINAL_STATUSES or corrected.started_at is None:
        raise Conflict(
            f"issue {corrected.id} is {corrected.status}: it can be corrected when it is sent, or cancelled half-way"
        )


def find_issue(session: Session, issue_id: int) -> Issue:
    """The issue of this id."""
    issue = session.get(Issue, issue_id)
    if issue is None:
        raise NotFound(f"there is no issue {issue_id}: see `newsletter issue ls`")
    return issue


def recent_issues(session: Session, *, limit: int = 50, before_id: int | None = None) -> Sequence[Issue]:
    """Issues, the newest first."""
    return queries.recent_issues(session, limit=limit, before_id=before_id)


def issues_of_brief(session: Session, brief_id: int) -> Sequence[Issue]:
    """The issues made from one brief."""
    return queries.issues_of_brief(session, brief_id)


def lists_of(session: Session, issue_id: int) -> Sequence[MailingList]:
    """The lists that an issue goes to."""
    return audience_queries.lists_of_issue(session, issue_id)


def audience_estimate(session: Session, issue_id: int) -> int:
    """How many people the issue would reach if it were sent now."""
    list_ids = [found.id for found in lists_of(session, issue_id)]
    return audience_queries.count_audience(session, list_ids, corrects_id=find_issue(session, issue_id).corrects_id)


def estimate_audience(session: Session, list_slugs: Sequence[str]) -> int:
    """How many people some lists would reach together now: each person once, nobody who is suppressed."""
    chosen = [lists.find_list(session, slug) for slug in dict.fromkeys(list_slugs)]
    return audience_queries.count_audience(session, [found.id for found in chosen])


def approved_mail(session: Session, issue_id: int) -> Rendered:
    """The mail that an issue was made of; Conflict where other bytes are approved by now."""
    issue = find_issue(session, issue_id)
    require_approved_bytes(session, issue)
    return Rendered.from_bytes(briefs.approved_rendering(session, issue.brief_id).document)


def send_issue(
    session: Session, issue_id: int, *, actor: Actor | None, provider: str, batch_size: int, now: datetime
) -> Issue:
    """Start sending: prove the approval, freeze the audience, cut it into batches, wake the workers.

    Only one of two calls at once gets through; the other is a Conflict. `actor` is None for the scheduler.
    """
    issue = find_issue(session, issue_id)
    target = after(IssueStatus(issue.status), "send")
    require_approved_bytes(session, issue)
    if issue.corrects_id is not None:
        _require_over(find_issue(session, issue.corrects_id))
    if not queries.move_issue(
        session, issue_id, from_status=issue.status, to_status=str(target), provider=provider, started_at=now
    ):
        raise Conflict(f"issue {issue_id} is being sent already")
    plan = _plan_cohorts(session, issue, now=now)
    size = audience_queries.snapshot_audience(
        session, issue_id, cohort_of_zone=plan.number_of, corrects_id=issue.corrects_id
    )
    if size == 0 and issue.corrects_id is not None:
        raise Conflict(f"issue {issue_id} has nobody to go to: nobody was sent issue {issue.corrects_id}")
    if size == 0:
        raise Conflict(f"issue {issue_id} has nobody to go to: its lists hold no confirmed subscriber")
    audience_queries.make_batches(session, issue_id, size=batch_size, due_at=plan.due_at)
    queries.set_audience(session, issue_id, size)
    enqueue(session, DISPATCH, issue_id)
    session.refresh(issue)
    _audit(session, "send", issue, actor=actor, now=now, detail={"audience": size, "sha256": issue.sha256})
    return issue


def _plan_cohorts(session: Session, issue: Issue, *, now: datetime) -> CohortPlan:
    """Everybody at once, or each at the issue's local time by their own clock."""
    if issue.local_time is None:
        return at_once(now)
    return plan_cohorts(
        audience_queries.time_zones_of_audience(session, issue.id, corrects_id=issue.corrects_id),
        local_time=parse_local_time(issue.local_time),
        home_zone=newsletters.newsletter_of(session, issue.newsletter_id).time_zone,
        now=now,
    )


def require_approved_bytes(session: Session, issue: Issue) -> None:
    """Conflict with the reason unless the bytes that stand approved now are the ones this issue was made from."""
    approved = briefs.approved_rendering(session, issue.brief_id)
    if approved.sha256 != issue.sha256:
        raise Conflict(
            f"issue {issue.id} was made from {issue.sha256[:12]}…, but {approved.sha256[:12]}… is approved now:"
            " make a new issue"
        )


def pause_issue(session: Session, issue_id: int, *, actor: Actor | None, now: datetime, reason: str = "") -> Issue:
    """Stop claiming; what is with a worker is finished within seconds or handed back."""
    return _move(session, issue_id, "pause", actor=actor, now=now, status_reason=reason)


def pause_if_sending(session: Session, issue_id: int, *, now: datetime, reason: str) -> None:
    """Pause for a reason that a person has to look at; nothing happens where somebody paused or cancelled first."""
    if IssueStatus(find_issue(session, issue_id).status) is IssueStatus.SENDING:
        pause_issue(session, issue_id, actor=None, now=now, reason=reason)


def resume_issue(session: Session, issue_id: int, *, actor: Actor, now: datetime) -> Issue:
    """Go on where the pause stopped. A person who resumes has seen to the provider too: its pause is lifted, and so is
    that of whatever waited with it. What waits is news again: its deadline counts from now.
    """
    issue = _move(session, issue_id, "resume", actor=actor, now=now, status_reason="")
    stopping.resume_stopped(session, issue.provider, actor_id=actor.user_id, now=now)
    batch_queries.plan_anew(session, issue_id, now=now)
    provider_queries.set_state(
        session, issue.provider, is_paused=False, needs_person=False, reason="", until=None, now=now
    )
    for subject in (f"issue:{issue_id}", f"provider:{issue.provider}"):
        alerts.close_alerts_about(session, subject, actor_id=actor.user_id, now=now)
    enqueue(session, DISPATCH, issue_id)
    return issue


def cancel_issue(session: Session, issue_id: int, *, actor: Actor, now: datetime) -> Issue:
    """Stop the press: nothing that no worker holds goes out any more. What was sent stays in the ledger.

    Where nobody can have got it, its place on its lists is free for another issue of that date.
    """
    # Before all else, as everybody locks batches before issues: a worker that is just claiming a batch is waited for,
    # and then counts as holding it; one that is just giving a batch back has done so, or sees that it is cancelled.
    batch_queries.lock_batches(session, issue_id, statuses=(BatchStatus.PENDING, BatchStatus.CLAIMED))
    issue = _move(session, issue_id, "cancel", actor=actor, now=now, finished_at=now)
    batch_queries.close_pending_batches(session, issue_id)
    delivery_queries.cancel_unclaimed(session, issue_id)
    tally = tally_of(session, issue_id)
    if tally.accepted + tally.unknown + tally.claimed == 0:
        editions.leave_places(session, issue_id)
    return issue


def retry_issue(session: Session, issue_id: int, *, actor: Actor, now: datetime) -> Issue:
    """Send again to exactly those whose delivery failed for a reason that may pass.

    Never to those who have it or may have it, nor where there is no such mailbox.
    """
    # Before the issue, as everybody locks: a doubt of the same batch may just be settling.
    batch_queries.lock_batches(session, issue_id)
    issue = _move(session, issue_id, "retry", actor=actor, now=now, started_at=now, finished_at=None)
    if delivery_queries.retry_failed(session, issue_id) == 0:
        raise Conflict(f"issue {issue_id} has no failed deliveries that another try could help")
    _reopen(session, issue_id, now=now)
    return issue


def count_retryable(session: Session, issue_id: int) -> int:
    """How many failed deliveries of an issue another try could help."""
    return delivery_queries.count_retryable(session, issue_id)


def resolve_unknown(session: Session, issue_id: int, *, decision: str, actor: Actor | None, now: datetime) -> Issue:
    """Decide about deliveries in doubt: "resend" (someone may get it twice) or "skip" (someone may miss it)."""
    if decision not in ("resend", "skip"):
        raise InvalidInput("unknown deliveries are resolved by resend or by skip")
    issue = find_issue(session, issue_id)
    if IssueStatus(issue.status) is not IssueStatus.INCOMPLETE:
        raise Conflict(f"issue {issue_id} is {issue.status}: only an incomplete issue has doubts to resolve")
    doubts.close_by_person(session, issue_id, decision=decision, actor_id=actor.user_id if actor else None, now=now)
    if decision == "skip":
        delivery_queries.change_status(
            session,
            issue_id,
            from_status=DeliveryStatus.UNKNOWN,
            to_status=DeliveryStatus.FAILED,
            reason=DeliveryReason.SKIPPED_IN_DOUBT,
        )
        return _move(session, issue_id, "finish", actor=actor, now=now, finished_at=now)
    issue = _move(session, issue_id, "retry", actor=actor, now=now, started_at=now, finished_at=None)
    delivery_queries.change_status(
        session, issue_id, from_status=DeliveryStatus.UNKNOWN, to_status=DeliveryStatus.PENDING
    )
    _reopen(session, issue_id, now=now)
    return issue


def go_on(session: Session, issue_id: int, *, now: datetime) -> None:
    """Send on where an issue had ended in doubt: some of it was proven not to be out. Otherwise nothing happens."""
    # Locked, since who closes the issue at this moment does not see yet what goes back to waiting here.
    if IssueStatus(queries.lock_issue(session, issue_id).status) is IssueStatus.INCOMPLETE:
        _move(session, issue_id, "retry", actor=None, now=now, finished_at=None)


def tally_of(session: Session, issue_id: int) -> Tally:
    """The ledger of an issue in numbers."""
    return queries.tally(session, issue_id)


def finish_if_done(session: Session, issue_id: int, *, now: datetime) -> IssueStatus:
    """Close a sending issue when nothing waits and nothing is claimed; returns the status it has then."""
    issue = find_issue(session, issue_id)
    status = IssueStatus(issue.status)
    if status not in (IssueStatus.SENDING, IssueStatus.INCOMPLETE):
        return status
    if status is IssueStatus.SENDING and batch_queries.has_open_batches(session, issue_id):
        # Counting a million rows at each tick would cost more than the tick has time for.
        return status
    # Counted under the lock: a doubt that is just sent again is seen here, or sees what was done here.
    status = IssueStatus(queries.lock_issue(session, issue_id).status)
    if status not in (IssueStatus.SENDING, IssueStatus.INCOMPLETE):
        return status
    act = finishing_act(tally_of(session, issue_id))
    if act is None or (status is IssueStatus.INCOMPLETE and act != "finish"):
        return status
    target = after(status, act)
    if queries.move_issue(session, issue_id, from_status=str(status), to_status=str(target), finished_at=now):
        _audit(session, str(target), issue, actor=None, now=now, detail=None)
        return target
    return status


def _reopen(session: Session, issue_id: int, *, now: datetime) -> None:
    batch_queries.reopen_batches(session, issue_id, now=now)
    enqueue(session, DISPATCH, issue_id)


def _move(session: Session, issue_id: int, act: str, *, actor: Actor | None, now: datetime, **values: object) -> Issue:
    issue = find_issue(session, issue_id)
    target = after(IssueStatus(issue.status), act)
    if not queries.move_issue(session, issue_id, from_status=issue.status, to_status=str(target), **values):
        raise Conflict(f"issue {issue_id} changed meanwhile: look at it again")
    session.refresh(issue)
    _audit(session, act, issue, actor=actor, now=now, detail=None)
    return issue


def _audit(
    session: Session, act: str, issue: Issue, *, actor: Actor | None, now: datetime, detail: dict[str, object] | None
) -> None:
    audit.record(
        session,
        action=f"issue.{act}",
        subject_type="issue",
        subject_id=issue.id,
        actor_id=actor.user_id if actor else None,
        detail=detail,
        now=now,
    )
