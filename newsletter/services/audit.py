"""The audit log: who did what to which thing, and when. Ids only: no addresses, names or keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.db.models import AuditEntry
from newsletter.db.queries import audit as queries


def record(
    session: Session,
    *,
    action: str,
    subject_type: str,
    subject_id: int | None,
    actor_id: int | None,
    now: datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Write down one act; it is kept exactly if the transaction of the act is.

    `action` reads noun.verb (list.create); `actor_id` is None for the operator and for the system itself.
    """
    entry = AuditEntry(
        at=now,
        actor_id=actor_id,
        action=action,
        subject_type=subject_type,
        subject_id=subject_id,
    )
    if detail is not None:
        entry.detail = dict(detail)
    session.add(entry)


def recent_entries(session: Session, *, limit: int = 50, before_id: int | None = None) -> Sequence[AuditEntry]:
    """What was done, the latest first."""
    return queries.recent_entries(session, limit=limit, before_id=before_id)


def entries_about(session: Session, subject_type: str, *, subject_id: int) -> Sequence[AuditEntry]:
    """What was done to one thing, the earliest first."""
    return queries.entries_about(session, subject_type, subject_id)
