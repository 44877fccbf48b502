"""Health checks, for operators and orchestrators."""

from __future__ import annotations

from fastapi import Request
from starlette.responses import JSONResponse, Response

from newsletter.errors import NewsletterError
from newsletter.runtime import Runtime


def show_health(request: Request) -> Response:
    """Alive: this process answers, whatever it needs may be gone."""
    return JSONResponse({"status": "ok"})


def show_readiness(request: Request) -> Response:
    """Ready: database migrated and broker reachable; 503 with the reasons where not."""
    runtime: Runtime = request.app.state.runtime
    checks = {"database": runtime.check_database, "broker": runtime.announcer.check}
    reasons: dict[str, str] = {}
    for name, check in checks.items():
        try:
            check()
        except NewsletterError as error:
            reasons[name] = str(error)
    if not reasons:
        return JSONResponse({"status": "ok"})
    return JSONResponse({"status": "unavailable", "reasons": reasons}, status_code=503)
