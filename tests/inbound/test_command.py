"""`newsletter bounce classify`: files in, one JSON array out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from newsletter.cli import bounces

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
