"""Mails inside pages: as documents of their own, which can do nothing to the page around them."""

from __future__ import annotations

import re

from starlette.responses import HTMLResponse

from newsletter.web.headers import FRAMED_MAIL_POLICY

VIEWS = ("desktop", "phone", "dark", "text")
_PREFERS = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)")
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)


def framed_mail(html: str, *, scheme: str) -> HTMLResponse:
    """The HTML of a mail for a frame, in one colour scheme whatever the browser prefers; links open in a new tab."""
    shown = _HEAD.sub(lambda found: found.group() + '<base target="_blank">', _in_scheme(html, scheme), count=1)
    return HTMLResponse(shown, headers={"Content-Security-Policy": FRAMED_MAIL_POLICY})


def view_of(wanted: str) -> str:
    """One of VIEWS."""
    return wanted if wanted in VIEWS else VIEWS[0]


def scheme_of(wanted: str) -> str:
    """Light or dark."""
    return "dark" if wanted == "dark" else "light"


def _in_scheme(html: str, scheme: str) -> str:
    # A frame would follow the reader's own preference; a reviewer wants to see both.
    return _PREFERS.sub(lambda found: "(min-width: 0)" if found.group(1) == scheme else "(max-width: 0)", html)
