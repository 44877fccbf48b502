"""Rendering: brief and newsletter in, one mail out: HTML, text part, web version, and whole messages."""

from __future__ import annotations

from newsletter.rendering.dkim import DkimSigner
from newsletter.rendering.failure import RenderingError
from newsletter.rendering.mime import MimeTemplate
from newsletter.rendering.render import render
from newsletter.rendering.rendered import Rendered, fill_html, fill_text, preview_values, sha256_of, web_page
from newsletter.rendering.slots import Segments

__all__ = [
    "DkimSigner",
    "MimeTemplate",
    "Rendered",
    "RenderingError",
    "Segments",
    "fill_html",
    "fill_text",
    "preview_values",
    "render",
    "sha256_of",
    "web_page",
]
