"""Facts about the health checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from newsletter.runtime import Runtime
from newsletter.settings import Settings
from newsletter.web.app import create_app

DEAD = "postgresql+psycopg://nobody:hushhush@127.0.0.1:9/none"


def test_a_healthy_site_is_ready(anybody: TestClient) -> None:
    assert anybody.get("/healthz").json() == {"status": "ok"}
    answer = anybody.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


Open = Callable[..., TestClient]


@pytest.fixture
def open_site(tmp_path: Path) -> Iterator[Open]:
    """Opens sites with settings of the test's own."""
    with ExitStack() as stack:

        def open_one(**values: object) -> TestClient:
            chosen = {"data_dir": tmp_path / "gone", "secret_key": "a secret of tests"} | values
            runtime = Runtime.from_settings(Settings(_env_file=None, **chosen))  # type: ignore[arg-type]
            stack.callback(runtime.close)
            return stack.enter_context(TestClient(create_app(runtime)))

        yield open_one


def test_a_site_without_its_database_is_alive_and_not_ready(open_site: Open) -> None:
    site = open_site(database_url=DEAD)
    assert site.get("/healthz").status_code == 200
    answer = site.get("/readyz")
    assert answer.status_code == 503
    assert "database does not answer" in answer.json()["reasons"]["database"]
    page = site.get("/archive/any")
    assert page.status_code == 503
    assert "Something we need does not answer" in page.text
    assert "hushhush" not in page.text + answer.text


def test_a_leaving_reader_is_asked_to_try_again_where_the_database_is_gone(open_site: Open) -> None:
    site = open_site(database_url=DEAD)
    token = site.app.state.runtime.links.delivery_token(1, 1)  # type: ignore[attr-defined]
    assert site.post(f"/u/{token}", content=b"List-Unsubscribe=One-Click").status_code == 503


def test_a_site_whose_database_was_never_migrated_is_not_ready(empty_database_url: str, open_site: Open) -> None:
    answer = open_site(database_url=empty_database_url).get("/readyz")
    assert answer.status_code == 503
    assert "newsletter db upgrade" in answer.json()["reasons"]["database"]


def test_a_site_without_its_broker_is_not_ready_but_serves(runtime: Runtime, app: FastAPI) -> None:
    settings = runtime.settings.model_copy(update={"broker_url": "redis://127.0.0.1:9/0"})
    lonely = Runtime.from_settings(settings)
    with TestClient(create_app(lonely)) as client:
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert set(answer.json()["reasons"]) == {"broker"}
        assert client.get("/login").status_code == 200
    lonely.close()
