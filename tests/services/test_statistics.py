"""Facts about statistics: counted from rows, by mailbox provider, each rate with what it is of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.mailbox_groups import MailboxGroup
from newsletter.domain.statistics import Outcome, rates_of
from newsletter.errors import NotFound
from newsletter.runtime import Runtime
from newsletter.services import statistics, subscribers
from tests.factories import NOW
from tests.services.loop_site import BLOCKED, HARD, SOFT, LoopSite


def test_an_issue_is_counted_by_mailbox_provider_and_the_parts_make_the_whole(runtime: Runtime) -> None:
    site = LoopSite(runtime, 10)
    site.move(site.people[:4], "gmail.com")
    site.move(site.people[4:6], "qq.com")
    issue_id = site.send()
    site.tell(issue_id, site.people[:2], "delivered")
    site.tell(issue_id, site.people[:1], "open")
    site.tell(issue_id, site.people[2:3], "bounce", **HARD)
    site.tell(issue_id, site.people[4:5], "bounce", **SOFT)
    site.tell(issue_id, site.people[5:6], "bounce", **BLOCKED)
    site.tell(issue_id, site.people[8:9], "spamreport")
    with runtime.transaction() as session:
        gone = f"reader{site.people[9]}@example.org"
        subscribers.erase_subscriber(session, gone, address_key=runtime.links.address_key, now=NOW)
    with runtime.reading() as session:
        _, found = statistics.outcome_of_issue(session, issue_id)
        (whole,) = statistics.outcomes_over_time(session)
    assert found == {
        MailboxGroup.GMAIL: Outcome(audience=4, accepted=4, delivered=2, bounced=1, hard=1, opened=1),
        MailboxGroup.REST: Outcome(audience=4, accepted=4, complained=1),
        MailboxGroup.TENCENT: Outcome(audience=2, accepted=2, bounced=1, soft=1, block=1),
    }
    assert sum(found.values(), Outcome()) == whole.outcome


def test_the_latest_issues_come_one_after_the_other(runtime: Runtime) -> None:
    site = LoopSite(runtime, 3)
    first, second = site.send(), site.send(at=NOW + timedelta(days=1))
    site.tell(second, site.people[:1], "bounce", at=NOW + timedelta(days=1), **HARD)
    with runtime.reading() as session:
        rows = statistics.outcomes_over_time(session)
        with pytest.raises(NotFound):
            statistics.outcomes_by_mailbox(session, 99)
    assert [(row.issue.id, row.outcome.hard) for row in rows] == [(second, 1), (first, 0)]


def test_every_rate_names_what_it_is_of() -> None:
    told = Outcome(audience=100, accepted=90, failed=10, delivered=80, bounced=8, hard=5, complained=4, opened=40)
    rates = rates_of(told, whole=told)
    assert (rates["delivered"].of, rates["delivered"].denominator) == (90, "accepted")
    assert (rates["hard"].count, rates["hard"].of, rates["hard"].rate) == (5, 100, 0.05)
    assert (rates["complained"].of, rates["opened"].rate) == (80, 0.5)
    untold = Outcome(audience=100, accepted=100, bounced=20, complained=8)
    found = rates_of(untold, whole=untold)["complained"]
    assert (found.of, found.rate) == (80, 0.1)
    assert rates_of(untold, whole=told)["complained"].of == 0
    assert rates_of(Outcome(), whole=Outcome())["hard"].rate is None
