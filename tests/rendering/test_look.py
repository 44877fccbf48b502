"""The mail in a real browser, without network: it fits the screen, in light and in dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser

from newsletter.rendering import fill_html, render
from tests.rendering.editions import NEWSLETTER, VALUES, make_brief, make_story, sample_brief

# What stands on what: for each selector the ground is the nearest ancestor that has a colour.
CONTRASTS = """
() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
  const ground = (element) => {
    for (; element; element = element.parentElement) {
      const colour = channels(getComputedStyle(element).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const low = [];
  for (const element of document.querySelectorAll('h1, h2, p, a, span, time, td, cite')) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.offsetParent) continue;
    const [one, other] = [luminance(channels(getComputedStyle(element).color)), luminance(ground(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) low.push(element.textContent.trim().slice(0, 40) + ' ' + ratio.toFixed(2));
  }
  return low;
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 375, 700])
def test_the_mail_fits_the_screen_and_can_be_read(browser: Browser, tmp_path: Path, width: int, scheme: str) -> None:
    mail = tmp_path / "mail.html"
    mail.write_text(fill_html(render(sample_brief(), NEWSLETTER), VALUES), encoding="utf-8")
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(mail.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(CONTRASTS) == []
    assert asked == [mail.as_uri()]
    page.close()


def test_a_word_without_end_does_not_widen_a_phone(browser: Browser, tmp_path: Path) -> None:
    story = make_story(headline="a" * 200, summary="https://gazette.example/" + "b" * 300, link_title="c" * 200)
    mail = tmp_path / "mail.html"
    mail.write_text(fill_html(render(make_brief(story), NEWSLETTER), VALUES), encoding="utf-8")
    page = browser.new_page(viewport={"width": 375, "height": 900})
    page.goto(mail.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.close()
