"""Signing in and out: by password, by one-time link; and a user's own account."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.domain.subscriber import normalise_address
from newsletter.errors import Forbidden, InvalidInput, NewsletterError
from newsletter.services import users
from newsletter.settings import networks_of
from newsletter.web.auth import COOKIE, HOME, safe_next, set_session_cookie
from newsletter.web.clients import client_of
from newsletter.web.throttle import SignInBrake
from newsletter.web.visits import Call, Visit, Visiting, refused_to, see


def show_login(visit: Visiting, next: str = "") -> Response:  # noqa: A002  the name in the address
    """The sign-in form."""
    if visit.visitor is not None:
        return see(safe_next(next))
    return _login_page(visit, wanted=next)


def sign_in(visit: Visiting) -> Response:
    """Sign in by password. Whatever is wrong, the answer is the same; after some failures it is a pause."""
    brake: SignInBrake = visit.request.app.state.brake
    email, wanted = visit.form.line("email"), visit.form.line("next")
    address, client = _address_of(email), _client(visit)
    with refused_to(lambda fresh, error: _login_page(fresh, wanted=wanted, email=email, error=error)):
        if brake.is_on(address=address, client=client, now=visit.now):
            raise Forbidden("too many failed tries: wait a quarter of an hour, or ask an admin for a sign-in link")
        try:
            token = users.sign_in_by_password(visit.session, email, visit.form.raw("password"), now=visit.now)
        except Forbidden:
            brake.add_failure(address=address, client=client, now=visit.now)
            raise
    brake.forget(address=address)
    return _signed_in(visit, token, wanted=wanted)


def show_link(visit: Visiting, token: str) -> Response:
    """A page with a button: mail programs that look at links must not use one up."""
    is_usable = users.is_link_usable(visit.session, token, now=visit.now)
    return visit.page("login_link.html", status=200 if is_usable else 404, token=token, is_usable=is_usable)


def use_link(visit: Visiting, token: str) -> Response:
    """Sign in by a one-time link, which is used up by it."""
    session_token = users.sign_in_by_link(visit.session, token, now=visit.now)
    return _signed_in(visit, session_token, wanted=HOME)


def sign_out(visit: Visiting) -> Response:
    """End this browser's session."""
    users.sign_out(visit.session, visit.request.cookies.get(COOKIE, ""))
    response = see("/login", done="signed-out")
    response.delete_cookie(COOKIE)
    return response


def show_account(visit: Visiting) -> Response:
    """One's own account."""
    return _account_page(visit)


def set_password(visit: Visiting) -> Response:
    """Give oneself a password; who has one proves that they know it."""
    with refused_to(lambda fresh, error: _account_page(fresh, error=error)):
        user = users.find_user(visit.session, visit.actor.email)
        new = visit.form.raw("password")
        if new != visit.form.raw("password_again"):
            raise InvalidInput("the two passwords differ: type the same one twice")
        if not users.password_fits(user, visit.form.raw("current_password")):
            raise InvalidInput("the current password is not right")
        users.set_password(visit.session, user, new, now=visit.now)
    return see("/admin/account", done="password-set")


def _login_page(visit: Visit, *, wanted: str, email: str = "", error: NewsletterError | None = None) -> Response:
    return visit.page("login.html", wanted=safe_next(wanted), email=email, error=error)


def _account_page(visit: Visit, error: NewsletterError | None = None) -> Response:
    return visit.page("account.html", error=error, min_length=users.MIN_PASSWORD_LENGTH)


def _client(visit: Visit) -> str:
    return client_of(visit.request, proxies=networks_of(visit.runtime.settings.trusted_proxies))


def _signed_in(call: Call, token: str, *, wanted: str) -> Response:
    response = see(safe_next(wanted))
    set_session_cookie(response, token, base_url=call.runtime.settings.base_url)
    return response


def _address_of(email: str) -> str:
    try:
        return normalise_address(email)
    except InvalidInput:
        return email[:100].lower()
