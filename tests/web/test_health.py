"""Facts about the health checks."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import make_url

from newsletter.runtime import Runtime
from newsletter.settings import Settings
from newsletter.web.app import create_app

DEAD = "postgresql+psycopg://nobody:nothing@127.0.0.1:9/none"


def test_a_healthy_site_is_ready(anybody: TestClient) -> None:
    assert anybody.get("/healthz").json() == {"status": "ok"}
    answer = anybody.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def _site(tmp_path: Path, **values: object) -> FastAPI:
    settings = {"data_dir": tmp_path / "gone", "secret_key": "a secret of tests"} | values
    return create_app(Runtime.from_settings(Settings(_env_file=None, **settings)))  # type: ignore[arg-type]


def test_a_site_without_its_database_is_alive_and_not_ready(tmp_path: Path) -> None:
    with TestClient(_site(tmp_path, database_url=DEAD)) as client:
        assert client.get("/healthz").status_code == 200
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "database does not answer" in answer.json()["reasons"]["database"]
        page = client.get("/archive/any")
    assert page.status_code == 503
    assert "Something we need does not answer" in page.text
    assert make_url(DEAD).password not in page.text  # type: ignore[operator]


def test_a_leaving_reader_is_asked_to_try_again_where_the_database_is_gone(tmp_path: Path) -> None:
    site = _site(tmp_path, database_url=DEAD)
    runtime: Runtime = site.state.runtime
    token = runtime.links.delivery_token(1, 1)
    with TestClient(site) as client:
        assert client.post(f"/u/{token}", content=b"List-Unsubscribe=One-Click").status_code == 503


def test_a_site_whose_database_was_never_migrated_is_not_ready(empty_database_url: str, tmp_path: Path) -> None:
    with TestClient(_site(tmp_path, database_url=empty_database_url)) as client:
        answer = client.get("/readyz")
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
