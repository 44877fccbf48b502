"""Statements about the audit log."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import null, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import rows_changed
from newsletter.db.models import AuditEntry


def recent_entries(session: Session, *, limit: int, before_id: int | None = None) -> Sequence[AuditEntry]:
    """What was done, the latest first, after a keyset position."""
    statement = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(AuditEntry.id < before_id)
    return session.scalars(statement).all()


def entries_about(session: Session, subject_type: str, subject_id: int) -> Sequence[AuditEntry]:
    """What was done to one thing, the earliest first."""
    return session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject_type == subject_type, AuditEntry.subject_id == subject_id)
        .order_by(AuditEntry.id)
    ).all()


def blank_details(session: Session, subject_type: str, subject_id: int) -> int:
    """Forget the details of what was done to one thing; that it was done stays. Returns how many entries changed."""
    return rows_changed(
        session,
        update(AuditEntry)
        .where(
            AuditEntry.subject_type == subject_type,
            AuditEntry.subject_id == subject_id,
            AuditEntry.detail.is_not(None),
        )
        .values(detail=null())
        .execution_options(synchronize_session="fetch"),
    )
