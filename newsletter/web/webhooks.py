"""Webhooks: what providers tell us. A post is checked, committed and answered; a worker reads it afterwards."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import PlainTextResponse, Response

from newsletter.errors import Forbidden, InvalidInput
from newsletter.providers.sendgrid_events import (
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    PostVerifier,
    require_json_array,
)
from newsletter.runtime import Runtime
from newsletter.services import events
from newsletter.web.access import route_of

# SendGrid posts at most 768 KB at once.
POST_BYTES = 4 * 1024 * 1024


async def read_post(request: Request) -> bytes | None:
    """The raw body, never more of it than the route allows; None for a larger one."""
    limit = route_of(request).body_limit
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        return None
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def take_sendgrid_post(request: Request, body: Annotated[bytes | None, Depends(read_post)]) -> Response:
    """Keep a signed post of SendGrid's Event Webhook: 202 after the commit, 401, 403, 400 or 413 without any effect."""
    runtime: Runtime = request.app.state.runtime
    signature, timestamp = request.headers.get(SIGNATURE_HEADER, ""), request.headers.get(TIMESTAMP_HEADER, "")
    if body is None:
        return _answer(413, f"the post is larger than {POST_BYTES} bytes: send fewer events at once")
    if not signature or not timestamp:
        return _answer(401, "the post is not signed: turn the signature on in SendGrid's settings of the event webhook")
    verifier = PostVerifier(runtime.settings.sendgrid_webhook_public_keys)
    try:
        verifier.verify(body, signature=signature, timestamp=timestamp)
        require_json_array(body)
    except Forbidden as error:
        return _answer(403, str(error))
    except InvalidInput as error:
        return _answer(400, str(error))
    with runtime.transaction() as session:
        is_new = events.store_post(session, body, source=events.SENDGRID, now=runtime.now())
    return _answer(202, "kept" if is_new else "known already")


def _answer(status: int, words: str) -> Response:
    return PlainTextResponse(f"{words}\n", status_code=status)
