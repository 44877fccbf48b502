"""The main job by hand, command by command, on both databases; and the keys that each command prints."""

from __future__ import annotations

import email
import email.policy
import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from newsletter import samples
from newsletter.cli.opening import open_runtime
from newsletter.domain.reading import read_brief
from newsletter.services import issues, sending
from tests.cli.conftest import CommandLine

STANDING = [
    "issue_id",
    "status",
    "audience",
    "pending",
    "claimed",
    "accepted",
    "failed",
    "suppressed",
    "unknown",
    "delivered",
    "bounced",
    "complained",
    "unsubscribed",
    "opened",
    "clicked",
]


def approved_brief(cli: CommandLine, file: Path) -> int:
    brief_id: int = cli.json("brief", "import", file)["brief_id"]
    cli.json("brief", "submit", brief_id)
    cli.json("brief", "approve", brief_id)
    return brief_id


def started_issue(cli: CommandLine, brief_file: Path, people_file: Path) -> int:
    cli.json("subscriber", "import", people_file, "--list", "readers")
    brief_id = approved_brief(cli, brief_file)
    issue_id: int = cli.json("issue", "create", "--brief", brief_id, "--list", "readers")["issue_id"]
    cli.json("issue", "send", issue_id)
    return issue_id


def test_from_a_text_to_an_issue_that_is_being_sent(
    ready_on_both: CommandLine, brief_file: Path, people_file: Path
) -> None:
    cli = ready_on_both
    imported = cli.json("subscriber", "import", people_file, "--list", "readers")
    assert list(imported) == ["rows", "created", "updated", "unchanged", "suppressed", "invalid", "errors_file"]
    assert (imported["rows"], imported["created"], imported["invalid"]) == (4, 3, 1)
    assert cli.json("list", "ls")[0]["subscribers"] == 3

    brief = cli.json("brief", "import", brief_file)
    assert list(brief) == ["brief_id", "status", "title", "date", "stories", "findings"]
    assert (brief["status"], brief["stories"]) == ("draft", 10)
    assert [list(finding) for finding in brief["findings"]] == [["level", "code", "message", "line"]] * 3

    submitted = cli.json("brief", "submit", brief["brief_id"])
    assert list(submitted) == ["brief_id", "status", "sha256"]
    assert submitted["status"] == "in_review"
    approved = cli.json("brief", "approve", brief["brief_id"], "--sha256", submitted["sha256"])
    assert approved == submitted | {"status": "approved"}

    issue = cli.json("issue", "create", "--brief", brief["brief_id"], "--list", "readers")
    assert issue == {"issue_id": issue["issue_id"], "status": "draft", "audience_estimate": 3}
    sent = cli.json("issue", "send", issue["issue_id"])
    assert sent == {"issue_id": issue["issue_id"], "status": "sending"}

    standing = cli.json("issue", "status", issue["issue_id"])
    assert list(standing) == STANDING
    assert (standing["audience"], standing["pending"], standing["accepted"]) == (3, 3, 0)


def test_the_same_issue_cannot_be_sent_twice(ready: CommandLine, brief_file: Path, people_file: Path) -> None:
    issue_id = started_issue(ready, brief_file, people_file)
    answer = ready("issue", "send", issue_id)
    assert (answer.exit_code, answer.error_lines) == (1, ["error: cannot send an issue that is sending"])


def test_an_issue_is_paused_resumed_and_cancelled(
    ready_on_both: CommandLine, brief_file: Path, people_file: Path
) -> None:
    cli = ready_on_both
    issue_id = started_issue(cli, brief_file, people_file)
    assert [cli.json("issue", act, issue_id)["status"] for act in ("pause", "resume", "cancel")] == [
        "paused",
        "sending",
        "cancelled",
    ]
    standing = cli.json("issue", "status", issue_id)
    assert (standing["audience"], standing["suppressed"], standing["pending"]) == (3, 3, 0)


