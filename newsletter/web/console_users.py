"""Users in the console: making them, changing them, giving them a way in."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.db.models import User
from newsletter.domain.people import RIGHTS, Role
from newsletter.errors import InvalidInput, NewsletterError
from newsletter.services import users
from newsletter.web.forms import Form
from newsletter.web.visits import Id, Visit, Visiting, refused_to, see


def show_users(visit: Visiting) -> Response:
    """All users with their roles."""
    return _page(visit, typed=Form())


def create_user(visit: Visiting) -> Response:
    """Make a user and show their one-time sign-in link, this once."""
    form = visit.form
    with refused_to(lambda fresh, error: _page(fresh, typed=form, error=error)):
        user = users.create_user(
            visit.session,
            email=form.line("email"),
            role=_role_of(form),
            name=form.line("name")[:200],
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return _link_page(visit, user)


def make_link(visit: Visiting, user_id: Id) -> Response:
    """A new one-time link for somebody who cannot get in, shown this once."""
    return _link_page(visit, users.user_of(visit.session, user_id))


def change_user(visit: Visiting, user_id: Id) -> Response:
    """Change a role, or deactivate somebody."""
    with refused_to(lambda fresh, error: _page(fresh, typed=Form(), error=error)):
        users.change_user(
            visit.session,
            users.user_of(visit.session, user_id),
            role=_role_of(visit.form),
            is_active=visit.form.is_checked("is_active"),
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return see("/admin/users", done="user-changed")


def _role_of(form: Form) -> Role:
    try:
        return Role(form.line("role"))
    except ValueError:
        raise InvalidInput("choose a role: " + ", ".join(Role)) from None


def _page(visit: Visit, *, typed: Form, error: NewsletterError | None = None) -> Response:
    return visit.page(
        "users.html",
        users=users.all_users(visit.session),
        roles={role: sorted(RIGHTS[role]) for role in Role},
        email=typed.line("email"),
        name=typed.line("name"),
        role=typed.line("role") or str(Role.EDITOR),
        error=error,
    )


def _link_page(visit: Visit, user: User) -> Response:
    token = users.make_sign_in_link(visit.session, user, now=visit.now)
    return visit.page(
        "user_link.html",
        user=user,
        url=visit.runtime.links.sign_in_url(token),
        expires_at=visit.now + users.LINK_LIFETIME,
    )
