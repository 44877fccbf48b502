"""Tables of sending: issues, their batches and attempts, the ledger of deliveries, and events about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, Integer, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class Issue(Base):
    """An approved brief on its way to an audience. `sha256` is the hash that was approved.

    A scheduled issue that was not begun by `send_before` waits for a person. One that `corrects_id` names goes to those
    who were sent that issue.
    """

    __tablename__ = "issues"

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"), index=True)
    brief_id: Mapped[int] = mapped_column(ForeignKey("briefs.id"), index=True)
    rendering_id: Mapped[int] = mapped_column(ForeignKey("renderings.id"))
    sha256: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    status_reason: Mapped[str] = mapped_column(default="")
    provider: Mapped[str] = mapped_column(default="")
    send_at: Mapped[datetime | None]
    local_time: Mapped[str | None]
    send_before: Mapped[datetime | None]
    corrects_id: Mapped[int | None]
    audience: Mapped[int | None]
    author_id: Mapped[int | None]
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class IssueList(Base):
    """One of the lists that make an issue's audience.

    `edition` is the place that the issue takes on that list (domain/editions.py): there is one for each date. None
    where it takes none, because a person wanted another one, or because it was cancelled before anything was sent.
    """

    __tablename__ = "issue_lists"
    __table_args__ = (Index("uq_issue_lists_list_id_edition", "list_id", "edition", unique=True),)

    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"), primary_key=True)
    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"), primary_key=True)
    edition: Mapped[str | None]


class Batch(Base):
    """The deliveries of one issue and cohort whose subscriber ids lie in [first_id, last_id]: one call to the provider.

    A range instead of a key in each delivery keeps the ledger row narrow (docs/benchmarks.md). `due_at` moves with each
    retry, `planned_at` stays: what could not be sent hours after its plan is not sent at all. `hold` says what of the
    flow control it waits for (domain/flow.py); where that is a plan of ours, `planned_at` moves too. `turns` says when
    its people of a mailbox group may hope for their turn (seconds since the epoch).
    """

    __tablename__ = "batches"
    __table_args__ = (
        Index("uq_batches_issue_id_cohort_first_id", "issue_id", "cohort", "first_id", unique=True),
        Index("ix_batches_issue_id_status_due_at", "issue_id", "status", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    issue_id: Mapped[int] = mapped_column(ForeignKey("issues.id", ondelete="CASCADE"))
    cohort: Mapped[int] = mapped_column(SmallInteger, default=0)
    first_id: Mapped[int]
    last_id: Mapped[int]
    size: Mapped[int]
    status: Mapped[int] = mapped_column(SmallInteger, default=0)
    attempts: Mapped[int] = mapped_column(SmallInteger, default=0)
    planned_at: Mapped[datetime]
    due_at: Mapped[datetime]
    claimed_by: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    hold: Mapped[str | None]
    turns: Mapped[dict[str, float] | None] = mapped_column(JSON(none_as_null=True))


class Attempt(Base):
    """One try to hand a batch over; committed before the first byte goes to the provider."""

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_started_at", "started_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batches.id", ondelete="CASCADE"), index=True)
    issue_id: Mapped[int]
    number: Mapped[int] = mapped_column(SmallInteger)
    worker: Mapped[str]
    provider: Mapped[str]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    provider_message_id: Mapped[str] = mapped_column(default="")
    response: Mapped[str] = mapped_column(default="")


class Delivery(Base):
    """One issue to one subscriber: the ledger. Narrow on purpose; no foreign key, so that it outlives an erasure.

    status: DeliveryStatus · reason: DeliveryReason · marks: bits of Mark · cohort: those who get it at the same moment,
    counted from 0 within the issue. On Postgres half of each page is left
    free, so that the one change of status happens in place (a HOT update).
    """

    __tablename__ = "deliveries"
    __table_args__ = ({"sqlite_with_rowid": False, "postgresql_with": {"fillfactor": 50}},)

    issue_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    subscriber_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    status: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[int] = mapped_column(SmallInteger)
    marks: Mapped[int] = mapped_column(SmallInteger)
    cohort: Mapped[int] = mapped_column(SmallInteger)


class Event(Base):
    """Something a provider, a mailbox or a reader told us about a delivery.

    `kind` uses django-anymail's names. `natural_key` makes the same event count once however often it is told.
    """

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_delivery", "issue_id", "subscriber_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    natural_key: Mapped[str] = mapped_column(unique=True)
    issue_id: Mapped[int]
    subscriber_id: Mapped[int]
    kind: Mapped[str]
    at: Mapped[datetime]
    source: Mapped[str]
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON)
