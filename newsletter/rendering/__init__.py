"""Rendering: brief and newsletter in, one mail out: HTML, text part, web version, and whole messages."""

from __future__ import annotations

from newsletter.rendering.dkim import DkimSigner
from newsletter.rendering.failure import RenderingError
from newsletter.rendering.headers import wire_address
from newsletter.rendering.mime import MimeTemplate
from newsletter.rendering.opt_in import render_opt_in
from newsletter.rendering.opt_in_wording import OPT_IN_WORDINGS, OptInWording, opt_in_wording_for
from newsletter.rendering.render import render
from newsletter.rendering.rendered import Rendered, fill_html, fill_text, preview_values, sha256_of, web_page
from newsletter.rendering.slots import Segments

__all__ = [
    "OPT_IN_WORDINGS",
    "DkimSigner",
    "MimeTemplate",
    "OptInWording",
    "Rendered",
    "RenderingError",
    "Segments",
    "fill_html",
    "fill_text",
    "opt_in_wording_for",
    "preview_values",
    "render",
    "render_opt_in",
    "sha256_of",
    "web_page",
    "wire_address",
]
