"""What the two databases do alike but SQLAlchemy spells or types differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, Table, UpdateBase, func
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import InstrumentedAttribute, Session

from newsletter.db.models.base import Base


def is_postgres(session: Session) -> bool:
    """Whether this session writes to Postgres; otherwise it is SQLite."""
    return session.get_bind().dialect.name == "postgresql"


def table_of(model: type[Base]) -> Table:
    """The table of a mapped class, for statements that are built once and run for each batch."""
    return cast(Table, model.__table__)


def insert_into(session: Session, table: Any) -> postgresql.Insert:
    """An insert that knows ON CONFLICT on either database."""
    # Both dialects' inserts have the same methods for ON CONFLICT, but no common type.
    return cast(postgresql.Insert, (postgresql.insert if is_postgres(session) else sqlite.insert)(table))


def rows_changed(session: Session, statement: UpdateBase, values: Mapping[str, Any] | None = None) -> int:
    """Execute an insert, update or delete with these parameters; returns how many rows it wrote."""
    # Without the option psycopg's count of an INSERT … SELECT is gone (-1) when it is asked for. It is no option of the
    # statement, because that would make a new one each time, which SQLAlchemy has to look up in its cache anew.
    result = session.execute(statement, values, execution_options={"preserve_rowcount": True})
    return cast("CursorResult[Any]", result).rowcount


def domain_of(
    session: Session, address: ColumnElement[str] | InstrumentedAttribute[str] | InstrumentedAttribute[str | None]
) -> ColumnElement[str]:
    """The part of an address behind the @, which occurs once in it."""
    if is_postgres(session):
        return func.split_part(address, "@", 2)
    return func.substr(address, func.instr(address, "@") + 1)
