"""Errors become answers here, once: a family of errors to a status and a page that says what to do."""

from __future__ import annotations

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from newsletter.errors import (
    ConfigurationError,
    Conflict,
    Forbidden,
    InvalidInput,
    NewsletterError,
    NotFound,
    ServiceUnavailable,
)
from newsletter.runtime import Runtime
from newsletter.web.auth import NotSignedIn, login_url
from newsletter.web.pages import Pages, sentence
from newsletter.web.visits import Call, FormRefused, make_visit

log = logging.getLogger(__name__)

STATUS: dict[type[NewsletterError], int] = {
    NotFound: 404,
    Conflict: 409,
    Forbidden: 403,
    InvalidInput: 422,
    ServiceUnavailable: 503,
    ConfigurationError: 500,
}
_TITLES = {
    400: "That request cannot be read",
    403: "You may not do this",
    404: "There is no such page",
    405: "That does not work here",
    409: "That is not possible now",
    413: "That is too large",
    422: "Something needs to be corrected",
    500: "Something broke on our side",
    503: "Something we need does not answer",
}
_SENTENCES = {
    400: "The request is broken: go back, reload the page and try again.",
    404: "Nothing is published at this address: check it, or begin at the first page.",
    405: "This address does not take that kind of request: go back and use the page's buttons.",
    413: "What you sent is larger than this page takes: send less of it.",
    500: "The fault is written down in the log. What you did was not kept: try again, or tell an admin.",
}


def status_of(error: NewsletterError) -> int:
    """The HTTP status of an error, by its nearest family."""
    return next((STATUS[family] for family in type(error).__mro__ if family in STATUS), 500)


def add_error_pages(app: FastAPI) -> None:
    """Answer every error of this application with a page."""
    app.add_exception_handler(NotSignedIn, _to_login)
    app.add_exception_handler(FormRefused, _form_again)
    app.add_exception_handler(NewsletterError, _refusal)
    app.add_exception_handler(RequestValidationError, _not_an_address)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _fault)


def _to_login(request: Request, error: Exception) -> Response:
    return RedirectResponse(login_url(request), status_code=303)


def _form_again(request: Request, error: Exception) -> Response:
    assert isinstance(error, FormRefused)
    runtime: Runtime = request.app.state.runtime
    try:
        with runtime.reading() as session:
            response = error.show(make_visit(request, session), error.reason)
    except NewsletterError as other:
        return _refusal(request, other)
    response.status_code = status_of(error.reason)
    return response


def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, NewsletterError)
    status = status_of(error)
    if status >= 500:
        log.warning("request.failed status=%s error=%s", status, type(error).__name__)
    return _error_page(request, status, sentence(error))


def _not_an_address(request: Request, error: Exception) -> Response:
    return _error_page(request, 404, _SENTENCES[404])


def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error_page(request, error.status_code, _SENTENCES.get(error.status_code, str(error.detail)))


def _fault(request: Request, error: Exception) -> Response:
    # Starlette raises it again after this answer, and the server logs it with its traceback.
    return _error_page(request, 500, _SENTENCES[500])


def _error_page(request: Request, status: int, words: str) -> Response:
    pages: Pages = request.app.state.pages
    runtime: Runtime = request.app.state.runtime
    call: Call | None = getattr(request.state, "call", None)
    content = pages.render(
        "error.html",
        visitor=call.visitor if call else None,
        path=request.url.path,
        provider=str(runtime.settings.provider),
        done="",
        status=status,
        title=_TITLES.get(status, "That did not work"),
        sentence=words,
    )
    return HTMLResponse(content, status_code=status)
