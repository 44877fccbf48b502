"""Facts about the route table: who gets in where."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from newsletter.domain.people import Right, Role, may
from newsletter.runtime import Runtime
from newsletter.web.access import PUBLIC, Route
from newsletter.web.routes import ROUTES
from tests.web.conftest import Person, SignIn, add_issue, said

CLOSED = [route for route in ROUTES if route.right is not PUBLIC]


@pytest.fixture
def places(runtime: Runtime, app: FastAPI) -> dict[str, object]:
    """What to put into the addresses of the table: things that exist."""
    issue_id, ids = add_issue(runtime)
    return {
        "alert_id": 1,
        "brief_id": 1,
        "issue_id": issue_id,
        "list_id": 1,
        "newsletter_id": 1,
        "subscriber_id": ids[0],
        "user_id": 1,
        "folder": "test",
        "name": "0" * 32,
    }


def _answer(person: Person, route: Route, places: dict[str, object]) -> tuple[int, str]:
    path = route.path.format(**places)
    answer = person.get(path) if route.method == "GET" else person.post(path)
    return answer.status_code, said(answer)


@pytest.mark.parametrize("role", list(Role))
def test_each_route_lets_in_exactly_the_roles_that_have_its_right(
    role: Role, sign_in: SignIn, places: dict[str, object]
) -> None:
    person = sign_in(role)
    for route in (route for route in CLOSED if route.path != "/logout"):
        assert isinstance(route.right, Right)
        status, text = _answer(person, route, places)
        is_refused = status == 403 and "your role is" in text.lower()
        assert is_refused is not may(role, route.right), f"{role} at {route.method} {route.path}: {status}"
        assert status < 500


def test_a_refusal_says_who_may(sign_in: SignIn, app: FastAPI) -> None:
    answer = sign_in(Role.EDITOR).get("/admin/users")
    assert answer.status_code == 403
    assert "ask somebody who is admin" in said(answer)


def test_whoever_is_not_signed_in_is_led_to_the_sign_in_page(anybody: TestClient, places: dict[str, object]) -> None:
    for route in CLOSED:
        answer = anybody.request(route.method, route.path.format(**places))
        assert answer.status_code == 303, route.path
        assert answer.headers["location"].startswith("/login")


def test_every_address_of_the_application_stands_in_the_table(app: FastAPI) -> None:
    known = {route.path for route in ROUTES}
    served = {path for route in app.routes if (path := getattr(route, "path", ""))}
    assert served == known | {"/static"}


def test_no_two_lines_of_the_table_share_an_endpoint() -> None:
    assert len({route.endpoint for route in ROUTES}) == len(ROUTES)


def test_the_navigation_shows_only_what_one_may_open(sign_in: SignIn) -> None:
    assert 'href="/admin/users"' not in sign_in(Role.EDITOR).get("/admin").text
    assert 'href="/admin/users"' in sign_in(Role.ADMIN).get("/admin").text


def test_an_address_with_an_impossible_number_is_a_page_that_does_not_exist(admin: Person) -> None:
    for path in ("/admin/briefs/0", "/admin/briefs/99999999999999999999", "/admin/issues/x", "/admin/briefs/7"):
        assert admin.get(path).status_code == 404, path


def test_head_answers_like_get_without_a_body(admin: Person) -> None:
    for path in ("/healthz", "/login", "/admin", "/admin/briefs"):
        answer = admin.client.head(path)
        assert answer.status_code in (200, 303)


def test_a_list_that_begins_at_an_impossible_place_does_not_exist(admin: Person) -> None:
    number = 10**20
    for name in ("issues", "briefs", "audit"):
        assert admin.get(f"/admin/{name}?before={number}").status_code == 404
    for name in ("subscribers", "suppressions"):
        assert admin.get(f"/admin/{name}?after={number}").status_code == 404
    assert admin.get(f"/admin/issues/new?brief={number}").status_code == 404
    assert admin.get(f"/archive/harbour-morning-brief?before={number}").status_code == 404
