"""Acts on a brief: submit, approve, request changes, test send."""

from __future__ import annotations

import re
from collections.abc import Sequence

from starlette.responses import Response

from newsletter.errors import InvalidInput, NewsletterError
from newsletter.services import briefs, trial
from newsletter.services.trial import TestMail
from newsletter.web.console_briefs import brief_page
from newsletter.web.visits import Call, Caller, Id, Visit, Visiting, refused_to, see


def submit_brief(visit: Visiting, brief_id: Id) -> Response:
    """Put a brief up for approval."""
    with refused_to(lambda fresh, error: brief_page(fresh, brief_id, error=error)):
        briefs.submit_brief(visit.session, brief_id, actor=visit.actor, now=visit.now)
    return see(f"/admin/briefs/{brief_id}", done="brief-submitted")


def approve_brief(visit: Visiting, brief_id: Id) -> Response:
    """Approve the bytes that the form shows, and no others."""
    with refused_to(lambda fresh, error: brief_page(fresh, brief_id, error=error)):
        seen = visit.form.line("sha256")
        if not seen:
            raise InvalidInput("an approval names what was seen: approve from the brief's page")
        briefs.approve_brief(visit.session, brief_id, actor=visit.actor, sha256=seen, now=visit.now)
    return see(f"/admin/briefs/{brief_id}", done="brief-approved")


def request_changes(visit: Visiting, brief_id: Id) -> Response:
    """Send a brief back with a note."""
    with refused_to(lambda fresh, error: brief_page(fresh, brief_id, error=error)):
        note = visit.form.text("note").strip()
        if not note:
            raise InvalidInput("say what should change: the author sees your note")
        briefs.request_changes(visit.session, brief_id, note=note, actor=visit.actor, now=visit.now)
    return see(f"/admin/briefs/{brief_id}", done="changes-requested")


def show_test_send(visit: Visiting, brief_id: Id) -> Response:
    """The form for a test send."""
    assert visit.visitor is not None
    return _test_page(visit, brief_id, to=visit.actor.email)


def send_test(call: Caller, brief_id: Id) -> Response:
    """Send a brief to some addresses now; no transaction is open while the provider has them."""
    form, runtime = call.form, call.runtime
    to, like = form.text("to"), form.line("like")
    with refused_to(lambda fresh, error: _test_page(fresh, brief_id, to=to, like=like, error=error)):
        with runtime.transaction() as session:
            prepared = trial.prepare_test(
                session,
                brief_id,
                [address for address in re.split(r"[\s,;]+", to) if address],
                like=like or None,
                links=runtime.links,
                bounce_domain=runtime.settings.bounce_domain,
                signer=runtime.signer,
                actor=call.actor,
                now=call.now,
            )
            title = briefs.find_brief(session, brief_id).title
    mails = trial.hand_over_test(prepared, runtime.provider)
    return _test_form(call, brief_id, title=title, to=to, like=like, mails=mails)


def _test_page(
    visit: Visit, brief_id: int, *, to: str, like: str = "", error: NewsletterError | None = None
) -> Response:
    title = briefs.find_brief(visit.session, brief_id).title
    return _test_form(visit, brief_id, title=title, to=to, like=like, error=error)


def _test_form(
    call: Call,
    brief_id: int,
    *,
    title: str,
    to: str,
    like: str,
    mails: Sequence[TestMail] = (),
    error: NewsletterError | None = None,
) -> Response:
    return call.page(
        "brief_test.html",
        brief_id=brief_id,
        title=title,
        to=to,
        like=like,
        mails=mails,
        most=trial.MAX_ADDRESSES,
        error=error,
    )
