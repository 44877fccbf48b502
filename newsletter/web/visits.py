"""Visits: all that an endpoint needs to answer one request.

`Reader` reads, `Writer` has one transaction that is committed before the answer goes out, `Caller` has no session:
for acts that open their own transactions or talk to a provider.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Path, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from newsletter.errors import Conflict, Forbidden, InvalidInput, NewsletterError, NotFound
from newsletter.runtime import Runtime
from newsletter.services.users import Actor
from newsletter.web.access import route_of
from newsletter.web.auth import NotSignedIn, Visitor, find_visitor, require_access
from newsletter.web.forms import SAFE_METHODS, Form, PostedForm
from newsletter.web.pages import Pages

# Postgres keeps ids as 32-bit integers; a larger number is an address that does not exist.
Id = Annotated[int, Path(ge=1, le=2**31 - 1)]
# The id that a page of a long list begins after or before, or that a form begins with.
Place = Annotated[int, Query(ge=0, le=2**31 - 1)]
# What a person can correct on the form itself.
CORRECTABLE = (InvalidInput, Conflict, NotFound, Forbidden)


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request of one visitor."""

    request: Request
    runtime: Runtime
    visitor: Visitor | None
    form: Form
    now: datetime

    @property
    def actor(self) -> Actor:
        """Who acts; only where the route table asks for a right."""
        if self.visitor is None:
            raise NotSignedIn("sign in first")
        return self.visitor.actor

    def page(self, template: str, *, status: int = 200, **context: object) -> HTMLResponse:
        """A whole page (or a fragment) for this visitor."""
        pages: Pages = self.request.app.state.pages
        content = pages.render(
            template,
            visitor=self.visitor,
            path=self.request.url.path,
            done=self.request.query_params.get("done", ""),
            provider=str(self.runtime.settings.provider),
            now=self.now,
            **context,
        )
        return HTMLResponse(content, status_code=status)


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit(Call):
    """A request with its database session."""

    session: Session


class FormRefused(NewsletterError):
    """A form that cannot be accepted as it is: it is shown again with what was typed and the reason."""

    def __init__(self, reason: NewsletterError, show: Callable[[Visit, NewsletterError], Response]) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.show = show


@contextmanager
def refused_to(show: Callable[[Visit, NewsletterError], Response]) -> Iterator[None]:
    """Show the form again where the block refuses what was typed; whatever the block had written is undone."""
    try:
        yield
    except CORRECTABLE as reason:
        raise FormRefused(reason, show) from reason


def see(path: str, *, done: str = "") -> RedirectResponse:
    """Go on to another page after a form, with a word about what was done."""
    return RedirectResponse(path + (f"?done={quote(done)}" if done else ""), status_code=303)


def make_visit(request: Request, session: Session) -> Visit:
    """The visit of a request whose caller is known already."""
    call: Call = request.state.call
    return Visit(
        request=request, runtime=call.runtime, visitor=call.visitor, form=call.form, now=call.now, session=session
    )


def get_call(request: Request, form: PostedForm) -> Call:
    """Who asks and for what; refuses whom the route table does not let in."""
    runtime: Runtime = request.app.state.runtime
    route = route_of(request)
    visitor = find_visitor(request, runtime, seal=request.app.state.seal)
    call = Call(request=request, runtime=runtime, visitor=visitor, form=form, now=runtime.now())
    request.state.call = call
    require_access(request, route, visitor=visitor, form=form, runtime=runtime)
    return call


Caller = Annotated[Call, Depends(get_call)]


def get_session(request: Request, call: Caller) -> Iterator[Session]:
    """One transaction per request; it is empty until the endpoint's first statement, and ends before the answer.

    Empty on purpose: a lock taken here would be held while the endpoint waits for a free thread.
    """
    opened = call.runtime.reading if request.method in SAFE_METHODS else call.runtime.transaction
    with opened() as session:
        yield session


def get_visit(request: Request, session: Annotated[Session, Depends(get_session, scope="function")]) -> Visit:
    """The request with its session."""
    return make_visit(request, session)


Visiting = Annotated[Visit, Depends(get_visit)]