def test_waiting_for_a_cancelled_issue_ends_with_1_and_its_standing(
    ready: CommandLine, brief_file: Path, people_file: Path
) -> None:
    issue_id = started_issue(ready, brief_file, people_file)
    ready.json("issue", "cancel", issue_id)
    answer = ready("issue", "wait", issue_id, "--json")
    assert answer.exit_code == 1
    assert answer.json["status"] == "cancelled"
    assert len(answer.error_lines) == 1


def test_waiting_ends_with_1_when_the_time_is_up(ready: CommandLine, brief_file: Path, people_file: Path) -> None:
    issue_id = started_issue(ready, brief_file, people_file)
    answer = ready("issue", "wait", issue_id, "--timeout", "0.1", "--json")
    assert answer.exit_code == 1
    assert (answer.json["status"], answer.json["pending"]) == ("sending", 3)
    assert "still sending after 0.1 seconds" in answer.stderr


def test_who_waits_is_told_why_an_issue_is_paused(ready: CommandLine, brief_file: Path, people_file: Path) -> None:
    issue_id = started_issue(ready, brief_file, people_file)
    with open_runtime() as runtime, runtime.transaction() as session:
        issues.pause_issue(session, issue_id, actor=None, now=runtime.now(), reason="SendGrid refuses us (401)")
    answer = ready("issue", "wait", issue_id, "--timeout", "0.6")
    assert answer.error_lines[0] == f"issue {issue_id} is paused: SendGrid refuses us (401)"
    assert len(answer.error_lines) == 2


def test_the_status_says_why_nothing_goes_out(ready: CommandLine, brief_file: Path, people_file: Path) -> None:
    issue_id = started_issue(ready, brief_file, people_file)
    assert "remark" not in ready("issue", "status", issue_id).stderr
    with open_runtime() as runtime, runtime.transaction() as session:
        now = runtime.now()
        sending.pause_provider(session, "outbox", reason="the disk is full", needs_person=False, until=now, now=now)
    remark = " ".join(ready("issue", "status", issue_id).stderr.split())
    assert remark == "remark: outbox takes nothing at present: the disk is full"


def test_waiting_counts_no_rows_while_nobody_sees_it(ready: CommandLine, brief_file: Path, people_file: Path) -> None:
    issue_id = started_issue(ready, brief_file, people_file)
    counts: list[str] = []

    @event.listens_for(Engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        counts.extend([statement] if "deliveries" in statement else [])

    try:
        ready("issue", "wait", issue_id, "--timeout", "0.6")
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    # Once, for the standing at the end.
    assert len(counts) == 1


def test_nobody_waits_for_a_draft(ready: CommandLine, brief_file: Path) -> None:
    brief_id = approved_brief(ready, brief_file)
    issue_id = ready.json("issue", "create", "--brief", brief_id, "--list", "readers")["issue_id"]
    assert f"newsletter issue send {issue_id}" in ready("issue", "wait", issue_id).stderr


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2999-07-01T07:00", "2999-07-01T05:00:00+00:00"),
        ("2999-01-01T07:00", "2999-01-01T06:00:00+00:00"),
        ("2999-07-01T07:00+08:00", "2999-06-30T23:00:00+00:00"),
        ("2999-07-01T07:00Z", "2999-07-01T07:00:00+00:00"),
    ],
)
def test_a_time_without_an_offset_is_one_on_the_newsletters_clock(
    ready_on_both: CommandLine, brief_file: Path, given: str, stored: str
) -> None:
    brief_id = approved_brief(ready_on_both, brief_file)
    made = ready_on_both.json("issue", "create", "--brief", brief_id, "--list", "readers", "--at", given)
    assert made["status"] == "scheduled"
    assert ready_on_both.json("issue", "ls")[0]["send_at"] == stored


