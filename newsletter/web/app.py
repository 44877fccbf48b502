"""The web application: routes from the one table, errors as pages, headers on every answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from newsletter.runtime import Runtime
from newsletter.settings import load_settings
from newsletter.web.auth import FormSeal
from newsletter.web.headers import SecurityHeaders
from newsletter.web.pages import STATIC_DIR, own_pages
from newsletter.web.refusals import add_error_pages
from newsletter.web.routes import ROUTES
from newsletter.web.throttle import SignInBrake

_A_YEAR = "public, max-age=31536000, immutable"


class _KeptFiles(StaticFiles):
    """Static files that browsers may keep: their address changes with their content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if isinstance(response, FileResponse):
            response.headers["Cache-Control"] = _A_YEAR
        return response


def create_app(runtime: Runtime) -> FastAPI:
    """The application on top of a runtime, which stays the caller's to close."""
    app = FastAPI(title="Newsletter", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.runtime = runtime
    app.state.pages = own_pages()
    app.state.seal = FormSeal(runtime.settings.signing_key())
    app.state.brake = SignInBrake()
    app.state.routes = {route.endpoint: route for route in ROUTES}
    for route in ROUTES:
        methods = ["GET", "HEAD"] if route.method == "GET" else [route.method]
        app.add_api_route(route.path, route.endpoint, methods=methods, response_model=None, include_in_schema=False)
    app.mount("/static", _KeptFiles(directory=STATIC_DIR), name="static")
    add_error_pages(app)
    app.add_middleware(SecurityHeaders, is_https=runtime.settings.base_url.startswith("https://"))
    return app


def make_app() -> FastAPI:
    """The application of a server process, from its settings."""
    runtime = Runtime.from_settings(load_settings())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        runtime.close()

    app = create_app(runtime)
    app.router.lifespan_context = lifespan
    return app
