"""Facts about the public pages: the first page and the archive."""

from __future__ import annotations

from fastapi import FastAPI
from fastapi.testclient import TestClient

from newsletter.runtime import Runtime
from newsletter.services import issues, users
from tests.web.conftest import Person, add_issue, said

ARCHIVE = "/archive/harbour-morning-brief"


def test_the_first_page_leads_to_the_archive_and_to_the_console(anybody: TestClient, admin: Person) -> None:
    page = anybody.get("/").text
    assert f'href="{ARCHIVE}"' in page
    assert 'href="/login"' in page
    assert admin.get("/").headers["location"] == "/admin"


def test_an_issue_is_public_from_its_first_mail_on(anybody: TestClient, runtime: Runtime) -> None:
    issue_id, _ = add_issue(runtime)
    assert anybody.get(f"{ARCHIVE}/{issue_id}").status_code == 404
    assert "No issue yet" in anybody.get(ARCHIVE).text
    with runtime.transaction() as session:
        issues.send_issue(session, issue_id, actor=users.OPERATOR, provider="outbox", batch_size=9, now=runtime.now())
    page = anybody.get(f"{ARCHIVE}/{issue_id}")
    assert page.status_code == 200
    assert "Port of Marrow Bay" in page.text
    assert f"{ARCHIVE}/{issue_id}" in anybody.get(ARCHIVE).text


def test_a_cancelled_issue_is_not_in_the_archive(anybody: TestClient, runtime: Runtime) -> None:
    issue_id, _ = add_issue(runtime, started=True)
    with runtime.transaction() as session:
        issues.cancel_issue(session, issue_id, actor=users.OPERATOR, now=runtime.now())
    assert anybody.get(f"{ARCHIVE}/{issue_id}").status_code == 404


def test_the_web_version_holds_nothing_of_a_reader_and_runs_nothing(anybody: TestClient, runtime: Runtime) -> None:
    issue_id, _ = add_issue(runtime, started=True)
    page = anybody.get(f"{ARCHIVE}/{issue_id}")
    assert "/u/" not in page.text
    assert "_qz" not in page.text
    assert page.headers["content-security-policy"].startswith("sandbox ")
    assert "allow-scripts" not in page.headers["content-security-policy"]


def test_an_unknown_newsletter_or_issue_is_a_page_that_says_so(anybody: TestClient, app: FastAPI) -> None:
    for path in ("/archive/nothing", "/archive/nothing/1", f"{ARCHIVE}/1", f"{ARCHIVE}/x", "/archive/%00"):
        answer = anybody.get(path)
        assert answer.status_code == 404, path
        assert "There is no such page" in said(answer)
