"""Facts about the migration that gives each list one issue for a date, on a database with issues in it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import MetaData, select

from newsletter.db import migrate
from newsletter.db.engine import make_engine

AT = datetime(2026, 6, 22, tzinfo=UTC)
MONDAY, TUESDAY = date(2026, 6, 22), date(2026, 6, 23)


def fill(url: str, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Insert rows into the tables as they are; columns that are left out and may not be empty get something."""
    engine, metadata = make_engine(url), MetaData()
    metadata.reflect(engine)
    fillers: dict[type, Any] = {str: "x", int: 0, bool: False, datetime: AT, bytes: b"x"}
    with engine.begin() as connection:
        for name, values in rows.items():
            table = metadata.tables[name]
            needed = [column for column in table.columns if not column.nullable and column.server_default is None]
            defaults = {column.name: fillers.get(column.type.python_type, "x") for column in needed}
            connection.execute(table.insert(), [defaults | row for row in values])
    engine.dispose()


def test_the_first_issue_that_was_not_cancelled_has_the_place_of_its_date(empty_database_url: str) -> None:
    url = empty_database_url
    migrate.upgrade(url, revision="0003")
    issue = {"newsletter_id": 1, "rendering_id": 1, "sha256": "x"}
    fill(
        url,
        {
            "newsletters": [{"id": 1, "slug": "brief"}],
            "lists": [{"id": 1, "newsletter_id": 1, "slug": "a"}, {"id": 2, "newsletter_id": 1, "slug": "b"}],
            "briefs": [{"id": 1, "newsletter_id": 1, "date": MONDAY}, {"id": 2, "newsletter_id": 1, "date": TUESDAY}],
            "renderings": [{"id": 1, "brief_id": 1}],
            "issues": [
                issue | {"id": 1, "brief_id": 1, "status": "cancelled"},
                issue | {"id": 2, "brief_id": 1, "status": "sent"},
                issue | {"id": 3, "brief_id": 1, "status": "draft"},
                issue | {"id": 4, "brief_id": 2, "status": "scheduled"},
            ],
            "issue_lists": [
                {"issue_id": issue_id, "list_id": list_id}
                for issue_id, list_id in ((1, 1), (2, 1), (3, 1), (3, 2), (4, 1))
            ],
        },
    )
    migrate.upgrade(url)
    engine, metadata = make_engine(url), MetaData()
    metadata.reflect(engine)
    table = metadata.tables["issue_lists"]
    with engine.connect() as connection:
        found = {(row.issue_id, row.list_id): row.edition for row in connection.execute(select(table))}
    engine.dispose()
    assert found == {(1, 1): None, (2, 1): "2026-06-22", (3, 1): None, (3, 2): "2026-06-22", (4, 1): "2026-06-23"}