def test_what_is_no_time_is_refused_with_the_right_form(ready: CommandLine, brief_file: Path) -> None:
    brief_id = approved_brief(ready, brief_file)
    answer = ready("issue", "create", "--brief", brief_id, "--list", "readers", "--at", "tomorrow")
    assert answer.exit_code == 1
    assert "“tomorrow” is not a time: write it as 2026-06-23T07:00" in answer.stderr


def test_a_brief_that_is_not_approved_makes_no_issue(ready: CommandLine, brief_file: Path) -> None:
    brief_id = ready.json("brief", "import", brief_file)["brief_id"]
    answer = ready("issue", "create", "--brief", brief_id, "--list", "readers", "--json")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "is not approved" in answer.stderr


def test_other_bytes_than_those_submitted_are_not_approved(ready: CommandLine, brief_file: Path) -> None:
    brief_id = ready.json("brief", "import", brief_file)["brief_id"]
    ready.json("brief", "submit", brief_id)
    assert ready("brief", "approve", brief_id, "--sha256", "0" * 64).exit_code == 1
    assert ready.json("brief", "ls")[0]["status"] == "in_review"


def test_a_brief_goes_back_to_its_author(ready: CommandLine, brief_file: Path) -> None:
    brief_id = approved_brief(ready, brief_file)
    back = ready.json("brief", "request-changes", brief_id, "--note", "The second headline is out of date")
    assert list(back) == ["brief_id", "status", "sha256"]
    assert back["status"] == "changes_requested"


def test_the_same_brief_twice_is_one_draft(ready: CommandLine, brief_file: Path) -> None:
    first, second = (ready.json("brief", "import", brief_file) for _ in range(2))
    assert first == second


def test_a_brief_is_read_from_standard_input(ready: CommandLine) -> None:
    answer = ready("brief", "import", "-", "--json", stdin=samples.brief_text())
    assert answer.json["stories"] == 10


def test_show_prints_the_brief_as_the_contract_names_it(ready: CommandLine, brief_file: Path) -> None:
    brief_id = ready.json("brief", "import", brief_file)["brief_id"]
    shown: dict[str, Any] = ready.json("brief", "show", brief_id)
    assert list(shown) == ["brief_id", "status", "title", "date", "preheader", "language", "sections", "sha256"]
    story = shown["sections"][0]["stories"][0]
    assert list(story) == [
        "number",
        "headline",
        "source",
        "date",
        "summary",
        "why_it_matters",
        "link_title",
        "url",
        "language",
    ]
    headlines = [story["headline"] for section in shown["sections"] for story in section["stories"]]
    assert headlines == [story.headline for story in read_brief(samples.brief_text()).brief.stories]
    assert shown["sha256"] == ready.json("brief", "submit", brief_id)["sha256"]
    assert headlines[0] in ready("brief", "show", brief_id).stdout


def test_check_counts_and_ends_with_1_where_a_blocker_stands(ready: CommandLine, brief_file: Path) -> None:
    brief_id = ready.json("brief", "import", brief_file)["brief_id"]
    found = ready.json("brief", "check", brief_id)
    assert list(found) == ["blockers", "warnings", "findings"]
    assert found["blockers"] == 0
    assert found["warnings"] >= 3
    assert {tuple(finding) for finding in found["findings"]} == {("level", "code", "message")}
    ready.json("newsletter", "edit", "my-newsletter", "--postal-address", "")
    answer = ready("brief", "check", brief_id, "--json")
    assert (answer.exit_code, answer.json["blockers"]) == (1, 1)
    assert "postal-address-missing" in [finding["code"] for finding in answer.json["findings"]]
    assert len(answer.error_lines) == 1
    assert ready("brief", "submit", brief_id).exit_code == 1


