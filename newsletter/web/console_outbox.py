"""The outbox in the console: the mails that the outbox provider wrote instead of sending."""

from __future__ import annotations

from starlette.responses import Response

from newsletter.errors import NotFound
from newsletter.providers.outbox import StoredMail, list_mails, read_mail
from newsletter.settings import ProviderName
from newsletter.web.forms import plain
from newsletter.web.previews import framed_mail, scheme_of
from newsletter.web.visits import Call, Caller, Place

_MAILS_PER_PAGE = 50
_VIEWS = ("desktop", "phone", "dark", "text", "headers", "source")


def show_outbox(call: Caller, issue: Place | None = None, after: str = "") -> Response:
    """The mails of the outbox, test mails first, then the newest issue's."""
    _require_outbox(call)
    folder = call.runtime.settings.outbox_dir
    found = list_mails(folder, issue_id=issue, limit=_MAILS_PER_PAGE + 1, after=plain(after) or None)
    mails = found[:_MAILS_PER_PAGE]
    return call.page(
        "outbox.html",
        mails=mails,
        issue=issue,
        next_after=mails[-1].key if len(found) > _MAILS_PER_PAGE else None,
    )


def show_mail(call: Caller, folder: str, name: str, view: str = "") -> Response:
    """One mail as its reader gets it: HTML, text, headers, source."""
    mail = _mail(call, folder, name)
    return call.page("mail.html", mail=mail, view=view if view in _VIEWS else _VIEWS[0], views=_VIEWS)


def show_mail_html(call: Caller, folder: str, name: str, scheme: str = "light") -> Response:
    """The HTML part of a mail, for the frame of its page."""
    return framed_mail(_mail(call, folder, name).html, scheme=scheme_of(scheme))


def _mail(call: Call, folder: str, name: str) -> StoredMail:
    _require_outbox(call)
    return read_mail(call.runtime.settings.outbox_dir, f"{plain(folder)}/{plain(name)}")


def _require_outbox(call: Call) -> None:
    if call.runtime.settings.provider is not ProviderName.OUTBOX:
        raise NotFound("there is no outbox here: mails go to a real provider (NEWSLETTER_PROVIDER)")
