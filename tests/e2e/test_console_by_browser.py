"""Editor, approver and admin publish one issue in a real browser, with a real Celery worker behind the console."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from newsletter import samples
from newsletter.bench.ports import free_port
from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import subscribers, users
from newsletter.settings import Settings
from tests.factories import make_newsletter
from tests.processes import Processes, settings_environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.timeout(400)
WAIT_MS = 60_000


@pytest.fixture
def site(postgres_url: str, redis_url: str, tmp_path: Path, processes: Processes) -> Iterator[Runtime]:
    """Web, worker and beat on Postgres and Redis, with the outbox as provider."""
    port = free_port()
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path / "data",
        database_url=postgres_url,
        broker_url=redis_url,
        base_url=f"http://127.0.0.1:{port}",
        secret_key="a secret of tests",
        tick_seconds=0.5,
    )
    environment = settings_environment(settings)
    processes.start("worker", "--concurrency=2", environment=environment)
    processes.start("beat", environment=environment)
    processes.start("web", f"--port={port}", environment=environment).wait_for_port(port)
    with closing(Runtime.from_settings(settings)) as runtime:
        with runtime.transaction() as session:
            make_newsletter(session, requires_four_eyes=True)
        yield runtime
        processes.close()


def signed_in(browser: Browser, site: Runtime, role: Role) -> Page:
    """A browser of a new user with this role, signed in by a one-time link."""
    with site.transaction() as session:
        user = users.create_user(session, email=f"{role}@harbour.example", role=role, now=site.now())
        link = site.links.sign_in_url(users.make_sign_in_link(session, user, now=site.now()))
    page = browser.new_context(base_url=site.links.base_url).new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/admin")
    return page


def test_three_people_publish_an_issue_and_a_reader_leaves(browser: Browser, site: Runtime) -> None:
    editor, approver, admin = (signed_in(browser, site, role) for role in (Role.EDITOR, Role.APPROVER, Role.ADMIN))

    # The editor pastes the brief, sees what was understood and how it looks, and sends a test to any address.
    editor.goto("/admin/briefs/new")
    editor.locator("#source").fill(samples.brief_text())
    editor.get_by_role("button", name="Read and save as draft").click()
    editor.wait_for_url(re.compile(r"/admin/briefs/\d+"))
    brief_url = editor.url.partition("#")[0].partition("?")[0]
    assert editor.get_by_role("heading", level=1).inner_text() == "Harbour Morning Brief — 2026-06-22"
    assert editor.locator("iframe").first.content_frame.get_by_text("Why it matters").count() == 10
    editor.goto(f"{brief_url}/test-send")
    editor.locator("#to").fill("chief@harbour.example")
    editor.get_by_role("button", name="Send the test").click()
    editor.get_by_text("written to outbox/").wait_for()
    editor.goto(brief_url)
    editor.get_by_role("button", name=re.compile("Submit")).click()
    assert editor.get_by_role("button", name=re.compile("^Approve")).count() == 0

    # The admin makes a list and imports the readers.
    admin.goto("/admin/lists/new")
    admin.get_by_label("Name", exact=True).fill("Morning readers")
    admin.get_by_role("button", name="Make the list").click()
    admin.goto("/admin/subscribers/import")
    admin.locator("#file").set_input_files(samples.subscribers_path())
    admin.get_by_role("button", name="Import").click()
    admin.get_by_text(re.compile("40")).first.wait_for()
    admin.goto("/admin/subscribers?query=chen.yuting")
    assert admin.get_by_text("chen.yuting@example.net").count() == 1

    # The approver approves exactly what was shown, and sends.
    approver.goto(brief_url)
    approver.get_by_role("button", name=re.compile("^Approve [0-9a-f]{12}")).click()
    approver.goto("/admin/issues/new")
    approver.get_by_label(re.compile("Morning readers")).check()
    approver.get_by_role("button", name="Make the issue").click()
    approver.wait_for_url(re.compile(r"/admin/issues/\d+"))
    issue_url = approver.url.partition("#")[0].partition("?")[0]
    if not approver.url.endswith("/send"):
        approver.goto(f"{issue_url.removesuffix('/send')}/send")
    approver.get_by_role("button", name="Send to 40 people now").click()
    approver.get_by_text("40 of 40 done").wait_for()
    approver.locator('[data-status="sent"]').wait_for()

    # A reader opens the mail and leaves by its link; the page in between changes nothing.
    approver.goto("/admin/outbox")
    approver.get_by_role("row").filter(has_text="chen.yuting@example.net").get_by_role("link").first.click()
    mail = approver.locator("iframe").content_frame
    link = mail.get_by_role("link", name="Unsubscribe").first.get_attribute("href")
    assert link is not None
    reader = browser.new_context().new_page()
    reader.goto(link)
    assert is_reading(site, "chen.yuting@example.net")
    reader.get_by_role("button", name="Unsubscribe").click()
    reader.get_by_role("heading", name="You have left").wait_for()
    assert not is_reading(site, "chen.yuting@example.net")


def is_reading(site: Runtime, email: str) -> bool:
    """Whether this person is still on a list."""
    with site.reading() as session:
        person = subscribers.find_subscriber(session, email)
        return subscribers.is_subscribed(session, subscriber_id=person.id, newsletter_id=1)
