"""Facts about leaving: the one-click POST of mail programs, and the page with its button."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from newsletter.domain.subscriber import SubscriptionStatus
from newsletter.links import OPT_IN_ISSUE
from newsletter.runtime import Runtime
from newsletter.services import issues, subscribers
from tests.web.conftest import add_issue, said

ONE_CLICK = b"List-Unsubscribe=One-Click"
MULTIPART = b'--xyz\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--xyz--\r\n'
BODIES = [
    ("application/x-www-form-urlencoded", ONE_CLICK),
    ("multipart/form-data; boundary=xyz", MULTIPART),
]


@pytest.fixture
def token(runtime: Runtime, app: FastAPI) -> str:
    """The token of a delivery to the first reader of a running issue."""
    issue_id, ids = add_issue(runtime, started=True)
    return runtime.links.delivery_token(issue_id, ids[0])


def _status_of_first(runtime: Runtime) -> str:
    with runtime.reading() as session:
        profile = subscribers.subscriber_profile(session, "reader000000@example.org")
    return str(profile["subscriptions"][0]["status"])


@pytest.mark.parametrize(("content_type", "body"), BODIES)
def test_a_one_click_post_unsubscribes_without_cookie_or_token_and_answers_200_twice(
    anybody: TestClient, runtime: Runtime, token: str, content_type: str, body: bytes
) -> None:
    for _ in range(2):
        answer = anybody.post(f"/u/{token}", content=body, headers={"content-type": content_type})
        assert answer.status_code == 200
        assert not answer.history
        assert "set-cookie" not in answer.headers
        assert _status_of_first(runtime) == SubscriptionStatus.UNSUBSCRIBED.name.lower()
    with runtime.reading() as session:
        assert issues.tally_of(session, 1).unsubscribed == 1


@pytest.mark.parametrize(("content_type", "body"), BODIES)
def test_a_one_click_post_for_an_unknown_token_answers_200_just_the_same(
    anybody: TestClient, token: str, content_type: str, body: bytes
) -> None:
    headers = {"content-type": content_type, "origin": "https://mail.example"}
    known = anybody.post(f"/u/{token}", content=body, headers=headers)
    forged = token[:-1] + ("0" if token[-1] != "0" else "1")
    for other in (forged, "x", "%00", "é" * 40, token[:-1]):
        answer = anybody.post(f"/u/{other}", content=body, headers=headers)
        assert (answer.status_code, answer.text) == (known.status_code, known.text)


@pytest.mark.parametrize("pair", [(0, 3_000_000_000), (OPT_IN_ISSUE, 7), (4_000_000_000, 4_000_000_000)])
def test_the_link_of_a_mail_that_belongs_to_no_issue_is_answered_like_any_other(
    anybody: TestClient, runtime: Runtime, pair: tuple[int, int]
) -> None:
    token = runtime.links.delivery_token(*pair)
    assert anybody.get(f"/u/{token}").status_code == anybody.post(f"/u/{token}", content=ONE_CLICK).status_code == 200


def test_a_post_with_any_body_at_all_unsubscribes(anybody: TestClient, runtime: Runtime, token: str) -> None:
    headers = {"content-type": "multipart/form-data; boundary=b"}
    assert anybody.post(f"/u/{token}", content=b"\x00broken", headers=headers).status_code == 200
    assert _status_of_first(runtime) == "unsubscribed"


def test_a_token_in_capitals_is_the_same_token(anybody: TestClient, runtime: Runtime, token: str) -> None:
    anybody.post(f"/u/{token.upper()}", content=ONE_CLICK)
    assert _status_of_first(runtime) == "unsubscribed"


def test_looking_at_the_link_changes_nothing(anybody: TestClient, runtime: Runtime, token: str) -> None:
    for _ in range(3):
        page = anybody.get(f"/u/{token}")
        anybody.head(f"/u/{token}")
        assert page.status_code == 200
    assert "Unsubscribe from Harbour Morning Brief?" in said(page)
    assert _status_of_first(runtime) == "confirmed"


def test_the_page_shows_the_address_only_masked(anybody: TestClient, token: str) -> None:
    page = anybody.get(f"/u/{token}").text
    assert "r…0@example.org" in page
    assert "reader000000" not in page


def test_the_button_says_good_bye_and_the_page_knows_it_afterwards(anybody: TestClient, token: str) -> None:
    assert "You have left Harbour Morning Brief" in said(anybody.post(f"/u/{token}"))
    assert "You are not subscribed any more" in said(anybody.get(f"/u/{token}"))


def test_where_somebody_left_is_written_down(anybody: TestClient, runtime: Runtime, token: str) -> None:
    anybody.post(f"/u/{token}", content=ONE_CLICK, headers={"content-type": BODIES[0][0]})
    with runtime.reading() as session:
        profile = subscribers.subscriber_profile(session, "reader000000@example.org")
    assert profile["subscriptions"][0]["unsubscribe_source"] == "one-click"
    assert profile["deliveries"][0]["marks"] == ["unsubscribed"]
