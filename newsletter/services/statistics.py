"""Statistics, always counted from rows: one issue by mailbox provider, and issues one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from newsletter.db.models import Issue
from newsletter.db.queries import issues as issue_queries
from newsletter.db.queries import statistics as queries
from newsletter.db.queries import troubles
from newsletter.domain.bounces import BounceClass
from newsletter.domain.issue import DeliveryStatus, Mark
from newsletter.domain.mailbox_groups import MailboxGroup, mailbox_group
from newsletter.domain.statistics import Outcome, total
from newsletter.services import briefs, issues

# How some deliveries stand: status and marks, or kind and class of a bounce.
_LedgerKind = tuple[MailboxGroup, int, int]
_TroubleKind = tuple[MailboxGroup, str, str | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class IssueOutcome:
    """What became of one issue."""

    issue: Issue
    title: str
    outcome: Outcome


def outcomes_over_time(session: Session, *, limit: int = 20) -> list[IssueOutcome]:
    """The latest issues that went out, the latest first."""
    begun = [issue for issue in issues.recent_issues(session, limit=limit) if issue.started_at]
    return [_outcome_of(session, issue) for issue in begun]


def outcome_of_issue(session: Session, issue_id: int) -> tuple[IssueOutcome, dict[MailboxGroup, Outcome]]:
    """What became of one issue, and of its part at each mailbox provider: the parts make the whole, in one walk."""
    issue = issues.find_issue(session, issue_id)
    groups = outcomes_by_mailbox(session, issue_id)
    title = briefs.find_brief(session, issue.brief_id).title
    return IssueOutcome(issue=issue, title=title, outcome=total(groups.values())), groups


def outcomes_by_mailbox(session: Session, issue_id: int) -> dict[MailboxGroup, Outcome]:
    """What became of an issue at each mailbox provider that has readers of it, the largest first."""
    issues.find_issue(session, issue_id)
    # Domains are many, mailbox providers few: numbers are added up before they are made sense of.
    ledger, troubled = Counter[_LedgerKind](), Counter[_TroubleKind]()
    for counts in queries.ledger_by_domain(session, issue_id):
        ledger[mailbox_group(counts.domain), counts.status, counts.marks] += counts.deliveries
    for trouble in queries.troubles_by_domain(session, issue_id):
        troubled[mailbox_group(trouble.domain), trouble.kind, trouble.bounce_class] += trouble.deliveries
    parts = [(group, _from_ledger(status, marks, number)) for (group, status, marks), number in ledger.items()]
    parts += [(group, _from_troubles([(kind, class_, number)])) for (group, kind, class_), number in troubled.items()]
    groups: dict[MailboxGroup, Outcome] = {}
    for group, outcome in parts:
        groups[group] = groups.get(group, Outcome()) + outcome
    return dict(sorted(groups.items(), key=lambda item: -item[1].audience))


def _outcome_of(session: Session, issue: Issue) -> IssueOutcome:
    tally = issue_queries.tally(session, issue.id)
    marks = {mark.name.lower(): getattr(tally, mark.name.lower()) for mark in Mark}
    ledger = Outcome(audience=tally.audience, accepted=tally.accepted, failed=tally.failed, **marks)
    found = _from_troubles(troubles.troubles_of_issue(session, issue.id, since=None))
    title = briefs.find_brief(session, issue.brief_id).title
    return IssueOutcome(issue=issue, title=title, outcome=ledger + found)


def _from_ledger(status: int, marks: int, number: int) -> Outcome:
    return Outcome(
        audience=number,
        accepted=number if status == DeliveryStatus.ACCEPTED else 0,
        failed=number if status == DeliveryStatus.FAILED else 0,
        **{mark.name.lower(): number for mark in Mark if marks & mark},
    )


def _from_troubles(found: Iterable[tuple[str, str | None, int]]) -> Outcome:
    """Bounces by class. A refusal that is no bounce of the reader is a block, or mere haste, which counts nowhere."""
    return total(
        Outcome(
            hard=number if (kind, class_) == ("bounced", BounceClass.HARD) else 0,
            soft=number if (kind, class_) == ("bounced", BounceClass.SOFT) else 0,
            block=number if class_ == BounceClass.BLOCK else 0,
        )
        for kind, class_, number in found
    )
