"""Engines for the two databases: SQLite (WAL, one writer at a time) and Postgres (psycopg 3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from newsletter.errors import ConfigurationError

BUSY_TIMEOUT_MS = 15_000
CONNECT_TIMEOUT_SECONDS = 5


def make_engine(database_url: str) -> Engine:
    """An engine for this URL; ConfigurationError for a database we do not support.

    On SQLite every transaction begins IMMEDIATE, so that two writers queue instead of failing half-way;
    transactions opened with the execution option `read_only` begin DEFERRED and never wait for a writer.
    """
    try:
        url = make_url(database_url)
    except ArgumentError:
        raise ConfigurationError("NEWSLETTER_DATABASE_URL is not a database URL") from None
    match url.get_backend_name():
        case "sqlite":
            return _sqlite_engine(database_url, url.database)
        case "postgresql":
            return create_engine(
                url,
                pool_pre_ping=True,
                pool_size=10,
                connect_args={"connect_timeout": CONNECT_TIMEOUT_SECONDS, "application_name": "newsletter"},
            )
        case other:
            raise ConfigurationError(f"NEWSLETTER_DATABASE_URL names {other}; use sqlite:/// or postgresql+psycopg://")


def _sqlite_engine(database_url: str, path: str | None) -> Engine:
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(database_url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # The driver's own BEGIN is deferred; ours is chosen in _begin_sqlite.
    dbapi_connection.isolation_level = None
    cursor = dbapi_connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute("PRAGMA temp_store = MEMORY")
    cursor.execute("PRAGMA cache_size = -65536")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    is_read_only = connection.get_execution_options().get("read_only", False)
    connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")
