"""Settling doubts: each is looked at when its time has come, and the table of `domain.doubt` says what is done.

Two ticks at once are harmless: a doubt is locked while it is looked at, and deliveries move by compare and set. Asking
the provider's log is a job of its own, because it waits for the network: one transaction before it, one after.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from newsletter.db.models import Batch, Doubt
from newsletter.db.queries import deliveries
from newsletter.db.queries import doubts as queries
from newsletter.domain.doubt import (
    LOOK_WHILE_HELD,
    MAX_ASKS,
    SAME_TIME,
    Act,
    DoubtStatus,
    Heard,
    LogAnswer,
    LogQuestion,
    LogReport,
    Rule,
    Silence,
    ask_pause,
    can_be_asked_about,
    decide,
    earliest_witness,
    look_pause,
    read_tag,
    sample_of,
    told_until,
)
from newsletter.domain.issue import BatchStatus, DeliveryReason, DeliveryStatus, IssueStatus
from newsletter.domain.retrying import is_too_late
from newsletter.jobs import ASK_LOG, DISPATCH, enqueue
from newsletter.links import Links
from newsletter.services import doubts, issues

log = logging.getLogger(__name__)

SENDGRID = "sendgrid"
DOUBTS_AT_ONCE = 200
# For this long after an issue ended nobody looks at what is held by itself; a person and events still settle it.
HELD_FOR = timedelta(days=3)


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """How doubts are settled: how long events are waited for, what follows then, and whether a log can be asked."""

    wait: timedelta
    policy: str
    has_log: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Inquiry:
    """What the provider's log is to be asked: about some recipients of a request that was made in this time."""

    doubt_id: int
    questions: tuple[LogQuestion, ...]
    since: datetime
    until: datetime


def settle_due(session: Session, *, now: datetime, terms: Terms, limit: int = DOUBTS_AT_ONCE) -> int:
    """Look at the doubts whose time has come; returns how many that were."""
    due = queries.lock_due(session, now=now, limit=limit)
    for doubt in due:
        settle_doubt(session, doubt, now=now, terms=terms)
    return len(due)


def settle_doubt(session: Session, doubt: Doubt, *, now: datetime, terms: Terms) -> Rule | None:
    """Decide about one (locked) doubt by what is known now; None where nothing of it is open any more."""
    if doubts.apply_heard(session, doubt, source=doubt.provider, now=now):
        issues.finish_if_done(session, doubt.issue_id, now=now)
    if doubts.close_if_settled(session, doubt, now=now):
        return None
    batch = queries.lock_batch(session, doubt.batch_id)
    silence, evidence = _silence(session, doubt, now=now, terms=terms)
    heard = Heard(
        has_waited=now - doubt.since >= terms.wait,
        silence=silence,
        absences=_absences(doubt),
        may_ask=terms.has_log and doubt.provider == SENDGRID and doubt.asks < MAX_ASKS,
        is_ask_due=doubt.ask_at is None or doubt.ask_at <= now,
        is_claimed=batch.status == BatchStatus.CLAIMED,
        policy=terms.policy,
        was_resent=doubts.was_resent_by_policy(session, doubt),
        is_too_late=is_too_late(planned_at=batch.planned_at, now=now),
        is_cancelled=queries.issue_of(session, doubt).status == IssueStatus.CANCELLED,
    )
    rule = decide(heard)
    decision = _Decision(rule=rule, by=heard.disproved_by, evidence=evidence, now=now, terms=terms)
    _DOING[rule.act](session, doubt, batch, decision)
    return rule


def begin_inquiry(session: Session, doubt_id: int, *, links: Links, wait: timedelta, now: datetime) -> Inquiry | None:
    """Take the turn to ask the log about a doubt; None where it is not due: of two who ask, one does.

    The next turn is fixed here, so that whoever dies while asking is not waited for.
    """
    doubt = queries.lock_doubt(session, doubt_id)
    if doubt is None or doubt.status != DoubtStatus.OPEN or doubt.asks >= MAX_ASKS or (doubt.ask_at or now) > now:
        return None
    doubt.asks += 1
    doubt.ask_at = now + ask_pause(doubt.asks, wait=wait)
    questions = _questions(session, doubt, links=links)
    if not questions:
        doubt.asks = MAX_ASKS
        doubt.log_words = "none of the addresses can be asked about"
        doubts.note(session, doubt, "log_asked", detail={"words": doubt.log_words}, now=now)
        return None
    attempt_at = queries.attempt_started_at(session, doubt.attempt_id) or doubt.since
    return Inquiry(doubt_id=doubt.id, questions=questions, since=attempt_at - SAME_TIME, until=doubt.since + SAME_TIME)


