"""The one way in which rendering fails."""

from __future__ import annotations

from newsletter.errors import InvalidInput


class RenderingError(InvalidInput):
    """A brief, a theme or a template that cannot become a mail: the sentence names what to correct."""
