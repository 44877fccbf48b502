"""Newsletters in the console."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from starlette.responses import Response

from newsletter.db.models import NewsletterRow
from newsletter.errors import NewsletterError
from newsletter.services import newsletters
from newsletter.web.forms import Form
from newsletter.web.visits import Id, Visit, Visiting, refused_to, see

_LINES = ("name", "from_name", "from_email", "reply_to", "time_zone", "language")
_DEFAULTS = {"time_zone": "UTC", "language": "en"}
LANGUAGES = {"en": "English", "zh-Hans": "Chinese (simplified)", "zh-Hant": "Chinese (traditional)"}


def show_newsletters(visit: Visiting) -> Response:
    """All newsletters."""
    return visit.page("newsletters.html", rows=newsletters.all_newsletters(visit.session))


def show_new_newsletter(visit: Visiting) -> Response:
    """The form for a new newsletter."""
    return _page(visit, values=_values_of(Form()) | _DEFAULTS)


def create_newsletter(visit: Visiting) -> Response:
    """Make a newsletter."""
    values = _values_of(visit.form)
    slug = visit.form.line("slug").lower()
    with refused_to(lambda fresh, error: _page(fresh, values=values | {"slug": slug}, error=error)):
        newsletters.create_newsletter(visit.session, **values, slug=slug, now=visit.now, actor_id=visit.actor.user_id)
    return see("/admin/newsletters", done="newsletter-saved")


def show_newsletter(visit: Visiting, newsletter_id: Id) -> Response:
    """One newsletter in a form."""
    row = newsletters.newsletter_of(visit.session, newsletter_id)
    return _page(visit, row=row, values=_values_of_row(row))


def edit_newsletter(visit: Visiting, newsletter_id: Id) -> Response:
    """Change a newsletter; what is approved already stays as it was approved."""
    values = _values_of(visit.form)

    def again(fresh: Visit, error: NewsletterError) -> Response:
        return _page(fresh, row=newsletters.newsletter_of(fresh.session, newsletter_id), values=values, error=error)

    with refused_to(again):
        row = newsletters.newsletter_of(visit.session, newsletter_id)
        values["theme"] = dict(row.theme or {}) | values["theme"]
        newsletters.edit_newsletter(visit.session, row.slug, now=visit.now, actor_id=visit.actor.user_id, **values)
    return see(f"/admin/newsletters/{newsletter_id}", done="newsletter-saved")


def _values_of(form: Form) -> dict[str, Any]:
    accent = form.line("accent")
    return {name: form.line(name) for name in _LINES} | {
        "postal_address": form.text("postal_address").strip(),
        "requires_four_eyes": form.is_checked("requires_four_eyes"),
        "theme": {"accent": accent} if accent else {},
    }


def _values_of_row(row: NewsletterRow) -> dict[str, Any]:
    names = (*_LINES, "postal_address", "requires_four_eyes")
    return {name: getattr(row, name) for name in names} | {"theme": row.theme or {}, "slug": row.slug}


def _page(
    visit: Visit, *, values: dict[str, Any], row: NewsletterRow | None = None, error: NewsletterError | None = None
) -> Response:
    return visit.page(
        "newsletter.html",
        row=row,
        values={"slug": row.slug if row else ""} | values,
        languages=LANGUAGES,
        zones=sorted(available_timezones()),
        error=error,
    )
