"""Statements about daily slots: which briefs wait for one, and what it did with its day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import BriefRow, Decision, SlotRun
from newsletter.domain.brief import BriefStatus


def approved_briefs(session: Session, newsletter_id: int, day: dt.date) -> Sequence[tuple[int, datetime]]:
    """The approved briefs of a day with when they were approved, the latest first."""
    approved_at = func.max(Decision.at)
    rows = session.execute(
        select(BriefRow.id, approved_at)
        .join(Decision, (Decision.brief_id == BriefRow.id) & (Decision.version == BriefRow.version))
        .where(
            BriefRow.newsletter_id == newsletter_id,
            BriefRow.date == day,
            BriefRow.status == str(BriefStatus.APPROVED),
            Decision.decision == str(BriefStatus.APPROVED),
        )
        .group_by(BriefRow.id)
        .order_by(approved_at.desc(), BriefRow.id.desc())
    )
    return [(brief_id, at) for brief_id, at in rows]


def has_run(session: Session, newsletter_id: int, day: dt.date) -> bool:
    """Whether the slot of this day has done its work."""
    return session.get(SlotRun, (newsletter_id, day)) is not None


def begin_run(session: Session, newsletter_id: int, day: dt.date, *, outcome: str, now: datetime) -> bool:
    """Take the slot of a day; False where another scheduler has it."""
    values = {"newsletter_id": newsletter_id, "date": day, "outcome": outcome, "remark": "", "decided_at": now}
    statement = insert_into(session, SlotRun).values(**values).on_conflict_do_nothing()
    return rows_changed(session, statement) == 1


def end_run(
    session: Session, newsletter_id: int, day: dt.date, *, outcome: str, issue_id: int | None, remark: str
) -> None:
    """Write what the slot of a day did."""
    session.execute(
        update(SlotRun)
        .where(SlotRun.newsletter_id == newsletter_id, SlotRun.date == day)
        .values(outcome=outcome, issue_id=issue_id, remark=remark)
        .execution_options(synchronize_session=False)
    )


def latest_run(session: Session, newsletter_id: int) -> SlotRun | None:
    """What the slot of a newsletter did last."""
    return session.scalars(
        select(SlotRun).where(SlotRun.newsletter_id == newsletter_id).order_by(SlotRun.date.desc()).limit(1)
    ).first()