def test_render_writes_a_page_a_text_and_a_whole_mail(ready: CommandLine, brief_file: Path, tmp_path: Path) -> None:
    brief_id = ready.json("brief", "import", brief_file)["brief_id"]
    out = tmp_path / "deep" / "preview"
    result = ready.json("brief", "render", brief_id, "--out", out)
    assert list(result) == ["html_bytes", "text_bytes", "sha256", "files"]
    assert result["files"] == [str(out / name) for name in ("brief.html", "brief.txt", "brief.eml")]
    assert (out / "brief.html").stat().st_size == result["html_bytes"]
    assert (out / "brief.txt").stat().st_size == result["text_bytes"]
    message = email.message_from_bytes((out / "brief.eml").read_bytes(), policy=email.policy.default)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    first = next(read_brief(samples.brief_text()).brief.stories)
    page = message.get_body(("html",))
    assert page is not None
    assert first.headline in page.get_content()
    assert "/u/" in message["List-Unsubscribe"]
    assert result["sha256"] == ready.json("brief", "show", brief_id)["sha256"]


def test_render_of_an_approved_brief_shows_the_bytes_that_were_approved(
    ready: CommandLine, brief_file: Path, tmp_path: Path
) -> None:
    brief_id = approved_brief(ready, brief_file)
    before = ready.json("brief", "render", brief_id, "--out", tmp_path / "before")
    ready.json("newsletter", "edit", "my-newsletter", "--postal-address", "Somewhere else entirely")
    after = ready.json("brief", "render", brief_id, "--out", tmp_path / "after")
    assert after["sha256"] == before["sha256"]
    pages = [hashlib.sha256((tmp_path / name / "brief.html").read_bytes()).digest() for name in ("before", "after")]
    assert pages[0] == pages[1]


def test_a_test_mail_goes_to_any_address_and_is_never_counted(ready_on_both: CommandLine, brief_file: Path) -> None:
    cli = ready_on_both
    brief_id = cli.json("brief", "import", brief_file)["brief_id"]
    result = cli.json("test-send", brief_id, "--to", "you@example.org", "--to", "me@example.net")
    assert list(result) == ["sent", "failed"]
    assert [mail["to"] for mail in result["sent"]] == ["you@example.org", "me@example.net"]
    assert list(result["sent"][0]) == ["to", "provider", "message_id", "response"]
    mails = [path.read_bytes() for path in (cli.data_dir / "outbox").rglob("*.eml")]
    subjects = [email.message_from_bytes(mail, policy=email.policy.default)["Subject"] for mail in mails]
    assert [subject.startswith("[Test] ") for subject in subjects] == [True, True]
    assert cli.json("issue", "ls") == []


def test_a_test_mail_that_nobody_takes_ends_with_1(
    ready: CommandLine, brief_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief_id = ready.json("brief", "import", brief_file)["brief_id"]
    monkeypatch.setenv("NEWSLETTER_PROVIDER", "smtp")
    monkeypatch.setenv("NEWSLETTER_SMTP_URL", "smtp://127.0.0.1:1")
    answer = ready("test-send", brief_id, "--to", "you@example.org", "--json")
    assert answer.exit_code == 1
    assert (answer.json["sent"], [mail["to"] for mail in answer.json["failed"]]) == ([], ["you@example.org"])
    assert len(answer.error_lines) == 1


def test_people_are_told_what_comes_next(ready: CommandLine, brief_file: Path) -> None:
    assert ready("brief", "import", brief_file).stdout.splitlines()[-1] == "next: newsletter brief submit 1"
    assert "next: newsletter brief approve 1 --sha256 " in ready("brief", "submit", 1).stdout
    assert "next: newsletter issue create --brief 1 --list SLUG" in ready("brief", "approve", 1).stdout
    created = ready("issue", "create", "--brief", "1", "--list", "readers").stdout
    assert "next: newsletter issue send 1" in created


def test_what_others_wrote_cannot_steer_the_terminal(ready: CommandLine) -> None:
    ready.json("list", "create", "Red \x1b[31malert [bold]x[/bold]", "--slug", "red")
    shown = ready("list", "ls").stdout
    assert "\x1b" not in shown
    assert "[bold]x[/bold]" in shown
