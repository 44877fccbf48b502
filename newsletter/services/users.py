"""Users: making them, signing them in by one-time link or password, and asking what they may do."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.orm import Session

from newsletter.db.models import SignInLink, User, UserSession
from newsletter.db.queries import users as queries
from newsletter.domain.people import Right, Role, may
from newsletter.domain.subscriber import normalise_address
from newsletter.errors import Conflict, Forbidden, InvalidInput, NotFound
from newsletter.services import audit

LINK_LIFETIME = timedelta(hours=24)
SESSION_LIFETIME = timedelta(days=14)
MIN_PASSWORD_LENGTH = 10

_hasher = PasswordHasher()


@dataclass(frozen=True, kw_only=True, slots=True)
class Actor:
    """Who does something: a signed-in user, or the operator at the command line (user_id None)."""

    user_id: int | None
    email: str
    role: Role

    def require(self, right: Right) -> None:
        """Raise Forbidden unless this actor has the right."""
        if not may(self.role, right):
            raise Forbidden(f"{self.email} is {self.role} and may not {right.replace('_', ' ')}: ask an admin")


OPERATOR = Actor(user_id=None, email="the operator", role=Role.ADMIN)


def create_user(
    session: Session, *, email: str, role: Role, name: str = "", now: datetime, actor_id: int | None = None
) -> User:
    """Make a user; Conflict where there is one with this address."""
    address = normalise_address(email)
    if queries.user_by_address(session, address) is not None:
        raise Conflict(f"there is a user {email} already: use `newsletter user sign-in-link {email}`")
    user = User(email=email.strip(), address=address, name=name, role=str(role), created_at=now)
    session.add(user)
    session.flush()
    audit.record(
        session,
        action="user.create",
        subject_type="user",
        subject_id=user.id,
        actor_id=actor_id,
        detail={"role": str(role)},
        now=now,
    )
    return user


def find_user(session: Session, email: str) -> User:
    """The user of this address."""
    user = queries.user_by_address(session, normalise_address(email))
    if user is None:
        raise NotFound(f"there is no user {email}: make one with `newsletter user create {email} --role editor`")
    return user


def user_of(session: Session, user_id: int) -> User:
    """The user of this id."""
    user = session.get(User, user_id)
    if user is None:
        raise NotFound(f"there is no user {user_id}: look at the list of users")
    return user


def all_users(session: Session) -> Sequence[User]:
    """All users by address."""
    return queries.all_users(session)


def actor_of(user: User) -> Actor:
    """A user as somebody who acts; Forbidden for one who was deactivated."""
    if not user.is_active:
        raise Forbidden(f"{user.email} has been deactivated: ask an admin")
    return Actor(user_id=user.id, email=user.email, role=Role(user.role))


def make_sign_in_link(session: Session, user: User, *, now: datetime) -> str:
    """The token of a new one-time link, good for a day; only its hash is stored."""
    token = secrets.token_urlsafe(32)
    session.add(SignInLink(token_hash=_hash(token), user_id=user.id, created_at=now, expires_at=now + LINK_LIFETIME))
    session.flush()
    return token


def is_link_usable(session: Session, token: str, *, now: datetime) -> bool:
    """Whether a sign-in link could still be used; asking does not use it up."""
    return queries.usable_link_exists(session, _hash(token), now=now)


def sign_in_by_link(session: Session, token: str, *, now: datetime) -> str:
    """Use a one-time link; returns the token of a new session. Forbidden where the link is used up or too old."""
    user_id = queries.use_sign_in_link(session, _hash(token), now=now)
    user = session.get(User, user_id) if user_id is not None else None
    if user is None or not user.is_active:
        raise Forbidden("this sign-in link has been used or is too old: ask an admin for a new one")
    return _start_session(session, user, now=now)


def sign_in_by_password(session: Session, email: str, password: str, *, now: datetime) -> str:
    """Check a password; returns the token of a new session. The same refusal whatever was wrong."""
    try:
        user = queries.user_by_address(session, normalise_address(email))
    except InvalidInput:
        user = None
    stored = user.password_hash if user is not None and user.is_active else None
    if not _matches(stored, password) or user is None:
        raise Forbidden("this email address and password do not fit together")
    return _start_session(session, user, now=now)


def password_fits(user: User, password: str) -> bool:
    """Whether this is the user's password; true where they have none yet."""
    return user.password_hash is None or _matches(user.password_hash, password)


def set_password(session: Session, user: User, password: str, *, now: datetime) -> None:
    """Give a user a password of at least ten characters."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise InvalidInput(f"a password needs at least {MIN_PASSWORD_LENGTH} characters")
    user.password_hash = _hasher.hash(password)
    audit.record(
        session, action="user.set_password", subject_type="user", subject_id=user.id, actor_id=user.id, now=now
    )


def change_user(
    session: Session, user: User, *, role: Role, is_active: bool, now: datetime, actor_id: int | None
) -> None:
    """Change what a user may do; one who is deactivated is signed out everywhere.

    Conflict where nobody could manage users afterwards.
    """
    stays_admin = is_active and may(role, Right.MANAGE_USERS)
    if not stays_admin and not queries.other_active_users(session, user.id, roles=_roles_with(Right.MANAGE_USERS)):
        raise Conflict(f"{user.email} is the only one who can manage users: make somebody else an admin first")
    user.role = str(role)
    user.is_active = is_active
    if not is_active:
        queries.delete_sessions_of_user(session, user.id)
    audit.record(
        session,
        action="user.change",
        subject_type="user",
        subject_id=user.id,
        actor_id=actor_id,
        detail={"role": str(role), "is_active": is_active},
        now=now,
    )


def user_of_session(session: Session, token: str, *, now: datetime) -> User | None:
    """The active user behind a session cookie, or None."""
    return queries.active_user_of_session(session, _hash(token), now=now)


def sign_out(session: Session, token: str) -> None:
    """End one session."""
    queries.delete_session(session, _hash(token))


def forget_expired(session: Session, *, now: datetime) -> None:
    """Clear away sessions and links that have expired."""
    queries.delete_expired_sign_ins(session, now=now)


def _roles_with(right: Right) -> list[str]:
    return [str(role) for role in Role if may(role, right)]


def _start_session(session: Session, user: User, *, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        UserSession(token_hash=_hash(token), user_id=user.id, created_at=now, expires_at=now + SESSION_LIFETIME)
    )
    audit.record(session, action="user.sign_in", subject_type="user", subject_id=user.id, actor_id=user.id, now=now)
    session.flush()
    return token


def _matches(password_hash: str | None, password: str) -> bool:
    try:
        # Hashing takes the same time whether or not there is such a user.
        return _hasher.verify(password_hash or _hasher.hash(secrets.token_hex(8)), password) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
