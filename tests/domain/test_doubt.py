"""Facts about the table of doubt: every combination of what may be known, and what is done."""

from __future__ import annotations

from itertools import product

import hypothesis.strategies as st
import pytest
from hypothesis import given

from newsletter.domain.doubt import (
    ASK_PAUSES,
    MAX_ASKS,
    Act,
    Heard,
    LogAnswer,
    RequestTag,
    Silence,
    ask_pause,
    can_be_asked_about,
    decide,
    read_tag,
    sample_of,
)

SILENT = Silence(witnesses=1)
BOOLS = (False, True)
ALL = [
    Heard(
        has_waited=waited,
        silence=silence,
        log=log,
        may_ask=may_ask,
        is_ask_due=due,
        is_claimed=claimed,
        policy=policy,
        was_resent=resent,
        is_too_late=late,
        is_cancelled=cancelled,
    )
    for waited, silence, log, may_ask, due, claimed, policy, resent, late, cancelled in product(
        BOOLS,
        (Silence(), SILENT, Silence(witnesses=1, mute=1), Silence(witnesses=1, is_behind=True)),
        LogAnswer,
        BOOLS,
        BOOLS,
        BOOLS,
        ("hold", "skip", "resend"),
        BOOLS,
        BOOLS,
        BOOLS,
    )
]


@pytest.mark.parametrize(
    ("known", "act"),
    [
        ({"has_waited": False, "silence": SILENT, "policy": "resend"}, Act.WAIT),
        ({"is_claimed": True, "silence": SILENT}, Act.WAIT),
        ({"silence": Silence(witnesses=9, is_behind=True), "policy": "skip"}, Act.WAIT),
        ({"silence": SILENT}, Act.RESEND),
        ({"silence": SILENT, "is_too_late": True}, Act.EXPIRE),
        ({"silence": SILENT, "is_cancelled": True, "is_too_late": True}, Act.CANCEL),
        ({"log": LogAnswer.ABSENT}, Act.RESEND),
        ({"silence": Silence(), "may_ask": True}, Act.ASK),
        ({"silence": Silence(witnesses=3, mute=1), "may_ask": True}, Act.ASK),
        ({"silence": Silence(witnesses=3, is_heard_in_part=True), "may_ask": True}, Act.ASK),
        ({"silence": Silence(witnesses=3, is_garbled=True), "may_ask": True}, Act.ASK),
        ({"may_ask": True, "is_ask_due": False, "policy": "skip"}, Act.WAIT),
        ({"log": LogAnswer.UNCLEAR, "policy": "skip"}, Act.SKIP),
        ({"policy": "resend"}, Act.RESEND),
        ({"policy": "resend", "was_resent": True}, Act.HOLD),
        ({"policy": "resend", "is_too_late": True}, Act.HOLD),
        ({"policy": "resend", "is_cancelled": True}, Act.HOLD),
        ({}, Act.HOLD),
    ],
)
def test_what_is_done(known: dict, act: Act) -> None:
    assert decide(Heard(**({"has_waited": True} | known))).act is act


def test_nothing_goes_out_again_without_proof_or_the_policys_word() -> None:
    sent_again = [heard for heard in ALL if decide(heard).act is Act.RESEND]
    assert sent_again
    for heard in sent_again:
        assert heard.has_waited and not heard.is_claimed and not heard.is_too_late and not heard.is_cancelled
        assert heard.is_disproved or (heard.policy == "resend" and not heard.was_resent)
        assert decide(heard).is_policy is not heard.is_disproved


def test_before_the_wait_is_over_nothing_is_done() -> None:
    assert {decide(heard).act for heard in ALL if not heard.has_waited} == {Act.WAIT}


def test_the_policy_is_asked_last() -> None:
    by_policy = [heard for heard in ALL if decide(heard).is_policy]
    assert by_policy
    assert not any(heard.may_ask or heard.is_disproved or heard.silence.is_behind for heard in by_policy)


def test_the_log_is_asked_a_few_times_ever_more_rarely() -> None:
    pauses = [ask_pause(asks) for asks in range(1, MAX_ASKS + 1)]
    assert pauses == sorted(pauses)
    assert ask_pause(99) == ASK_PAUSES[-1]
    assert ask_pause(1, wish_seconds=900).total_seconds() == 900


@given(st.integers(1, 2**31 - 1), st.integers(1, 2**31 - 1), st.integers(0, 10**6), st.booleans())
def test_a_tag_is_read_back_as_it_was_written(attempt: int, first: int, more: int, has_run: bool) -> None:
    last = min(first + more, 2**31 - 1)
    tag = RequestTag(attempt_id=attempt, first_id=first, last_id=last) if has_run else RequestTag(attempt_id=attempt)
    assert read_tag(str(tag)) == tag
    assert tag.covers(first) is has_run


@given(st.text())
def test_whatever_an_event_carries_as_a_tag_is_read_or_ignored(text: str) -> None:
    tag = read_tag(text)
    assert tag is None or 0 < tag.attempt_id < 2**31


def test_a_sample_has_the_first_the_middle_and_the_last() -> None:
    assert [sample_of(list(range(count))) for count in (0, 1, 3, 10)] == [[], [0], [0, 1, 2], [0, 5, 9]]


@pytest.mark.parametrize(
    "email", ["", "Reader@example.org", "o'brien@example.org", 'a"b@example.org', "李@example.org"]
)
def test_an_address_that_the_query_may_not_find_is_not_asked_about(email: str) -> None:
    assert not can_be_asked_about(email)
    assert can_be_asked_about("reader+1@mail.example.org")
