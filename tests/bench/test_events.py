"""Facts about `bench events`: it counts what it tells, and a real web process takes its signed posts."""

from __future__ import annotations

import pytest

from newsletter.bench import events

pytestmark = pytest.mark.timeout(120)


def test_each_event_is_taken_in_once_and_each_post_is_answered(empty_database_url: str) -> None:
    result = events.run(empty_database_url, posts=3, events_per_post=200, endpoint_posts=12)
    assert (result["events"], result["new"] + result["duplicate"]) == (600, 600)
    assert result["duplicate"] > 0
    assert result["endpoint_posts"] == 8
    assert result["endpoint_posts_per_second"] > 0
    # How fast is for people to read; that the figures say the same is not.
    times = result["events_per_second"] / result["orm_events_per_second"]
    assert result["times_orm"] == pytest.approx(times, rel=0.05, abs=0.1)
