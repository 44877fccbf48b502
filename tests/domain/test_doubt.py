"""Facts about the table of doubt: every combination of what may be known, and what is done."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import hypothesis.strategies as st
import pytest
from hypothesis import given

from newsletter.domain.doubt import (
    ABSENCES,
    MAX_ASKS,
    Act,
    Heard,
    RequestTag,
    Silence,
    ask_pause,
    can_be_asked_about,
    decide,
    earliest_witness,
    read_tag,
    sample_of,
    told_until,
)

WAIT = timedelta(minutes=15)
MOMENT = datetime(2026, 6, 22, 6, tzinfo=UTC)
SILENT = Silence(witnesses=1)
BOOLS = (False, True)
ALL = [
    Heard(
        has_waited=waited,
        silence=silence,
        absences=absences,
        may_ask=may_ask,
        is_ask_due=due,
        is_claimed=claimed,
        policy=policy,
        was_resent=resent,
        is_too_late=late,
        is_cancelled=cancelled,
    )
    for waited, silence, absences, may_ask, due, claimed, policy, resent, late, cancelled in product(
        BOOLS,
        (Silence(), SILENT, Silence(witnesses=1, mute=1), Silence(witnesses=1, is_behind=True)),
        range(ABSENCES + 1),
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
        ({"absences": 2}, Act.RESEND),
        ({"absences": 1, "may_ask": True, "is_ask_due": False}, Act.WAIT),
        ({"absences": 1, "may_ask": True}, Act.ASK),
        ({"absences": 1, "policy": "skip"}, Act.SKIP),
        ({"silence": Silence(witnesses=3, is_catching_up=True), "may_ask": True}, Act.ASK),
        ({"silence": Silence(), "may_ask": True}, Act.ASK),
        ({"silence": Silence(witnesses=3, mute=1), "may_ask": True}, Act.ASK),
        ({"silence": Silence(witnesses=3, is_heard_in_part=True), "may_ask": True}, Act.ASK),
        ({"silence": Silence(witnesses=3, is_garbled=True), "may_ask": True}, Act.ASK),
        ({"may_ask": True, "is_ask_due": False, "policy": "skip"}, Act.WAIT),
        ({"policy": "skip"}, Act.SKIP),
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
    pauses = [ask_pause(asks, wait=WAIT) for asks in range(1, MAX_ASKS)]
    assert [pause.total_seconds() / 60 for pause in pauses] == [1, 3, 10, 20]
    assert ask_pause(99, wait=WAIT) == pauses[-1]
    assert ask_pause(1, wait=WAIT, wish_seconds=900).total_seconds() == 900
    assert ask_pause(1, wait=WAIT / 10).total_seconds() == 6


@pytest.mark.parametrize(
    ("posts", "until"),
    [
        ([], 5),
        ([0.5, 1, 2, 3], 5),
        ([4.9, 9.8, 14.7], 5),
        # Out of order from the first minute to the ninth: what it missed may come eight minutes later, and some.
        ([1, 9, 9.1, 14], 22),
        # It was told by the fifth minute: a later outage makes no difference.
        ([1, 4, 5.5, 14], 5),
        ([-30, -29, 2], 5),
        ([8, 9, 10], 21),
    ],
)
def test_what_an_outage_of_the_webhook_held_up_may_come_as_long_after_it_as_it_lasted(
    posts: list[float], until: float
) -> None:
    """Minutes from the request on."""
    came = [MOMENT + timedelta(minutes=minute) for minute in posts]
    assert (told_until(came, made_at=MOMENT, since=MOMENT, wait=WAIT) - MOMENT).total_seconds() / 60 == pytest.approx(
        until
    )


def test_a_request_was_made_at_any_moment_between_the_beginning_of_its_attempt_and_the_doubt() -> None:
    """A batch that is paced over many minutes: what matters is the outage when the last of it went out."""
    begun = MOMENT - timedelta(minutes=30)
    came = [MOMENT + timedelta(minutes=minute) for minute in (-29, -26, -22, -18, -14, -10, -6, -2, 2, 12)]
    assert told_until(came, made_at=begun, since=MOMENT, wait=WAIT) == MOMENT + timedelta(minutes=12 + 10 + 5)
    assert told_until(came[:-1], made_at=begun, since=MOMENT, wait=WAIT) == MOMENT + timedelta(minutes=5)


def comes_at(first: float, *, begins: float, ends: float) -> float:
    """When a post gets through an outage that is tried first in this minute, and then at intervals that double."""
    moment, pause = first, 1.0
    while begins <= moment < ends:
        moment, pause = moment + pause, pause * 2
    return moment


@given(
    begins=st.floats(0, 10),
    lasts=st.floats(0, 120),
    about_it=st.floats(0, 1),
    witness=st.floats(1, 4),
    about_others=st.lists(st.floats(0, 4), max_size=3),
)
def test_no_event_comes_after_it_was_expected_however_long_an_outage_lasts(
    begins: float, lasts: float, about_it: float, witness: float, about_others: list[float]
) -> None:
    """Whenever silence could be proof, what was taken has been told: the wait is over, and others were told of, one of
    them not before the time that a first telling takes."""
    told = comes_at(about_it, begins=begins, ends=begins + lasts)
    posts = sorted(comes_at(first, begins=begins, ends=begins + lasts) for first in [witness, *about_others])
    heard_from = (earliest_witness(since=MOMENT, wait=WAIT) - MOMENT).total_seconds() / 60
    for minute in range(15, 600):
        came = [MOMENT + timedelta(minutes=post) for post in posts if post <= minute]
        expected = told_until(came, made_at=MOMENT, since=MOMENT, wait=WAIT)
        is_witnessed = any(heard_from <= post <= minute for post in posts)
        if is_witnessed and expected <= MOMENT + timedelta(minutes=minute):
            assert told <= minute
            break
    else:
        raise AssertionError("silence is never proof")


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
