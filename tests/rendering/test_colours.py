"""Palettes that stay readable, whatever accent a newsletter chose."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.colours import CARD, CARD_DARK, contrast, mix, palette_of

colours = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_black_on_white_has_the_highest_contrast() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)


def test_mixing_goes_from_one_colour_to_the_other() -> None:
    assert [mix("#000000", "#ffffff", share=share) for share in (0, 0.5, 1)] == ["#000000", "#808080", "#ffffff"]


@given(accent=colours)
def test_every_accent_leads_to_text_that_can_be_read(accent: str) -> None:
    palette = palette_of({"accent": accent})
    for text, ground in (
        ("#ffffff", palette.band),
        (palette.on_band, palette.band),
        ("#ffffff", palette.band_dark),
        (palette.on_band, palette.band_dark),
        (palette.accent, CARD),
        (palette.accent, palette.tint),
        ("#2a2f36", palette.tint),
        (palette.accent_dark, CARD_DARK),
        (palette.accent_dark, palette.tint_dark),
        ("#e8eaed", palette.tint_dark),
    ):
        assert contrast(text, ground) >= 4.5, (text, ground)
