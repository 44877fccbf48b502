"""`newsletter bounce classify`: files in, one JSON array out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from newsletter.cli import bounces, root

SAMPLES = Path(__file__).parent / "samples"


def run(*arguments: str) -> list[dict[str, Any]]:
    """What the command prints on standard output, as JSON."""
    app = typer.Typer()
    bounces.register(app)
    result = CliRunner().invoke(app, ["bounce", "classify", *arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    described: list[dict[str, Any]] = json.loads(result.stdout)
    return described


def test_a_file_is_described_with_class_category_status_and_rule() -> None:
    path = str(SAMPLES / "dsn-user-unknown.eml")
    assert run(path) == [
        {
            "file": path,
            "kind": "bounce",
            "recipients": [
                {
                    "address": "ada@example.org",
                    "class": "hard",
                    "category": "mailbox_unknown",
                    "status": "5.1.1",
                    "rule": "text.mailbox_unknown",
                }
            ],
        }
    ]


def test_what_is_no_failure_has_the_class_null() -> None:
    (described,) = run(str(SAMPLES / "dsn-delayed.eml"))
    assert described["kind"] == "delayed"
    assert [recipient["class"] for recipient in described["recipients"]] == [None]


def test_files_are_answered_in_the_order_they_were_named() -> None:
    names = [str(path) for path in sorted(SAMPLES.glob("*.eml"), reverse=True)]
    assert [described["file"] for described in run(*names)] == names


def test_a_folder_is_one_mail_for_each_file_and_an_mbox_one_for_each_mail(tmp_path: Path) -> None:
    mail = (SAMPLES / "dsn-user-unknown.eml").read_bytes()
    new = tmp_path / "Maildir" / "new"
    new.mkdir(parents=True)
    (new / "1700000000.1.host").write_bytes(mail)
    mbox = tmp_path / "returned"
    mbox.write_bytes(b"From MAILER-DAEMON Tue Mar  3 06:00:00 2026\n" + mail + b"\n\nFrom MAILER-DAEMON x\n" + mail)
    described = run(str(tmp_path / "Maildir"), str(mbox))
    assert [one["file"] for one in described] == [str(new / "1700000000.1.host"), str(mbox), str(mbox)]
    assert [one["recipients"][0]["class"] for one in described] == ["hard", "hard", "hard"]


def test_a_file_named_for_one_mail_is_one_mail_whatever_it_returns(tmp_path: Path) -> None:
    path = tmp_path / "returned.eml"
    path.write_bytes(
        b"From MAILER-DAEMON x\n" + (SAMPLES / "dsn-user-unknown.eml").read_bytes() + b"\n\nFrom ada Tue Mar 3\n"
    )
    assert [one["kind"] for one in run(str(path))] == ["bounce"]


@pytest.mark.parametrize("name", ["missing.eml", "missing"])
def test_a_file_that_cannot_be_read_is_one_clear_line(tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(root.app, ["bounce", "classify", str(tmp_path / name), "--json"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.strip().splitlines()) == 1
    assert name in result.stderr


def test_classifying_loads_no_database() -> None:
    script = "import sys, newsletter.cli.bounces; sys.exit('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
