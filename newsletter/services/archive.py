"""The archive: what a newsletter has sent, for anybody to read."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from newsletter.db.queries import archive as queries
from newsletter.db.queries.archive import ArchivedIssue
from newsletter.domain.issue import IssueStatus
from newsletter.errors import NotFound
from newsletter.rendering import Rendered
from newsletter.services import newsletters, sending

__all__ = ["ArchivedIssue", "archived_issue", "archived_issues"]

# An issue is public from its first mail on; one that was cancelled is not shown, whoever got it.
PUBLIC_STATUSES = (IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT, IssueStatus.INCOMPLETE)


def archived_issues(
    session: Session, newsletter_id: int, *, limit: int = 50, before_id: int | None = None
) -> Sequence[ArchivedIssue]:
    """Issues of a newsletter that have begun to be sent, the newest first."""
    return queries.archived_issues(
        session, newsletter_id, statuses=[str(status) for status in PUBLIC_STATUSES], limit=limit, before_id=before_id
    )


def archived_issue(session: Session, newsletter_slug: str, issue_id: int) -> Rendered:
    """The approved bytes of an issue that has begun to be sent; NotFound for any other."""
    newsletter = newsletters.find_newsletter(session, newsletter_slug)
    issue, rendered = sending.load_approved(session, issue_id)
    if issue.newsletter_id != newsletter.id or IssueStatus(issue.status) not in PUBLIC_STATUSES:
        raise NotFound("there is no such issue in the archive: look at its list")
    return rendered
