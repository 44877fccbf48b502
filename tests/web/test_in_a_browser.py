"""Facts about the pages in a real browser: narrow screens, no script, a strict policy, numbers that move."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from newsletter import samples
from newsletter.db.queries import deliveries
from newsletter.domain.issue import DeliveryStatus
from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import issues, users
from newsletter.web.access import PUBLIC
from newsletter.web.routes import ROUTES
from tests import factories
from tests.web.conftest import add_brief, add_issue, serving

NARROW: ViewportSize = {"width": 375, "height": 760}


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """A served site on a free port, with an issue on its way and a brief up for approval."""
    with serving(sqlite_url, tmp_path / "data") as runtime:
        with runtime.transaction() as session:
            readers = factories.make_list(session, factories.make_newsletter(session))
            readers.name = "Donaudampfschifffahrtsgesellschaftskapitän" * 3
        add_issue(runtime, people=8, started=True)
        add_brief(runtime, submitted=True, source=_longer_brief())
        yield runtime


def _longer_brief() -> str:
    return samples.brief_text().replace("Port of Marrow Bay", "Donaudampfschifffahrtsgesellschaftskapitän" * 3, 1)


def _signed_in(context: BrowserContext, site: Runtime, role: Role = Role.ADMIN) -> Page:
    with site.transaction() as session:
        user = users.create_user(session, email=f"{role}@harbour.example", role=role, now=site.now())
        token = users.make_sign_in_link(session, user, now=site.now())
    page = context.new_page()
    page.goto(site.links.sign_in_url(token))
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin")
    return page


def _addresses() -> list[str]:
    values = {
        "brief_id": 2, "issue_id": 1, "list_id": 1, "newsletter_id": 1, "subscriber_id": 1, "token": "x",
        "newsletter": "harbour-morning-brief",
    }  # fmt: skip
    # Files to download are no pages.
    is_page = {route.path: "{name}" not in route.path and not route.path.endswith("/export") for route in ROUTES}
    pages = [route for route in ROUTES if route.method == "GET" and is_page[route.path]]
    return [route.path.format(**values) for route in pages if route.right is not PUBLIC or "login" in route.path]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone_or_breaks_the_policy(browser: Browser, site: Runtime, scheme: str) -> None:
    with browser.new_context(viewport=NARROW, color_scheme=scheme) as context:  # type: ignore[arg-type]
        page = _signed_in(context, site)
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for address in _addresses():
            page.goto(site.settings.base_url + address)
            overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert overflow <= 0, f"{address} is {overflow} px too wide"
        unexpected = [complaint for complaint in complaints if "404" not in complaint and "409" not in complaint]
        assert unexpected == []


def test_the_numbers_of_a_running_issue_move_and_its_buttons_change_at_the_end(browser: Browser, site: Runtime) -> None:
    with browser.new_context() as context:
        page = _signed_in(context, site)
        page.goto(f"{site.settings.base_url}/admin/issues/1")
        expect(page.get_by_role("heading", name="0 of 8 done")).to_be_visible()
        with site.transaction() as session:
            deliveries.settle(session, 1, [1, 2, 3], status=DeliveryStatus.ACCEPTED)
        expect(page.get_by_role("heading", name="3 of 8 done")).to_be_visible()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        with site.transaction() as session:
            deliveries.settle(session, 1, [4, 5, 6, 7, 8], status=DeliveryStatus.ACCEPTED)
            issues.finish_if_done(session, 1, now=site.now())
        expect(page.get_by_role("button", name="Pause")).to_have_count(0)
        expect(page.get_by_role("heading", name="8 of 8 done")).to_be_visible()


def test_a_page_that_watches_an_issue_leads_to_the_sign_in_when_the_session_is_over(
    browser: Browser, site: Runtime
) -> None:
    with browser.new_context() as context:
        page = _signed_in(context, site)
        page.goto(f"{site.settings.base_url}/admin/issues/1")
        context.clear_cookies()
        page.wait_for_url("**/login?next=/admin/issues/1")


def test_the_console_works_without_a_script(browser: Browser, site: Runtime) -> None:
    with browser.new_context(java_script_enabled=False, viewport=NARROW) as context:
        page = _signed_in(context, site)
        page.get_by_role("button", name="Menu").click()
        page.get_by_role("link", name="Briefs", exact=True).click()
        page.get_by_role("link", name="Harbour Morning Brief").first.click()
        page.get_by_role("link", name="Text", exact=True).click()
        expect(page.get_by_label("Text part")).to_contain_text("Lantern Foundry")
        page.get_by_role("button", name=re.compile("^Approve")).click()
        expect(page.get_by_role("status")).to_contain_text("Approved")
        page.goto(f"{site.settings.base_url}/admin/issues/1")
        with site.transaction() as session:
            deliveries.settle(session, 1, [1], status=DeliveryStatus.ACCEPTED)
        expect(page.get_by_role("heading", name="1 of 8 done")).to_be_visible()


def test_the_console_is_used_with_the_keyboard_alone(browser: Browser, site: Runtime) -> None:
    with browser.new_context() as context:
        page = _signed_in(context, site)
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("main")).to_be_focused()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="New brief")).to_be_focused()
        page.keyboard.press("Enter")
        page.wait_for_url("**/admin/briefs/new")


def test_a_form_is_sent_once_however_often_its_button_is_pressed(browser: Browser, site: Runtime) -> None:
    with browser.new_context() as context:
        page = _signed_in(context, site)
        posts: list[float] = []
        page.on("request", lambda request: posts.append(time.monotonic()) if request.method == "POST" else None)
        page.goto(f"{site.settings.base_url}/admin/issues/1")
        page.get_by_role("button", name="Pause").dblclick(no_wait_after=True)
        page.wait_for_url("**/admin/issues/1?done=issue-paused")
        assert len(posts) == 1
