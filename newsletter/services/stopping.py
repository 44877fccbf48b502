"""Stopping: an issue whose provider waits for a person waits with it, for everybody to see, and goes on with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.queries import batches as batch_queries
from newsletter.db.queries import issues as queries
from newsletter.jobs import DISPATCH, enqueue
from newsletter.services import audit


def pause_stopped(session: Session, *, now: datetime) -> Sequence[int]:
    """Pause the issues that are being sent by a provider that waits for a person, for its reason; returns which."""
    paused = queries.pause_stopped(session)
    for issue_id in paused:
        _audit(session, "pause", issue_id, actor_id=None, now=now)
    return paused


def resume_stopped(session: Session, provider: str, *, actor_id: int | None, now: datetime) -> None:
    """Let all issues go on that wait with a provider; call it before the provider's own pause is lifted."""
    for issue_id in queries.resume_stopped(session, provider):
        batch_queries.plan_anew(session, issue_id, now=now)
        enqueue(session, DISPATCH, issue_id)
        _audit(session, "resume", issue_id, actor_id=actor_id, now=now)


def _audit(session: Session, act: str, issue_id: int, *, actor_id: int | None, now: datetime) -> None:
    audit.record(
        session,
        action=f"issue.{act}",
        subject_type="issue",
        subject_id=issue_id,
        actor_id=actor_id,
        detail=None,
        now=now,
    )
