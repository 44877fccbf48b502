"""Mailing lists: making, finding and counting them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from difflib import get_close_matches

from sqlalchemy.orm import Session

from newsletter.db.models import MailingList
from newsletter.db.queries import lists as queries
from newsletter.db.queries.lists import ListSummary
from newsletter.domain.slugs import is_slug, slug_of
from newsletter.domain.subscriber import OptIn
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.services import audit, newsletters

__all__ = ["ListSummary", "create_list", "find_list", "list_summaries", "list_summary"]

_MOST_NAMED = 5


def create_list(
    session: Session,
    *,
    name: str,
    slug: str | None = None,
    newsletter_id: int,
    opt_in: OptIn = OptIn.SINGLE,
    is_public: bool = True,
    now: datetime,
    actor_id: int | None = None,
) -> MailingList:
    """Make a list, with a slug made from its name where none is given; Conflict where the slug is taken."""
    title = " ".join(name.split())
    if not title:
        raise InvalidInput("a list needs a name")
    chosen = slug or slug_of(title)
    if not is_slug(chosen):
        raise InvalidInput(f"“{chosen}” cannot be a slug: use small letters, digits and hyphens")
    newsletters.newsletter_of(session, newsletter_id)
    made = queries.add_list(
        session,
        newsletter_id=newsletter_id,
        slug=chosen,
        name=title,
        opt_in=str(opt_in),
        is_public=is_public,
        now=now,
    )
    if made is None:
        raise Conflict(f"there is a list “{chosen}” already: give this one another slug with --slug, or use that one")
    audit.record(
        session,
        action="list.create",
        subject_type="list",
        subject_id=made.id,
        actor_id=actor_id,
        detail={"slug": chosen, "opt_in": str(opt_in), "is_public": is_public},
        now=now,
    )
    return made


def find_list(session: Session, slug: str) -> MailingList:
    """The list of this slug; NotFound names the slugs that come near."""
    found = queries.list_by_slug(session, slug.strip().lower())
    if found is None:
        raise NotFound(f"there is no list “{slug}”: {_suggestion(slug, queries.list_slugs(session))}")
    return found


def list_summaries(session: Session) -> list[ListSummary]:
    """All lists with their numbers, by name."""
    return queries.list_summaries(session)


def list_summary(session: Session, list_id: int) -> ListSummary:
    """One list with its numbers."""
    summary = queries.list_summary(session, list_id)
    if summary is None:
        raise NotFound(f"there is no list {list_id}: see `newsletter list ls`")
    return summary


def _suggestion(slug: str, slugs: Sequence[str]) -> str:
    if not slugs:
        return "there are none yet, make one with `newsletter list create NAME`"
    if near := get_close_matches(slug.strip().lower(), slugs, n=_MOST_NAMED, cutoff=0.5):
        return f"did you mean {' or '.join(near)}?"
    named = ", ".join(slugs[:_MOST_NAMED]) + (" …" if len(slugs) > _MOST_NAMED else "")
    return f"the lists are {named}"
