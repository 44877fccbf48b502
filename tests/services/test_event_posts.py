"""Facts about posts of events: kept before the answer, drained once, whatever breaks in between. On both databases."""

from __future__ import annotations

import os
from collections import Counter
from datetime import timedelta

import orjson
import pytest
from sqlalchemy import func, select

from newsletter.db.models import Event, InboxPost
from newsletter.domain.events import PostStatus
from newsletter.jobs import DRAIN_EVENTS, take_jobs
from newsletter.runtime import Runtime
from newsletter.services import events
from newsletter.services.events import SENDGRID, EventCounts
from tests.factories import NOW
from tests.told_events import (
    drain,
    hand_over,
    make_shuffled_posts,
    start,
    suppressed,
    tally,
    tell,
    tell_posts,
)
from tests.webhook_posts import event, post
from workers import tasks


def test_a_crash_after_the_answer_loses_nothing(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    with runtime.transaction() as session:
        events.store_post(session, post(event(runtime.links, issue_id, person, "open")), source=SENDGRID, now=NOW)
    with pytest.raises(RuntimeError, match="power cut"):
        drain_and_fail(runtime)
    assert "opened" not in tally(runtime, issue_id)
    assert drain(runtime).new == 1
    assert drain(runtime) == EventCounts()
    assert tally(runtime, issue_id)["opened"] == 1


def drain_and_fail(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        assert events.drain_posts(session, links=runtime.links, now=NOW).new == 1
        raise RuntimeError("power cut")


def test_the_task_drains_what_waits_and_the_tick_announces_what_was_not(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    with runtime.transaction() as session:
        events.store_post(session, post(event(runtime.links, issue_id, person, "open")), source=SENDGRID, now=NOW)
    with runtime.transaction() as session:
        assert events.announce_waiting(session, now=NOW)
    assert tasks.drain_events(runtime, should_stop=lambda: False) == 1
    with runtime.transaction() as session:
        assert not events.announce_waiting(session, now=NOW)
    assert tally(runtime, issue_id)["opened"] == 1


def test_a_burst_of_posts_asks_for_one_drain(runtime: Runtime) -> None:
    def asked_for(body: bytes) -> list[str]:
        with runtime.transaction() as session:
            events.store_post(session, body, source=SENDGRID, now=NOW)
            return [job.name for job in take_jobs(session)]

    first, second, third = (post({"event": "open", "sg_event_id": str(number)}) for number in range(3))
    assert asked_for(first) == [DRAIN_EVENTS]
    assert asked_for(first) == asked_for(second) == []
    drain(runtime)
    assert asked_for(third) == [DRAIN_EVENTS]


def test_an_unreadable_post_does_not_hold_up_the_others(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    person = hand_over(runtime, issue_id)[0]
    good = post(event(runtime.links, issue_id, person, "open"))
    assert tell_posts(runtime, [b"[{]", good]) == EventCounts(posts=2, received=1, new=1)
    with runtime.reading() as session:
        found = session.scalars(select(InboxPost.status).order_by(InboxPost.id)).all()
        assert found == [PostStatus.UNREADABLE, PostStatus.DONE]


def test_an_answer_that_was_cut_within_a_character_costs_no_event_of_its_post(runtime: Runtime) -> None:
    issue_id, _ = start(runtime)
    one, other, *_ = hand_over(runtime, issue_id)
    cut = {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 \x00 user unknown \ud83d", "sg_event_id": "\ud83d"}
    told = [event(runtime.links, issue_id, one, "bounce", **cut), event(runtime.links, issue_id, other, "spamreport")]
    assert tell(runtime, *told) == EventCounts(posts=1, received=2, new=2)
    assert tell_posts(runtime, [b'[{"event":NaN}]', b"[" * 5_000 + b"]" * 5_000]).received == 0
    assert sorted(suppressed(runtime).values()) == ["bounced", "complained"]


def test_old_posts_are_forgotten_and_waiting_ones_never(runtime: Runtime) -> None:
    tell(runtime, {"event": "open"})
    with runtime.transaction() as session:
        events.store_post(session, b"[]", source=SENDGRID, now=NOW)
        events.announce_waiting(session, now=NOW + timedelta(days=30))
        assert session.scalars(select(InboxPost.status)).all() == [PostStatus.WAITING]


def test_thousands_of_shuffled_events_with_a_third_told_twice_count_exactly(runtime: Runtime) -> None:
    """20,000 events in posts of 1,000; for more, `WEBHOOK_EVENTS=100000 pytest tests/services -k shuffled`."""
    people = int(os.environ.get("WEBHOOK_EVENTS", "20000")) // 4
    issue_id, bodies = make_shuffled_posts(runtime, people)
    expected = EventCounts(posts=len(bodies), received=people * 4, new=people * 3, duplicate=people)
    assert tell_posts(runtime, bodies) == expected
    assert tally(runtime, issue_id) == {
        "audience": people,
        "accepted": people,
        "delivered": people,
        "opened": people,
    }
    with runtime.reading() as session:
        kinds = Counter(dict(session.execute(select(Event.kind, func.count()).group_by(Event.kind)).all()))
    assert kinds == {"queued": people, "delivered": people, "opened": people}


def test_a_stored_post_holds_the_bytes_as_they_came(runtime: Runtime) -> None:
    body = b'[{"event":"open"},\r\n{"event":"open"}]\r\n'
    with runtime.transaction() as session:
        assert events.store_post(session, body, source=SENDGRID, now=NOW)
        assert not events.store_post(session, body, source=SENDGRID, now=NOW)
    assert orjson.loads(body)
    assert drain(runtime) == EventCounts(posts=1, received=2, unmatched=2)
