"""Facts about what beat asks for, and about the nightly exchange as a task."""

from __future__ import annotations

import pytest

from newsletter.runtime import Runtime
from newsletter.services import suppressions
from newsletter.settings import Settings
from tests.fakes.sendgrid_lists import API_KEY, sendgrid_lists
from workers import tasks
from workers.app import beat_schedule


def test_beat_asks_for_what_is_set_up_and_for_nothing_else() -> None:
    plain = Settings(_env_file=None)
    assert set(beat_schedule(plain)) == {"tick"}
    full = Settings(_env_file=None, sendgrid_api_key=API_KEY, bounce_imap_url="imaps://a:b@mail.example.org")
    schedule = beat_schedule(full)
    assert set(schedule) == {"tick", "sync_suppressions", "poll_mailbox"}
    assert schedule["poll_mailbox"]["options"]["expires"] == full.bounce_imap_seconds


def test_the_exchange_runs_when_it_is_due_and_a_fault_waits_for_the_next_hour(
    settings: Settings, runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    with sendgrid_lists() as theirs:
        secret = type(settings.sendgrid_api_key)
        running = Runtime(
            settings.model_copy(update={"sendgrid_api_key": secret(API_KEY), "sendgrid_api_url": theirs.url})
        )
        theirs.add("spam_reports", "angry@example.org", created=1_700_000_000)
        theirs.answers = [403]
        assert not tasks.sync_suppressions(running)
        [record] = [record for record in caplog.records if record.name == "workers.tasks"]
        assert record.getMessage().startswith("suppressions.not_synced reason=SendGrid refuses us")
        assert tasks.sync_suppressions(running)
        calls = len(theirs.calls)
        assert tasks.sync_suppressions(running)
        assert len(theirs.calls) == calls
        running.close()
    with runtime.reading() as session:
        assert suppressions.count_suppressions(session) == {"complained": 1}
