"""Statements about issues: moving them on, and counting their ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, case, exists, func, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import rows_changed, table_of
from newsletter.db.models import Batch, Delivery, Issue, ProviderState
from newsletter.domain.issue import BatchStatus, DeliveryStatus, IssueStatus, Mark, Tally

_STATUS = select(table_of(Issue).c.status).where(table_of(Issue).c.id == bindparam("of_issue"))


def move_issue(session: Session, issue_id: int, *, from_status: str, to_status: str, **values: Any) -> bool:
    """Compare and set: move an issue on, unless somebody else did so first."""
    statement = (
        update(Issue)
        .where(Issue.id == issue_id, Issue.status == from_status)
        .values(status=to_status, **values)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1


def pause_stopped(session: Session) -> Sequence[int]:
    """Pause what is being sent by a provider that waits for a person, for the reason why it does; returns which."""
    stopped = (ProviderState.name == Issue.provider) & ProviderState.is_paused & ProviderState.needs_person
    statement = (
        update(Issue)
        .where(Issue.status == str(IssueStatus.SENDING), exists().where(stopped))
        .values(
            status=str(IssueStatus.PAUSED),
            status_reason=select(ProviderState.reason).where(ProviderState.name == Issue.provider).scalar_subquery(),
        )
        .returning(Issue.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).all()


def resume_stopped(session: Session, provider: str) -> Sequence[int]:
    """Let go on what is paused for the very reason for which this provider waits for a person; returns which."""
    reason = select(ProviderState.reason).where(ProviderState.name == provider, ProviderState.needs_person)
    statement = (
        update(Issue)
        .where(
            Issue.status == str(IssueStatus.PAUSED),
            Issue.provider == provider,
            Issue.status_reason == reason.scalar_subquery(),
        )
        .values(status=str(IssueStatus.SENDING), status_reason="")
        .returning(Issue.id)
        .execution_options(synchronize_session=False)
    )
    return session.scalars(statement).all()


def lock_issue(session: Session, issue_id: int) -> Issue:
    """An issue as it is now, which nobody else moves before the end of this transaction: lock batches before it."""
    return session.get_one(Issue, issue_id, populate_existing=True, with_for_update=True)


def status_of_issue(session: Session, issue_id: int) -> IssueStatus:
    """Where an issue stands now; it is asked once or twice for each batch."""
    return IssueStatus(session.execute(_STATUS, {"of_issue": issue_id}).scalar_one())


def set_audience(session: Session, issue_id: int, audience: int) -> None:
    """Write down how many deliveries the snapshot made."""
    session.execute(update(Issue).where(Issue.id == issue_id).values(audience=audience))


def recent_issues(session: Session, *, limit: int = 50, before_id: int | None = None) -> Sequence[Issue]:
    """Issues, the newest first, after a keyset position."""
    statement = select(Issue).order_by(Issue.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(Issue.id < before_id)
    return session.scalars(statement).all()


def issues_of_brief(session: Session, brief_id: int) -> Sequence[Issue]:
    """The issues that were made from one brief."""
    return session.scalars(select(Issue).where(Issue.brief_id == brief_id).order_by(Issue.id)).all()


def issues_with_status(session: Session, status: IssueStatus) -> Sequence[Issue]:
    """All issues of one status, the oldest first."""
    return session.scalars(select(Issue).where(Issue.status == str(status)).order_by(Issue.id)).all()


def due_issues(session: Session, *, now: datetime) -> Sequence[Issue]:
    """Scheduled issues whose time has come."""
    return session.scalars(
        select(Issue).where(Issue.status == str(IssueStatus.SCHEDULED), Issue.send_at <= now).order_by(Issue.send_at)
    ).all()


def tally(session: Session, issue_id: int) -> Tally:
    """The ledger of an issue in numbers, counted from rows by one statement: one moment, one truth."""
    in_claimed_batch = (
        select(func.count())
        .select_from(Delivery)
        .join(
            Batch,
            (Delivery.cohort == Batch.cohort) & Delivery.subscriber_id.between(Batch.first_id, Batch.last_id),
        )
        .where(
            Batch.issue_id == issue_id,
            Batch.status == int(BatchStatus.CLAIMED),
            Delivery.issue_id == issue_id,
            Delivery.status == int(DeliveryStatus.PENDING),
        )
        .scalar_subquery()
    )
    counts = {f"s{int(status)}": _sum_where(Delivery.status == int(status)) for status in DeliveryStatus}
    marks = {f"m{int(mark)}": _sum_where(Delivery.marks.op("&")(int(mark)) != 0) for mark in Mark}
    columns = [column.label(name) for name, column in (counts | marks).items()]
    row = session.execute(
        select(func.count().label("audience"), in_claimed_batch.label("claimed"), *columns).where(
            Delivery.issue_id == issue_id
        )
    ).one()
    return Tally(
        audience=row.audience,
        pending=row.s0 - row.claimed,
        claimed=row.claimed,
        accepted=row.s2,
        failed=row.s3,
        suppressed=row.s4,
        unknown=row.s5,
        **{mark.name.lower(): getattr(row, f"m{int(mark)}") for mark in Mark},
    )


def _sum_where(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)
