"""Mailing lists in the console."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.domain.subscriber import OptIn
from newsletter.errors import InvalidInput, NewsletterError
from newsletter.services import lists, newsletters
from newsletter.web.forms import Form
from newsletter.web.visits import Id, Visit, Visiting, refused_to, see


def show_lists(visit: Visiting) -> Response:
    """All lists with their numbers."""
    return visit.page("lists.html", lists=lists.list_summaries(visit.session))


def show_new_list(visit: Visiting) -> Response:
    """The form for a new list."""
    return _new_page(visit, typed=Form())


def create_list(visit: Visiting) -> Response:
    """Make a list."""
    form = visit.form
    with refused_to(lambda fresh, error: _new_page(fresh, typed=form, error=error)):
        made = lists.create_list(
            visit.session,
            name=form.line("name"),
            slug=form.line("slug").lower() or None,
            newsletter_id=newsletters.find_newsletter(visit.session, form.line("newsletter") or None).id,
            opt_in=_opt_in_of(form),
            is_public=form.is_checked("is_public"),
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return see(f"/admin/lists/{made.id}", done="list-created")


def show_list(visit: Visiting, list_id: Id) -> Response:
    """One list: who is on it, in numbers, and what can be done with it."""
    return visit.page("list.html", list=lists.list_summary(visit.session, list_id))


def _opt_in_of(form: Form) -> OptIn:
    try:
        return OptIn(form.line("opt_in"))
    except ValueError:
        raise InvalidInput("choose how people come onto the list: single or double opt-in") from None


def _new_page(visit: Visit, *, typed: Form, error: NewsletterError | None = None) -> Response:
    return visit.page(
        "list_new.html",
        name=typed.line("name"),
        slug=typed.line("slug"),
        opt_in=typed.line("opt_in") or "single",
        is_public=typed.is_checked("is_public") if error else True,
        chosen_newsletter=typed.line("newsletter"),
        newsletters=newsletters.all_newsletters(visit.session),
        error=error,
    )
