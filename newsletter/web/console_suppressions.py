"""Suppressions in the console: who must not be mailed, and why."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import NewsletterError
from newsletter.services import suppressions
from newsletter.web.forms import plain
from newsletter.web.visits import Visit, Visiting, refused_to, see

_ROWS_PER_PAGE = 50


def show_suppressions(visit: Visiting, q: str = "", reason: str = "", after: int = 0) -> Response:
    """Suppressed addresses with their reason, to be searched."""
    return _page(visit, query=plain(q), reason=_reason_of(reason), after=after)


def add_suppression(visit: Visiting) -> Response:
    """Never mail an address again."""
    email = visit.form.line("email")
    with refused_to(lambda fresh, error: _page(fresh, typed=email, error=error)):
        is_new = suppressions.suppress(
            visit.session,
            address=email,
            reason=SuppressionReason.MANUAL,
            evidence=visit.form.line("evidence")[:500],
            address_key=visit.runtime.links.address_key,
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return see("/admin/suppressions", done="suppression-added" if is_new else "suppression-known")


def remove_suppression(visit: Visiting) -> Response:
    """Let an address be mailed again."""
    email = visit.form.line("email")
    with refused_to(lambda fresh, error: _page(fresh, error=error)):
        suppressions.lift(
            visit.session,
            address=email,
            address_key=visit.runtime.links.address_key,
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return see("/admin/suppressions", done="suppression-lifted")


def _reason_of(text: str) -> SuppressionReason | None:
    return SuppressionReason(text) if text in list(SuppressionReason) else None


def _page(
    visit: Visit,
    *,
    query: str = "",
    reason: SuppressionReason | None = None,
    after: int = 0,
    typed: str = "",
    error: NewsletterError | None = None,
) -> Response:
    found = suppressions.list_suppressions(
        visit.session, after_id=max(after, 0), limit=_ROWS_PER_PAGE + 1, reason=reason, query=query
    )
    rows = found[:_ROWS_PER_PAGE]
    return visit.page(
        "suppressions.html",
        rows=rows,
        counts=suppressions.count_suppressions(visit.session),
        reasons=list(SuppressionReason),
        reason=str(reason or ""),
        query=query,
        typed=typed,
        next_after=rows[-1].id if len(found) > _ROWS_PER_PAGE else None,
        error=error,
    )
