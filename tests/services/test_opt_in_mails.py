"""Facts about the mail that answers a request: who gets which, at most once, tried again, and never counted."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import OptInRequest, RequestCount
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.domain.opt_in import AnswerKind, RequestMail
from newsletter.domain.subscriber import SuppressionReason
from newsletter.jobs import SEND_OPT_INS, Job, take_jobs
from newsletter.links import Links
from newsletter.runtime import Runtime
from newsletter.services import opt_in_mails
from newsletter.services.opt_in_mails import ClaimedAnswer
from tests.factories import NOW
from tests.services.door import ask, make_known, open_door

LEASE = timedelta(minutes=2)
LINKS = Links(base_url="https://news.example", key=b"a key")


@pytest.fixture(autouse=True)
def door(runtime: Runtime) -> None:
    open_door(runtime)


def claim(session: Session, runtime: Runtime, *, now: datetime = NOW) -> ClaimedAnswer | None:
    return opt_in_mails.claim_next(session, links=runtime.links, now=now)


def record(session: Session, answer: ClaimedAnswer, kind: OutcomeKind, *, now: datetime = NOW) -> RequestMail:
    outcome = Outcome(subscriber_id=answer.request_id, kind=kind)
    return opt_in_mails.record(session, answer.request_id, outcome, source="smtp", links=LINKS, now=now)


def mails(session: Session) -> list[str]:
    """What became of the mails, in the order of their requests."""
    return list(session.scalars(select(OptInRequest.mail).order_by(OptInRequest.id)))


ANSWERS = {"stranger": AnswerKind.CONFIRM, "member": AnswerKind.KNOWN, "disabled": None}


def test_the_answer_fits_who_the_address_belongs_to(session: Session, runtime: Runtime) -> None:
    answers = ANSWERS | dict.fromkeys(map(str, SuppressionReason), AnswerKind.CONFIRM)
    for kind, answer in answers.items():
        ask(session, runtime, make_known(session, runtime, kind))
        claimed = claim(session, runtime)
        assert (claimed and claimed.kind) == answer, kind
        assert bool(claimed and claimed.is_suppressed) is (kind in tuple(SuppressionReason)), kind
    assert mails(session) == ["claimed" if answer else "withheld" for answer in answers.values()]


def test_who_should_hear_little_from_us_gets_one_such_mail_in_a_while(session: Session, runtime: Runtime) -> None:
    for kind, days in {"complained": 30, "bounced": 30, "invalid": 30, "member": 1}.items():
        email = make_known(session, runtime, kind)
        answered = []
        for hours in (0, 1, days * 24):
            now = NOW + timedelta(hours=hours)
            ask(session, runtime, email, now=now)
            answered.append(claim(session, runtime, now=now) is not None)
        assert answered == [True, False, True], kind


def test_who_left_by_themselves_may_ask_as_often_as_anybody(session: Session, runtime: Runtime) -> None:
    email = make_known(session, runtime, "unsubscribed")
    for hours in (0, 1):
        ask(session, runtime, email, now=NOW + timedelta(hours=hours))
        assert claim(session, runtime, now=NOW + timedelta(hours=hours)) is not None


def test_a_mail_is_claimed_once_and_never_again_once_it_may_have_left(session: Session, runtime: Runtime) -> None:
    for kind, mail in (
        (OutcomeKind.ACCEPTED, "sent"),
        (OutcomeKind.UNKNOWN, "unknown"),
        (OutcomeKind.REFUSED, "refused"),
    ):
        ask(session, runtime, f"{kind}@example.org")
        answer = claim(session, runtime)
        assert answer is not None
        assert claim(session, runtime) is None
        record(session, answer, kind)
        assert claim(session, runtime, now=NOW + timedelta(days=1)) is None
        assert mails(session)[-1] == mail


def test_what_was_not_taken_is_tried_again_later_until_half_a_day_is_over(session: Session, runtime: Runtime) -> None:
    ask(session, runtime, make_known(session, runtime, "complained"))
    now, tries = NOW, 0
    while (answer := claim(session, runtime, now=now)) is not None:
        tries += 1
        record(session, answer, OutcomeKind.DEFERRED, now=now)
        assert claim(session, runtime, now=now) is None
        now += timedelta(minutes=30)
    assert mails(session) == ["refused"]
    assert tries == 25
    assert now - NOW == timedelta(hours=12, minutes=30)


def test_what_a_dead_worker_held_is_unknown_and_a_late_answer_still_counts(session: Session, runtime: Runtime) -> None:
    ask(session, runtime)
    answer = claim(session, runtime)
    assert answer is not None
    opt_in_mails.tend(session, lease=LEASE, now=NOW + LEASE)
    assert mails(session) == ["claimed"]
    opt_in_mails.tend(session, lease=LEASE, now=NOW + LEASE + timedelta(seconds=1))
    assert mails(session) == ["unknown"]
    assert claim(session, runtime, now=NOW + timedelta(hours=1)) is None
    record(session, answer, OutcomeKind.ACCEPTED)
    assert mails(session) == ["sent"]


def test_the_tick_wakes_a_worker_for_what_was_not_announced_and_forgets_what_is_old(
    session: Session, runtime: Runtime
) -> None:
    ask(session, runtime)
    assert take_jobs(session) == [Job(name=SEND_OPT_INS)]
    opt_in_mails.tend(session, lease=LEASE, now=NOW)
    assert take_jobs(session) == [Job(name=SEND_OPT_INS)]
    answer = claim(session, runtime)
    assert answer is not None
    record(session, answer, OutcomeKind.ACCEPTED)
    opt_in_mails.tend(session, lease=LEASE, now=NOW + timedelta(days=30))
    assert mails(session) == ["sent"]
    opt_in_mails.tend(session, lease=LEASE, now=NOW + timedelta(days=30, seconds=1))
    assert mails(session) == []
    assert session.scalar(select(func.count()).select_from(RequestCount)) == 0
    assert take_jobs(session) == []
