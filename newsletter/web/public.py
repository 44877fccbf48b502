"""Public pages: the first page, leaving, and the archive."""

from __future__ import annotations

from starlette.responses import HTMLResponse, PlainTextResponse, Response

from newsletter import rendering
from newsletter.domain.slugs import is_slug
from newsletter.errors import NotFound
from newsletter.services import archive, leaving, newsletters, subscribing
from newsletter.web.auth import HOME
from newsletter.web.headers import OPEN_MAIL_POLICY
from newsletter.web.visits import Id, Place, Visiting, see

_ISSUES_PER_PAGE = 50
# RFC 8058 3.1: the whole body of a mail program's POST.
_ONE_CLICK = ("List-Unsubscribe", "One-Click")


def show_start(visit: Visiting) -> Response:
    """The first page: the console for who is signed in, else the archives and the way to sign in."""
    if visit.visitor is not None:
        return see(HOME)
    return visit.page("start.html", newsletters=newsletters.all_newsletters(visit.session))


def show_leaving(visit: Visiting, token: str) -> Response:
    """A page with a button. It changes nothing: link scanners open every link of a mail."""
    leaver = leaving.find_leaver(visit.session, token, links=visit.runtime.links)
    return visit.page("leave.html", token=token, leaver=leaver)


def leave(visit: Visiting, token: str) -> Response:
    """Take a reader off the newsletter: for mail programs (RFC 8058, always 200 and no redirect) and for the button."""
    name, value = _ONE_CLICK
    is_one_click = visit.form.line(name) == value
    source = "one-click" if is_one_click else "unsubscribe page"
    leaver = leaving.leave(visit.session, token, links=visit.runtime.links, source=source, now=visit.now)
    if is_one_click:
        return PlainTextResponse("You have been unsubscribed.\n")
    return visit.page("left.html", leaver=leaver)


def show_archive(visit: Visiting, newsletter: str, before: Place | None = None) -> Response:
    """What a newsletter has sent, the newest first."""
    row = newsletters.find_newsletter(visit.session, slug_in(newsletter))
    entries = archive.archived_issues(visit.session, row.id, before_id=before, limit=_ISSUES_PER_PAGE + 1)
    return visit.page(
        "archive.html",
        newsletter=row,
        entries=entries[:_ISSUES_PER_PAGE],
        can_subscribe=bool(subscribing.offer_of(visit.session, row.slug).lists),
        next_before=entries[_ISSUES_PER_PAGE - 1].issue_id if len(entries) > _ISSUES_PER_PAGE else None,
    )


def show_web_version(visit: Visiting, newsletter: str, issue_id: Id) -> Response:
    """One issue as a web page, without anything of a reader."""
    rendered = archive.archived_issue(visit.session, slug_in(newsletter), issue_id)
    headers = {"Content-Security-Policy": OPEN_MAIL_POLICY}
    return HTMLResponse(rendering.web_page(rendered), headers=headers)


def slug_in(text: str) -> str:
    """The slug of a newsletter in an address; NotFound for what can be none."""
    if not is_slug(text):
        raise NotFound("there is no such newsletter: look at the first page for those that there are")
    return text
