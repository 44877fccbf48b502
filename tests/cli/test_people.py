"""Subscribers, suppressions and deliveries at the command line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from newsletter import samples
from tests.cli.conftest import CommandLine
from tests.cli.test_main_path import started_issue


def test_an_import_twice_changes_nothing_more(ready_on_both: CommandLine, people_file: Path) -> None:
    cli = ready_on_both
    cli.json("subscriber", "import", people_file, "--list", "readers")
    again = cli.json("subscriber", "import", people_file, "--list", "readers")
    assert (again["created"], again["updated"], again["unchanged"], again["invalid"]) == (0, 0, 3, 1)


def test_faulty_lines_are_kept_in_the_data_folder_and_said_on_standard_error(
    ready: CommandLine, people_file: Path
) -> None:
    answer = ready("subscriber", "import", people_file, "--list", "readers", "--json")
    errors = ready.data_dir / "imports" / "people-errors.csv"
    assert answer.exit_code == 0
    assert answer.json["errors_file"] == str(errors)
    assert str(errors) in answer.stderr
    assert "not an address" in errors.read_text(encoding="utf-8-sig")


def test_a_dry_run_counts_and_changes_nothing(ready: CommandLine, people_file: Path) -> None:
    answer = ready("subscriber", "import", people_file, "--list", "readers", "--dry-run", "--json")
    assert answer.json["created"] == 3
    assert "nothing was changed" in answer.stderr
    assert ready.json("list", "ls")[0]["subscribers"] == 0


def test_a_double_opt_in_list_counts_only_who_confirmed(ready: CommandLine, people_file: Path) -> None:
    made = ready.json("list", "create", "Careful", "--opt-in", "double", "--private")
    assert list(made)[:4] == ["list_id", "slug", "opt_in", "subscribers"]
    assert (made["slug"], made["opt_in"], made["is_public"]) == ("careful", "double", False)
    ready.json("subscriber", "import", people_file, "--list", "careful")
    counts = {row["slug"]: (row["subscribers"], row["unconfirmed"]) for row in ready.json("list", "ls")}
    assert counts["careful"] == (0, 3)
    ready.json("subscriber", "import", people_file, "--list", "careful", "--confirmed")
    counts = {row["slug"]: (row["subscribers"], row["unconfirmed"]) for row in ready.json("list", "ls")}
    assert counts["careful"] == (3, 0)


def test_what_a_newsletter_says_about_itself_is_set_by_a_command(ready: CommandLine) -> None:
    slug = ready.json("newsletter", "list")[0]["slug"]
    assert (
        ready.json("newsletter", "edit", slug, "--about", "Ports, every weekday.")["about"] == "Ports, every weekday."
    )


def test_an_export_imported_again_changes_nothing(ready_on_both: CommandLine, tmp_path: Path) -> None:
    cli = ready_on_both
    first = cli.json("subscriber", "import", samples.subscribers_path(), "--list", "readers")
    out = tmp_path / "readers.csv"
    assert cli.json("subscriber", "export", "--list", "readers", "--out", out) == {
        "rows": first["created"],
        "file": str(out),
    }
    again = cli.json("subscriber", "import", out, "--list", "readers")
    assert (again["rows"], again["unchanged"]) == (first["created"], first["created"])


def test_an_export_is_csv_on_standard_output_or_json(ready: CommandLine, people_file: Path) -> None:
    ready.json("subscriber", "import", people_file, "--list", "readers")
    rows = list(csv.DictReader(io.StringIO(ready("subscriber", "export").stdout)))
    assert sorted(row["email"] for row in rows) == ["a@example.org", "b@example.org", "c@example.org"]
    assert sorted(row["email"] for row in ready.json("subscriber", "export")) == sorted(row["email"] for row in rows)


def test_a_subscriber_is_added_found_and_shown(ready_on_both: CommandLine) -> None:
    cli = ready_on_both
    cli.json("subscriber", "add", "Wei@Example.org", "--list", "readers", "--name", "Wei Chen", "--evidence", "card")
    assert [row["email"] for row in cli.json("subscriber", "ls", "wei")] == ["Wei@Example.org"]
    assert cli.json("subscriber", "ls", "nobody") == []
    shown = cli("subscriber", "show", "wei@example.org")
    assert shown.exit_code == 0
    assert "Wei Chen" in shown.stdout
    assert "readers" in shown.stdout
    assert "Wei Chen" in str(cli.json("subscriber", "show", "wei@example.org"))


def test_an_erased_person_does_not_come_back_by_an_import(ready_on_both: CommandLine, people_file: Path) -> None:
    cli = ready_on_both
    cli.json("subscriber", "import", people_file, "--list", "readers")
    cli.json("subscriber", "erase", "a@example.org", "--yes")
    assert cli("subscriber", "show", "a@example.org").exit_code == 1
    again = cli.json("subscriber", "import", people_file, "--list", "readers")
    assert (again["created"], again["suppressed"], again["unchanged"]) == (0, 1, 2)
    assert [(row["email"], row["reason"]) for row in cli.json("suppression", "ls")] == [(None, "erased")]


def test_a_suppressed_address_leaves_the_audience_until_it_is_lifted(
    ready_on_both: CommandLine, people_file: Path
) -> None:
    cli = ready_on_both
    cli.json("subscriber", "import", people_file, "--list", "readers")
    added = cli.json("suppression", "add", "B@example.org", "--evidence", "asked by telephone")
    assert added == {"email": "B@example.org", "reason": "manual", "changed": True}
    assert cli.json("suppression", "add", "b@example.org")["changed"] is False
    listed = cli.json("suppression", "ls", "--reason", "manual")
    assert [(row["email"], row["evidence"]) for row in listed] == [("b@example.org", "asked by telephone")]
    cli.json("suppression", "remove", "b@example.org")
    assert cli.json("suppression", "ls") == []


def test_a_delivery_shows_its_status_and_its_timeline(
    ready_on_both: CommandLine, brief_file: Path, people_file: Path
) -> None:
    cli = ready_on_both
    issue_id = started_issue(cli, brief_file, people_file)
    found = cli.json("delivery", "show", "--issue", issue_id, "--email", "A@example.org")
    assert (found["issue_id"], found["email"], found["status"], found["marks"]) == (
        issue_id,
        "a@example.org",
        "pending",
        [],
    )
    assert [entry["kind"] for entry in found["timeline"]] == ["queued"]
    assert found["timeline"][0]["detail"]["audience"] == 3
    assert "queued" in cli("delivery", "show", "--issue", issue_id, "--email", "a@example.org").stdout


def test_who_was_not_in_the_audience_has_no_delivery(ready: CommandLine, brief_file: Path, people_file: Path) -> None:
    issue_id = started_issue(ready, brief_file, people_file)
    ready.json("subscriber", "add", "late@example.org", "--list", "readers")
    answer = ready("delivery", "show", "--issue", issue_id, "--email", "late@example.org")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert f"late@example.org is not in the audience of issue {issue_id}" in answer.stderr
