"""Colours: one accent of a newsletter's theme becomes a palette that stays readable, light and dark.

Contrast is the ratio of WCAG 2.2 (1.4.3): body text and links reach 4.5 against what they stand on.
"""

from __future__ import annotations

import colorsys
import re
from collections.abc import Mapping
from dataclasses import dataclass

from newsletter.rendering.failure import RenderingError

DEFAULT_ACCENT = "#17446e"
CARD = "#ffffff"
CARD_DARK = "#181c22"
_BLACK = "#000000"
_WHITE = "#ffffff"
_HEX = re.compile(r"#[0-9a-fA-F]{6}")
_BAND_CONTRAST = 7.0
_TEXT_CONTRAST = 5.0
_STEP = 0.04


@dataclass(frozen=True, kw_only=True, slots=True)
class Palette:
    """Colours as #rrggbb. The `_dark` ones replace their namesakes where the reader prefers dark.

    `band` carries white text; `accent` is text and links on the card and on `tint`; `on_band` is quiet text on the
    band and `band_rule` a hairline there.
    """

    band: str
    on_band: str
    band_rule: str
    accent: str
    tint: str
    band_dark: str
    accent_dark: str
    tint_dark: str


def palette_of(theme: Mapping[str, str]) -> Palette:
    """The palette that a theme's accent leads to; RenderingError where the accent is not of the form #0b3a66."""
    accent = theme.get("accent") or DEFAULT_ACCENT
    if not _HEX.fullmatch(accent):
        raise RenderingError(f"theme colour accent must look like {DEFAULT_ACCENT}, not “{accent[:20]}”")
    band = _until_contrast(accent, against=_WHITE, towards=_BLACK, ratio=_BAND_CONTRAST)
    tint = mix(CARD, band, share=0.055)
    tint_dark = mix(CARD_DARK, accent, share=0.2)
    return Palette(
        band=band,
        band_rule=mix(band, _WHITE, share=0.28),
        on_band=mix(band, _WHITE, share=0.78),
        accent=_until_contrast(accent, against=tint, towards=_BLACK, ratio=_TEXT_CONTRAST),
        tint=tint,
        band_dark=mix(band, _BLACK, share=0.35),
        accent_dark=_lightened(accent, against=tint_dark, ratio=_TEXT_CONTRAST + 1),
        tint_dark=tint_dark,
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, from 1 (the same) to 21 (black on white); WCAG 2.2, relative luminance."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def mix(base: str, other: str, *, share: float) -> str:
    """`base` with this share (0 to 1) of `other` mixed in, channel by channel."""
    pairs = zip(_channels(base), _channels(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _until_contrast(colour: str, *, against: str, towards: str, ratio: float) -> str:
    for step in range(round(1 / _STEP) + 1):
        candidate = mix(colour, towards, share=min(1.0, step * _STEP))
        if contrast(candidate, against) >= ratio:
            return candidate
    return towards


def _lightened(colour: str, *, against: str, ratio: float) -> str:
    """The colour made lighter in its own hue: mixing with white would turn it grey."""
    hue, lightness, saturation = colorsys.rgb_to_hls(*(channel / 255 for channel in _channels(colour)))
    while lightness < 1:
        channels = colorsys.hls_to_rgb(hue, lightness, min(saturation * 1.15, 0.9))
        candidate = "#" + "".join(f"{round(channel * 255):02x}" for channel in channels)
        if contrast(candidate, against) >= ratio:
            return candidate
        lightness += _STEP / 2
    return _WHITE


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else float(((channel + 0.055) / 1.055) ** 2.4)
