"""Facts about the public door in a real browser: it fits, it can be read, and faults are where the reader is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.runtime import Runtime
from newsletter.services import lists
from tests.factories import NOW, make_list, make_newsletter
from tests.rendering.test_look import CONTRASTS
from tests.services.door import token_of_last
from tests.web.conftest import serving


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """A served site with a newsletter of two lists."""
    with serving(sqlite_url, tmp_path / "data") as runtime:
        with runtime.transaction() as session:
            newsletter = make_newsletter(
                session, about="Ports and ships, every weekday. " * 3, from_name="Harbour Press"
            )
            make_list(session, newsletter)
            lists.create_list(session, name="W" * 60, slug="weekend", newsletter_id=newsletter.id, now=NOW)
        yield runtime


def check_look(page: Page) -> None:
    """It fits the screen, and its words stand out from what is behind them."""
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert page.evaluate(CONTRASTS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_of_the_door_fits_a_small_phone_and_faults_are_led_to_by_the_keyboard(
    browser: Browser, site: Runtime, scheme: str
) -> None:
    with browser.new_context(viewport={"width": 320, "height": 640}, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.goto(site.links.subscribe_url("harbour-morning-brief"))
        check_look(page)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.evaluate("document.querySelector('form').noValidate = true")
        page.get_by_label("Email address").fill("ann@example")
        page.keyboard.press("Enter")
        expect(page).to_have_title("Please check: Subscribe to Harbour Morning Brief")
        expect(page.get_by_label("Email address")).to_be_focused()
        expect(page.get_by_label("Email address")).to_have_value("ann@example")
        expect(page.get_by_role("alert").get_by_role("link")).to_have_count(2)
        check_look(page)
        page.get_by_role("alert").get_by_role("link", name="Choose at least one.").press("Enter")
        page.keyboard.press("Tab")
        expect(page.get_by_role("checkbox", name="Readers")).to_be_focused()
        page.keyboard.press("Space")
        page.get_by_label("Email address").fill("a" * 64 + "@example.org")
        page.get_by_role("button", name="Subscribe").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("Look into your inbox")
        check_look(page)
        with site.reading() as session:
            token = token_of_last(session, site)
        for path in (site.links.confirm_url(token), site.links.confirm_url("x")):
            page.goto(path)
            check_look(page)
        page.goto(site.links.confirm_url(token))
        page.get_by_role("button").press("Enter")
        expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed to Harbour Morning Brief")
        check_look(page)
        assert [words for words in complaints if "422" not in words and "404" not in words] == []
