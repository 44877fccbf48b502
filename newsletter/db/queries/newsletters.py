"""Statements about newsletters."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import NewsletterRow


def newsletter_by_slug(session: Session, slug: str) -> NewsletterRow | None:
    """The newsletter of this slug."""
    return session.scalar(select(NewsletterRow).where(NewsletterRow.slug == slug))


def all_newsletters(session: Session) -> Sequence[NewsletterRow]:
    """All newsletters, the first made first."""
    return session.scalars(select(NewsletterRow).order_by(NewsletterRow.id)).all()
