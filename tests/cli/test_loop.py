"""Facts about the commands that close the loop: suppression lists, frozen domains, alerts, statistics."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from newsletter.db.queries import freezes
from newsletter.domain.alerts import AlertKind, Cause
from newsletter.runtime import Runtime
from newsletter.services import alerts
from newsletter.settings import load_settings
from tests.bounce_mails import delivery_report, plain_mail
from tests.cli.conftest import CommandLine
from tests.factories import NOW
from tests.fakes.sendgrid_lists import API_KEY, sendgrid_lists

FILE = "Email;Reason;Evidence\nAnn@Example.org;complained;old system\nben@example.org;;\nnobody;bounced;\n"


def test_a_file_of_suppressions_keeps_reasons_and_comes_back_as_it_was(
    ready_on_both: CommandLine, tmp_path: Path
) -> None:
    cli, path = ready_on_both, tmp_path / "former.csv"
    path.write_text(FILE)
    counts = cli.json("suppression", "import", path, "--reason", "bounced")
    assert counts == {"rows": 3, "created": 2, "unchanged": 0, "invalid": 1}
    assert cli.json("suppression", "import", path)["created"] == 0
    rows = {row["email"]: (row["reason"], row["evidence"]) for row in cli.json("suppression", "ls")}
    assert rows == {
        "ann@example.org": ("complained", "old system"),
        "ben@example.org": ("bounced", "file former.csv"),
    }
    out = tmp_path / "out.csv"
    assert cli.json("suppression", "export", "--out", out)["rows"] == 2
    with out.open() as lines:
        assert [row["reason"] for row in csv.DictReader(lines)] == ["complained", "bounced"]
    assert cli.json("suppression", "import", out)["unchanged"] == 2
    assert [row["email"] for row in cli.json("suppression", "export")] == ["ann@example.org", "ben@example.org"]


def test_a_list_of_suppressions_for_programs_is_whole_and_one_for_people_says_that_there_is_more(
    ready: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "many.csv"
    path.write_text("".join(f"reader{number}@example.org\n" for number in range(1_001)))
    assert ready.json("suppression", "import", path)["created"] == 1_001
    assert len({row["email"] for row in ready.json("suppression", "ls")}) == 1_001
    assert len(ready.json("suppression", "ls", "--limit", 7)) == 7
    answer = ready("suppression", "ls")
    assert len(answer.stdout.splitlines()) == 102
    assert "--after 100" in answer.stderr


def test_erased_is_no_reason_for_a_file(ready: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "former.csv"
    path.write_text("ann@example.org,erased\n")
    answer = ready("suppression", "import", path, "--reason", "erased")
    assert (answer.exit_code, len(answer.error_lines)) == (1, 1)


def test_an_exchange_with_sendgrid_from_the_command_line(ready: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    with sendgrid_lists() as theirs:
        monkeypatch.setenv("NEWSLETTER_SENDGRID_API_KEY", API_KEY)
        monkeypatch.setenv("NEWSLETTER_SENDGRID_API_URL", theirs.url)
        theirs.add("spam_reports", "angry@example.org", created=1_700_000_000)
        ready.json("suppression", "add", "back@example.org")
        ready.json("suppression", "remove", "back@example.org")
        theirs.add("unsubscribes", "back@example.org", created=1_700_000_000)
        tried = ready.json("suppression", "sync", "--dry-run")
        assert (tried["dry_run"], tried["lifted"], tried["lists"]["spam_reports"]["created"]) == (True, 1, 1)
        done = ready.json("suppression", "sync")
        assert (done["lifted"], done["lists"]["spam_reports"]["created"]) == (1, 1)
        assert theirs.listed("back@example.org") == set()
        assert [(row["email"], row["reason"]) for row in ready.json("suppression", "ls")] == [
            ("angry@example.org", "complained")
        ]
        assert theirs.faults == []


def test_an_exchange_needs_a_key(ready: CommandLine) -> None:
    answer = ready("suppression", "sync")
    assert (answer.exit_code, len(answer.error_lines)) == (1, 1)
    assert "NEWSLETTER_SENDGRID_API_KEY" in answer.stderr


def test_kept_mails_are_listed_by_what_they_were_taken_for_and_shown_as_they_came(
    ready: CommandLine, tmp_path: Path
) -> None:
    raw = plain_mail("news@harbour.example", text="§ nobody understands this").replace(b"\n", b"\r\n")
    for name, mail in {"other.eml": raw, "report.eml": delivery_report("a@example.org")}.items():
        (tmp_path / name).write_bytes(mail)
        assert ready.json("bounce", "ingest", tmp_path / name)["unknown"] == 1
    latest, first = ready.json("bounce", "ls")
    assert (latest["kind"], latest["class"], latest["rule"]) == ("bounce", "hard", "text.mailbox_unknown")
    assert (first["kind"], first["class"], first["issue_id"]) == ("other", None, None)
    assert [row["mail_id"] for row in ready.json("bounce", "ls", "--kind", "other")] == [first["mail_id"]]
    assert "text.mailbox_unknown" in ready("bounce", "ls").stdout
    assert ready.process("bounce", "show", first["mail_id"]).stdout == raw.decode()
    missing = ready("bounce", "show", 99)
    assert (missing.exit_code, len(missing.error_lines)) == (1, 1)
    counts = ready.json("bounce", "reread")
    assert (counts["read"], sum(counts.values())) == (2, 2)


def test_frozen_domains_and_alerts_are_shown_and_dealt_with(ready: CommandLine) -> None:
    runtime = Runtime.from_settings(load_settings())
    with runtime.transaction() as session:
        freezes.add_freeze(session, domain="example.org", evidence="60 unknown", now=NOW)
        cause = Cause(kind=AlertKind.BOUNCE_BURST, subject="domain:example.org")
        alerts.add_alert(session, cause, evidence="60 unknown", now=NOW)
        alerts.add_alert(session, Cause(kind=AlertKind.MAILBOX_BLOCKS, subject="mailbox:qq"), evidence="", now=NOW)
    runtime.close()
    assert [(row["domain"], row["held"]) for row in ready.json("suppression", "frozen")] == [("example.org", 0)]
    released = ready.json("suppression", "release", "Example.org", "--decision", "outage")
    assert released == {"domain": "example.org", "decision": "outage", "held": 0, "suppressed": 0}
    assert ready("suppression", "release", "example.org", "--decision", "real").exit_code == 1
    [left] = ready.json("alert", "ls")
    assert (left["kind"], left["subject"], left["count"], left["closed_at"]) == (
        "mailbox_blocks",
        "mailbox:qq",
        1,
        None,
    )
    assert ready.json("alert", "close", left["alert_id"])["closed_at"]
    assert ready.json("alert", "ls") == []
    assert len(ready.json("alert", "ls", "--closed")) == 2
    assert ready("alert", "close", 99).exit_code == 1


def test_statistics_of_nothing_are_an_empty_list(ready: CommandLine) -> None:
    assert ready.json("stats") == []
    assert "no issue has gone out yet" in ready("stats").stdout
    assert ready("stats", "--issue", 9).exit_code == 1
