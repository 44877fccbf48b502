"""Facts about schedules and flow from the command line."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from newsletter.cli.opening import open_runtime
from newsletter.services import sending
from tests.cli.conftest import CommandLine
from tests.cli.test_main_path import approved_brief


def test_a_second_issue_for_a_list_and_date_has_to_be_asked_for(ready: CommandLine, brief_file: Path) -> None:
    brief_id = approved_brief(ready, brief_file)
    create = ("issue", "create", "--brief", brief_id, "--list", "readers")
    ready.json(*create)
    refused = ready(*create)
    assert refused.exit_code == 1
    assert "issue 1 (draft) is made for this list and date already" in " ".join(refused.error_lines)
    assert ready.json(*create, "--again")["issue_id"] == 2
    ready.json("issue", "cancel", 1)
    assert ready.json(*create)["status"] == "draft"


def test_a_correction_takes_no_list_and_an_issue_takes_one(ready: CommandLine, brief_file: Path) -> None:
    brief_id = approved_brief(ready, brief_file)
    assert ready("issue", "create", "--brief", brief_id).exit_code == 2
    both = ready("issue", "create", "--brief", brief_id, "--correct", 1, "--list", "readers")
    assert both.exit_code == 2
    issue_id = ready.json("issue", "create", "--brief", brief_id, "--list", "readers")["issue_id"]
    early = ready("issue", "create", "--brief", brief_id, "--correct", issue_id)
    assert (early.exit_code, "is draft" in " ".join(early.error_lines)) == (1, True)


def test_a_newsletter_has_a_daily_slot_and_quiet_hours(ready: CommandLine) -> None:
    edit = ("newsletter", "edit", "my-newsletter")
    given = ready.json(*edit, "--slot", "7:00", "--slot-list", "readers", "--quiet-hours", "22:00-06:00")
    slot = {"at": "07:00", "cutoff": "07:00", "lateness_minutes": 180, "lists": ["readers"]}
    assert (given["daily_slot"], given["quiet_hours"]) == (slot, "22:00-06:00")
    changed = ready.json(*edit, "--slot-cutoff", "06:30", "--slot-lateness", 60)["daily_slot"]
    assert changed == slot | {"cutoff": "06:30", "lateness_minutes": 60}
    assert ready.json(*edit, "--slot", "off")["daily_slot"] is None
    assert ready(*edit, "--quiet-hours", "22:00").exit_code == 1


def test_a_mailbox_group_is_paused_and_resumed_by_hand(ready: CommandLine) -> None:
    def yahoo() -> dict[str, object]:
        return next(row for row in ready.json("flow", "ls")["groups"] if row["group"] == "yahoo")

    assert yahoo() == {"group": "yahoo", "per_second": 0.0, "paused_until": None, "reason": "", "waiting_batches": 0}
    ready.json("flow", "pause", "yahoo", "--minutes", 30, "--reason", "TSS04")
    assert (yahoo()["paused_until"] is not None, yahoo()["reason"]) == (True, "TSS04")
    assert "TSS04" in ready("flow", "ls").stdout
    ready.json("flow", "resume", "yahoo")
    assert yahoo()["paused_until"] is None
    assert ready("flow", "resume", "tahoo").exit_code == 2


def test_flow_says_whether_the_provider_is_open_paused_or_being_tried(ready: CommandLine) -> None:
    def standing() -> object:
        return ready.json("flow", "ls")["provider_standing"]["state"]

    assert standing() == "open"
    with open_runtime() as runtime:
        now = runtime.now()
        for needs_person, words in ((False, "UTC: down"), (True, "until somebody resumes the issue: down")):
            with runtime.transaction() as session:
                sending.pause_provider(session, "outbox", reason="down", needs_person=needs_person, until=now, now=now)
            assert standing() == "paused"
            assert words in " ".join(ready("flow", "ls").stderr.split())
            with runtime.transaction() as session:
                sending.wake_providers(session, now=now + timedelta(hours=1))
            assert standing() == ("paused" if needs_person else "probing")
        with runtime.transaction() as session:
            sending.resume_provider(session, "outbox", now=now)
    assert standing() == "open"


def test_a_time_that_is_over_is_no_schedule(ready: CommandLine, brief_file: Path) -> None:
    brief_id = approved_brief(ready, brief_file)
    create = ("issue", "create", "--brief", brief_id, "--list", "readers", "--at")
    with open_runtime() as runtime:
        now = runtime.now()
    refused = ready(*create, (now - timedelta(hours=13)).isoformat())
    assert (refused.exit_code, len(refused.error_lines)) == (1, 1)
    assert "was more than 12 hours ago" in refused.stderr
    # A little late is what happens while somebody types: it goes out at once.
    assert ready.json(*create, (now - timedelta(minutes=1)).isoformat())["status"] == "scheduled"
