"""Tables of content: newsletters, briefs with their versions, renderings, and decisions about them."""

from __future__ import annotations

import datetime as dt
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Date, ForeignKey, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class NewsletterRow(Base):
    """A publication: who it is from, where its publisher is, and how it looks. `about` is what readers see of it."""

    __tablename__ = "newsletters"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    from_name: Mapped[str]
    from_email: Mapped[str]
    reply_to: Mapped[str] = mapped_column(default="")
    postal_address: Mapped[str] = mapped_column(default="")
    time_zone: Mapped[str] = mapped_column(default="UTC")
    language: Mapped[str] = mapped_column(default="en")
    theme: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    requires_four_eyes: Mapped[bool] = mapped_column(default=False)
    daily_slot: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    quiet_hours: Mapped[str] = mapped_column(default="")
    about: Mapped[str] = mapped_column(default="", server_default="")
    created_at: Mapped[datetime]


class BriefRow(Base):
    """A brief as a thing with a life; its content is in BriefVersion `version`."""

    __tablename__ = "briefs"

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"), index=True)
    status: Mapped[str]
    title: Mapped[str]
    date: Mapped[dt.date] = mapped_column(Date)
    version: Mapped[int] = mapped_column(default=1)
    author_id: Mapped[int | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class BriefVersion(Base):
    """What a brief said at one edit: the content as understood, and the source as it was given."""

    __tablename__ = "brief_versions"

    brief_id: Mapped[int] = mapped_column(ForeignKey("briefs.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]] = mapped_column(JSON)
    findings: Mapped[list[Any]] = mapped_column(JSON)
    source_text: Mapped[str]
    source_format: Mapped[str]
    author_id: Mapped[int | None]
    created_at: Mapped[datetime]


class Rendering(Base):
    """The exact bytes that a version was rendered to. `sha256` is the hash of `document`."""

    __tablename__ = "renderings"
    __table_args__ = (UniqueConstraint("brief_id", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    brief_id: Mapped[int] = mapped_column(ForeignKey("briefs.id", ondelete="CASCADE"))
    version: Mapped[int]
    sha256: Mapped[str]
    document: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime]


class Decision(Base):
    """What somebody decided about the rendering of one version: submitted, approved, changes_requested."""

    __tablename__ = "decisions"

    id: Mapped[int] = mapped_column(primary_key=True)
    brief_id: Mapped[int] = mapped_column(ForeignKey("briefs.id", ondelete="CASCADE"), index=True)
    version: Mapped[int]
    rendering_id: Mapped[int | None] = mapped_column(ForeignKey("renderings.id", ondelete="CASCADE"))
    sha256: Mapped[str | None]
    decision: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    user_id: Mapped[int | None]
    at: Mapped[datetime]
