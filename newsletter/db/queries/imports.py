"""Statements of an import: rows go into a staging table, then a few set-based statements merge them.

The rows of one chunk are sorted by address and bounded by its first and last one. Each statement names these
bounds for `subscribers` too, so that the database walks one part of the index instead of the whole table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    FromClause,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    and_,
    case,
    cast,
    exists,
    false,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import Column as TableColumn
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, is_postgres, rows_changed
from newsletter.db.models import Subscriber, Subscription, Suppression
from newsletter.db.models.base import AddressText, UtcDateTime
from newsletter.domain.subscriber import SubscriberStatus, SubscriptionStatus

STAGED = Table(
    "import_rows",
    MetaData(),
    TableColumn("address", AddressText, primary_key=True),
    TableColumn("email", Text, nullable=False),
    TableColumn("name", Text, nullable=False),
    TableColumn("language", Text, nullable=False),
    TableColumn("time_zone", Text, nullable=False),
    TableColumn("attributes", JSON(none_as_null=True)),
    TableColumn("address_key", LargeBinary),
    TableColumn("has_left", SmallInteger, nullable=False),
    prefixes=["TEMPORARY"],
    postgresql_on_commit="DROP",
    sqlite_with_rowid=False,
)

# Any number will do, as long as it is the same for all imports and erasures of one database.
_IMPORT_LOCK = 7_346_201


class StagedRow(NamedTuple):
    """A row as the staging table takes it, in the order of its columns; `attributes` as JSON text."""

    address: str
    email: str
    name: str
    language: str
    time_zone: str
    attributes: str | None
    address_key: bytes | None
    has_left: int


class RowOutcome(StrEnum):
    """What an import makes of one row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SUPPRESSED = "suppressed"


@dataclass(frozen=True, kw_only=True, slots=True)
class ImportTarget:
    """Where an import goes, and on what terms.

    `sibling_list_ids` are the other lists of the newsletter; `status` is what a new subscription gets;
    `confirms` tells whether subscriptions that wait for their confirmation are confirmed by this import.
    """

    list_id: int
    sibling_list_ids: tuple[int, ...]
    status: SubscriptionStatus
    confirms: bool
    consent_source: str
    now: datetime


def lock_imports(session: Session) -> None:
    """Let no other import or erasure write until this transaction ends; on SQLite none can anyway."""
    if is_postgres(session):
        session.execute(select(func.pg_advisory_xact_lock(_IMPORT_LOCK)))


def erased_exist(session: Session) -> bool:
    """Whether anybody has ever been erased: only then must each address be hashed."""
    found = session.scalar(select(Suppression.id).where(Suppression.address.is_(None)).limit(1))
    return found is not None


