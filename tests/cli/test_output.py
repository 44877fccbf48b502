"""Output: JSON that any program can read, tables that any terminal can show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.cli.conftest import CommandLine

pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")

COLOUR = re.compile(r"\x1b\[(?:\d+;)*3\d")


def shown_on_a_terminal(cli: CommandLine, *arguments: str, **environment: str) -> str:
    """What a command writes when standard output is a terminal."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "newsletter", *arguments],
        cwd=cli.folder,
        env={name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        | {"TERM": "xterm-256color", "COLUMNS": "120"}
        | environment,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
    )
    os.close(theirs)
    chunks: list[bytes] = []
    try:
        while chunk := os.read(ours, 65536):
            chunks.append(chunk)
    except OSError:
        pass  # Linux says in this way that the other side has closed.
    finally:
        os.close(ours)
    assert done.wait(timeout=60) == 0
    return b"".join(chunks).decode()


def test_colours_are_for_terminals_and_no_color_takes_them_away(ready: CommandLine) -> None:
    assert COLOUR.search(shown_on_a_terminal(ready, "doctor"))
    assert not COLOUR.search(shown_on_a_terminal(ready, "doctor", NO_COLOR="1"))
    assert "\x1b" not in ready.process("doctor").stdout


def test_json_has_no_colours_on_a_terminal_either(ready: CommandLine) -> None:
    assert json.loads(shown_on_a_terminal(ready, "doctor", "--json"))["failed"] == 0


def test_a_pipe_gets_tables_whole(ready: CommandLine) -> None:
    name = "A name that is a good deal longer than a narrow terminal is wide " * 2
    ready.json("list", "create", name, "--slug", "long")
    assert name.strip() in ready("list", "ls").stdout


def test_a_terminal_that_knows_no_chinese_gets_it_escaped(ready: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    ready.json("list", "create", "每日简报", "--slug", "daily")
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    as_json, as_table = ready.process("list", "ls", "--json"), ready.process("list", "ls")
    assert "每日简报" in [row["name"] for row in as_json.json]
    assert as_table.exit_code == 0
    assert "\\u6bcf" in as_table.stdout


def test_numbers_stand_under_each_other(ready: CommandLine) -> None:
    for number in range(11):
        ready.json("list", "create", f"List {number}")
    lines = ready("list", "ls").stdout.splitlines()[2:]
    ends = {re.match(r" *\d+", line).end() for line in lines if line.strip()}  # type: ignore[union-attr]
    assert len(ends) == 1
