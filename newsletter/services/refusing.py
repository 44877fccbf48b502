"""Mailbox providers that refuse us or slow us down: a person is told once, and where it is much they get less mail."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.db.queries import statistics as counts
from newsletter.db.queries import troubles as queries
from newsletter.domain.alerts import AlertKind, Cause
from newsletter.domain.bounces import BounceClass
from newsletter.domain.events import Meaning
from newsletter.domain.mailbox_groups import MailboxGroup, mailbox_group
from newsletter.domain.reacting import (
    SLOW_FACTOR,
    GroupAct,
    GroupLimit,
    is_time_to_look,
    limit_passed,
    refusal_kind,
    refusals_that_count,
)
from newsletter.services import alerts, flow, issues, statistics

log = logging.getLogger(__name__)

Place = tuple[AlertKind, MailboxGroup, int]


def tell_of_refusals(session: Session, troubles: Sequence[tuple[int, int, Meaning]], *, now: datetime) -> None:
    """Never the reader's fault: alert, once for each mailbox provider; slow or pause one that refuses much of an issue.

    `troubles` are (issue_id, subscriber_id, meaning); their events are written already.
    """
    refused = [(issue_id, person, kind) for issue_id, person, meaning in troubles if (kind := refusal_kind(meaning))]
    if not refused:
        return
    addresses = queries.addresses_of(session, sorted({person for _, person, _ in refused}))
    places: Counter[Place] = Counter(
        (kind, mailbox_group(addresses.get(person, "")), issue_id) for issue_id, person, kind in refused
    )
    for (kind, group, issue_id), count in sorted(places.items()):
        said = _steer(session, (kind, group, issue_id), count, now=now)
        evidence = f"lately in issue {issue_id}{said}"
        alerts.add_alert(session, Cause(kind=kind, subject=f"mailbox:{group}"), evidence=evidence, more=count, now=now)


def _steer(session: Session, place: Place, count: int, *, now: datetime) -> str:
    """Slow or pause a group that has passed a limit; what was done, in words that follow the evidence."""
    kind, group, issue_id = place
    by_domain = _refused_so_far(session, place)
    refused = sum(by_domain.values())
    if not is_time_to_look(before=refused - count, after=refused):
        return ""
    outcome = statistics.outcomes_by_mailbox(session, issue_id).get(group)
    limit = limit_passed(kind, refused=refusals_that_count(group, by_domain), tried=outcome.tried if outcome else 0)
    if limit is None:
        return ""
    assert outcome is not None
    reason = f"{refused} of {outcome.tried} mails to {group} were refused in issue {issue_id}"
    _act(session, issues.find_issue(session, issue_id).provider, group, limit, reason=reason, now=now)
    log.warning("group.steered group=%s act=%s issue_id=%s", group, limit.act, issue_id)
    return f": {refused} of {outcome.tried} refused, so mail to {group} {_WORDS[limit.act]} for {limit.hours:g} h"


_WORDS = {GroupAct.SLOW: "goes more slowly", GroupAct.PAUSE: "is paused"}


def _act(
    session: Session, provider: str, group: MailboxGroup, limit: GroupLimit, *, reason: str, now: datetime
) -> None:
    until = now + timedelta(hours=limit.hours)
    if limit.act is GroupAct.PAUSE:
        flow.pause_group(session, provider, group, until=until, reason=reason, now=now)
    else:
        flow.slow_group(session, provider, group, factor=SLOW_FACTOR, until=until, reason=reason, now=now)


def _refused_so_far(session: Session, place: Place) -> Counter[str]:
    kind, group, issue_id = place
    if kind is AlertKind.MAILBOX_THROTTLES:
        found = list(counts.throttled_by_domain(session, issue_id).items())
    else:
        blocked = BounceClass.BLOCK
        rows = counts.troubles_by_domain(session, issue_id)
        found = [(row.domain, row.deliveries) for row in rows if row.bounce_class == blocked]
    by_domain = Counter[str]()
    for domain, number in found:
        if mailbox_group(domain) is group:
            by_domain[domain] += number
    return by_domain
