"""Errors: one clear line on standard error, the right exit code, nothing on standard output, never a traceback."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from newsletter import samples
from tests.cli.conftest import Answer, CommandLine


def assert_one_line(answer: Answer, *words: str) -> None:
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert len(answer.error_lines) == 1, answer.stderr
    assert answer.stderr.startswith("error: ")
    assert "Traceback" not in answer.stderr
    assert [word for word in words if word not in answer.stderr] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["brief", "import", "missing.txt"], ["there is no file missing.txt"]),
        (["brief", "import", "."], ["is a folder"]),
        (["subscriber", "import", "missing.csv", "--list", "readers"], ["there is no file missing.csv"]),
        (["subscriber", "import", "people.csv", "--list", "reader"], ["there is no list “reader”", "readers"]),
        (["brief", "show", "99"], ["there is no brief 99", "newsletter brief ls"]),
        (["brief", "check", "99"], ["there is no brief 99"]),
        (["brief", "submit", "99"], ["there is no brief 99"]),
        (["brief", "approve", "99"], ["there is no brief 99"]),
        (["brief", "render", "99", "--out", "preview"], ["there is no brief 99"]),
        (["test-send", "99", "--to", "a@example.org"], ["there is no brief 99"]),
        (["issue", "create", "--brief", "99", "--list", "readers"], ["there is no brief 99"]),
        (["issue", "send", "99"], ["there is no issue 99", "newsletter issue ls"]),
        (["issue", "status", "99"], ["there is no issue 99"]),
        (["issue", "wait", "99"], ["there is no issue 99"]),
        (["delivery", "show", "--issue", "99", "--email", "a@example.org"], ["there is no issue 99"]),
        (["subscriber", "show", "nobody@example.org"], ["nobody@example.org"]),
        (["subscriber", "erase", "nobody@example.org", "--yes"], ["nobody@example.org"]),
        (["subscriber", "show", "no address"], ["is not an email address"]),
        (["suppression", "remove", "nobody@example.org"], ["is not suppressed"]),
        (["newsletter", "edit", "other", "--name", "X"], ["there is no newsletter “other”"]),
        (["newsletter", "edit", "my-newsletter"], ["nothing was given to change"]),
        (["newsletter", "edit", "my-newsletter", "--time-zone", "Mars"], ["“Mars” is not a time zone"]),
        (["newsletter", "edit", "my-newsletter", "--theme", "accent"], ["accent=#0b3a66"]),
        (["list", "create", "Readers"], ["there is a list “readers” already"]),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value, list) else "",
)
def test_what_is_refused_is_one_line(
    ready: CommandLine, people_file: Path, arguments: list[str], words: list[str]
) -> None:
    assert_one_line(ready(*arguments), *words)
    assert_one_line(ready(*arguments, "--json"), *words)


@pytest.mark.parametrize(
    "arguments",
    [
        ["brief", "show", "one"],
        ["brief", "show"],
        ["brief", "import", "brief.txt", "--format", "word"],
        ["issue", "resolve", "1", "--unknown", "guess"],
        ["issue", "create", "--brief", "1"],
        ["list", "create", "More", "--opt-in", "triple"],
        ["no-such-command"],
        ["brief", "show", "1", "--no-such-option"],
    ],
    ids=" ".join,
)
def test_wrong_usage_leaves_with_2(ready: CommandLine, arguments: list[str]) -> None:
    answer = ready(*arguments)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "Traceback" not in answer.stderr


def test_before_init_every_command_says_to_run_it(cli: CommandLine) -> None:
    assert_one_line(cli("newsletter", "list"), "there is no secret key", "newsletter init")


def test_a_database_without_tables_is_one_line(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", "k" * 40)
    assert_one_line(cli("brief", "ls", "--json"), "the database is not migrated", "newsletter db upgrade")


def test_a_database_of_an_older_schema_is_one_line(ready: CommandLine) -> None:
    with sqlite3.connect(ready.data_dir / "newsletter.db") as database:
        database.execute("UPDATE alembic_version SET version_num = 'older'")
    assert_one_line(ready("brief", "ls"), "the database is not migrated", "newsletter db upgrade")


def test_a_database_that_is_gone_is_one_line(ready: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", "postgresql://news:hunter2@127.0.0.1:1/news")
    for command in (["brief", "ls"], ["issue", "send", "1"], ["db", "check"], ["db", "upgrade"]):
        answer = ready(*command, "--json")
        assert_one_line(answer, "the database does not answer")
        assert "hunter2" not in answer.stderr


def test_a_file_that_is_no_database_is_one_line(ready: CommandLine) -> None:
    for path in ready.data_dir.glob("newsletter.db*"):
        path.unlink()
    (ready.data_dir / "newsletter.db").write_text("this is a letter to the editor, and no database\n" * 100)
    assert_one_line(ready("brief", "ls"), "not a database")


def test_a_database_url_of_another_kind_is_one_line(ready: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", "mysql://localhost/news")
    assert_one_line(ready("brief", "ls"), "NEWSLETTER_DATABASE_URL")


def test_a_setting_that_cannot_be_used_is_one_line(ready: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_PROVIDER", "pigeon")
    assert_one_line(ready("brief", "ls"), "NEWSLETTER_PROVIDER")


def test_a_broker_that_is_no_redis_is_one_line(ready: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_BROKER_URL", "amqp://guest@localhost")
    assert_one_line(ready("brief", "ls"), "NEWSLETTER_BROKER_URL")


def test_a_worker_does_not_start_with_a_database_that_it_does_not_know(ready: CommandLine) -> None:
    environment = os.environ | {"NEWSLETTER_DATA_DIR": str(ready.data_dir), "NEWSLETTER_DATABASE_URL": "mysql://x"}
    done = subprocess.run(
        [sys.executable, "-m", "workers", "worker"], env=environment, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "NEWSLETTER_DATABASE_URL names mysql; use sqlite:/// or postgresql+psycopg://\n"


def test_a_data_folder_that_is_a_file_is_one_line(cli: CommandLine) -> None:
    cli.data_dir.write_text("not a folder")
    assert_one_line(cli("init"), str(cli.data_dir))


def test_an_unreadable_brief_names_every_fault_on_a_line_of_its_own(ready: CommandLine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.txt"
    source = samples.brief_text().replace("URL: ", "URL: " + "x" * 1001)
    broken.write_text(source, encoding="utf-8")
    answer = ready("brief", "import", broken, "--json")
    assert (answer.exit_code, answer.stdout) == (1, "")
    head, *faults = answer.error_lines
    assert head == f"error: the brief cannot be read: {len(faults)} faults, correct and import it again"
    assert len(faults) >= 10
    assert all(fault.startswith("  line ") for fault in faults)
    assert ready.json("brief", "ls") == []


def test_a_brief_with_an_empty_story_is_stored_and_cannot_be_submitted(ready: CommandLine, tmp_path: Path) -> None:
    lacking = tmp_path / "lacking.txt"
    lacking.write_text(samples.brief_text() + "\n\n11. Only a Headline\n", encoding="utf-8")
    imported = ready.json("brief", "import", lacking)
    assert imported["stories"] == 11
    blockers = [finding["code"] for finding in imported["findings"] if finding["level"] == "blocker"]
    assert blockers == ["summary-missing"]
    checked = ready("brief", "check", imported["brief_id"], "--json")
    assert (checked.exit_code, checked.json["blockers"]) == (1, 1)
    assert_one_line(ready("brief", "submit", imported["brief_id"]), "story 11 has no summary")
    assert ready("brief", "import", lacking).stdout.splitlines()[-1].startswith("next: newsletter brief check ")


def test_a_link_that_is_not_safe_is_left_out_and_blocks(ready: CommandLine, tmp_path: Path) -> None:
    unsafe = tmp_path / "unsafe.txt"
    unsafe.write_text(samples.brief_text().replace("(https://quayside", "(javascript:quayside"), encoding="utf-8")
    imported = ready.json("brief", "import", unsafe)
    assert "link-invalid" in [finding["code"] for finding in imported["findings"]]
    shown = ready.json("brief", "show", imported["brief_id"])
    assert "javascript" not in str(shown["sections"])
    assert ready("brief", "check", imported["brief_id"], "--json").exit_code == 1


@pytest.mark.parametrize(
    "content", [b"", b"\x00\x01\x02" * 500, b"hello\n", b"x" * 5_000_000], ids=["empty", "binary", "hello", "5 MB"]
)
def test_what_is_no_brief_is_refused_at_once(ready: CommandLine, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "odd.txt"
    path.write_bytes(content)
    answer = ready("brief", "import", path, "--json")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.error_lines[0].startswith("error: the brief cannot be read")
    assert all(line.startswith("  ") for line in answer.error_lines[1:])


def test_a_real_process_leaves_with_the_promised_codes(ready: CommandLine) -> None:
    done = ready.process("newsletter", "list", "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.json[0]["slug"] == "my-newsletter"
    assert_one_line(ready.process("brief", "show", "99", "--json"), "there is no brief 99")
    assert ready.process("brief", "show", "one").exit_code == 2


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_a_wait_quietly_with_130(ready: CommandLine, brief_file: Path) -> None:
    brief_id = ready.json("brief", "import", brief_file)["brief_id"]
    ready.json("brief", "submit", brief_id)
    ready.json("brief", "approve", brief_id)
    ready.json("subscriber", "add", "a@example.org", "--list", "readers")
    issue_id = ready.json("issue", "create", "--brief", brief_id, "--list", "readers", "--at", "2999-01-01")["issue_id"]
    with subprocess.Popen(
        [sys.executable, "-c", _SAY_WHEN_WAITING, str(issue_id)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"waiting\n"
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, rest, errors.strip()) == (130, b"", b"")


# The first pause between two looks tells that the command is really waiting. SIGINT is ignored by a shell's background
# jobs and whatever they start, such as a test run and this program: here it is as it would be in a terminal.
_SAY_WHEN_WAITING = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
from newsletter.cli import main
pause = time.sleep
def announce(seconds):
    print("waiting", flush=True)
    time.sleep = pause
    pause(seconds)
time.sleep = announce
sys.argv = ["newsletter", "issue", "wait", sys.argv[1]]
main()
"""


@pytest.mark.skipif(shutil.which("sh") is None, reason="there is no shell to make a pipe with")
def test_a_reader_that_stops_reading_causes_no_noise(ready: CommandLine) -> None:
    done = subprocess.run(
        [
            "sh",
            "-c",
            f"{sys.executable} -m newsletter settings --json | true; {sys.executable} -m newsletter settings | true",
        ],
        cwd=ready.folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
