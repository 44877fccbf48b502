"""Rendering: brief and newsletter in, one mail out: HTML, text part, web version, and whole messages."""

from __future__ import annotations

from newsletter.rendering.failure import RenderingError
from newsletter.rendering.render import render
from newsletter.rendering.rendered import Rendered, fill_html, fill_text, sha256_of, web_page
from newsletter.rendering.slots import Segments

__all__ = [
    "Rendered",
    "RenderingError",
    "Segments",
    "fill_html",
    "fill_text",
    "render",
    "sha256_of",
    "web_page",
]
