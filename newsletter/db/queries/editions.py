"""Statements about editions: the place of an issue on a list, which a unique constraint gives to one only."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from newsletter.db.dialects import insert_into, rows_changed
from newsletter.db.models import Issue, IssueList


def take_places(session: Session, issue_id: int, list_ids: Sequence[int], *, edition: str | None) -> bool:
    """Put an issue on its lists; False where another issue has this edition's place on one of them."""
    rows = [{"issue_id": issue_id, "list_id": list_id, "edition": edition} for list_id in list_ids]
    statement = insert_into(session, IssueList).values(rows)
    added = statement.on_conflict_do_nothing(index_elements=["list_id", "edition"])
    return rows_changed(session, added) == len(rows)


def holder_of(session: Session, list_ids: Sequence[int], *, edition: str) -> Issue | None:
    """The issue that has this edition's place on one of these lists."""
    return session.scalars(
        select(Issue)
        .join(IssueList, IssueList.issue_id == Issue.id)
        .where(IssueList.list_id.in_(list_ids), IssueList.edition == edition)
        .order_by(Issue.id)
    ).first()


def leave_places(session: Session, issue_id: int) -> None:
    """Free the places of an issue that nobody got."""
    session.execute(
        update(IssueList)
        .where(IssueList.issue_id == issue_id)
        .values(edition=None)
        .execution_options(synchronize_session=False)
    )
