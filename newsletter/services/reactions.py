"""Reactions to bounces and complaints: addresses are suppressed, readers leave, issues and providers stop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.orm import Session

from newsletter.db.queries import provider_lists as lifts
from newsletter.db.queries import troubles as queries
from newsletter.domain.alerts import AlertKind, Cause
from newsletter.domain.bounces import BounceClass
from newsletter.domain.events import EventKind, Meaning, meaning_of_refusal
from newsletter.domain.exchange import LISTS_BOUNCES
from newsletter.domain.issue import IssueStatus
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.domain.reacting import (
    SILENCE,
    Alarm,
    Health,
    PastIssue,
    alarms_for,
    is_soft_past,
    suppression_for,
)
from newsletter.domain.subscriber import SuppressionReason
from newsletter.services import alerts, audit, freezing, issues, refusing, sending, subscribers, suppressions

log = logging.getLogger(__name__)

Trouble = tuple[int, int, Meaning]


class _Group(NamedTuple):
    """People who are suppressed for one reason, told of one issue in one way."""

    reason: SuppressionReason
    evidence: str
    kind: EventKind
    issue_id: int


_WATCHED = frozenset({IssueStatus.SENDING, IssueStatus.PAUSED, IssueStatus.SENT, IssueStatus.INCOMPLETE})
_ALERTS = {
    "hard": AlertKind.BOUNCE_RATE,
    "blocked": AlertKind.BLOCK_RATE,
    "complaints": AlertKind.COMPLAINT_RATE,
}


def react(
    session: Session,
    troubles: Sequence[Trouble],
    *,
    address_key: Callable[[str], bytes],
    source: str,
    now: datetime,
    heard_at: Mapping[tuple[int, int], datetime] | None = None,
) -> None:
    """Draw the consequences of new events, each (issue_id, subscriber_id, meaning); their rows are written already.

    Issue 0 stands for an event about the provider's account. `heard_at` says when the last of these events of a
    delivery happened, where that is not now: what happened before somebody was lifted has no effect on them.
    """
    if not troubles:
        return
    if any(meaning.stops_provider for _, _, meaning in troubles):
        _stop_provider(session, source, now=now)
    about_people = [trouble for trouble in troubles if trouble[0]]
    recent = _without_outdated(session, about_people, heard_at or {})
    _suppress(session, recent, address_key=address_key, source=source, now=now)
    _unsubscribe(session, recent, source=source, now=now)
    refusing.tell_of_refusals(session, about_people, now=now)
    for issue_id in sorted({issue_id for issue_id, _, meaning in about_people if _weighs(meaning)}):
        watch_issue(session, issue_id, now=now)


def _without_outdated(
    session: Session, troubles: Sequence[Trouble], heard_at: Mapping[tuple[int, int], datetime]
) -> Sequence[Trouble]:
    """A provider may tell of something a day late: by then its reader may have come back."""
    if not heard_at:
        return troubles
    lifted = lifts.people_lifted_since(session, min(heard_at.values()))
    return [trouble for trouble in troubles if not _is_before(heard_at.get(trouble[:2]), lifted.get(trouble[1]))]


def _is_before(happened: datetime | None, lifted_at: datetime | None) -> bool:
    return happened is not None and lifted_at is not None and happened <= lifted_at


def react_to_refusals(
    session: Session,
    issue_id: int,
    outcomes: Sequence[Outcome],
    *,
    address_key: Callable[[str], bytes],
    source: str,
    now: datetime,
) -> None:
    """Draw the consequences of what a mail server told us directly: an unknown address is mailed no more."""
    refused = [outcome for outcome in outcomes if outcome.kind is OutcomeKind.REFUSED]
    troubles = [(issue_id, outcome.subscriber_id, meaning_of_refusal(outcome.response)) for outcome in refused]
    react(session, troubles, address_key=address_key, source=source, now=now)


def watch_issue(session: Session, issue_id: int, *, now: datetime) -> list[Alarm]:
    """Pause an issue that has passed a breaker; returns the alarms. Counted anew since a person last resumed it.

    What comes in after the last mail cannot be stopped any more, but is told.
    """
    status = IssueStatus(issues.find_issue(session, issue_id).status)
    if status not in _WATCHED:
        return []
    alarms = alarms_for(health_of(session, issue_id))
    for alarm in alarms:
        cause = Cause(kind=_ALERTS[alarm.trouble], subject=f"issue:{issue_id}")
        alerts.set_alert(session, cause, evidence=alarm.sentence, count=alarm.count, now=now)
    if alarms and alarms[0].stops:
        issues.pause_if_sending(session, issue_id, now=now, reason=alarms[0].sentence)
    return alarms


def health_of(session: Session, issue_id: int) -> Health:
    """How an issue fares since it began, or since a person last resumed it."""
    acts = audit.entries_about(session, "issue", subject_id=issue_id)
    since = max((entry.at for entry in acts if entry.action == "issue.resume"), default=None)
    found = queries.troubles_of_issue(session, issue_id, since=since)
    return Health(
        sent=queries.count_sent(session, issue_id, since=since),
        hard=sum(row.deliveries for row in found if row.kind == "bounced" and row.bounce_class == BounceClass.HARD),
        blocked=sum(row.deliveries for row in found if row.bounce_class == BounceClass.BLOCK),
        complaints=sum(row.deliveries for row in found if row.kind == "complained"),
    )


def _weighs(meaning: Meaning) -> bool:
    return meaning.bounce_class in (BounceClass.HARD, BounceClass.BLOCK) or meaning.kind is EventKind.COMPLAINED


def _stop_provider(session: Session, source: str, *, now: datetime) -> None:
    log.error("provider.stopped provider=%s", source)
    cause = Cause(kind=AlertKind.PROVIDER_STOPPED, subject=f"provider:{source}")
    alerts.add_alert(session, cause, evidence=f"{source} told of a suspended account or a used-up quota", now=now)
    sending.pause_provider(
        session,
        source,
        reason=f"{source} says that the account may not send: look at its console, then resume",
        needs_person=True,
        until=None,
        now=now,
    )


def _suppress(
    session: Session,
    troubles: Sequence[Trouble],
    *,
    address_key: Callable[[str], bytes],
    source: str,
    now: datetime,
) -> None:
    bounced = sorted({person for _, person, meaning in troubles if meaning.kind is EventKind.BOUNCED})
    history = _histories(session, bounced, now=now) if bounced else {}
    groups: dict[_Group, set[int]] = {}
    for issue_id, person, meaning in troubles:
        reason = suppression_for(meaning, history.get(person, ()))
        if reason is not None:
            why = f" ({meaning.category})" if meaning.category else ""
            evidence = f"{source}: {meaning.kind} in issue {issue_id}{why}"
            groups.setdefault(_Group(reason, evidence, meaning.kind, issue_id), set()).add(person)
    people = sorted({person for group in groups.values() for person in group} | set(bounced))
    addresses = queries.addresses_of(session, people) if people else {}
    issue_ids = sorted({issue_id for issue_id, _, _ in troubles})
    gone: set[int] = set()
    for group, members in sorted(groups.items()):
        known = {person: addresses[person] for person in sorted(members) if person in addresses}
        if group.kind is EventKind.REJECTED:
            known = _without_echoes(session, known, group, now=now)
        held: set[int] = set()
        if group.reason is SuppressionReason.BOUNCED:
            held = freezing.hold_at_frozen_domains(
                session, known, issue_ids=issue_ids, evidence=group.evidence, now=now
            )
        mailed_no_more = {person: address for person, address in known.items() if person not in held}
        gone |= mailed_no_more.keys()
        if mailed_no_more:
            suppressions.suppress_addresses(
                session,
                sorted(mailed_no_more.values()),
                reason=group.reason,
                evidence=group.evidence,
                address_key=address_key,
                now=now,
            )
    if source in LISTS_BOUNCES:
        _have_retried(session, troubles, {who: addresses[who] for who in addresses.keys() - gone}, now=now)


def _without_echoes(session: Session, known: dict[int, str], group: _Group, *, now: datetime) -> dict[int, str]:
    addresses = sorted(known.values())
    news = set(suppressions.without_echoes(session, addresses, reason=group.reason, issue_id=group.issue_id, now=now))
    return {person: address for person, address in known.items() if address in news}


def _have_retried(session: Session, troubles: Sequence[Trouble], mailed_on: dict[int, str], *, now: datetime) -> None:
    """A bounce that suppresses nobody here must not keep the provider from the next issue, or no run would ever end."""
    by_issue: dict[int, set[str]] = {}
    for issue_id, person, meaning in troubles:
        if meaning.kind is EventKind.BOUNCED and person in mailed_on:
            by_issue.setdefault(issue_id, set()).add(mailed_on[person])
    for issue_id, found in sorted(by_issue.items()):
        suppressions.ask_provider_to_retry(session, sorted(found), issue_id=issue_id, now=now)


def _histories(session: Session, people: Sequence[int], *, now: datetime) -> dict[int, list[PastIssue]]:
    """For each person an entry per issue that came back, arrived, or was accepted long ago and never came back."""
    past: dict[int, dict[int, PastIssue]] = {}
    refused: set[tuple[int, int]] = set()
    for heard in queries.heard_of(session, people):
        if heard.kind == EventKind.REJECTED:
            refused.add((heard.subscriber_id, heard.issue_id))
            continue
        is_soft = is_soft_past(heard.kind, heard.bounce_class)
        known = past.setdefault(heard.subscriber_id, {}).get(heard.issue_id)
        # A bounce outweighs a delivery: servers take mail and return it.
        if known is None or (is_soft and not known.is_soft):
            past[heard.subscriber_id][heard.issue_id] = PastIssue(at=heard.at, is_soft=is_soft)
    for person, issue_id, began in queries.silent_issues_of(session, people, started_before=now - SILENCE):
        if (person, issue_id) not in refused:
            past.setdefault(person, {}).setdefault(issue_id, PastIssue(at=began, is_soft=False))
    # Who was lifted begins anew: what ended in a suppression then must not do so again at the next full mailbox.
    lifted = lifts.lifted_people(session, sorted(past))
    return {
        person: sorted(
            (entry for entry in entries.values() if not _is_before(entry.at, lifted.get(person))),
            key=lambda entry: entry.at,
        )
        for person, entries in past.items()
    }


def _unsubscribe(session: Session, troubles: Sequence[Trouble], *, source: str, now: datetime) -> None:
    newsletters: dict[int, int] = {}
    for issue_id, person in sorted({(issue_id, person) for issue_id, person, meaning in troubles if meaning.leaves}):
        if issue_id not in newsletters:
            newsletters[issue_id] = issues.find_issue(session, issue_id).newsletter_id
        subscribers.unsubscribe(
            session, subscriber_id=person, newsletter_id=newsletters[issue_id], source=source, now=now
        )
