"""Statements about rates and volumes: rows that say what is taken already, for all workers together."""

from __future__ import annotations

from sqlalchemy import case, delete, select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into
from newsletter.db.models import DayVolume, RateWindow


def take_window(session: Session, name: str, *, seconds: float, now: float) -> float:
    """Reserve the next `seconds` after everybody else's; returns when they begin (seconds since the epoch).

    Time that nobody used is not saved up: after an idle hour the rate is still the rate.
    """
    statement = insert_into(session, RateWindow).values(name=name, taken_until=now + seconds)
    begins = case((RateWindow.taken_until > now, RateWindow.taken_until), else_=now)
    upsert = statement.on_conflict_do_update(index_elements=["name"], set_={"taken_until": begins + seconds})
    taken: float = session.execute(upsert.returning(RateWindow.taken_until)).scalar_one()
    return taken - seconds


def taken_until(session: Session, name: str) -> float:
    """Until when the time is taken (seconds since the epoch); 0 where nobody ever took any."""
    return session.scalar(select(RateWindow.taken_until).where(RateWindow.name == name)) or 0.0


def lock_window(session: Session, name: str) -> float:
    """Until when the time is taken, while nobody else can take any before this transaction ends."""
    session.execute(insert_into(session, RateWindow).values(name=name, taken_until=0.0).on_conflict_do_nothing())
    return session.scalars(select(RateWindow.taken_until).where(RateWindow.name == name).with_for_update()).one()


def set_window(session: Session, name: str, taken_until: float) -> None:
    """Write until when the time of a locked window is taken."""
    session.execute(update(RateWindow).where(RateWindow.name == name).values(taken_until=taken_until))


def forget_windows(session: Session, *, before: float) -> None:
    """Remove windows whose time was over long ago: a window that is not there is a free one."""
    session.execute(delete(RateWindow).where(RateWindow.taken_until < before))


def take_volume(session: Session, provider: str, *, day: int, wanted: int, volume: int) -> int:
    """Take up to `wanted` mails of a day's volume; returns how many were left to take."""
    start = insert_into(session, DayVolume).values(provider=provider, day=day, taken=0)
    session.execute(start.on_conflict_do_nothing())
    row = (DayVolume.provider == provider) & (DayVolume.day == day)
    taken = session.scalars(select(DayVolume.taken).where(row).with_for_update()).one()
    given = max(0, min(wanted, volume - taken))
    if given:
        session.execute(update(DayVolume).where(row).values(taken=taken + given))
    return given


def give_back_volume(session: Session, provider: str, *, day: int, count: int) -> None:
    """Undo the taking of what was not handed over after all."""
    session.execute(
        update(DayVolume)
        .where(DayVolume.provider == provider, DayVolume.day == day)
        .values(taken=DayVolume.taken - count)
    )


def volume_taken(session: Session, provider: str, *, day: int) -> int:
    """How many mails of a day's volume are taken."""
    return session.scalar(select(DayVolume.taken).where(DayVolume.provider == provider, DayVolume.day == day)) or 0
