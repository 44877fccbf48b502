"""Fixtures: real servers, a fresh migrated database per test on both kinds, and the runtime on top of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import hypothesis
import pytest
from sqlalchemy.orm import Session

from newsletter.bench.postgres import ServerMissing
from newsletter.db import migrate
from newsletter.runtime import Runtime
from newsletter.settings import Settings
from tests.processes import Processes, clean_environment
from tests.servers import PostgresServer, postgres_server, redis_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

IS_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
TEMPLATE = f"newsletter_template_{os.getpid()}"
# Chromium looks for updates, proxies and accounts unless it is told not to.
QUIET_CHROMIUM = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--disable-gpu",
]

# How fast examples are made is a matter of the machine, and no fault of a test.
hypothesis.settings.register_profile(
    "here", deadline=None, derandomize=IS_CI, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("here")
for _name in set(os.environ) - set(clean_environment()):
    del os.environ[_name]

_numbers = count(1)


def missing(reason: str) -> NoReturn:
    """Skip the test and say why; in CI, where nothing may be missing, fail it."""
    if IS_CI:
        pytest.fail(f"{reason} (CI=true: nothing may be missing)", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A running Postgres with one migrated template database."""
    try:
        with postgres_server(os.environ) as server:
            server.drop_database(TEMPLATE)
            migrate.upgrade(server.create_database(TEMPLATE))
            yield server
            server.drop_database(TEMPLATE)
    except ServerMissing as error:
        missing(str(error))


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A fresh, migrated Postgres database."""
    name = f"newsletter_test_{os.getpid()}_{next(_numbers)}"
    yield postgres.create_database(name, template=TEMPLATE)
    postgres.drop_database(name)


@pytest.fixture
def empty_postgres_url(postgres: PostgresServer) -> Iterator[str]:
    """A Postgres database with nothing in it."""
    name = f"newsletter_empty_{os.getpid()}_{next(_numbers)}"
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "newsletter.db"
    migrate.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh, migrated SQLite database."""
    path = tmp_path / "newsletter.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A fresh, migrated database; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with nothing in it; the test runs once on each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture(scope="session")
def redis_server_url() -> Iterator[str]:
    """A running Redis (or Valkey), shared by all tests of this process."""
    try:
        with redis_server(os.environ) as url:
            yield url
    except ServerMissing as error:
        missing(str(error))


@pytest.fixture
def redis_url(redis_server_url: str) -> str:
    """An emptied database of a running Redis; each process of pytest-xdist has its own number."""
    import redis

    number = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    url = f"{redis_server_url}/{number}" if redis_server_url.count("/") == 2 else redis_server_url
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """Settings with nothing from the environment: a fresh database, a data folder of the test's own."""
    return Settings(
        _env_file=None, data_dir=tmp_path / "data", database_url=database_url, secret_key="a secret of tests"
    )


@pytest.fixture
def runtime(settings: Settings) -> Iterator[Runtime]:
    """The runtime of a process with these settings."""
    runtime = Runtime.from_settings(settings)
    yield runtime
    runtime.close()


@pytest.fixture
def session(runtime: Runtime) -> Iterator[Session]:
    """One transaction, committed when the test ends."""
    with runtime.transaction() as session:
        yield session


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Starts real processes, which are gone when the test ends."""
    folder = tmp_path / "processes"
    folder.mkdir()
    processes = Processes(folder)
    yield processes
    processes.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium without a window: the system's, or the one that Playwright installed."""
    from playwright.sync_api import Error, expect, sync_playwright

    # For failure, never for success: a machine that is busy or slow takes its time.
    expect.set_options(timeout=30_000)
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path, args=QUIET_CHROMIUM)
        except Error:
            missing("no Chromium: install the system's package, or run `playwright install chromium`")
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page in a fresh browser profile."""
    with browser.new_context() as context:
        yield context.new_page()
