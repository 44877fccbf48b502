"""Facts about the migration of the public door, on a database with a newsletter in it."""

from __future__ import annotations

from sqlalchemy import MetaData, select

from newsletter.db import migrate
from newsletter.db.engine import make_engine
from tests.db.test_editions_migration import fill


def test_a_newsletter_that_was_there_says_nothing_about_itself_yet_and_takes_requests(empty_database_url: str) -> None:
    url = empty_database_url
    migrate.upgrade(url, revision="0006")
    fill(url, {"newsletters": [{"id": 1, "slug": "brief"}]})
    migrate.upgrade(url)
    fill(url, {"opt_in_requests": [{"id": 1, "newsletter_id": 1, "list_ids": [1], "mail": "waiting"}]})
    engine, metadata = make_engine(url), MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        about = connection.execute(select(metadata.tables["newsletters"].c.about)).scalar_one()
        request = connection.execute(select(metadata.tables["opt_in_requests"])).one()
    engine.dispose()
    assert (about, request.tries, request.response) == ("", 0, "")
