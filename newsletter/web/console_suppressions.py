"""Suppressions in the console: who must not be mailed, and why."""

from __future__ import annotations

import csv
import io

from starlette.responses import Response

from newsletter.domain.freezing import FreezeDecision
from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import InvalidInput, NewsletterError
from newsletter.services import freezing, suppression_files, suppressions
from newsletter.services.suppressions import SuppressionCounts
from newsletter.web.forms import plain
from newsletter.web.visits import Place, Visit, Visiting, refused_to, see

_ROWS_PER_PAGE = 50


def show_suppressions(visit: Visiting, q: str = "", reason: str = "", after: Place = 0) -> Response:
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


def import_suppressions(visit: Visiting) -> Response:
    """Suppress every address of a file."""
    upload = visit.form.upload("file")
    with refused_to(lambda fresh, error: _page(fresh, error=error)):
        if upload is None:
            raise InvalidInput("choose a file: a CSV with columns email, reason, evidence, or a bare list")
        counts = suppression_files.import_file(
            visit.session,
            upload.stream,
            reason=_reason_of(visit.form.line("reason")) or SuppressionReason.MANUAL,
            evidence=f"file {upload.file_name}",
            address_key=visit.runtime.links.address_key,
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return _page(visit, imported=counts)


def export_suppressions(visit: Visiting) -> Response:
    """All suppressions as CSV; erased addresses are unknown and so not in it."""
    text = io.StringIO()
    csv.writer(text).writerows(suppressions.export_suppressions(visit.session))
    headers = {"Content-Disposition": 'attachment; filename="suppressions.csv"'}
    return Response(text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def release_domain(visit: Visiting) -> Response:
    """Decide about a frozen domain."""
    with refused_to(lambda fresh, error: _page(fresh, error=error)):
        text = visit.form.line("decision")
        if text not in list(FreezeDecision):
            raise InvalidInput("say whether these bounces are real or an outage")
        freezing.release(
            visit.session,
            visit.form.line("domain"),
            decision=FreezeDecision(text),
            address_key=visit.runtime.links.address_key,
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return see("/admin/suppressions", done=f"freeze-{text}")


def _reason_of(text: str) -> SuppressionReason | None:
    return SuppressionReason(text) if text in list(SuppressionReason) else None


def _page(
    visit: Visit,
    *,
    query: str = "",
    reason: SuppressionReason | None = None,
    after: int = 0,
    typed: str = "",
    imported: SuppressionCounts | None = None,
    error: NewsletterError | None = None,
) -> Response:
    found = suppressions.list_suppressions(
        visit.session, after_id=after, limit=_ROWS_PER_PAGE + 1, reason=reason, query=query
    )
    rows = found[:_ROWS_PER_PAGE]
    return visit.page(
        "suppressions.html",
        rows=rows,
        counts=suppressions.count_suppressions(visit.session),
        frozen=freezing.open_freezes(visit.session),
        reasons=list(SuppressionReason),
        reason=str(reason or ""),
        query=query,
        typed=typed,
        imported=imported,
        next_after=rows[-1].id if len(found) > _ROWS_PER_PAGE else None,
        error=error,
    )
