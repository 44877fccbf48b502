"""Alembic's environment: runs migrations on the database that the caller named."""

from __future__ import annotations

from alembic import context

from newsletter.db.engine import make_engine
from newsletter.db.models import Base

engine = make_engine(context.config.attributes["database_url"])
try:
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=connection.dialect.name == "sqlite",
            compare_type=True,
        )
        with context.begin_transaction():
            if connection.dialect.name == "postgresql":
                # Two processes may start at once: the second waits here and then finds nothing to do.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7370151)")
            context.run_migrations()
finally:
    engine.dispose()