def stage_rows(session: Session, rows: Sequence[StagedRow]) -> None:
    """Fill the staging table of this transaction with rows that are sorted by address, each address once."""
    connection = session.connection()
    STAGED.create(connection, checkfirst=False)
    if not is_postgres(session):
        # The driver takes tuples as they are; SQLAlchemy would want a dict for each row.
        connection.exec_driver_sql(str(STAGED.insert().compile(connection)), list(rows))
        return
    cursor = connection.connection.cursor()
    with cursor.copy(f"COPY {STAGED.name} FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)
    cursor.close()
    connection.execute(text(f"ANALYZE {STAGED.name}"))


def drop_staged_rows(session: Session) -> None:
    """Remove the staging table before the transaction ends: SQLite's outlives it."""
    STAGED.drop(session.connection(), checkfirst=False)


def count_outcomes(session: Session, target: ImportTarget, rows: Sequence[StagedRow]) -> dict[RowOutcome, int]:
    """How many of the staged rows would have which outcome; changes nothing."""
    outcome = case(
        (_is_withheld(target), RowOutcome.SUPPRESSED.value),
        (Subscriber.id.is_(None), RowOutcome.CREATED.value),
        (
            or_(_place(target).is_(None), _confirms(target), _differs(session)),
            RowOutcome.UPDATED.value,
        ),
        else_=RowOutcome.UNCHANGED.value,
    )
    joined = _staged_with_subscribers(rows).outerjoin(Suppression, Suppression.address == STAGED.c.address)
    each = select(outcome.label("outcome")).select_from(joined).subquery()
    statement = select(each.c.outcome, func.count()).group_by(each.c.outcome)
    return {RowOutcome(name): count for name, count in session.execute(statement)}


def insert_subscribers(session: Session, target: ImportTarget, rows: Sequence[StagedRow]) -> int:
    """Make a subscriber of each staged row that has none and was not erased; returns how many that were."""
    people = (
        select(
            STAGED.c.email,
            STAGED.c.address,
            STAGED.c.name,
            STAGED.c.language,
            STAGED.c.time_zone,
            STAGED.c.attributes,
            literal(int(SubscriberStatus.ENABLED)),
            literal(target.now, UtcDateTime()),
            literal(target.now, UtcDateTime()),
        )
        .select_from(_staged_with_subscribers(rows))
        .where(Subscriber.id.is_(None), not_(_is_erased()))
        .order_by(STAGED.c.address)
    )
    columns = [
        "email",
        "address",
        "name",
        "language",
        "time_zone",
        "attributes",
        "status",
        "created_at",
        "updated_at",
    ]
    statement = insert_into(session, Subscriber).from_select(columns, people)
    return rows_changed(session, statement.on_conflict_do_nothing(index_elements=["address"]))


def update_subscribers(session: Session, target: ImportTarget, rows: Sequence[StagedRow]) -> int:
    """Overwrite what the staged rows give differently, attributes key by key; returns how many people changed."""
    given = {
        name: case((STAGED.c[name] != "", STAGED.c[name]), else_=getattr(Subscriber, name))
        for name in ("name", "language", "time_zone")
    }
    statement = (
        update(Subscriber)
        .where(Subscriber.address == STAGED.c.address, _in_range(rows), _differs(session))
        .values(**given, attributes=_merged_attributes(session), updated_at=target.now)
    )
    return rows_changed(session, statement.execution_options(synchronize_session=False))


def insert_subscriptions(session: Session, target: ImportTarget, rows: Sequence[StagedRow]) -> int:
    """Put the people of the staged rows on the list who have no place there; returns how many that were."""
    has_left = STAGED.c.has_left == 1
    is_confirmed = target.status is SubscriptionStatus.CONFIRMED
    at, never = literal(target.now, UtcDateTime()), literal(None, UtcDateTime())
    people = (
        select(
            literal(target.list_id),
            Subscriber.id,
            case(
                (has_left, int(SubscriptionStatus.UNSUBSCRIBED)),
                else_=int(target.status),
            ),
            literal(target.consent_source),
            case((has_left, never), else_=at if is_confirmed else never),
            case((has_left, never), else_=at if target.confirms else never),
            case((has_left, at), else_=never),
            case((has_left, target.consent_source), else_=null()),
        )
        .select_from(STAGED)
        .join(Subscriber, and_(Subscriber.address == STAGED.c.address, _in_range(rows)))
        .where(_place(target).is_(None), not_(_left_the_newsletter(target)))
        .order_by(Subscriber.id)
    )
    columns = [
        "list_id",
        "subscriber_id",
        "status",
        "consent_source",
        "consented_at",
        "confirmed_at",
    ]
    columns += ["unsubscribed_at", "unsubscribe_source"]
    statement = insert_into(session, Subscription).from_select(columns, people)
    return rows_changed(session, statement.on_conflict_do_nothing())


def confirm_subscriptions(session: Session, target: ImportTarget, rows: Sequence[StagedRow]) -> int:
    """Confirm the places on the list of staged people who wait for it; returns how many that were."""
    waiting = (
        select(Subscriber.id)
        .join(STAGED, and_(Subscriber.address == STAGED.c.address, STAGED.c.has_left == 0))
        .where(_in_range(rows))
    )
    statement = (
        update(Subscription)
        .where(
            Subscription.list_id == target.list_id,
            Subscription.status == int(SubscriptionStatus.UNCONFIRMED),
            Subscription.subscriber_id.in_(waiting),
        )
        .values(
            status=int(SubscriptionStatus.CONFIRMED),
            consent_source=target.consent_source,
            consented_at=target.now,
            confirmed_at=target.now,
        )
    )
    return rows_changed(session, statement.execution_options(synchronize_session=False))


def _staged_with_subscribers(rows: Sequence[StagedRow]) -> FromClause:
    return STAGED.outerjoin(Subscriber, and_(Subscriber.address == STAGED.c.address, _in_range(rows)))


def _in_range(rows: Sequence[StagedRow]) -> ColumnElement[bool]:
    # Not BETWEEN: its bounds may not carry the collation that SQLAlchemy gives them.
    return and_(Subscriber.address >= rows[0].address, Subscriber.address <= rows[-1].address)


def _place(target: ImportTarget) -> ColumnElement[int | None]:
    """The status that a subscriber has on the list, NULL where they are not on it.

    A scalar subquery and no join: its one way is the primary key, row by row. With a join, Postgres reads the whole
    list for each chunk, because its statistics are from before the import.
    """
    place = Subscription.__table__.alias("place")
    found = select(place.c.status).where(place.c.list_id == target.list_id, place.c.subscriber_id == Subscriber.id)
    return found.correlate(Subscriber).scalar_subquery()


def _is_erased() -> ColumnElement[bool]:
    erased = Suppression.__table__.alias("erased")
    return and_(
        STAGED.c.address_key.is_not(None),
        exists().where(erased.c.address_key == STAGED.c.address_key, erased.c.address.is_(None)),
    )


def _is_withheld(target: ImportTarget) -> ColumnElement[bool]:
    """Whether a person must not be mailed whatever this import says."""
    return or_(
        Suppression.id.is_not(None),
        Subscriber.status == int(SubscriberStatus.DISABLED),
        _place(target) == int(SubscriptionStatus.UNSUBSCRIBED),
        and_(STAGED.c.has_left == 1, _place(target).is_(None)),
        and_(_place(target).is_(None), _left_the_newsletter(target)),
        _is_erased(),
    )


def _left_the_newsletter(target: ImportTarget) -> ColumnElement[bool]:
    """Whether a person has unsubscribed from the newsletter's other lists and is on none of them any more."""
    if not target.sibling_list_ids:
        return false()
    place = Subscription.__table__.alias("elsewhere")
    has_place = exists().where(
        place.c.subscriber_id == Subscriber.id,
        place.c.list_id.in_(target.sibling_list_ids),
    )
    return and_(
        Subscriber.id.is_not(None),
        has_place.where(place.c.status == int(SubscriptionStatus.UNSUBSCRIBED)),
        not_(has_place.where(place.c.status != int(SubscriptionStatus.UNSUBSCRIBED))),
    )


def _confirms(target: ImportTarget) -> ColumnElement[bool]:
    if not target.confirms:
        return false()
    return and_(
        _place(target) == int(SubscriptionStatus.UNCONFIRMED),
        STAGED.c.has_left == 0,
    )


def _differs(session: Session) -> ColumnElement[bool]:
    """Whether a staged row gives something that the subscriber does not have yet. What it leaves empty stays."""
    texts = [
        and_(STAGED.c[name] != "", STAGED.c[name] != getattr(Subscriber, name))
        for name in ("name", "language", "time_zone")
    ]
    return or_(*texts, and_(STAGED.c.attributes.is_not(None), not_(_has_attributes(session))))


def _known_attributes() -> ColumnElement[str]:
    # A JSON null says the same as no value at all.
    return func.coalesce(func.nullif(cast(Subscriber.attributes, Text), "null"), "{}")


def _has_attributes(session: Session) -> ColumnElement[bool]:
    if is_postgres(session):
        return cast(_known_attributes(), JSONB).contains(cast(STAGED.c.attributes, JSONB))
    given = func.json_each(STAGED.c.attributes).table_valued("key", "value").alias("given")
    known = func.json_each(_known_attributes()).table_valued("key", "value").alias("known")
    is_known = exists().where(known.c.key == given.c.key, known.c.value == given.c.value)
    return not_(select(given.c.key).where(not_(is_known)).exists())


def _merged_attributes(session: Session) -> ColumnElement[Any]:
    unchanged = (STAGED.c.attributes.is_(None), Subscriber.attributes)
    if is_postgres(session):
        merged = cast(_known_attributes(), JSONB).op("||")(cast(STAGED.c.attributes, JSONB))
        return case(unchanged, else_=cast(merged, JSON))
    return case(unchanged, else_=func.json_patch(_known_attributes(), STAGED.c.attributes))
