"""Facts about bursts of hard bounces: nobody is thrown out for an outage, and a person has the last word."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from newsletter.db.models import Alert, AuditEntry, HeldBounce, ProviderLift
from newsletter.domain.freezing import DomainBounces, FreezeDecision, is_too_many, used_to_accept
from newsletter.errors import NotFound
from newsletter.runtime import Runtime
from newsletter.services import alerts, freezing, suppressions
from tests.factories import NOW
from tests.services.loop_site import HARD, LoopSite

DAY = timedelta(days=1)
TODAY = NOW + DAY


def release(site: LoopSite, decision: FreezeDecision, domain: str = "example.org") -> freezing.Release:
    with site.runtime.transaction() as session:
        return freezing.release(
            session, domain, decision=decision, address_key=site.runtime.links.address_key, now=TODAY, actor_id=None
        )


def frozen(runtime: Runtime) -> dict[str, int]:
    with runtime.reading() as session:
        return {freeze.domain: held for freeze, held in freezing.open_freezes(session)}


def bounced_site(runtime: Runtime, *, earlier_issue: bool, at: timedelta = timedelta()) -> LoopSite:
    """A hundred people, of whom the first forty are unknown today, told in two posts."""
    site = LoopSite(runtime, 100)
    if earlier_issue:
        site.send()
    site.issue_id = site.send(at=TODAY)
    site.tell(site.issue_id, site.people[:3], "bounce", at=TODAY, **HARD)
    assert len(site.suppressed()) == 3
    site.tell(site.issue_id, site.people[3:40], "bounce", at=TODAY + at, **HARD)
    return site


@pytest.mark.parametrize(
    ("bounces", "expected"),
    [
        ({"in_issue": 50, "in_window": 50, "sent": 100_000}, False),
        ({"in_issue": 51, "in_window": 51, "sent": 100_000}, True),
        ({"in_issue": 51, "in_window": 40, "sent": 100_000}, False),
        ({"in_issue": 5, "in_window": 0, "sent": 100}, False),
        ({"in_issue": 6, "in_window": 0, "sent": 100}, True),
        ({"in_issue": 50, "in_window": 50, "sent": 99}, False),
    ],
)
def test_a_burst_is_fifty_in_ten_minutes_or_a_twentieth_of_an_issue(bounces: dict[str, int], expected: bool) -> None:
    assert is_too_many(DomainBounces(domain="example.org", issue_id=1, **bounces)) is expected


@pytest.mark.parametrize(("people", "accepted", "expected"), [(10, 5, True), (10, 4, False), (0, 0, False)])
def test_a_domain_used_to_accept_where_half_of_the_bounced_had_mail_before(
    people: int, accepted: int, expected: bool
) -> None:
    assert used_to_accept(people=people, accepted_before=accepted) is expected


def test_a_burst_at_a_domain_that_used_to_accept_suppresses_nobody_and_alerts_once(runtime: Runtime) -> None:
    site = bounced_site(runtime, earlier_issue=True)
    assert site.suppressed() == {}
    assert frozen(runtime) == {"example.org": 40}
    site.tell(site.issue_id, site.people[40:45], "bounce", at=TODAY, **HARD)
    assert site.suppressed() == {}
    assert frozen(runtime) == {"example.org": 45}
    with runtime.reading() as session:
        found = [(alert.kind, alert.subject) for alert in alerts.open_alerts(session)]
    assert sorted(found) == [("bounce_burst", "domain:example.org"), ("bounce_rate", f"issue:{site.issue_id}")]
    assert site.status(site.issue_id) != "sending"


def test_addresses_that_never_took_mail_are_suppressed_however_many(runtime: Runtime) -> None:
    site = bounced_site(runtime, earlier_issue=False)
    assert len(site.suppressed()) == 40
    assert frozen(runtime) == {}


def test_a_burst_at_one_domain_leaves_the_others_as_they_are(runtime: Runtime) -> None:
    site = LoopSite(runtime, 100)
    site.move(site.people[:5], "other.example")
    site.send()
    issue_id = site.send(at=TODAY)
    site.tell(issue_id, site.people[:30], "bounce", at=TODAY, **HARD)
    assert frozen(runtime) == {"example.org": 25}
    assert sorted(map(str, site.suppressed())) == [f"reader{person}@other.example" for person in site.people[:5]]


def test_real_bounces_are_suppressed_at_the_release(runtime: Runtime) -> None:
    site = bounced_site(runtime, earlier_issue=True)
    assert release(site, FreezeDecision.REAL) == freezing.Release(
        domain="example.org", decision=FreezeDecision.REAL, held=40, suppressed=40
    )
    assert set(site.suppressed().values()) == {"bounced"}
    assert frozen(runtime) == {}
    with runtime.reading() as session:
        assert session.scalars(select(HeldBounce)).all() == []
        burst = session.scalars(select(Alert).where(Alert.kind == "bounce_burst")).one()
        assert burst.closed_at == TODAY
        audited = session.scalars(select(AuditEntry).where(AuditEntry.action == "suppression.release")).one()
        assert audited.detail == {"decision": "real", "held": 40, "suppressed": 40}


def test_an_outage_counts_as_soft_and_is_lifted_at_the_provider_too(runtime: Runtime) -> None:
    site = bounced_site(runtime, earlier_issue=True)
    release(site, FreezeDecision.OUTAGE)
    assert site.suppressed() == {}
    with runtime.reading() as session:
        assert len(session.scalars(select(ProviderLift)).all()) == 40
    with pytest.raises(NotFound, match=r"example\.org is not frozen"):
        release(site, FreezeDecision.REAL)


def test_after_a_release_bounces_are_counted_anew(runtime: Runtime) -> None:
    site = bounced_site(runtime, earlier_issue=True)
    release(site, FreezeDecision.OUTAGE)
    later = TODAY + timedelta(hours=1)
    site.tell(site.issue_id, site.people[50:53], "bounce", at=later, **HARD)
    assert len(site.suppressed()) == 3
    site.tell(site.issue_id, site.people[53:60], "bounce", at=later, **HARD)
    assert frozen(runtime) == {"example.org": 10}


def test_an_older_suppression_is_not_taken_back(runtime: Runtime) -> None:
    site = LoopSite(runtime, 110)
    site.send()
    with runtime.transaction() as session:
        suppressions.suppress(
            session,
            address=f"reader{site.people[0]}@example.org",
            reason=suppressions.SuppressionReason.BOUNCED,
            evidence="from the old system",
            address_key=runtime.links.address_key,
            now=NOW,
        )
    issue_id = site.send(at=TODAY)
    site.tell(issue_id, site.people[1:20], "bounce", at=TODAY, **HARD)
    assert site.suppressed() == {f"reader{site.people[0]}@example.org": "bounced"}


@pytest.mark.parametrize(("minutes_apart", "is_frozen"), [(0, True), (3, False)])
def test_in_a_large_issue_only_haste_makes_a_burst(runtime: Runtime, minutes_apart: int, is_frozen: bool) -> None:
    """51 of 1,100 are less than a twentieth."""
    site = LoopSite(runtime, 1_100)
    site.send()
    issue_id = site.send(at=TODAY)
    for number in range(0, 51, 3):
        at = TODAY + timedelta(minutes=minutes_apart * number / 3)
        site.tell(issue_id, site.people[number : number + 3], "bounce", at=at, **HARD)
    assert bool(frozen(runtime)) is is_frozen
    assert len(site.suppressed()) == (0 if is_frozen else 51)
