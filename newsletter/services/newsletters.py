"""Newsletters: making, finding and changing them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from sqlalchemy.orm import Session

from newsletter.db.models import NewsletterRow
from newsletter.db.queries import newsletters as queries
from newsletter.domain.newsletter import Newsletter
from newsletter.domain.quiet_hours import parse_quiet_hours
from newsletter.domain.slugs import is_slug, slug_of
from newsletter.domain.subscriber import normalise_address
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.services import audit

EDITABLE = (
    "name",
    "from_name",
    "from_email",
    "reply_to",
    "postal_address",
    "time_zone",
    "language",
    "theme",
    "requires_four_eyes",
    "quiet_hours",
    "about",
)
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def create_newsletter(
    session: Session,
    *,
    name: str,
    from_email: str,
    slug: str = "",
    from_name: str = "",
    now: datetime,
    actor_id: int | None = None,
    **values: Any,
) -> NewsletterRow:
    """Make a newsletter; Conflict where the slug is taken, InvalidInput for values that cannot be used."""
    slug = slug or slug_of(name)
    if not is_slug(slug):
        raise InvalidInput(f"“{slug}” cannot be a slug: use small letters, digits and hyphens")
    if queries.newsletter_by_slug(session, slug) is not None:
        raise Conflict(f"there is a newsletter “{slug}” already: choose another slug, or edit that one")
    row = NewsletterRow(slug=slug, name=name, from_name=from_name or name, from_email=from_email, created_at=now)
    _apply(row, {"name": name, "from_email": from_email} | values)
    session.add(row)
    session.flush()
    audit.record(
        session, action="newsletter.create", subject_type="newsletter", subject_id=row.id, actor_id=actor_id, now=now
    )
    return row


def edit_newsletter(
    session: Session, slug: str, *, now: datetime, actor_id: int | None = None, **values: Any
) -> NewsletterRow:
    """Change some values of a newsletter. Approved renderings keep what was approved."""
    row = find_newsletter(session, slug)
    _apply(row, values)
    audit.record(
        session,
        action="newsletter.edit",
        subject_type="newsletter",
        subject_id=row.id,
        actor_id=actor_id,
        detail={"changed": sorted(values)},
        now=now,
    )
    session.flush()
    return row


def find_newsletter(session: Session, slug: str | None = None) -> NewsletterRow:
    """The newsletter of this slug, or the first one where no slug is given."""
    if slug:
        row = queries.newsletter_by_slug(session, slug)
        if row is None:
            raise NotFound(f"there is no newsletter “{slug}”: see `newsletter newsletter list`")
        return row
    rows = queries.all_newsletters(session)
    if not rows:
        raise NotFound("there is no newsletter yet: run `newsletter init`")
    return rows[0]


def newsletter_of(session: Session, newsletter_id: int) -> NewsletterRow:
    """The newsletter of this id."""
    row = session.get(NewsletterRow, newsletter_id)
    if row is None:
        raise NotFound(f"there is no newsletter {newsletter_id}")
    return row


def all_newsletters(session: Session) -> Sequence[NewsletterRow]:
    """All newsletters, the first made first."""
    return queries.all_newsletters(session)


def as_value(row: NewsletterRow) -> Newsletter:
    """The newsletter as rendering wants it."""
    return Newsletter(
        slug=row.slug,
        name=row.name,
        from_name=row.from_name,
        from_email=row.from_email,
        reply_to=row.reply_to,
        postal_address=row.postal_address,
        time_zone=row.time_zone,
        language=row.language,
        theme=dict(row.theme or {}),
    )


def _apply(row: NewsletterRow, values: dict[str, Any]) -> None:
    for name, value in values.items():
        if name not in EDITABLE:
            raise InvalidInput(f"a newsletter has no “{name}” that can be changed")
        _check(name, value)
        setattr(row, name, value)
    if values.keys() & {"quiet_hours", "time_zone"}:
        parse_quiet_hours(row.quiet_hours or "", zone=row.time_zone or "UTC")


def _check(name: str, value: Any) -> None:
    if name in ("from_email", "reply_to") and value:
        normalise_address(value)
    if name == "name" and not value.strip():
        raise InvalidInput("a newsletter needs a name")
    if name == "time_zone" and value not in available_timezones():
        raise InvalidInput(f"“{value}” is not a time zone: use a name such as Europe/Berlin or Asia/Shanghai")
    if name == "theme" and value:
        for key, colour in value.items():
            if not _COLOUR.fullmatch(str(colour)):
                raise InvalidInput(f"theme colour {key} must look like #0b3a66, not “{colour}”")
    if isinstance(value, str) and ("\r" in value or ("\n" in value and name not in ("postal_address", "about"))):
        raise InvalidInput(f"{name.replace('_', ' ')} must be one line")