def record_report(session: Session, doubt_id: int, report: LogReport, *, now: datetime, terms: Terms) -> None:
    """Write down what the log said, and decide anew. What it says of a doubt that was settled meanwhile still counts
    where it found the mail: then that is known to be out twice."""
    doubt = queries.lock_doubt(session, doubt_id)
    if doubt is None:
        return
    words = {"answer": str(report.answer), "words": report.words, "times": doubt.asks}
    _prove_by_log(session, doubt, report, now=now)
    if doubt.status == DoubtStatus.OPEN:
        doubt.log_words = report.words
        doubt.ask_at = now + ask_pause(doubt.asks, wait=terms.wait, wish_seconds=report.retry_after_seconds)
        doubts.note(session, doubt, "log_asked", detail=words, now=now)
        settle_doubt(session, doubt, now=now, terms=terms)
    issues.finish_if_done(session, doubt.issue_id, now=now)


def _prove_by_log(session: Session, doubt: Doubt, report: LogReport, *, now: datetime) -> None:
    for subscriber_id, text in report.found:
        tag = read_tag(text)
        if tag is None:
            # A mail from before requests had tags: nobody can say which attempt it is from, but the person has it.
            about = [doubt] if doubt.status == DoubtStatus.OPEN else []
        else:
            attempts = queries.lock_of_attempts(session, {tag.attempt_id})
            about = [found for found in attempts if found.issue_id == doubt.issue_id]
        for found in about:
            people = [subscriber_id]
            if tag is not None and tag.has_run and tag.covers(subscriber_id):
                people = [member for member in found.members if tag.covers(member)]
            doubts.prove(session, found, people, by={"log": doubt.provider, "request": text}, now=now)


def _questions(session: Session, doubt: Doubt, *, links: Links) -> tuple[LogQuestion, ...]:
    unknown = queries.unknown_among(session, doubt.issue_id, doubt.members)
    emails = queries.emails_of(session, unknown)
    askable = [person for person in unknown if can_be_asked_about(emails.get(person, ""))]
    return tuple(
        LogQuestion(subscriber_id=person, email=emails[person], token=links.delivery_token(doubt.issue_id, person))
        for person in sample_of(askable)
    )


def _absences(doubt: Doubt) -> int:
    """How often the log had none of this, since it last had some of it: the rest may be of another request."""
    answers = [entry["detail"].get("answer") for entry in doubt.history if entry["kind"] == "log_asked"]
    while LogAnswer.FOUND in answers:
        answers = answers[answers.index(LogAnswer.FOUND) + 1 :]
    return answers.count(LogAnswer.ABSENT)


def _silence(session: Session, doubt: Doubt, *, now: datetime, terms: Terms) -> tuple[Silence, dict[str, Any]]:
    """How silent a provider that tells of each mail is about this request, with the evidence."""
    if doubt.provider != SENDGRID or now - doubt.since < terms.wait:
        return Silence(), {}
    made_at = queries.attempt_started_at(session, doubt.attempt_id) or doubt.since
    read_until = min(queries.oldest_waiting_post_at(session) or now, now)
    found = queries.witnesses(
        session,
        doubt,
        made_since=made_at - SAME_TIME,
        heard_since=earliest_witness(since=doubt.since, wait=terms.wait),
        mute_before=read_until - terms.wait,
    )
    heard = queries.heard_of_attempt(session, doubt.attempt_id)
    silence = Silence(
        witnesses=found.heard,
        mute=found.mute,
        is_heard_in_part=any(not tag.has_run for tag in heard),
        is_behind=read_until - doubt.since < terms.wait,
        is_garbled=queries.has_unreadable_posts(session, since=made_at),
        is_catching_up=found.heard > 0 and _is_catching_up(session, doubt, made_at=made_at, terms=terms, now=now),
    )
    return silence, {
        "requests_heard": found.heard,
        "requests_mute": found.mute,
        "last_heard": found.last_heard_at.isoformat() if found.last_heard_at else None,
    }


