"""Statements about the archive: what was sent, under the title it was sent with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import BriefVersion, Issue, Rendering


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivedIssue:
    """One line of an archive. `date` is the brief's, in ISO form."""

    issue_id: int
    title: str
    date: str
    preheader: str
    started_at: datetime | None


def archived_issues(
    session: Session, newsletter_id: int, *, statuses: Sequence[str], limit: int, before_id: int | None
) -> Sequence[ArchivedIssue]:
    """Issues of these statuses, the newest first, after a keyset position."""
    content = BriefVersion.content
    statement = (
        select(
            Issue.id.label("issue_id"),
            content["title"].as_string().label("title"),
            content["date"].as_string().label("date"),
            content["preheader"].as_string().label("preheader"),
            Issue.started_at,
        )
        .join(Rendering, Rendering.id == Issue.rendering_id)
        .join(BriefVersion, (BriefVersion.brief_id == Issue.brief_id) & (BriefVersion.version == Rendering.version))
        .where(Issue.newsletter_id == newsletter_id, Issue.status.in_(statuses))
        .order_by(Issue.id.desc())
        .limit(limit)
    )
    if before_id is not None:
        statement = statement.where(Issue.id < before_id)
    return [ArchivedIssue(**row._mapping) for row in session.execute(statement)]
