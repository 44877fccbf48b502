"""Facts about all migrations, those to come included: rows in every table come through whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, Table, select
from sqlalchemy.engine import Connection

from newsletter.db import migrate
from newsletter.db.engine import make_engine

AT = datetime(2026, 6, 22, 7, 30, tzinfo=UTC)
VALUES: dict[type, Any] = {
    str: "x",
    int: 1,
    float: 1.5,
    bool: True,
    bytes: b"\x00x",
    datetime: AT,
    date: AT.date(),
    object: {"a": [1, "\u00fc"]},
    dict: {"a": [1, "\u00fc"]},
}
# What a migration changes or drops on purpose: by revision, (table, column).
CHANGED_ON_PURPOSE: dict[str, set[tuple[str, str]]] = {"0010": {("doubts", "log_answer")}}

Rows = dict[str, list[dict[str, Any]]]


def revisions() -> list[str]:
    """All revisions, the first first."""
    script = ScriptDirectory(str(migrate.MIGRATIONS_DIR))
    return [found.revision for found in reversed(list(script.walk_revisions()))]


def tables(connection: Connection) -> Iterator[Table]:
    """The product's tables as they are in the database, those that others refer to first."""
    metadata = MetaData()
    metadata.reflect(connection)
    yield from (table for table in metadata.sorted_tables if table.name != "alembic_version")


def value_for(column: Column[Any]) -> Any:
    return VALUES[column.type.python_type]


def fill_empty_tables(connection: Connection) -> None:
    """One row in each table that has none, with something in every column; keys are 1, so that they find each other."""
    for table in tables(connection):
        if connection.execute(select(table)).first() is None:
            connection.execute(table.insert(), {column.name: value_for(column) for column in table.columns})


def all_rows(connection: Connection) -> Rows:
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables(connection)
    }


def same(row: dict[str, Any], before: dict[str, Any], *, but_for: set[str]) -> bool:
    return all(name in row and row[name] == value for name, value in before.items() if name not in but_for)


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_rows_come_whole_through_every_migration(empty_database_url: str) -> None:
    url = empty_database_url
    first, *later = revisions()
    migrate.upgrade(url, revision=first)
    for revision in [*later, "head"]:
        engine = make_engine(url)
        with engine.begin() as connection:
            fill_empty_tables(connection)
        with engine.begin() as connection:
            before = all_rows(connection)
        assert all(before.values())
        migrate.upgrade(url, revision=revision)
        with engine.begin() as connection:
            after = all_rows(connection)
        engine.dispose()
        changed = CHANGED_ON_PURPOSE.get(revision, set())
        for name, rows in before.items():
            but_for = {column for table, column in changed if table == name}
            assert len(after[name]) == len(rows), f"{revision}: rows of {name}"
            for row, old in zip(after[name], rows, strict=True):
                assert same(row, old, but_for=but_for), f"{revision}: {name} was {old} and is {row}"
    assert migrate.is_current(url)
