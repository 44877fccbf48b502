"""Alerts: opened by what happens, closed by a person or by the act that repairs the cause."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Alert
from newsletter.db.queries import alerts as queries
from newsletter.domain.alerts import AlertKind, Cause
from newsletter.errors import NotFound
from newsletter.services import audit

log = logging.getLogger(__name__)


def add_alert(session: Session, cause: Cause, *, evidence: str, now: datetime, more: int = 1) -> None:
    """Tell of something that happened `more` times now; while its alert is open, it counts there."""
    log.warning("alert.raised kind=%s subject=%s more=%s", cause.kind, cause.subject, more)
    queries.add_to_alert(session, kind=str(cause.kind), subject=cause.subject, more=more, evidence=evidence, now=now)


def set_alert(session: Session, cause: Cause, *, evidence: str, count: int, now: datetime) -> None:
    """Tell how far something has come by now: `count` in all, also where the alert is open already."""
    log.warning("alert.raised kind=%s subject=%s count=%s", cause.kind, cause.subject, count)
    queries.set_alert(session, kind=str(cause.kind), subject=cause.subject, count=count, evidence=evidence, now=now)


def open_alerts(session: Session, *, limit: int = 100) -> Sequence[Alert]:
    """Alerts that nobody has closed, the latest first."""
    return queries.alerts_after(session, is_closed=False, limit=limit)


def closed_alerts(session: Session, *, limit: int = 100) -> Sequence[Alert]:
    """Alerts that were closed, the latest first."""
    return queries.alerts_after(session, is_closed=True, limit=limit)


def count_open(session: Session) -> int:
    """How many alerts are open."""
    return queries.count_open_alerts(session)


def close_alert(session: Session, alert_id: int, *, actor_id: int | None, now: datetime) -> Alert:
    """Say that somebody has looked; closing a closed one changes nothing. NotFound for an unknown number."""
    if queries.alert_of(session, alert_id) is None:
        raise NotFound(f"there is no alert {alert_id}: see `newsletter alert ls`")
    if queries.close_alert(session, alert_id, closed_by=actor_id, now=now):
        audit.record(
            session, action="alert.close", subject_type="alert", subject_id=alert_id, actor_id=actor_id, now=now
        )
    found = queries.alert_of(session, alert_id)
    assert found is not None
    return found


def close_alerts_about(
    session: Session,
    subject: str,
    *,
    now: datetime,
    kinds: Sequence[AlertKind] = tuple(AlertKind),
    actor_id: int | None = None,
) -> int:
    """Close what is open about one subject, because its cause was dealt with; returns how many."""
    return queries.close_alerts_about(
        session, subject, kinds=[str(kind) for kind in kinds], closed_by=actor_id, now=now
    )
