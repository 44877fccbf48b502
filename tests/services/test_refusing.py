"""Facts about mailbox providers that refuse us: what is done to the mail for them, and when it is not worth it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from newsletter.db.models import GroupState
from newsletter.domain.alerts import AlertKind
from newsletter.domain.reacting import GroupAct, is_time_to_look, limit_passed
from newsletter.runtime import Runtime
from newsletter.services import alerts
from tests.factories import NOW
from tests.services.loop_site import BLOCKED, THROTTLED, LoopSite


def steered(runtime: Runtime) -> dict[str, tuple[bool, float]]:
    """For each mailbox group: whether it is paused now, and its factor."""
    with runtime.reading() as session:
        rows = session.scalars(select(GroupState)).all()
        return {
            row.mailbox_group: (
                bool(row.paused_until and row.paused_until > NOW),
                row.factor if row.factor_until else 1,
            )
            for row in rows
        }


def site_with(runtime: Runtime, refused: int, fields: dict[str, str], *, people: int = 300) -> LoopSite:
    """So many refusals at QQ, where all readers are."""
    site = LoopSite(runtime, people, domain="qq.com")
    issue_id = site.send()
    for start in range(0, refused, 8):
        site.tell(issue_id, site.people[start : min(start + 8, refused)], "bounce", **fields)
    return site


def test_many_blocks_pause_the_mailbox_provider_and_touch_no_reader(runtime: Runtime) -> None:
    site = site_with(runtime, 21, BLOCKED)
    assert steered(runtime) == {"tencent": (True, 1)}
    assert site.suppressed() == {}
    with runtime.reading() as session:
        [blocks] = [row for row in alerts.open_alerts(session) if row.kind == AlertKind.MAILBOX_BLOCKS]
    assert blocks.count == 21
    assert "mail to tencent is paused for 6 h" in blocks.evidence


@pytest.mark.parametrize(("refused", "fields"), [(24, THROTTLED)])
def test_much_haste_slows_the_mailbox_provider(runtime: Runtime, refused: int, fields: dict[str, str]) -> None:
    site_with(runtime, refused, fields)
    assert steered(runtime) == {"tencent": (False, 0.5)}


@pytest.mark.parametrize("fields", [BLOCKED, THROTTLED])
def test_a_few_refusals_are_told_and_cost_no_speed(runtime: Runtime, fields: dict[str, str]) -> None:
    site_with(runtime, 19, fields, people=40)
    assert steered(runtime) == {}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [(0, 19, False), (0, 20, True), (19, 21, True), (20, 39, False), (39, 40, True), (41, 79, False), (10, 500, True)],
)
def test_the_share_is_looked_at_each_time_refusals_have_doubled(before: int, after: int, expected: bool) -> None:
    assert is_time_to_look(before=before, after=after) is expected


@pytest.mark.parametrize(
    ("kind", "refused", "tried", "expected"),
    [
        (AlertKind.MAILBOX_BLOCKS, 51, 1000, GroupAct.PAUSE),
        (AlertKind.MAILBOX_BLOCKS, 50, 1000, GroupAct.SLOW),
        (AlertKind.MAILBOX_BLOCKS, 10, 1000, None),
        (AlertKind.MAILBOX_BLOCKS, 19, 20, None),
        (AlertKind.MAILBOX_THROTTLES, 500, 1000, GroupAct.SLOW),
        (AlertKind.MAILBOX_THROTTLES, 20, 1_000_000, None),
    ],
)
def test_limits_are_shares_of_the_mail_to_that_provider(
    kind: AlertKind, refused: int, tried: int, expected: GroupAct | None
) -> None:
    found = limit_passed(kind, refused=refused, tried=tried)
    assert (found.act if found else None) is expected


@pytest.mark.parametrize(("domains", "expected"), [(1, {}), (3, {"rest": (True, 1)})])
def test_one_server_among_all_others_speaks_for_itself_alone(
    runtime: Runtime, domains: int, expected: dict[str, tuple[bool, float]]
) -> None:
    site = LoopSite(runtime, 300)
    refusing = site.people[:45]
    for number in range(domains):
        site.move(refusing[number::domains], f"firm{number}.example")
    site.tell(site.send(), refusing, "bounce", **BLOCKED)
    assert steered(runtime) == expected
    assert site.suppressed() == {}