def _is_catching_up(session: Session, doubt: Doubt, *, made_at: datetime, terms: Terms, now: datetime) -> bool:
    posts = queries.posts_came_at(session, source=doubt.provider, since=made_at)
    return now < told_until(posts, made_at=made_at, since=doubt.since, wait=terms.wait)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Decision:
    rule: Rule
    by: str
    evidence: dict[str, Any]
    now: datetime
    terms: Terms

    def detail(self, doubt: Doubt, *, deliveries: int) -> dict[str, Any]:
        """Why, and by what evidence, for the timeline and the audit log."""
        told = {"why": self.rule.why, "deliveries": deliveries, **self.evidence}
        if doubt.asks:
            told |= {"log_asked": doubt.asks, "log": doubt.log_words}
        if self.rule.is_policy:
            told["policy"] = self.terms.policy
        if self.by or self.rule.is_policy:
            told["by"] = self.by or "policy"
        return told


def _wait(session: Session, doubt: Doubt, batch: Batch, decision: _Decision) -> None:
    first_look = doubt.since + decision.terms.wait
    doubt.check_at = first_look if first_look > decision.now else decision.now + look_pause(decision.terms.wait)


def _ask(session: Session, doubt: Doubt, batch: Batch, decision: _Decision) -> None:
    doubt.check_at = decision.now + look_pause(decision.terms.wait)
    enqueue(session, ASK_LOG, doubt.id)


def _hold(session: Session, doubt: Doubt, batch: Batch, decision: _Decision) -> None:
    is_kept_in_sight = decision.now - doubt.since < HELD_FOR
    doubt.check_at = decision.now + LOOK_WHILE_HELD if is_kept_in_sight else None
    if not any(entry["kind"] == "held" for entry in doubt.history):
        deliveries = len(queries.unknown_among(session, doubt.issue_id, doubt.members))
        detail = decision.detail(doubt, deliveries=deliveries)
        doubts.note(session, doubt, "held", detail=detail, now=decision.now)


def _resend(session: Session, doubt: Doubt, batch: Batch, decision: _Decision) -> None:
    _close(session, doubt, DoubtStatus.RESENT, decision, status=DeliveryStatus.PENDING, reason=DeliveryReason.NONE)
    queries.reopen_batch(session, batch.id, now=decision.now)
    issues.go_on(session, doubt.issue_id, now=decision.now)
    enqueue(session, DISPATCH, doubt.issue_id)


def _skip(session: Session, doubt: Doubt, batch: Batch, decision: _Decision) -> None:
    _give_up(session, doubt, DoubtStatus.SKIPPED, decision, reason=DeliveryReason.SKIPPED_IN_DOUBT)


def _expire(session: Session, doubt: Doubt, batch: Batch, decision: _Decision) -> None:
    _give_up(session, doubt, DoubtStatus.EXPIRED, decision, reason=DeliveryReason.EXPIRED)


def _cancel(session: Session, doubt: Doubt, batch: Batch, decision: _Decision) -> None:
    reason, status = DeliveryReason.CANCELLED, DeliveryStatus.SUPPRESSED
    _close(session, doubt, DoubtStatus.CANCELLED, decision, status=status, reason=reason)


def _give_up(
    session: Session, doubt: Doubt, outcome: DoubtStatus, decision: _Decision, *, reason: DeliveryReason
) -> None:
    _close(session, doubt, outcome, decision, status=DeliveryStatus.FAILED, reason=reason)
    issues.finish_if_done(session, doubt.issue_id, now=decision.now)


def _close(
    session: Session,
    doubt: Doubt,
    outcome: DoubtStatus,
    decision: _Decision,
    *,
    status: DeliveryStatus,
    reason: DeliveryReason,
) -> None:
    """Move what is in doubt still, and write down why."""
    now = decision.now
    unknown = [row.subscriber_id for row in queries.members_now(session, doubt) if row.status == DeliveryStatus.UNKNOWN]
    deliveries.settle(
        session, doubt.issue_id, unknown, status=status, reason=reason, from_statuses=(DeliveryStatus.UNKNOWN,)
    )
    detail = decision.detail(doubt, deliveries=len(unknown))
    doubts.note(session, doubt, outcome.name.lower(), people=unknown, detail=detail, now=now)
    doubts.close(session, doubt, outcome, now=now)
    log.warning(
        "doubt.%s issue_id=%s doubt_id=%s deliveries=%s",
        outcome.name.lower(),
        doubt.issue_id,
        doubt.id,
        len(unknown),
    )


_DOING: dict[Act, Callable[[Session, Doubt, Batch, _Decision], None]] = {
    Act.WAIT: _wait,
    Act.ASK: _ask,
    Act.RESEND: _resend,
    Act.SKIP: _skip,
    Act.HOLD: _hold,
    Act.EXPIRE: _expire,
    Act.CANCEL: _cancel,
}
