"""A reader comes by the public door: real web process, real worker, real SMTP, a browser without script."""

from __future__ import annotations

import email
import email.policy
import re
import time
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from newsletter.bench.ports import free_port
from newsletter.domain.subscriber import SuppressionReason
from newsletter.runtime import Runtime
from newsletter.services import subscribers, suppressions
from newsletter.settings import ProviderName, Settings
from tests.factories import make_list, make_newsletter
from tests.fakes.smtp_server import SmtpServer
from tests.processes import Processes, settings_environment

MAIL_SECONDS = 90.0
_LINK = re.compile(r"^http://\S+/confirm/[0-9a-f]{36}$", re.M)

pytestmark = pytest.mark.timeout(300)


class Site:
    """The processes, and the mails that they sent."""

    def __init__(self, runtime: Runtime, smtp: SmtpServer, folder: Path) -> None:
        self.runtime = runtime
        self.smtp = smtp
        self._folder = folder

    @property
    def door(self) -> str:
        """The address of the form."""
        return self.runtime.links.subscribe_url("harbour-morning-brief")

    def mail(self, number: int) -> EmailMessage:
        """The mail of this number, counted from 1, once it has come."""
        until = time.monotonic() + MAIL_SECONDS
        while len(taken := self.smtp.accepted()) < number:
            assert time.monotonic() < until, f"mail {number} did not come"
            time.sleep(0.05)
        source = (self._folder / f"{taken[number - 1]['sha256']}.eml").read_bytes()
        parsed = email.message_from_bytes(source, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed

    def link(self, number: int) -> str:
        """The link in the text part of a mail."""
        part = self.mail(number).get_body(("plain",))
        assert part is not None
        found = _LINK.search(part.get_content().replace("\r\n", "\n"))
        assert found is not None
        return found[0]

    def statuses(self, address: str) -> list[str]:
        """How a person stands on their lists."""
        with self.runtime.reading() as session:
            places = subscribers.subscriber_profile(session, address)["subscriptions"]
        return [place["status"] for place in places]


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path, processes: Processes) -> Iterator[Site]:
    """A web process and a worker on SQLite with the embedded broker."""
    port, kept = free_port(), tmp_path / "kept"
    kept.mkdir()
    with SmtpServer(tmp_path / "mails.jsonl", "--keep", str(kept)) as smtp:
        settings = Settings(
            _env_file=None,
            data_dir=tmp_path / "data",
            database_url=sqlite_url,
            secret_key="a secret of tests",
            base_url=f"http://127.0.0.1:{port}",
            provider=ProviderName.SMTP,
            smtp_url=smtp.url,
        )
        runtime = Runtime.from_settings(settings)
        with runtime.transaction() as session:
            make_list(session, make_newsletter(session))
        environment = settings_environment(settings)
        processes.start("worker", environment=environment)
        processes.start("web", f"--port={port}", environment=environment).wait_for_port(port)
        yield Site(runtime, smtp, kept)
        processes.close()
        runtime.close()


def subscribe(page: Page, site: Site, address: str) -> None:
    """Fill in the form with the keyboard and send it."""
    page.goto(site.door)
    page.get_by_label("Email address").fill(address)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Look into your inbox")
    expect(page.get_by_role("status")).to_contain_text(address)


def test_a_reader_subscribes_by_form_and_mail_and_one_who_complained_comes_back(browser: Browser, site: Site) -> None:
    key = site.runtime.links.address_key
    with site.runtime.transaction() as session:
        suppressions.suppress(
            session,
            address="gripes@example.org",
            reason=SuppressionReason.COMPLAINED,
            address_key=key,
            now=site.runtime.now(),
        )
    with browser.new_context(java_script_enabled=False, viewport={"width": 375, "height": 760}) as context:
        page = context.new_page()
        subscribe(page, site, "ann@example.org")
        subscribe(page, site, "ann@example.org")  # within ten minutes: no second mail
        page.goto(site.link(1))
        expect(page.get_by_role("heading", level=1)).to_have_text("One last step")
        page.get_by_role("button", name="Yes, subscribe me").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed to Harbour Morning Brief")
        page.goto(site.link(1))
        expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed to Harbour Morning Brief")
        page.get_by_role("link", name="Read the archive").click()
        page.wait_for_url("**/archive/harbour-morning-brief")
        assert site.statuses("ann@example.org") == ["confirmed"]

        subscribe(page, site, "gripes@example.org")
        page.goto(site.link(2))
        page.get_by_role("button", name="Yes, subscribe me").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are subscribed to Harbour Morning Brief")
        assert site.statuses("gripes@example.org") == ["confirmed"]
        with site.runtime.reading() as session:
            assert not suppressions.is_suppressed(session, address="gripes@example.org", address_key=key)
    assert [mail["rcpt"] for mail in site.smtp.accepted()] == [["ann@example.org"], ["gripes@example.org"]]
