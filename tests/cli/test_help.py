"""Help: every command of the contract is there, says what it does, and shows how."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from newsletter.cli.acting import RIGHTS
from newsletter.cli.root import COMMANDS, load_command
from tests.cli.conftest import CommandLine

COMMANDS_OF_THE_CONTRACT = """
demo · init · serve · web · worker · beat · db upgrade · db check · settings · doctor
newsletter list · newsletter create · newsletter edit · publication list · publication create · publication edit
user create · list create · list ls
subscriber import · subscriber show · subscriber export · subscriber erase
brief import · brief show · brief render · brief check · brief submit · brief approve · brief request-changes
test-send · issue create · issue send · issue pause · issue resume · issue cancel · issue retry · issue resolve
issue status · issue wait · delivery show · suppression ls · suppression add · suppression remove
"""
PRINTS_NO_RESULT = {"serve", "web", "worker", "beat"}


def leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """The commands below a command, each with its whole name."""
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, below in children.items():
        yield from leaves(f"{name} {child}", below)


@pytest.fixture(scope="module")
def commands() -> dict[str, Any]:
    return {path: leaf for name in COMMANDS for path, leaf in leaves(name, load_command(name))}


def test_every_command_of_the_contract_exists(commands: dict[str, Any]) -> None:
    promised = {name.strip() for name in re.split(r"[·\n]", COMMANDS_OF_THE_CONTRACT) if name.strip()}
    assert promised <= commands.keys()


def test_every_command_shows_an_example_of_itself(commands: dict[str, Any]) -> None:
    lacking = [
        name
        for name, command in commands.items()
        if f"Example: newsletter {name.replace('publication', 'newsletter')}" not in command.help
    ]
    assert lacking == []


def test_every_command_that_prints_a_result_can_print_it_as_json(commands: dict[str, Any]) -> None:
    lacking = [
        name
        for name, command in commands.items()
        if name not in PRINTS_NO_RESULT and not any("--json" in parameter.opts for parameter in command.params)
    ]
    assert lacking == []


def test_every_option_is_explained(commands: dict[str, Any]) -> None:
    lacking = [
        (name, parameter.name)
        for name, command in commands.items()
        for parameter in command.params
        if not parameter.help
    ]
    assert lacking == []


def test_exactly_the_commands_with_a_right_can_act_for_a_user(commands: dict[str, Any]) -> None:
    acting = {
        name
        for name, command in commands.items()
        if any("--as" in parameter.opts for parameter in command.params) and not name.startswith("publication")
    }
    assert acting == RIGHTS.keys()


def test_the_overview_says_of_each_command_what_its_own_help_says() -> None:
    differing = {
        name: entry.summary
        for name, entry in COMMANDS.items()
        if (load_command(name).help or "").split("\n\n")[0].replace("\n", " ") != entry.summary
    }
    assert differing == {}


def test_the_overview_names_every_command(cli: CommandLine) -> None:
    shown = cli("--help").stdout
    assert [name for name in COMMANDS if not re.search(rf"^  {name} ", shown, re.MULTILINE)] == []


def test_the_overview_comes_without_loading_database_or_broker() -> None:
    program = (
        "import sys; from newsletter.cli import app\n"
        "try: app(['--help'], prog_name='newsletter')\n"
        "except SystemExit: pass\n"
        "print(sorted({'sqlalchemy', 'celery', 'pydantic', 'rich.markdown'} & sys.modules.keys()), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stderr.strip() == "[]"


def test_a_mistyped_command_is_wrong_usage_and_gets_a_suggestion(cli: CommandLine) -> None:
    answer = cli("isue", "ls")
    assert answer.exit_code == 2
    assert "Did you mean 'issue'" in answer.stderr


def test_the_version_is_printed() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "newsletter", "--version"],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert re.fullmatch(r"newsletter \d+\.\d+\.\d+\n", done.stdout)
