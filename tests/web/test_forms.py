"""Facts about forms: where they may come from, how large they may be, and what every answer carries."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import lists
from newsletter.web.auth import CSRF_FIELD, is_from_here
from tests.web.conftest import Person, SignIn, add_brief, said

NEW_LIST = {"name": "Second list", "opt_in": "single"}


@pytest.mark.parametrize("token", [None, "", "0" * 40, "é"])
def test_a_form_without_the_sessions_token_changes_nothing(admin: Person, runtime: Runtime, token: str | None) -> None:
    data = NEW_LIST | ({} if token is None else {CSRF_FIELD: token})
    answer = admin.client.post("/admin/lists/new", data=data, follow_redirects=False)
    assert answer.status_code == 403
    assert "did not come from a page of yours" in said(answer)
    with runtime.reading() as session:
        assert len(lists.list_summaries(session)) == 1


def test_the_token_of_somebody_else_does_not_fit(sign_in: SignIn) -> None:
    one, other = sign_in(Role.ADMIN), sign_in(Role.ADMIN)
    data = NEW_LIST | {CSRF_FIELD: other.token()}
    assert one.client.post("/admin/lists/new", data=data, follow_redirects=False).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://testserver"},
    ],
)
def test_a_form_from_another_site_is_refused_even_with_the_token(admin: Person, headers: dict[str, str]) -> None:
    assert admin.post("/admin/lists/new", NEW_LIST, headers=headers).status_code == 403


def test_a_sign_in_form_from_another_site_is_refused(anybody: TestClient) -> None:
    answer = anybody.post("/login", data={"email": "a@b.example"}, headers={"Origin": "https://evil.example"})
    assert "did not come from a page of yours" in said(answer)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, True),
        ({"origin": "http://news.example.org", "host": "news.example.org"}, True),
        ({"origin": "https://public.example.org", "host": "web:8000"}, True),
        ({"origin": "http://other.example", "host": "news.example.org"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "null"}, True),
    ],
)
def test_a_browser_says_whether_a_form_is_from_here(headers: dict[str, str], expected: bool) -> None:
    assert is_from_here(headers, base_url="https://public.example.org") is expected


def test_a_form_larger_than_its_page_takes_is_refused(admin: Person) -> None:
    answer = admin.post("/admin/lists/new", {"name": "x" * 300_000})
    assert answer.status_code == 413
    assert "too large" in said(answer)


def test_a_broken_form_is_a_page_not_a_fault(admin: Person) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    answer = admin.client.post("/admin/lists/new", content=b"--b\r\nnonsense", headers=headers, follow_redirects=False)
    assert answer.status_code in (400, 403)


@pytest.mark.parametrize("path", ["/", "/login", "/healthz", "/u/x", "/nowhere", "/admin", "/static/console.css"])
def test_every_answer_carries_the_security_headers(anybody: TestClient, path: str) -> None:
    headers = anybody.get(path).headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_mail_shown_in_a_page_is_sandboxed_and_may_be_framed_by_us_only(admin: Person, runtime: Runtime) -> None:
    policy = admin.get(f"/admin/briefs/{add_brief(runtime)}/mail").headers["content-security-policy"]
    assert policy.startswith("sandbox ")
    assert "allow-scripts" not in policy
    assert "allow-same-origin" not in policy
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy


def test_pages_are_kept_by_no_cache_and_static_files_for_a_year(admin: Person) -> None:
    page = admin.get("/admin")
    assert page.headers["cache-control"] == "no-store"
    style = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert style.startswith("/static/console.css?v=")
    assert "immutable" in admin.get(style).headers["cache-control"]


def test_the_api_description_is_not_served(anybody: TestClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert anybody.get(path).status_code == 404


def test_no_page_holds_an_inline_style_or_script(admin: Person, runtime: Runtime) -> None:
    brief_id = add_brief(runtime, submitted=True)
    for path in ("/admin", f"/admin/briefs/{brief_id}", "/admin/users", "/admin/newsletters/1", "/login"):
        text = admin.get(path).text
        assert " style=" not in text, path
        assert "<style" not in text, path
        assert " onclick" not in text, path
        assert "<script>" not in text, path
