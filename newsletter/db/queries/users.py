"""Statements about users, their sign-in links and sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from newsletter.db.models import SignInLink, User, UserSession


def user_by_address(session: Session, address: str) -> User | None:
    """The user of this normalised address."""
    return session.scalar(select(User).where(User.address == address))


def all_users(session: Session) -> Sequence[User]:
    """All users by address."""
    return session.scalars(select(User).order_by(User.address)).all()


def other_active_users(session: Session, user_id: int, *, roles: Sequence[str]) -> int:
    """How many active users of these roles there are besides one."""
    statement = select(func.count()).select_from(User).where(User.is_active, User.role.in_(roles), User.id != user_id)
    return session.scalar(statement) or 0


def active_user_of_session(session: Session, token_hash: bytes, *, now: datetime) -> User | None:
    """The active user whose unexpired session has this token hash."""
    return session.scalar(
        select(User)
        .join(UserSession, UserSession.user_id == User.id)
        .where(UserSession.token_hash == token_hash, UserSession.expires_at > now, User.is_active)
    )


def use_sign_in_link(session: Session, token_hash: bytes, *, now: datetime) -> int | None:
    """Mark an unused, unexpired link as used, once; returns the user's id, or None where it is no good."""
    return session.scalar(
        update(SignInLink)
        .where(SignInLink.token_hash == token_hash, SignInLink.used_at.is_(None), SignInLink.expires_at > now)
        .values(used_at=now)
        .returning(SignInLink.user_id)
    )


def usable_link_exists(session: Session, token_hash: bytes, *, now: datetime) -> bool:
    """Whether a link could still be used."""
    found = session.scalar(
        select(SignInLink.user_id).where(
            SignInLink.token_hash == token_hash, SignInLink.used_at.is_(None), SignInLink.expires_at > now
        )
    )
    return found is not None


def delete_session(session: Session, token_hash: bytes) -> None:
    """Forget one signed-in browser."""
    session.execute(delete(UserSession).where(UserSession.token_hash == token_hash))


def delete_sessions_of_user(session: Session, user_id: int) -> None:
    """Sign a user out everywhere."""
    session.execute(delete(UserSession).where(UserSession.user_id == user_id))


def delete_expired_sign_ins(session: Session, *, now: datetime) -> None:
    """Forget sessions and links that have expired."""
    session.execute(delete(UserSession).where(UserSession.expires_at <= now))
    session.execute(delete(SignInLink).where(SignInLink.expires_at <= now))
