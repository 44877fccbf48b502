"""Frozen domains: where hard bounces come in a burst, nobody is suppressed until a person has decided.

A mail server that is broken may say "no such user" of everybody. Those who were suppressed before the burst could be
seen are taken back; all of them wait, and are mailed on, until somebody releases the domain.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Freeze
from newsletter.db.queries import freezes as queries
from newsletter.db.queries import provider_copies as copies
from newsletter.db.queries import troubles
from newsletter.domain.alerts import AlertKind, Cause
from newsletter.domain.freezing import (
    BURST_WINDOW,
    SAMPLE_PEOPLE,
    DomainBounces,
    FreezeDecision,
    is_too_many,
    used_to_accept,
)
from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import NotFound
from newsletter.services import alerts, audit, issues, suppressions

log = logging.getLogger(__name__)

AddressKey = Callable[[str], bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """What became of the people who were held: suppressed as real, or let go as an outage."""

    domain: str
    decision: FreezeDecision
    held: int
    suppressed: int


def hold_at_frozen_domains(
    session: Session,
    addresses: Mapping[int, str],
    *,
    issue_ids: Sequence[int],
    evidence: str,
    now: datetime,
) -> set[int]:
    """Freeze domains where these people's bounces make a burst, and hold whoever is at a frozen one; returns them.

    The bounces are in the events already. `addresses` are of people about to be suppressed for a bounce.
    """
    people_at: dict[str, list[int]] = {}
    for person, address in addresses.items():
        people_at.setdefault(address.rpartition("@")[2], []).append(person)
    _freeze_bursts(session, sorted(people_at), sorted(addresses), issue_ids=issue_ids, now=now)
    held: set[int] = set()
    for freeze in queries.open_freezes(session):
        people = people_at.get(freeze.domain, [])
        if people:
            queries.hold_people(session, freeze.id, people, evidence=evidence, now=now)
            held |= set(people)
    return held


def open_freezes(session: Session) -> list[tuple[Freeze, int]]:
    """The domains that are frozen, each with how many people wait there."""
    counts = queries.count_held(session)
    return [(freeze, counts.get(freeze.id, 0)) for freeze in queries.open_freezes(session)]


def release(
    session: Session,
    domain: str,
    *,
    decision: FreezeDecision,
    address_key: AddressKey,
    now: datetime,
    actor_id: int | None,
) -> Release:
    """Decide about a frozen domain: real bounces suppress those who wait, an outage counts as one soft bounce.

    What bounces there afterwards is counted anew. NotFound where the domain is not frozen.
    """
    name = domain.strip().lower()
    freeze = queries.open_freeze(session, name)
    if freeze is None or not queries.release_freeze(
        session, freeze.id, decision=decision, released_by=actor_id, now=now
    ):
        raise NotFound(f"{name} is not frozen: see `newsletter suppression frozen`")
    held = queries.held_people(session, freeze.id)
    suppressed = 0
    if decision is FreezeDecision.REAL:
        suppressed = _suppress_held(session, held, address_key=address_key, now=now)
    else:
        suppressions.ask_provider_to_lift(session, [row.address for row in held if row.address], now=now)
    queries.forget_held(session, freeze.id)
    alerts.close_alerts_about(session, f"domain:{name}", now=now, actor_id=actor_id)
    audit.record(
        session,
        action="suppression.release",
        subject_type="freeze",
        subject_id=freeze.id,
        actor_id=actor_id,
        detail={"decision": str(decision), "held": len(held), "suppressed": suppressed},
        now=now,
    )
    return Release(domain=name, decision=decision, held=len(held), suppressed=suppressed)


def _suppress_held(session: Session, held: Sequence[queries.Held], *, address_key: AddressKey, now: datetime) -> int:
    groups: dict[str, list[str]] = {}
    for row in held:
        if row.address:
            groups.setdefault(row.evidence, []).append(row.address)
    return sum(
        suppressions.suppress_addresses(
            session,
            found,
            reason=SuppressionReason.BOUNCED,
            evidence=f"{evidence}, held and found real",
            address_key=address_key,
            now=now,
        ).created
        for evidence, found in sorted(groups.items())
    )


def _freeze_bursts(
    session: Session, domains: Sequence[str], people: Sequence[int], *, issue_ids: Sequence[int], now: datetime
) -> None:
    frozen = {freeze.domain for freeze in queries.open_freezes(session)}
    latest = queries.latest_hard_bounce(session, issue_ids, people)
    wanted = [domain for domain in domains if domain not in frozen]
    if latest is None or not wanted:
        return
    counted: list[DomainBounces] = []
    for chunk in troubles.in_chunks(wanted):
        counted += queries.hard_bounces_by_domain(session, issue_ids, chunk, near=min(latest, now))
    sent = {issue_id: troubles.count_sent(session, issue_id, since=None) for issue_id in issue_ids} if counted else {}
    for bounces in counted:
        if is_too_many(replace(bounces, sent=sent[bounces.issue_id])):
            _freeze(session, bounces, now=now)


def _freeze(session: Session, bounces: DomainBounces, *, now: datetime) -> None:
    people = queries.people_bounced_at(session, bounces.issue_id, bounces.domain)
    sample = people[-SAMPLE_PEOPLE:]
    accepted = queries.count_accepted_before(session, sample, issue_id=bounces.issue_id)
    if not used_to_accept(people=len(sample), accepted_before=accepted):
        return
    evidence = (
        f"{bounces.in_issue} addresses unknown in issue {bounces.issue_id}, {bounces.in_window} of them within"
        f" {BURST_WINDOW.seconds // 60} minutes; {accepted} of {len(sample)} looked at took an earlier issue"
    )
    if not queries.add_freeze(session, domain=bounces.domain, evidence=evidence, now=now):
        return
    freeze = queries.open_freeze(session, bounces.domain)
    assert freeze is not None
    log.warning("suppression.frozen freeze_id=%s issue_id=%s", freeze.id, bounces.issue_id)
    began = issues.find_issue(session, bounces.issue_id).started_at or now
    addresses = sorted(troubles.addresses_of(session, people).values())
    queries.take_back_bounced(session, addresses, since=began)
    # Who waits is mailed on; a copy that was pushed in the meantime would keep the provider from it.
    suppressions.ask_provider_to_lift(session, sorted(copies.pushed_by_us(session, addresses)), now=now)
    queries.hold_people(session, freeze.id, people, evidence=f"bounced in issue {bounces.issue_id}", now=now)
    cause = Cause(kind=AlertKind.BOUNCE_BURST, subject=f"domain:{bounces.domain}")
    alerts.set_alert(session, cause, evidence=evidence, count=bounces.in_issue, now=now)
