"""Statements about rates: one row says until when the time of a provider is taken, for all workers together."""

from __future__ import annotations

from sqlalchemy import case, select
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into
from newsletter.db.models import RateWindow


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
