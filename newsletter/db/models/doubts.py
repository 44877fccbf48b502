"""Tables of doubt: requests of which nobody told us the outcome, and requests of which events came."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class Doubt(Base):
    """Deliveries that one attempt left in doubt, all at the same moment.

    `members` are their subscriber ids, in order; those that are in doubt still are the ones the ledger calls unknown.
    status: DoubtStatus · reason: DeliveryReason · `check_at`: when it is looked at next · `asks`, `ask_at`,
    `log_words`: how often the provider's log was asked, when it may be asked again, what it said last.
    `history` lists what was done: at, kind, detail, and the subscriber ids that it was done about.
    """

    __tablename__ = "doubts"
    __table_args__ = (
        Index("uq_doubts_attempt_id_first_id", "attempt_id", "first_id", unique=True),
        Index("ix_doubts_status_check_at", "status", "check_at"),
        Index("ix_doubts_issue_id_status", "issue_id", "status"),
        Index("ix_doubts_batch_id", "batch_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int]
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"))
    attempt_id: Mapped[int]
    provider: Mapped[str]
    reason: Mapped[int] = mapped_column(SmallInteger)
    first_id: Mapped[int]
    last_id: Mapped[int]
    members: Mapped[list[int]] = mapped_column(JSON)
    since: Mapped[datetime]
    status: Mapped[int] = mapped_column(SmallInteger, default=0)
    check_at: Mapped[datetime | None]
    asks: Mapped[int] = mapped_column(SmallInteger, default=0)
    ask_at: Mapped[datetime | None]
    log_words: Mapped[str] = mapped_column(default="")
    closed_at: Mapped[datetime | None]
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSON)


class HeardRequest(Base):
    """A request of which at least one event came: an attempt, and the run of subscriber ids that was in the request.

    (0, 0) where an event named the attempt only. `heard_at` is when we last heard of it, give or take half a minute.
    """

    __tablename__ = "heard_requests"
    __table_args__ = (Index("ix_heard_requests_heard_at", "heard_at"), {"sqlite_with_rowid": False})

    attempt_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    last_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    heard_at: Mapped[datetime]
