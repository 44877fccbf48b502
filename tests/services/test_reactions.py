"""Facts about runs of soft bounces: silence long after an acceptance is a delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.reacting import is_soft_past
from newsletter.runtime import Runtime
from newsletter.services import suppressions
from tests.factories import NOW
from tests.services.loop_site import SOFT, THROTTLED, LoopSite

WEEKS = [NOW + timedelta(weeks=number) for number in range(6)]


def weekly(runtime: Runtime, *, without: dict[int, dict[str, str] | None]) -> dict[str | None, str]:
    """Six weekly issues that return softly, but for those named; who is suppressed afterwards."""
    site = LoopSite(runtime, 2)
    for number, at in enumerate(WEEKS):
        issue_id = site.send(at=at)
        told = without.get(number, SOFT)
        if told is not None:
            site.tell(issue_id, site.people[:1], "bounce", at=at + timedelta(hours=1), **told)
    return site.suppressed()


@pytest.mark.parametrize(
    ("without", "is_suppressed"),
    [
        ({}, True),
        ({2: None}, False),  # accepted and never heard of again: it arrived
        ({2: THROTTLED}, True),  # refused for haste: neither returned nor arrived, and the run goes on without it
    ],
)
def test_a_run_is_ended_by_what_arrived_and_by_nothing_else(
    runtime: Runtime, without: dict[int, dict[str, str] | None], is_suppressed: bool
) -> None:
    assert bool(weekly(runtime, without=without)) is is_suppressed


def test_a_fresh_silence_says_nothing_yet(runtime: Runtime) -> None:
    """A server may keep a mail for days: issues sent meanwhile have not arrived because nothing has come back yet."""
    site = LoopSite(runtime, 2)
    issue_ids = [site.send(at=at) for at in WEEKS]
    late = WEEKS[-1] + timedelta(days=2)
    site.send(at=WEEKS[-1] + timedelta(days=1))
    for issue_id in issue_ids:
        site.tell(issue_id, site.people[:1], "bounce", at=late, **SOFT)
    assert site.suppressed() == {}  # all returns at one moment are no fortnight
    for issue_id, at in zip(issue_ids, WEEKS, strict=True):
        site.tell(issue_id, site.people[1:], "bounce", at=at + timedelta(hours=1), **SOFT)
    assert set(site.suppressed()) == {f"reader{site.people[1]}@example.org"}


@pytest.mark.parametrize(
    ("kind", "bounce_class", "expected"),
    [
        ("bounced", "soft", True),
        ("bounced", "hard", True),
        ("rejected", "soft", False),
        ("rejected", "block", False),
        ("delivered", None, False),
    ],
)
def test_a_hard_bounce_that_suppressed_nobody_counts_as_soft(
    kind: str, bounce_class: str | None, expected: bool
) -> None:
    assert is_soft_past(kind, bounce_class) is expected


def test_who_was_lifted_begins_a_new_run(runtime: Runtime) -> None:
    site = LoopSite(runtime, 1)
    for number, at in enumerate(WEEKS):
        issue_id = site.send(at=at)
        site.tell(issue_id, site.people, "bounce", at=at + timedelta(hours=1), **SOFT)
        if number == 4:
            [address] = site.suppressed()
            with runtime.transaction() as session:
                key = runtime.links.address_key
                suppressions.lift(session, address=str(address), address_key=key, now=at + timedelta(days=1))
    assert site.suppressed() == {}
