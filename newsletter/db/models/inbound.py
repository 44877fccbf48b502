"""Tables of what comes in: raw posts of providers, and which of their events we know."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base
from newsletter.db.models.sending import Event


class InboxPost(Base):
    """A post of a provider as it came (compressed with zlib): written before it is answered, read by the drain.

    status: PostStatus. `sha256` is that of the raw bytes, so that a repeated post is kept once.
    """

    __tablename__ = "inbox_posts"
    __table_args__ = (Index("ix_inbox_posts_status_id", "status", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    body: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int] = mapped_column(SmallInteger, default=0)
    received_at: Mapped[datetime]


class KnownEvent(Base):
    """The provider's own id of an event, hashed. Kept for as long as a provider may repeat itself, and no longer."""

    __tablename__ = "known_events"
    __table_args__ = ({"sqlite_with_rowid": False},)

    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    received_at: Mapped[datetime]


# Bounces, refusals and complaints are few: counting them must not walk the millions of other events.
TROUBLE_KINDS = ("bounced", "rejected", "complained")
_IS_TROUBLE = Event.kind.in_(TROUBLE_KINDS)
Index(
    "ix_events_troubles",
    Event.issue_id,
    Event.kind,
    postgresql_where=_IS_TROUBLE,
    sqlite_where=_IS_TROUBLE,
)
