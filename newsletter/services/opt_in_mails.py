"""The mail that answers a request at the public door: decided, handed over at most once, and never counted.

Claimed with a compare and set, committed before the provider hears of it. What a provider certainly did not take is
tried again; what it may have taken never is, for the reader can ask again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.db.models import OptInRequest
from newsletter.db.queries import opting_in as queries
from newsletter.db.queries import subscribers as subscriber_queries
from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.domain.newsletter import Newsletter
from newsletter.domain.opt_in import KEPT, Answer, AnswerKind, RequestMail, answer_for
from newsletter.domain.retrying import is_too_late, retry_delay
from newsletter.domain.subscriber import SubscriberStatus, SuppressionReason
from newsletter.jobs import SEND_OPT_INS, enqueue
from newsletter.links import OPT_IN_ISSUE, Links
from newsletter.providers import Provider
from newsletter.rendering import DkimSigner, render_opt_in, wire_address
from newsletter.services import newsletters, opt_in_returns, suppressions
from newsletter.services.mailings import mailing_of
from newsletter.services.subscribing import may_take

log = logging.getLogger(__name__)

NO_ISSUE = 0

# Where an answer of the provider leads.
MAIL_AFTER: dict[OutcomeKind, RequestMail] = {
    OutcomeKind.ACCEPTED: RequestMail.SENT,
    OutcomeKind.REFUSED: RequestMail.REFUSED,
    OutcomeKind.DEFERRED: RequestMail.WAITING,
    OutcomeKind.UNKNOWN: RequestMail.UNKNOWN,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedAnswer:
    """A mail that this worker alone may hand over, with all that is written in it.

    `is_suppressed` says that the address is suppressed here: the provider's own list must not swallow this one mail.
    """

    request_id: int
    kind: AnswerKind
    newsletter: Newsletter
    email: str
    language: str
    list_names: tuple[str, ...]
    requested_at: datetime
    is_suppressed: bool


def claim_next(session: Session, *, links: Links, now: datetime) -> ClaimedAnswer | None:
    """Take the next mail that is due; None where none is. Requests that get no mail are settled on the way."""
    while (request_id := queries.next_due(session, now=now)) is not None:
        if not queries.claim(session, request_id, now=now):
            continue  # another worker was faster
        request = queries.request_by_id(session, request_id)
        assert request is not None
        answer, suppression = _decide(session, request, links=links)
        if answer is not None and _is_allowed(session, request, answer, links=links, now=now):
            return _claimed(session, request, answer, is_suppressed=suppression is not None)
        queries.move_mail(session, request_id, from_mails=[RequestMail.CLAIMED], to_mail=RequestMail.WITHHELD)
        log.info("opt_in.withheld request_id=%s", request_id)
    return None


def _decide(session: Session, request: OptInRequest, *, links: Links) -> tuple[Answer | None, SuppressionReason | None]:
    person = subscriber_queries.subscriber_by_address(session, request.address)
    found = suppressions.find_suppression(session, address=request.address, address_key=links.address_key)
    reason = SuppressionReason(found.reason) if found else None
    is_member = person is not None and queries.is_on_all(
        session, subscriber_id=person.id, list_ids=[int(list_id) for list_id in request.list_ids]
    )
    is_disabled = person is not None and person.status == SubscriberStatus.DISABLED
    return answer_for(is_disabled=is_disabled, is_member=is_member, suppression=reason), reason


def _is_allowed(session: Session, request: OptInRequest, answer: Answer, *, links: Links, now: datetime) -> bool:
    """Whether the special allowance of this answer covers it; a further try of the same mail takes nothing more."""
    if request.tries > 1:
        return True
    return may_take(session, answer.allowance, f"mail.{answer.kind}", request.address, links=links, now=now)


def _claimed(session: Session, request: OptInRequest, answer: Answer, *, is_suppressed: bool) -> ClaimedAnswer:
    offered = queries.public_lists(session, request.newsletter_id)
    chosen = queries.lists_by_ids(session, request.list_ids)
    return ClaimedAnswer(
        request_id=request.id,
        kind=answer.kind,
        newsletter=newsletters.as_value(newsletters.newsletter_of(session, request.newsletter_id)),
        email=request.email,
        language=request.language,
        list_names=tuple(row.name for row in chosen) if len(offered) > 1 else (),
        requested_at=request.requested_at,
        is_suppressed=is_suppressed,
    )


def hand_over(
    answer: ClaimedAnswer, provider: Provider, *, links: Links, bounce_domain: str, signer: DkimSigner | None
) -> Outcome:
    """Compose the mail and give it to the provider; no transaction is open meanwhile."""
    mailing, recipient = _compose(answer, links=links, bounce_domain=bounce_domain, signer=signer)
    return provider.send_test(mailing, recipient)


def _compose(
    answer: ClaimedAnswer, *, links: Links, bounce_domain: str, signer: DkimSigner | None
) -> tuple[Mailing, Recipient]:
    rendered = render_opt_in(
        answer.newsletter,
        kind=answer.kind,
        language=answer.language,
        email=answer.email,
        target_url=_target_url(answer, links),
        form_url=links.subscribe_url(answer.newsletter.slug),
        list_names=answer.list_names,
    )
    slug, domain = answer.newsletter.slug, rendered.from_email.rpartition("@")[2]
    # Of no issue, and so in no ledger; what comes back of it is for services.opt_in_returns. The same at each try.
    token = links.delivery_token(OPT_IN_ISSUE, answer.request_id)
    mailing = mailing_of(
        rendered,
        issue_id=NO_ISSUE,
        subject=rendered.subject,
        date=answer.requested_at,
        headers={
            "Feedback-ID": f"opt-in:{slug}:newsletter",
            "Auto-Submitted": "auto-generated",
            "X-Auto-Response-Suppress": "All",
        },
        recipient_headers=["Message-ID"],
        category=f"{slug}-opt-in",
        signer=signer,
    )
    return_path = f"b-{token}@{bounce_domain}" if bounce_domain else rendered.from_email
    return replace(mailing, passes_suppressions=answer.is_suppressed), Recipient(
        answer.request_id, token, wire_address(answer.email), "", {}, {"Message-ID": f"<{token}@{domain}>"}, return_path
    )


def _target_url(answer: ClaimedAnswer, links: Links) -> str:
    if answer.kind is AnswerKind.KNOWN:
        return links.archive_url(answer.newsletter.slug)
    return links.confirm_url(links.opt_in_token(answer.request_id, int(answer.requested_at.timestamp())))


def record(
    session: Session, request_id: int, outcome: Outcome, *, source: str, links: Links, now: datetime
) -> RequestMail:
    """Write down what became of a claimed mail; one that was not taken is tried again until it is too late.

    A mail server that says at once that it knows nobody of this name says what a bounce says.
    """
    request = queries.request_by_id(session, request_id)
    mail = MAIL_AFTER[outcome.kind]
    due_at = now
    if request is not None and mail is RequestMail.WAITING:
        due_at = now + retry_delay(request.tries)
        if is_too_late(planned_at=request.requested_at, now=now):
            mail = RequestMail.REFUSED
    queries.move_mail(
        session,
        request_id,
        from_mails=[RequestMail.CLAIMED, RequestMail.UNKNOWN],
        to_mail=mail,
        response=outcome.response,
        due_at=due_at,
    )
    if request is not None and outcome.kind is OutcomeKind.REFUSED:
        opt_in_returns.hear_refusal(
            session, request, outcome.response, source=source, address_key=links.address_key, now=now
        )
    log.info("opt_in.mail request_id=%s mail=%s", request_id, mail)
    return mail


def tend(session: Session, *, lease: timedelta, now: datetime) -> None:
    """The tick's part: wake a worker where mail is due, doubt what a dead one held, forget what is old."""
    claimed_before, requested_before = now - lease, now - KEPT
    if not queries.has_work(session, now=now, claimed_before=claimed_before, requested_before=requested_before):
        return
    queries.doubt_stale(session, claimed_before=claimed_before)
    queries.forget_requests(session, before=requested_before)
    queries.forget_counts(session, now=now)
    if queries.next_due(session, now=now) is not None:
        enqueue(session, SEND_OPT_INS)
