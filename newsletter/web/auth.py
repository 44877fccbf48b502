"""Who is asking: the session cookie, and the proof that a form came from one of our pages."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from fastapi import Request
from starlette.responses import Response

from newsletter.domain.people import Right, Role, may
from newsletter.errors import Forbidden, NewsletterError
from newsletter.runtime import Runtime
from newsletter.services import users
from newsletter.services.users import SESSION_LIFETIME, Actor
from newsletter.web.access import PUBLIC, Route
from newsletter.web.forms import SAFE_METHODS, Form

COOKIE = "newsletter_session"
CSRF_FIELD = "csrf_token"
HOME = "/admin"


class NotSignedIn(NewsletterError):
    """Nobody is signed in: the sign-in page comes first."""


class RightMissing(Forbidden):
    """A signed-in user lacks a right; `roles` are those that have it."""

    def __init__(self, role: Role, right: Right) -> None:
        self.roles = tuple(other for other in Role if may(other, right))
        able = " or ".join(self.roles)
        super().__init__(f"your role is {role} and may not {right.replace('_', ' ')}: ask somebody who is {able}")


class ForeignForm(Forbidden):
    """A form that did not come from a page of ours."""

    def __init__(self) -> None:
        super().__init__(
            "this form did not come from a page of yours, or you signed in anew: go back, reload, send it again"
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Visitor:
    """A signed-in user with the token that their forms carry."""

    actor: Actor
    name: str
    has_password: bool
    csrf_token: str

    def may(self, right: Right) -> bool:
        """Whether the visitor has this right."""
        return may(self.actor.role, right)


class FormSeal:
    """Makes the token that a session's forms carry: it cannot be guessed without the session's cookie."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, digest_size=32, person=b"forms").digest()

    def token(self, session_token: str) -> str:
        """The token of one session."""
        return hashlib.blake2b(session_token.encode(), key=self._key, digest_size=20).hexdigest()


def find_visitor(request: Request, runtime: Runtime, *, seal: FormSeal) -> Visitor | None:
    """The user behind the session cookie, read in a short session of its own."""
    token = request.cookies.get(COOKIE)
    if not token:
        return None
    with runtime.reading() as session:
        user = users.user_of_session(session, token, now=runtime.now())
        if user is None:
            return None
        return Visitor(
            actor=users.actor_of(user),
            name=user.name or user.email,
            has_password=user.password_hash is not None,
            csrf_token=seal.token(token),
        )


def require_access(request: Request, route: Route, *, visitor: Visitor | None, form: Form, runtime: Runtime) -> None:
    """NotSignedIn, RightMissing or ForeignForm unless this request may go on."""
    if route.right is not PUBLIC:
        if visitor is None:
            raise NotSignedIn("sign in first")
        if not visitor.may(route.right):
            raise RightMissing(visitor.actor.role, route.right)
    if request.method in SAFE_METHODS or route.takes_foreign_posts:
        return
    if not is_from_here(request.headers, base_url=runtime.settings.base_url):
        raise ForeignForm
    if visitor is not None and not hmac.compare_digest(form.raw(CSRF_FIELD).encode(), visitor.csrf_token.encode()):
        raise ForeignForm


def is_from_here(headers: Mapping[str, str], *, base_url: str) -> bool:
    """Whether a browser says that a form came from this site; programs that say nothing need the token anyway."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    if origin is None:
        return True
    return urlsplit(origin).netloc in (headers.get("host"), urlsplit(base_url).netloc)


def set_session_cookie(response: Response, token: str, *, base_url: str) -> None:
    """Sign a browser in for fourteen days."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=base_url.startswith("https://"),
    )


def login_url(request: Request) -> str:
    """The sign-in page, which leads back to where the reader wanted to go."""
    if request.method not in SAFE_METHODS:
        return "/login?done=session-over"
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/login" if wanted == HOME else f"/login?next={quote(wanted, safe='/')}"


def safe_next(wanted: str) -> str:
    """Where to go after signing in: a page of the console, never another site."""
    is_ours = (wanted == HOME or wanted.startswith((HOME + "/", HOME + "?"))) and "\\" not in wanted
    return wanted if is_ours and wanted.isprintable() else HOME
