"""Statements about requests to be subscribed, and about how often one may ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import MailingList, OptInRequest, RequestCount, Subscription
from newsletter.domain.opt_in import RequestMail
from newsletter.domain.subscriber import SubscriptionStatus


def take(session: Session, name: str, *, window: timedelta, now: datetime) -> int:
    """Count one more under this name; returns how many that makes since the window began.

    Two at once wait for each other. A window begins with the first that is counted after the last one's end.
    """
    first = {"began_at": now, "ends_at": now + window, "taken": 1}
    is_over = RequestCount.ends_at <= now
    again = {
        "began_at": case((is_over, now), else_=RequestCount.began_at),
        "ends_at": case((is_over, now + window), else_=RequestCount.ends_at),
        "taken": case((is_over, 1), else_=RequestCount.taken + 1),
    }
    upsert = (
        insert_into(session, RequestCount)
        .values(name=name, **first)
        .on_conflict_do_update(index_elements=["name"], set_=again)
        .returning(RequestCount.taken)
    )
    return int(session.execute(upsert).scalar_one())


def forget_counts(session: Session, *, now: datetime) -> int:
    """Remove counts whose window is over: one that is not there begins anew. Those in somebody's hand wait.

    Whoever asks holds several at once, and must not be waited for by somebody who holds others.
    """
    over = select(RequestCount.name).where(RequestCount.ends_at <= now).with_for_update(skip_locked=True)
    return rows_changed(session, delete(RequestCount).where(RequestCount.name.in_(over)))


def public_lists(session: Session, newsletter_id: int) -> Sequence[MailingList]:
    """The lists of a newsletter that readers may see, the first made first."""
    return session.scalars(
        select(MailingList)
        .where(MailingList.newsletter_id == newsletter_id, MailingList.is_public)
        .order_by(MailingList.id)
    ).all()


def lists_by_ids(session: Session, list_ids: Sequence[int]) -> Sequence[MailingList]:
    """These lists, the first made first."""
    return session.scalars(select(MailingList).where(MailingList.id.in_(list_ids)).order_by(MailingList.id)).all()


def add_request(session: Session, **values: Any) -> OptInRequest:
    """Write down a request whose mail waits to be sent."""
    request = OptInRequest(mail=str(RequestMail.WAITING), tries=0, response="", **values)
    session.add(request)
    session.flush()
    return request


def request_by_id(session: Session, request_id: int) -> OptInRequest | None:
    """One request."""
    return session.get(OptInRequest, request_id)


def requests_of(session: Session, address: str) -> Sequence[OptInRequest]:
    """All requests for an address, the latest first."""
    return session.scalars(
        select(OptInRequest).where(OptInRequest.address == address).order_by(OptInRequest.id.desc())
    ).all()


def next_due(session: Session, *, now: datetime) -> int | None:
    """The request whose mail has been due for longest; None where none is due."""
    return session.scalar(
        select(OptInRequest.id)
        .where(OptInRequest.mail == str(RequestMail.WAITING), OptInRequest.due_at <= now)
        .order_by(OptInRequest.due_at, OptInRequest.id)
        .limit(1)
    )


def claim(session: Session, request_id: int, *, now: datetime) -> bool:
    """Compare and set: take a waiting request in hand; whether nobody else had."""
    return move_mail(
        session,
        request_id,
        from_mails=[RequestMail.WAITING],
        to_mail=RequestMail.CLAIMED,
        claimed_at=now,
        tries=OptInRequest.tries + 1,
    )


def move_mail(
    session: Session, request_id: int, *, from_mails: Sequence[RequestMail], to_mail: RequestMail, **values: Any
) -> bool:
    """Compare and set: change what became of a request's mail; whether it was as expected."""
    statement = (
        update(OptInRequest)
        .where(OptInRequest.id == request_id, OptInRequest.mail.in_([str(mail) for mail in from_mails]))
        .values(mail=str(to_mail), **values)
        .execution_options(synchronize_session="fetch")
    )
    return rows_changed(session, statement) == 1


def doubt_stale(session: Session, *, claimed_before: datetime) -> int:
    """Mails whose worker gave no answer in time become unknown; returns how many."""
    statement = (
        update(OptInRequest)
        .where(OptInRequest.mail == str(RequestMail.CLAIMED), OptInRequest.claimed_at < claimed_before)
        .values(mail=str(RequestMail.UNKNOWN))
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement)


def mark_confirmed(session: Session, request_id: int, *, now: datetime) -> bool:
    """Compare and set: a request is confirmed once; whether this was the time."""
    statement = (
        update(OptInRequest)
        .where(OptInRequest.id == request_id, OptInRequest.confirmed_at.is_(None))
        .values(confirmed_at=now)
        .execution_options(synchronize_session="fetch")
    )
    return rows_changed(session, statement) == 1


def forget_requests(session: Session, *, before: datetime) -> int:
    """Delete the requests made before a moment; returns how many."""
    return rows_changed(session, delete(OptInRequest).where(OptInRequest.requested_at < before))


def forget_address(session: Session, address: str) -> int:
    """Delete all requests for an address; returns how many."""
    return rows_changed(session, delete(OptInRequest).where(OptInRequest.address == address))


def is_on_all(session: Session, *, subscriber_id: int, list_ids: Sequence[int]) -> bool:
    """Whether a person is confirmed on each of these lists."""
    is_there = exists().where(
        Subscription.list_id == MailingList.id,
        Subscription.subscriber_id == subscriber_id,
        Subscription.status == int(SubscriptionStatus.CONFIRMED),
    )
    missing = select(MailingList.id).where(MailingList.id.in_(list_ids), ~is_there)
    return session.scalar(missing.limit(1)) is None


def has_work(session: Session, *, now: datetime, claimed_before: datetime, requested_before: datetime) -> bool:
    """Whether the tick has anything to do here: a mail is due, a claim is stale, something is to be forgotten."""
    mail = OptInRequest.mail
    due = exists().where(mail == str(RequestMail.WAITING), OptInRequest.due_at <= now)
    stale = exists().where(mail == str(RequestMail.CLAIMED), OptInRequest.claimed_at < claimed_before)
    old = exists().where(OptInRequest.requested_at < requested_before)
    over = exists().where(RequestCount.ends_at <= now)
    return bool(session.scalar(select(or_(due, stale, old, over))))
