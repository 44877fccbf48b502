"""Statements about briefs, their versions, renderings and decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import rows_changed
from newsletter.db.models import BriefRow, BriefVersion, Decision, Rendering
from newsletter.domain.brief import BriefStatus


def brief_version(session: Session, brief_id: int, version: int) -> BriefVersion | None:
    """One version of a brief."""
    return session.get(BriefVersion, (brief_id, version))


def recent_briefs(session: Session, *, limit: int = 50, before_id: int | None = None) -> Sequence[BriefRow]:
    """Briefs, the newest first, after a keyset position."""
    statement = select(BriefRow).order_by(BriefRow.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(BriefRow.id < before_id)
    return session.scalars(statement).all()


def draft_with_source(session: Session, newsletter_id: int, source_text: str) -> BriefRow | None:
    """A draft of this newsletter whose current version was read from exactly this source."""
    return session.scalar(
        select(BriefRow)
        .join(BriefVersion, (BriefVersion.brief_id == BriefRow.id) & (BriefVersion.version == BriefRow.version))
        .where(
            BriefRow.newsletter_id == newsletter_id,
            BriefRow.status == str(BriefStatus.DRAFT),
            BriefVersion.source_text == source_text,
        )
        .order_by(BriefRow.id.desc())
        .limit(1)
    )


def rendering_by_hash(session: Session, brief_id: int, sha256: str) -> Rendering | None:
    """The stored rendering of a brief with this hash."""
    return session.scalar(select(Rendering).where(Rendering.brief_id == brief_id, Rendering.sha256 == sha256))


def move_brief(
    session: Session, brief_id: int, *, from_status: str, version: int, to_status: str, now: datetime
) -> bool:
    """Compare and set: move a brief on, unless somebody changed or edited it meanwhile."""
    statement = (
        update(BriefRow)
        .where(BriefRow.id == brief_id, BriefRow.status == from_status, BriefRow.version == version)
        .values(status=to_status, updated_at=now)
        .execution_options(synchronize_session=False)
    )
    return rows_changed(session, statement) == 1


def decisions_of(session: Session, brief_id: int) -> Sequence[Decision]:
    """What was decided about a brief, in order."""
    return session.scalars(select(Decision).where(Decision.brief_id == brief_id).order_by(Decision.id)).all()


def latest_decision(session: Session, brief_id: int, *, version: int, decision: str) -> Decision | None:
    """The last decision of this kind about one version."""
    return session.scalar(
        select(Decision)
        .where(Decision.brief_id == brief_id, Decision.version == version, Decision.decision == decision)
        .order_by(Decision.id.desc())
        .limit(1)
    )
