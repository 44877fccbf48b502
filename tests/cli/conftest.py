"""The command line as tests drive it: in this process for speed, in its own process where that matters."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from newsletter import samples
from newsletter.cli import app

PROCESS_TIMEOUT_SECONDS = 60
ADDRESS = "Harbour Press, 1 Quay Street, Port City"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """How a command ended and what it printed."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        """Standard output as the one JSON document that it has to be."""
        return json.loads(self.stdout)

    @property
    def error_lines(self) -> list[str]:
        """Standard error, line by line."""
        return self.stderr.splitlines()


class CommandLine:
    """Runs `newsletter …` against one data folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data_dir = folder / "var"

    def __call__(self, *arguments: object, stdin: str | None = None) -> Answer:
        """Run a command in this process."""
        result = CliRunner().invoke(app, [str(item) for item in arguments], input=stdin, prog_name="newsletter")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(exit_code=result.exit_code, stdout=result.stdout, stderr=result.stderr)

    def json(self, *arguments: object) -> Any:
        """The JSON document of a command that has to succeed."""
        answer = self(*arguments, "--json")
        assert answer.exit_code == 0, answer.stderr
        return answer.json

    def process(self, *arguments: object) -> Answer:
        """Run the real command in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "newsletter", *map(str, arguments)],
            cwd=self.folder,
            env=dict(os.environ),
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=PROCESS_TIMEOUT_SECONDS,
            check=False,
        )
        return Answer(exit_code=done.returncode, stdout=done.stdout.decode(), stderr=done.stderr.decode())


def prepare(cli: CommandLine) -> CommandLine:
    """Set up: init, a newsletter that may send, and a list called "readers"."""
    slug = cli.json("init", "--admin", "ada@example.org")["newsletter"]
    cli.json("newsletter", "edit", slug, "--postal-address", ADDRESS, "--time-zone", "Europe/Berlin")
    cli.json("list", "create", "Readers")
    return cli


def command_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line whose environment and working folder are those of one test."""
    for name in [name for name in os.environ if name.startswith("NEWSLETTER_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NEWSLETTER_DATA_DIR", str(folder / "var"))
    # Commands look for .env in the folder they run in; theirs is empty.
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    # Without compiled modules each process takes seconds to load.
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return CommandLine(folder)


@pytest.fixture(scope="session")
def prepared_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data folder of a set-up system, to be copied."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        return prepare(command_line(tmp_path_factory.mktemp("prepared"), monkeypatch)).data_dir


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line with an empty data folder and nothing set up."""
    return command_line(tmp_path, monkeypatch)


@pytest.fixture
def ready(cli: CommandLine, prepared_data_dir: Path) -> CommandLine:
    """A command line that is set up, on SQLite."""
    shutil.copytree(prepared_data_dir, cli.data_dir)
    return cli


@pytest.fixture
def ready_on_both(cli: CommandLine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    """A command line that is set up, once on each kind of database."""
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", database_url)
    return prepare(cli)


@pytest.fixture
def brief_file(tmp_path: Path) -> Path:
    """The sample brief as a file."""
    path = tmp_path / "brief.txt"
    path.write_text(samples.brief_text(), encoding="utf-8")
    return path


@pytest.fixture
def people_file(tmp_path: Path) -> Path:
    """Three people and one line that is no address."""
    path = tmp_path / "people.csv"
    path.write_text(
        "email,name,city\na@example.org,Ann,Ulm\nb@example.org,Ben,Wesel\nnot an address,Cy,\nc@example.org,,\n"
    )
    return path
