"""Tables of the public door: who asked to be subscribed, and how often somebody may ask."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import AddressText, Base

_IS_WAITING = text("mail = 'waiting'")


class OptInRequest(Base):
    """Somebody typed an address into the form of a newsletter. Forgotten after a month; consent is kept elsewhere.

    `mail` (RequestMail) is what became of the one mail that answers it; `consent` the sentence that was agreed to;
    `client` the address of the connection. Ids are never used twice: a link in an old mail names one.
    """

    __tablename__ = "opt_in_requests"
    __table_args__ = (
        Index("ix_opt_in_requests_address", "address"),
        Index("ix_opt_in_requests_requested_at", "requested_at"),
        Index("ix_opt_in_requests_waiting", "due_at", postgresql_where=_IS_WAITING, sqlite_where=_IS_WAITING),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"))
    email: Mapped[str]
    address: Mapped[str] = mapped_column(AddressText)
    list_ids: Mapped[list[Any]] = mapped_column(JSON)
    language: Mapped[str]
    consent: Mapped[str]
    client: Mapped[str]
    requested_at: Mapped[datetime]
    mail: Mapped[str]
    tries: Mapped[int] = mapped_column(default=0, server_default="0")
    due_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    response: Mapped[str] = mapped_column(default="", server_default="")
    confirmed_at: Mapped[datetime | None]


class RequestCount(Base):
    """How often something was asked since `began_at`; `name` holds a keyed hash and neither address nor client."""

    __tablename__ = "request_counts"

    name: Mapped[str] = mapped_column(primary_key=True)
    began_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    taken: Mapped[int]
