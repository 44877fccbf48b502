"""Tables of people: subscribers, lists, subscriptions, suppressions; users and what they did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from newsletter.db.models.base import AddressText, Base


class MailingList(Base):
    """A mailing list of one newsletter. `opt_in` is single or double."""

    __tablename__ = "lists"

    id: Mapped[int] = mapped_column(primary_key=True)
    newsletter_id: Mapped[int] = mapped_column(ForeignKey("newsletters.id"), index=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    is_public: Mapped[bool] = mapped_column(default=True)
    opt_in: Mapped[str] = mapped_column(default="single")
    created_at: Mapped[datetime]


class Subscriber(Base):
    """A person. `email` as given, `address` in the form that tells two people apart; status as SubscriberStatus."""

    __tablename__ = "subscribers"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    address: Mapped[str] = mapped_column(AddressText, unique=True)
    name: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    time_zone: Mapped[str] = mapped_column(default="")
    attributes: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    status: Mapped[int] = mapped_column(SmallInteger, default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class Subscription(Base):
    """A person's place on one list (SubscriptionStatus), with where their consent comes from."""

    __tablename__ = "subscriptions"
    __table_args__ = (Index("ix_subscriptions_subscriber_id", "subscriber_id"), {"sqlite_with_rowid": False})

    list_id: Mapped[int] = mapped_column(ForeignKey("lists.id"), primary_key=True)
    subscriber_id: Mapped[int] = mapped_column(ForeignKey("subscribers.id", ondelete="CASCADE"), primary_key=True)
    status: Mapped[int] = mapped_column(SmallInteger)
    consent_source: Mapped[str] = mapped_column(default="")
    consent_evidence: Mapped[str | None]
    consented_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    unsubscribed_at: Mapped[datetime | None]
    unsubscribe_source: Mapped[str | None]


class Suppression(Base):
    """An address that must not be mailed. After an erasure only `address_key` (a keyed hash) is left."""

    __tablename__ = "suppressions"

    id: Mapped[int] = mapped_column(primary_key=True)
    address: Mapped[str | None] = mapped_column(AddressText, unique=True)
    address_key: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    reason: Mapped[str]
    evidence: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class User(Base):
    """Somebody who signs in to the console."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    address: Mapped[str] = mapped_column(AddressText, unique=True)
    name: Mapped[str] = mapped_column(default="")
    role: Mapped[str]
    password_hash: Mapped[str | None]
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]


class SignInLink(Base):
    """A one-time link; only the hash of its token is kept."""

    __tablename__ = "sign_in_links"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class UserSession(Base):
    """A signed-in browser; only the hash of its cookie is kept."""

    __tablename__ = "user_sessions"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AuditEntry(Base):
    """One act of one user or of the system itself (`actor_id` is None)."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index("ix_audit_entries_subject", "subject_type", "subject_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_id: Mapped[int | None]
    action: Mapped[str]
    subject_type: Mapped[str]
    subject_id: Mapped[int | None]
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSON)
