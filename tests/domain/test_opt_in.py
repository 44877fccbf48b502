"""Facts about the decisions of the public door: which mail answers, who counts as one client, how long a link works."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.opt_in import (
    LINK_LIFETIME,
    OF_MEMBER,
    OF_RISKY_ADDRESS,
    Answer,
    AnswerKind,
    answer_for,
    is_expired,
    network_of,
)
from newsletter.domain.subscriber import SuppressionReason
from tests.factories import NOW

CONFIRM = Answer(kind=AnswerKind.CONFIRM)
ONCE_A_MONTH = Answer(kind=AnswerKind.CONFIRM, allowance=OF_RISKY_ADDRESS)
ANSWERS = {
    None: CONFIRM,
    SuppressionReason.UNSUBSCRIBED: CONFIRM,
    SuppressionReason.ERASED: CONFIRM,
    SuppressionReason.MANUAL: CONFIRM,
    SuppressionReason.BOUNCED: ONCE_A_MONTH,
    SuppressionReason.INVALID: ONCE_A_MONTH,
    SuppressionReason.COMPLAINED: ONCE_A_MONTH,
}


@pytest.mark.parametrize("reason", [None, *SuppressionReason])
def test_a_stranger_and_everybody_who_was_suppressed_may_confirm_and_the_risky_once_a_month(
    reason: SuppressionReason | None,
) -> None:
    assert answer_for(is_disabled=False, is_member=False, suppression=reason) == ANSWERS[reason]


def test_a_member_hears_once_a_day_that_nothing_is_to_be_done() -> None:
    known = Answer(kind=AnswerKind.KNOWN, allowance=OF_MEMBER)
    assert answer_for(is_disabled=False, is_member=True, suppression=None) == known


def test_a_member_who_is_suppressed_gets_a_link_since_confirming_changes_something() -> None:
    assert answer_for(is_disabled=False, is_member=True, suppression=SuppressionReason.BOUNCED) == ONCE_A_MONTH


@pytest.mark.parametrize("reason", [None, *SuppressionReason])
def test_whom_an_admin_has_shut_out_gets_no_mail_at_all(reason: SuppressionReason | None) -> None:
    assert answer_for(is_disabled=True, is_member=True, suppression=reason) is None


def test_a_link_works_for_seven_days_and_not_a_second_longer() -> None:
    assert timedelta(days=7) == LINK_LIFETIME
    assert not is_expired(NOW, now=NOW + timedelta(days=7))
    assert is_expired(NOW, now=NOW + timedelta(days=7, seconds=1))


@pytest.mark.parametrize(
    ("client", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
    ],
)
def test_one_client_is_one_ipv4_address_or_one_ipv6_network(client: str, network: str) -> None:
    assert network_of(client) == network
