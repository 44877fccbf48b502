from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import AuditEntry
from newsletter.domain.subscriber import OptIn, SubscriptionStatus
from newsletter.errors import Conflict, InvalidInput, NotFound
from newsletter.services import lists
from tests.factories import NOW, add_people, make_list, make_newsletter


def test_a_slug_is_made_from_the_name(session: Session) -> None:
    newsletter = make_newsletter(session)
    made = lists.create_list(session, name="  Morning   Readers ", newsletter_id=newsletter.id, now=NOW)
    assert (made.slug, made.name, made.opt_in, made.is_public) == ("morning-readers", "Morning Readers", "single", True)


def test_a_taken_slug_is_a_conflict_that_says_what_to_do(session: Session) -> None:
    newsletter = make_newsletter(session)
    make_list(session, newsletter, "readers")
    with pytest.raises(Conflict, match="“readers” already: give this one another slug"):
        lists.create_list(session, name="Readers", newsletter_id=newsletter.id, now=NOW)
    other = lists.create_list(session, name="Readers", slug="readers-2", newsletter_id=newsletter.id, now=NOW)
    assert other.slug == "readers-2"


@pytest.mark.parametrize(("name", "slug"), [("", None), ("   ", "x"), ("Readers", "Not A Slug"), ("Readers", "a--b")])
def test_a_list_needs_a_name_and_a_proper_slug(session: Session, name: str, slug: str | None) -> None:
    newsletter = make_newsletter(session)
    with pytest.raises(InvalidInput):
        lists.create_list(session, name=name, slug=slug, newsletter_id=newsletter.id, now=NOW)


def test_a_list_belongs_to_a_newsletter_that_exists(session: Session) -> None:
    with pytest.raises(NotFound, match="no newsletter 7"):
        lists.create_list(session, name="Readers", newsletter_id=7, now=NOW)


def test_a_list_is_found_whatever_the_case_of_its_slug(session: Session) -> None:
    made = make_list(session, make_newsletter(session), "readers")
    assert lists.find_list(session, " Readers ").id == made.id


def test_a_misspelt_slug_gets_a_suggestion(session: Session) -> None:
    newsletter = make_newsletter(session)
    make_list(session, newsletter, "readers")
    make_list(session, newsletter, "editors")
    with pytest.raises(NotFound, match=r"no list “reader”: did you mean readers"):
        lists.find_list(session, "reader")
    with pytest.raises(NotFound, match="the lists are editors, readers"):
        lists.find_list(session, "zzz")


def test_without_lists_one_is_told_how_to_make_one(session: Session) -> None:
    with pytest.raises(NotFound, match="none yet"):
        lists.find_list(session, "readers")


def test_a_summary_counts_each_status(session: Session) -> None:
    newsletter = make_newsletter(session)
    readers, empty = make_list(session, newsletter, "readers"), make_list(session, newsletter, "empty")
    add_people(session, readers, 5, prefix="a")
    add_people(session, readers, 3, prefix="b", status=SubscriptionStatus.UNCONFIRMED)
    add_people(session, readers, 2, prefix="c", status=SubscriptionStatus.UNSUBSCRIBED)
    found = {summary.slug: summary for summary in lists.list_summaries(session)}
    counted = found["readers"]
    assert (counted.confirmed, counted.unconfirmed, counted.unsubscribed) == (5, 3, 2)
    assert (found["empty"].confirmed, found["empty"].list_id) == (0, empty.id)
    assert lists.list_summary(session, readers.id) == counted


def test_making_a_list_is_in_the_audit_log(session: Session) -> None:
    newsletter = make_newsletter(session)
    made = lists.create_list(
        session, name="Private", newsletter_id=newsletter.id, opt_in=OptIn.DOUBLE, is_public=False, now=NOW, actor_id=4
    )
    entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "list.create")).one()
    assert (entry.subject_id, entry.actor_id) == (made.id, 4)
    assert entry.detail == {"slug": "private", "opt_in": "double", "is_public": False}
