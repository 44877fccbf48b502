"""Newsletters in the console."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from starlette.responses import Response

from newsletter.db.models import NewsletterRow
from newsletter.domain.slots_of_day import DEFAULT_LATENESS_MINUTES
from newsletter.errors import InvalidInput, NewsletterError
from newsletter.services import lists, newsletters, slots
from newsletter.web.forms import Form
from newsletter.web.visits import Id, Visit, Visiting, refused_to, see

_LINES = ("name", "from_name", "from_email", "reply_to", "time_zone", "language", "quiet_hours")
_SLOT_LINES = ("at", "cutoff", "lateness_minutes")
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
    values, slot = _values_of(visit.form), _slot_of(visit.form)

    def again(fresh: Visit, error: NewsletterError) -> Response:
        row = newsletters.newsletter_of(fresh.session, newsletter_id)
        return _page(fresh, row=row, values=values, slot=slot, error=error)

    with refused_to(again):
        row = newsletters.newsletter_of(visit.session, newsletter_id)
        values["theme"] = dict(row.theme or {}) | values["theme"]
        newsletters.edit_newsletter(visit.session, row.slug, now=visit.now, actor_id=visit.actor.user_id, **values)
        _save_slot(visit, row, slot)
    return see(f"/admin/newsletters/{newsletter_id}", done="newsletter-saved")


def _save_slot(visit: Visit, row: NewsletterRow, slot: dict[str, Any]) -> None:
    """Set or clear the daily slot where the form says something else than what is stored."""
    common: dict[str, Any] = {"now": visit.now, "actor_id": visit.actor.user_id}
    if not slot["at"]:
        if row.daily_slot:
            slots.clear_slot(visit.session, row.slug, **common)
        return
    lateness = slot["lateness_minutes"]
    if not (lateness.isascii() and lateness.isdigit() and len(lateness) < 5):
        raise InvalidInput("write how late the daily slot may be as a number of minutes, such as 180")
    wanted = slot | {"lateness_minutes": int(lateness), "cutoff": slot["cutoff"] or slot["at"]}
    if wanted != _slot_of_row(row):
        slots.set_slot(visit.session, row.slug, **common, **wanted)


def _slot_of(form: Form) -> dict[str, Any]:
    """The daily slot as typed."""
    return {name: form.line(f"slot_{name}") for name in _SLOT_LINES} | {"lists": form.lines("slot_lists")}


def _slot_of_row(row: NewsletterRow | None) -> dict[str, Any]:
    """The daily slot as stored, or an empty one."""
    empty = {"at": "", "cutoff": "", "lateness_minutes": DEFAULT_LATENESS_MINUTES, "lists": []}
    return {name: ((row.daily_slot if row else None) or empty)[name] for name in empty}


def _values_of(form: Form) -> dict[str, Any]:
    accent = form.line("accent")
    return {name: form.line(name) for name in _LINES} | {
        "postal_address": form.text("postal_address").strip(),
        "about": form.text("about").strip(),
        "requires_four_eyes": form.is_checked("requires_four_eyes"),
        "theme": {"accent": accent} if accent else {},
    }


def _values_of_row(row: NewsletterRow) -> dict[str, Any]:
    names = (*_LINES, "postal_address", "about", "requires_four_eyes")
    return {name: getattr(row, name) for name in names} | {"theme": row.theme or {}, "slug": row.slug}


def _page(
    visit: Visit,
    *,
    values: dict[str, Any],
    row: NewsletterRow | None = None,
    slot: dict[str, Any] | None = None,
    error: NewsletterError | None = None,
) -> Response:
    its_lists = lists.list_summaries(visit.session) if row else []
    return visit.page(
        "newsletter.html",
        row=row,
        values={"slug": row.slug if row else ""} | values,
        slot=slot or _slot_of_row(row),
        lists=[summary for summary in its_lists if row and summary.newsletter_id == row.id],
        latest_run=slots.latest_run(visit.session, row.id) if row else None,
        languages=LANGUAGES,
        zones=sorted(available_timezones()),
        error=error,
    )
