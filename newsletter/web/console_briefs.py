"""Briefs in the console: the list, a new one, what was understood, editing."""

from __future__ import annotations

from itertools import groupby

from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter import rendering
from newsletter.domain.brief import TRANSITIONS, BriefStatus
from newsletter.domain.findings import Finding, Level
from newsletter.domain.reading import MAX_BYTES, BriefFormat
from newsletter.errors import NewsletterError, UnreadableBrief
from newsletter.services import briefs, issues, newsletters, users
from newsletter.web.forms import Form
from newsletter.web.previews import VIEWS, framed_mail, scheme_of, view_of
from newsletter.web.visits import Id, Place, Visit, Visiting, refused_to, see

_BRIEFS_PER_PAGE = 50
FORMAT_NAMES = [
    (BriefFormat.AUTO, "Recognise it"),
    (BriefFormat.TEXT, "Plain text"),
    (BriefFormat.MARKDOWN, "Markdown"),
    (BriefFormat.HTML, "HTML"),
    (BriefFormat.JSON, "JSON"),
]
_NEXT = {
    BriefStatus.DRAFT: "write",
    BriefStatus.CHANGES_REQUESTED: "write",
    BriefStatus.IN_REVIEW: "review",
    BriefStatus.APPROVED: "send",
}


def show_briefs(visit: Visiting, before: Place | None = None) -> Response:
    """All briefs, the newest first."""
    found = briefs.recent_briefs(visit.session, limit=_BRIEFS_PER_PAGE + 1, before_id=before)
    rows = found[:_BRIEFS_PER_PAGE]
    return visit.page(
        "briefs.html",
        rows=rows,
        people=names_of_users(visit.session),
        newsletters={row.id: row for row in newsletters.all_newsletters(visit.session)},
        next_before=rows[-1].id if len(found) > _BRIEFS_PER_PAGE else None,
    )


def show_new_brief(visit: Visiting) -> Response:
    """The form for a new brief."""
    return _new_page(visit, typed=Form())


def create_brief(visit: Visiting) -> Response:
    """Read what was pasted or uploaded, and store it as a draft; faults come back with their lines."""
    form = visit.form
    with refused_to(lambda fresh, error: _new_page(fresh, typed=form, error=error)):
        row = briefs.import_brief(
            visit.session,
            _source_of(form),
            brief_format=_format_of(form),
            newsletter_slug=form.line("newsletter") or None,
            actor=visit.actor,
            now=visit.now,
        )
    return see(f"/admin/briefs/{row.id}", done="brief-saved")


def show_brief(visit: Visiting, brief_id: Id, view: str = "") -> Response:
    """One brief: what was understood, what there is to say about it, how it looks, and what can be done now."""
    return brief_page(visit, brief_id, view=view)


def brief_page(visit: Visit, brief_id: int, *, view: str = "", error: NewsletterError | None = None) -> Response:
    """The page of a brief, with what was wrong with a form on it."""
    session = visit.session
    row = briefs.find_brief(session, brief_id)
    newsletter = newsletters.newsletter_of(session, row.newsletter_id)
    preview = briefs.shown_preview(session, brief_id)
    values = rendering.preview_values(language=preview.rendered.language, base_url=visit.runtime.settings.base_url)
    return visit.page(
        "brief.html",
        row=row,
        newsletter=newsletter,
        content=briefs.content_of(session, row),
        version=briefs.version_of(session, row),
        rendered=preview.rendered,
        html_bytes=len(preview.rendered.html.encode()),
        text=rendering.fill_text(preview.rendered, values),
        sha256=preview.rendered.sha256,
        findings=grouped(preview.findings),
        decisions=briefs.decisions_of(session, brief_id),
        issues=issues.issues_of_brief(session, brief_id),
        people=names_of_users(session),
        step=_NEXT[BriefStatus(row.status)],
        acts={act for status, act in TRANSITIONS if status == row.status},
        view=view_of(view),
        views=VIEWS,
        error=error,
    )


def show_mail(visit: Visiting, brief_id: Id, scheme: str = "light") -> Response:
    """The HTML of a brief's mail, for the frame of its page."""
    rendered = briefs.shown_preview(visit.session, brief_id).rendered
    values = rendering.preview_values(language=rendered.language, base_url=visit.runtime.settings.base_url)
    return framed_mail(rendering.fill_html(rendered, values), scheme=scheme_of(scheme))


def show_edit_brief(visit: Visiting, brief_id: Id) -> Response:
    """The source of a brief in a form."""
    return _edit_page(visit, brief_id)


def edit_brief(visit: Visiting, brief_id: Id) -> Response:
    """Replace the content; refused where somebody else edited it meanwhile, with what was typed kept."""
    form = visit.form
    with refused_to(lambda fresh, error: _edit_page(fresh, brief_id, typed=form, error=error)):
        before = briefs.find_brief(visit.session, brief_id).version
        row = briefs.edit_brief(
            visit.session,
            brief_id,
            _source_of(form),
            brief_format=_format_of(form),
            expected_version=form.number("version"),
            actor=visit.actor,
            now=visit.now,
        )
    return see(f"/admin/briefs/{brief_id}", done="brief-saved" if row.version != before else "brief-unchanged")


def grouped(findings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    """Findings by level, the weightiest first; only levels that occur."""
    order = list(Level)
    found = sorted(findings, key=lambda finding: (order.index(finding.level), finding.line or 0))
    return {str(level): list(group) for level, group in groupby(found, key=lambda finding: finding.level)}


def names_of_users(session: Session) -> dict[int, str]:
    """How pages name users, by id."""
    return {user.id: user.name or user.email for user in users.all_users(session)}


def _new_page(visit: Visit, *, typed: Form, error: NewsletterError | None = None) -> Response:
    return visit.page(
        "brief_new.html",
        typed=typed.raw("source"),
        chosen_format=typed.line("format") or str(BriefFormat.AUTO),
        chosen_newsletter=typed.line("newsletter"),
        newsletters=newsletters.all_newsletters(visit.session),
        format_names=FORMAT_NAMES,
        max_bytes=MAX_BYTES,
        faults=error.faults if isinstance(error, UnreadableBrief) else (),
        error=error,
    )


def _edit_page(
    visit: Visit, brief_id: int, *, typed: Form | None = None, error: NewsletterError | None = None
) -> Response:
    row = briefs.find_brief(visit.session, brief_id)
    version = briefs.version_of(visit.session, row)
    return visit.page(
        "brief_edit.html",
        row=row,
        typed=version.source_text if typed is None else typed.raw("source"),
        chosen_format=version.source_format if typed is None else typed.line("format"),
        expected_version=row.version if typed is None else typed.line("version"),
        format_names=FORMAT_NAMES,
        faults=error.faults if isinstance(error, UnreadableBrief) else (),
        error=error,
    )


def _source_of(form: Form) -> str | bytes:
    """The uploaded file where there is one, else the text field."""
    upload = form.upload("file")
    return form.raw("source") if upload is None else upload.stream.read()


def _format_of(form: Form) -> BriefFormat:
    chosen = form.line("format")
    return BriefFormat(chosen) if chosen in list(BriefFormat) else BriefFormat.AUTO
