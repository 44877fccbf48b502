"""Daily slots: an approved brief goes out on its day by itself, or is shown to a person with the reason.

Each slot does its work once a day, however many schedulers run: the row of its run is the guard.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.db.models import Issue, NewsletterRow, SlotRun
from newsletter.db.queries import newsletters as newsletter_queries
from newsletter.db.queries import slots as queries
from newsletter.domain.slots_of_day import DailySlot, SlotOutcome, make_slot, slot_decision, slot_from_json, values_of
from newsletter.errors import InvalidInput, NewsletterError
from newsletter.services import audit, issues, lists, newsletters


def slot_of(row: NewsletterRow) -> DailySlot | None:
    """The daily slot of a newsletter; None where it has none."""
    return slot_from_json(row.daily_slot) if row.daily_slot else None


def set_slot(session: Session, slug: str, *, now: datetime, actor_id: int | None = None, **values: Any) -> DailySlot:
    """Give a newsletter a daily slot, or change some values of it: at, cutoff, lateness_minutes, lists.

    InvalidInput where they do not go together, or a list belongs to another newsletter.
    """
    row = newsletters.find_newsletter(session, slug)
    before = slot_of(row)
    known = values_of(row.daily_slot or {"lists": ()})
    if "at" not in known | values:
        raise InvalidInput("a daily slot needs its time of day: --slot 07:00")
    if "at" in values and known.get("cutoff") == known.get("at"):
        # No cutoff of its own: it is the slot's time, also the new one.
        known = {**known, "cutoff": ""}
    slot = make_slot(**known | values | {"since": now})
    for list_slug in slot.lists:
        if lists.find_list(session, list_slug).newsletter_id != row.id:
            raise InvalidInput(f"list {list_slug} belongs to another newsletter than {slug}")
    slot = before.replaced_by(slot) if before else slot
    _store(session, row, slot.to_json(), actor_id=actor_id, now=now)
    return slot


def clear_slot(session: Session, slug: str, *, now: datetime, actor_id: int | None = None) -> None:
    """Take the daily slot of a newsletter away: nothing goes out by itself any more."""
    _store(session, newsletters.find_newsletter(session, slug), None, actor_id=actor_id, now=now)


def latest_run(session: Session, newsletter_id: int) -> SlotRun | None:
    """What the slot of a newsletter did last."""
    return queries.latest_run(session, newsletter_id)


def due_slots(session: Session, *, now: datetime) -> list[tuple[int, dt.date]]:
    """The newsletters and days whose slot has something to do now."""
    return [
        (row.id, day)
        for row, slot, day in _open_days(session, now=now)
        if _choice(session, row, slot, day, now=now) is not None
    ]


def run_slot(session: Session, newsletter_id: int, day: dt.date, *, now: datetime) -> Issue | None:
    """Make the issue of a day: scheduled for the slot, or a draft with the reason where it is too late.

    None where another scheduler was first, or there is nothing to do any more. Conflict where the lists have an issue
    of that date.
    """
    row = newsletters.newsletter_of(session, newsletter_id)
    standing = slot_of(row)
    slot = standing.in_force(day, zone=row.time_zone) if standing else None
    choice = None if slot is None else _choice(session, row, slot, day, now=now)
    if slot is None or choice is None:
        return None
    brief_id, outcome, reason = choice
    if not queries.begin_run(session, newsletter_id, day, outcome=str(outcome), now=now):
        return None
    moments = slot.moments(day, zone=row.time_zone)
    is_in_time = outcome is SlotOutcome.SCHEDULED
    issue = issues.create_issue(
        session,
        brief_id=brief_id,
        list_slugs=slot.lists,
        actor=None,
        now=now,
        send_at=moments.begins if is_in_time else None,
        begins_before=moments.ends if is_in_time else None,
    )
    issue.status_reason = reason
    queries.end_run(session, newsletter_id, day, outcome=str(outcome), issue_id=issue.id, remark=reason)
    return issue


def refuse_slot(session: Session, newsletter_id: int, day: dt.date, error: NewsletterError, *, now: datetime) -> None:
    """Write down why the slot of a day made no issue: it does not try again."""
    if queries.begin_run(session, newsletter_id, day, outcome=str(SlotOutcome.TAKEN), now=now):
        queries.end_run(session, newsletter_id, day, outcome=str(SlotOutcome.TAKEN), issue_id=None, remark=str(error))


def _open_days(session: Session, *, now: datetime) -> Iterator[tuple[NewsletterRow, DailySlot, dt.date]]:
    for row in newsletter_queries.all_newsletters(session):
        standing = slot_of(row)
        for day in standing.days_at(now, zone=row.time_zone) if standing else ():
            slot = standing.in_force(day, zone=row.time_zone) if standing else None
            if slot is not None and not queries.has_run(session, row.id, day):
                yield row, slot, day


def _choice(
    session: Session, row: NewsletterRow, slot: DailySlot, day: dt.date, *, now: datetime
) -> tuple[int, SlotOutcome, str] | None:
    """The brief of a day and what becomes of it: the last that was approved in time, else the last that was not."""
    moments = slot.moments(day, zone=row.time_zone)
    found: tuple[int, SlotOutcome, str] | None = None
    for brief_id, approved_at in queries.approved_briefs(session, row.id, day):
        decided = slot_decision(moments, approved_at=approved_at, now=now)
        if decided is not None and decided[0] is SlotOutcome.SCHEDULED:
            return brief_id, *decided
        if decided is not None and found is None:
            found = brief_id, *decided
    return found


def _store(
    session: Session, row: NewsletterRow, stored: dict[str, Any] | None, *, actor_id: int | None, now: datetime
) -> None:
    row.daily_slot = stored
    session.flush()
    audit.record(
        session,
        action="newsletter.edit",
        subject_type="newsletter",
        subject_id=row.id,
        actor_id=actor_id,
        detail={"changed": ["daily_slot"]},
        now=now,
    )
