"""Tables of flow control: how fast mail may go, to whom, on which day, and what the daily slots did."""

from __future__ import annotations

import datetime as dt
from datetime import datetime

from sqlalchemy import Date, Double, ForeignKey, false
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import Base


class ProviderState(Base):
    """Whether a provider takes mail now; a pause holds for all issues until `until`, or until a person lifts it.

    After a pause that ended by itself it `is_probing`: one claim, `probe_by`, tries it until `probe_until`, and all
    others wait for what becomes of that.
    """

    __tablename__ = "provider_states"

    name: Mapped[str] = mapped_column(primary_key=True)
    is_paused: Mapped[bool] = mapped_column(default=False)
    needs_person: Mapped[bool] = mapped_column(default=False)
    reason: Mapped[str] = mapped_column(default="")
    until: Mapped[datetime | None]
    updated_at: Mapped[datetime]
    is_probing: Mapped[bool] = mapped_column(default=False, server_default=false())
    probe_by: Mapped[str | None]
    probe_until: Mapped[datetime | None]


class RateWindow(Base):
    """Until when the sending time of a provider is taken, in seconds since the epoch: the rate of all workers."""

    __tablename__ = "rate_windows"

    name: Mapped[str] = mapped_column(primary_key=True)
    taken_until: Mapped[float] = mapped_column(Double)


class GroupState(Base):
    """What was learned about a mailbox group at a provider: paused until, or slower by a factor until, and why.

    `mailbox_group` is "" for the whole provider. The factor counts from the rate that is set, or from `base_per_second`
    where none is. What is over counts no more, without anybody's doing.
    """

    __tablename__ = "group_states"

    provider: Mapped[str] = mapped_column(primary_key=True)
    mailbox_group: Mapped[str] = mapped_column(primary_key=True)
    paused_until: Mapped[datetime | None]
    factor: Mapped[float] = mapped_column(Double, default=1.0)
    factor_until: Mapped[datetime | None]
    base_per_second: Mapped[float] = mapped_column(Double, default=0.0)
    reason: Mapped[str] = mapped_column(default="")
    updated_at: Mapped[datetime]


class DayVolume(Base):
    """How much of a day's volume of the warm-up is taken. `day` is counted from 0, the day on which it began."""

    __tablename__ = "day_volumes"

    provider: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[int] = mapped_column(primary_key=True)
    taken: Mapped[int] = mapped_column(default=0)


class SlotRun(Base):
    """What the daily slot of a newsletter did on one date: once, however many schedulers run."""

    __tablename__ = "slot_runs"

    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"), primary_key=True)
    date: Mapped[dt.date] = mapped_column(Date, primary_key=True)
    outcome: Mapped[str]
    issue_id: Mapped[int | None]
    remark: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[datetime]
