"""The audit log in the console."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.services import audit
from newsletter.web.console_briefs import names_of_users
from newsletter.web.visits import Place, Visiting

_ENTRIES_PER_PAGE = 100
# Where the thing is that an entry is about; a list is found by its slug, a person by their address.
_PLACES = {"brief": "/admin/briefs/{}", "issue": "/admin/issues/{}"}


def show_audit(visit: Visiting, before: Place | None = None) -> Response:
    """Who did what to which thing, the latest first."""
    found = audit.recent_entries(visit.session, limit=_ENTRIES_PER_PAGE + 1, before_id=before)
    entries = found[:_ENTRIES_PER_PAGE]
    places = {
        entry.id: _PLACES[entry.subject_type].format(entry.subject_id)
        for entry in entries
        if entry.subject_type in _PLACES and entry.subject_id is not None
    }
    return visit.page(
        "audit.html",
        entries=entries,
        places=places,
        people=names_of_users(visit.session),
        next_before=entries[-1].id if len(found) > _ENTRIES_PER_PAGE else None,
    )
