"""Statements about alerts. At most one is open for each kind and subject: the partial unique index says so."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import Alert


def add_to_alert(session: Session, *, kind: str, subject: str, more: int, evidence: str, now: datetime) -> None:
    """Open an alert, or count further on the open one of the same cause."""
    _upsert(session, Alert.count + more, kind=kind, subject=subject, count=more, evidence=evidence, now=now)


def set_alert(session: Session, *, kind: str, subject: str, count: int, evidence: str, now: datetime) -> None:
    """Open an alert, or write the count of the open one of the same cause anew."""
    _upsert(session, count, kind=kind, subject=subject, count=count, evidence=evidence, now=now)


def close_alert(session: Session, alert_id: int, *, closed_by: int | None, now: datetime) -> bool:
    """Compare and set: close an open alert; whether it was open."""
    statement = update(Alert).where(Alert.id == alert_id, Alert.closed_at.is_(None))
    return _close(session, statement, closed_by=closed_by, now=now) == 1


def close_alerts_about(
    session: Session, subject: str, *, kinds: Sequence[str], closed_by: int | None, now: datetime
) -> int:
    """Close the open alerts of one subject; returns how many."""
    statement = update(Alert).where(Alert.subject == subject, Alert.kind.in_(kinds), Alert.closed_at.is_(None))
    return _close(session, statement, closed_by=closed_by, now=now)


def alert_of(session: Session, alert_id: int) -> Alert | None:
    """One alert."""
    return session.get(Alert, alert_id, populate_existing=True)


def alerts_after(session: Session, *, is_closed: bool, limit: int) -> Sequence[Alert]:
    """Open or closed alerts, the latest first."""
    wanted = Alert.closed_at.is_not(None) if is_closed else Alert.closed_at.is_(None)
    return session.scalars(
        select(Alert).where(wanted).order_by(Alert.last_at.desc(), Alert.id.desc()).limit(limit)
    ).all()


def count_open_alerts(session: Session) -> int:
    """How many alerts nobody has closed."""
    return session.scalar(select(func.count()).select_from(Alert).where(Alert.closed_at.is_(None))) or 0


def _upsert(
    session: Session, new_count: Any, *, kind: str, subject: str, count: int, evidence: str, now: datetime
) -> None:
    statement = insert_into(session, Alert).values(
        kind=kind, subject=subject, count=count, evidence=evidence, since=now, last_at=now
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["kind", "subject"],
            index_where=text("closed_at IS NULL"),
            set_={"count": new_count, "evidence": evidence, "last_at": now},
        )
    )


def _close(session: Session, statement: Any, *, closed_by: int | None, now: datetime) -> int:
    values = statement.values(closed_at=now, closed_by=closed_by)
    return rows_changed(session, values.execution_options(synchronize_session=False))
