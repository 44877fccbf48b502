"""Facts about the life of an issue and the arithmetic of its ledger."""

from __future__ import annotations

import pytest

from newsletter.domain.issue import (
    TRANSITIONS,
    DeliveryReason,
    IssueStatus,
    Tally,
    after,
    finishing_act,
    withheld_reason,
)
from newsletter.errors import Conflict

LEGAL = {
    "draft": {"schedule": "scheduled", "send": "sending", "cancel": "cancelled"},
    "scheduled": {"send": "sending", "cancel": "cancelled", "unschedule": "draft"},
    "sending": {"pause": "paused", "cancel": "cancelled", "finish": "sent", "finish_in_doubt": "incomplete"},
    "paused": {"resume": "sending", "cancel": "cancelled"},
    "incomplete": {"finish": "sent", "retry": "sending", "cancel": "cancelled"},
    "sent": {"retry": "sending"},
    "cancelled": {},
}
ACTS = sorted({act for _, act in TRANSITIONS})


@pytest.mark.parametrize("status", IssueStatus)
@pytest.mark.parametrize("act", ACTS)
def test_an_issue_moves_only_as_its_table_says(status: IssueStatus, act: str) -> None:
    target = LEGAL[status].get(act)
    if target is None:
        with pytest.raises(Conflict, match=f"cannot {act.replace('_', ' ')} an issue that is {status}"):
            after(status, act)
    else:
        assert after(status, act) == target


@pytest.mark.parametrize(
    ("tally", "act"),
    [
        (Tally(audience=3, pending=1, accepted=2), None),
        (Tally(audience=3, claimed=1, accepted=2), None),
        (Tally(audience=3, accepted=2, failed=1), "finish"),
        (Tally(audience=3, accepted=2, suppressed=1), "finish"),
        (Tally(audience=3, accepted=2, unknown=1), "finish_in_doubt"),
    ],
)
def test_an_issue_ends_when_nothing_waits_and_in_doubt_when_something_is_unknown(tally: Tally, act: str | None) -> None:
    assert finishing_act(tally) == act


CONFIRMED_NOWHERE = {"exists": True, "is_enabled": True, "is_suppressed": False, "has_left": False}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, DeliveryReason.UNCONFIRMED),
        ({"has_left": True}, DeliveryReason.UNSUBSCRIBED),
        ({"is_enabled": False, "has_left": True}, DeliveryReason.DISABLED),
        ({"is_suppressed": True, "is_enabled": False}, DeliveryReason.SUPPRESSED_ADDRESS),
        ({"exists": False, "is_enabled": False}, DeliveryReason.ERASED),
    ],
)
def test_who_may_not_be_mailed_is_withheld_with_the_reason(change: dict[str, bool], reason: DeliveryReason) -> None:
    assert withheld_reason(**(CONFIRMED_NOWHERE | change)) is reason
