"""The table of mail that came back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class InboundMail(Base):
    """A mail that reached one of our return addresses, kept as it came (compressed with zlib).

    `token` is "" where none of ours was found; with `sha256` of the normalised body it makes a mail count once.
    `issue_id` and `subscriber_id` name the delivery it is about. `understood` is the verdict: class, category, rule.
    """

    __tablename__ = "inbound_mails"
    __table_args__ = (
        UniqueConstraint("token", "sha256"),
        Index("ix_inbound_mails_received_at", "received_at"),
        Index("ix_inbound_mails_subscriber_id", "subscriber_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str]
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    issue_id: Mapped[int | None]
    subscriber_id: Mapped[int | None]
    kind: Mapped[str]
    understood: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    received_at: Mapped[datetime]
