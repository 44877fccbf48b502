"""Facts about signing in and out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import users
from newsletter.web.app import create_app
from newsletter.web.auth import COOKIE, safe_next
from newsletter.web.throttle import MAX_FAILURES_OF_ADDRESS, SignInBrake
from tests import factories
from tests.web.conftest import Person, SignIn, said

PASSWORD = "correct horse battery"
EMAIL = "ada@harbour.example"


@pytest.fixture
def link(runtime: Runtime, app: FastAPI) -> str:
    """The address of a fresh one-time link of a user who has a password as well."""
    with runtime.transaction() as session:
        user = users.create_user(session, email=EMAIL, role=Role.EDITOR, now=runtime.now())
        users.set_password(session, user, PASSWORD, now=runtime.now())
        return "/login/" + users.make_sign_in_link(session, user, now=runtime.now())


def test_a_form_sent_when_the_session_is_over_says_that_nothing_was_done(anybody: TestClient) -> None:
    answer = anybody.post("/admin/issues/1/cancel")
    assert answer.status_code == 303
    page = said(anybody.get(answer.headers["location"]))
    assert "Nothing was done" in page
    assert "Sign in" in page


def test_looking_at_a_sign_in_link_does_not_use_it_up(anybody: TestClient, link: str) -> None:
    for _ in range(3):
        assert "Sign in with your link" in anybody.get(link).text
    assert COOKIE not in anybody.cookies
    assert anybody.post(link).headers["location"] == "/admin"


def test_a_sign_in_link_works_once(anybody: TestClient, link: str) -> None:
    assert anybody.post(link).status_code == 303
    anybody.cookies.clear()
    answer = anybody.post(link)
    assert answer.status_code == 403
    assert "used or is too old" in answer.text
    assert anybody.get(link).status_code == 404
    assert COOKIE not in anybody.cookies


def test_a_password_signs_in_and_leads_to_where_one_wanted_to_go(anybody: TestClient, link: str) -> None:
    start = anybody.get("/admin/issues?before=9")
    assert start.headers["location"] == "/login?next=/admin/issues%3Fbefore%3D9"
    form = anybody.get(start.headers["location"])
    assert 'name="next" value="/admin/issues?before=9"' in form.text
    answer = anybody.post("/login", data={"email": EMAIL, "password": PASSWORD, "next": "/admin/issues?before=9"})
    assert answer.headers["location"] == "/admin/issues?before=9"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Max-Age=1209600" in cookie


def test_the_refusal_is_the_same_whatever_was_wrong(anybody: TestClient, link: str) -> None:
    tries = [(EMAIL, "wrong"), ("nobody@harbour.example", PASSWORD), ("not an address", "x"), (EMAIL, "")]
    answers = [anybody.post("/login", data={"email": email, "password": word}) for email, word in tries]
    assert {answer.status_code for answer in answers} == {403}
    assert all("do not fit together" in answer.text for answer in answers)
    assert 'value="not an address"' in answers[2].text


def test_after_some_failures_even_the_right_password_has_to_wait(anybody: TestClient, link: str) -> None:
    for _ in range(MAX_FAILURES_OF_ADDRESS):
        anybody.post("/login", data={"email": EMAIL, "password": "wrong"})
    answer = anybody.post("/login", data={"email": EMAIL.upper(), "password": PASSWORD})
    assert answer.status_code == 403
    assert "too many failed tries" in said(answer).lower()


def test_failures_are_forgotten_after_a_quarter_of_an_hour() -> None:
    brake = SignInBrake()
    for _ in range(MAX_FAILURES_OF_ADDRESS):
        brake.add_failure(address="a@b.example", client="1", now=factories.NOW)
    assert brake.is_on(address="a@b.example", client="2", now=factories.NOW)
    assert not brake.is_on(address="other@b.example", client="1", now=factories.NOW)
    assert not brake.is_on(address="a@b.example", client="2", now=factories.NOW + timedelta(minutes=16))


def test_signing_out_ends_the_session_on_the_server(sign_in: SignIn) -> None:
    person = sign_in(Role.VIEWER)
    cookie = person.client.cookies[COOKIE]
    assert person.post("/logout").headers["location"] == "/login?done=signed-out"
    person.client.cookies.set(COOKIE, cookie)
    assert person.get("/admin").status_code == 303


def test_a_deactivated_user_is_out_at_once(sign_in: SignIn, admin: Person, runtime: Runtime) -> None:
    person = sign_in(Role.EDITOR)
    with runtime.reading() as session:
        user_id = users.find_user(session, person.email).id
    assert admin.post(f"/admin/users/{user_id}", {"role": "editor"}).status_code == 303
    assert person.get("/admin").headers["location"] == "/login"


def test_a_user_sets_a_password_and_changes_it_with_the_old_one(sign_in: SignIn, anybody: TestClient) -> None:
    person = sign_in(Role.VIEWER)
    first = {"password": "a long first one", "password_again": "a long first one"}
    second = {"password": "a long second one", "password_again": "a long second one"}
    assert person.post("/admin/account", {"password": "short", "password_again": "short"}).status_code == 422
    assert person.post("/admin/account", first | {"password_again": "different"}).status_code == 422
    assert person.post("/admin/account", first).status_code == 303
    assert "current password is not right" in person.post("/admin/account", second).text
    assert person.post("/admin/account", second | {"current_password": "a long first one"}).status_code == 303
    answer = anybody.post("/login", data={"email": person.email, "password": "a long second one"})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "wanted",
    ["https://evil.example/", "//evil.example", "/admin\\@evil", "/adminevil", "/login", "/admin/\r\nX: y", ""],
)
def test_signing_in_never_leads_to_another_site(wanted: str) -> None:
    assert safe_next(wanted) == "/admin"


def test_the_cookie_travels_over_tls_only_where_the_site_has_it(runtime: Runtime, link: str) -> None:
    settings = runtime.settings.model_copy(update={"base_url": "https://news.example.org"})
    secured = Runtime.from_settings(settings)
    with TestClient(create_app(secured), base_url="https://news.example.org") as client:
        answer = client.post(link, follow_redirects=False)
    secured.close()
    assert "Secure" in answer.headers["set-cookie"]
    assert "max-age" in answer.headers["strict-transport-security"]
