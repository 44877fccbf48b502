"""Tables of watching: open alerts, frozen domains with the bounces held there, and the exchange of suppressions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import AddressText, Base

_IS_OPEN_ALERT = text("closed_at IS NULL")
_IS_FROZEN = text("released_at IS NULL")


class Alert(Base):
    """Something that a person should look at. One open alert for each cause: a repetition raises `count`."""

    __tablename__ = "alerts"
    __table_args__ = (
        Index(
            "uq_alerts_open_cause",
            "kind",
            "subject",
            unique=True,
            postgresql_where=_IS_OPEN_ALERT,
            sqlite_where=_IS_OPEN_ALERT,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    count: Mapped[int]
    evidence: Mapped[str] = mapped_column(default="", server_default="")
    since: Mapped[datetime]
    last_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[int | None]


class Freeze(Base):
    """A domain whose hard bounces suppress nobody until a person has decided whether they are true."""

    __tablename__ = "suppression_freezes"
    __table_args__ = (
        Index(
            "uq_suppression_freezes_open_domain",
            "domain",
            unique=True,
            postgresql_where=_IS_FROZEN,
            sqlite_where=_IS_FROZEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    domain: Mapped[str]
    began_at: Mapped[datetime]
    evidence: Mapped[str] = mapped_column(default="", server_default="")
    released_at: Mapped[datetime | None]
    released_by: Mapped[int | None]
    decision: Mapped[str | None]


class HeldBounce(Base):
    """A person whose hard bounce waits for the decision about their domain; the bare number, as in the ledger."""

    __tablename__ = "held_bounces"
    __table_args__ = ({"sqlite_with_rowid": False},)

    freeze_id: Mapped[int] = mapped_column(ForeignKey("suppression_freezes.id", ondelete="CASCADE"), primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    evidence: Mapped[str] = mapped_column(default="", server_default="")
    held_at: Mapped[datetime]


class ProviderLift(Base):
    """An address that may be mailed again and must leave the provider's lists too; done once `pushed_at` is set."""

    __tablename__ = "provider_lifts"
    __table_args__ = (UniqueConstraint("address"), Index("ix_provider_lifts_pushed_at", "pushed_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(AddressText)
    lifted_at: Mapped[datetime]
    pushed_at: Mapped[datetime | None]


class ProviderCopy(Base):
    """An address that the provider keeps from mail as well, so that it need not be told (again).

    `begun_at` is when we last began to push it there, written before the request leaves; None where the provider has it
    from its own lists. `pushed_at` is None while a push may be on its way. It outlives the suppression until the lift
    is done there.
    """

    __tablename__ = "provider_copies"
    __table_args__ = (UniqueConstraint("address"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(AddressText)
    begun_at: Mapped[datetime | None]
    pushed_at: Mapped[datetime | None]


class ProviderRetry(Base):
    """An address whose mail came back in an issue without being suppressed for it: the provider shall try it again.

    `done_at` is when the provider forgot the bounce; None while it was not asked to.
    """

    __tablename__ = "provider_retries"
    __table_args__ = (UniqueConstraint("address"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str] = mapped_column(AddressText)
    issue_id: Mapped[int]
    asked_at: Mapped[datetime]
    done_at: Mapped[datetime | None]


class ProviderSync(Base):
    """How far one list of a provider was read, or ours was pushed: the window of this round and the position in it.

    `since` and `until` are seconds since the epoch; after a round `until` is None, and the next begins at `since`.
    """

    __tablename__ = "provider_syncs"

    name: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    until: Mapped[int | None] = mapped_column(BigInteger)
    position: Mapped[int] = mapped_column(default=0, server_default="0")
    finished_at: Mapped[datetime | None]
    counts: Mapped[dict[str, Any] | None] = mapped_column(JSON)
