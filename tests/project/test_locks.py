"""Facts about what is installed: pinned, complete, and without the address of anybody's server."""

from __future__ import annotations

import re
import tomllib

from tests.project.tree import ROOT, project_files

LOCK_LINE = re.compile(r"^(?P<name>[a-z0-9][a-z0-9._-]*)==[0-9][^\s;]*( ; .+)?$")
# Each of these records download addresses of the machine that made it.
LOCKS_WITH_ADDRESSES = {
    "uv.lock",
    "pylock.toml",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "package-lock.json",
    "yarn.lock",
}


def locked_names() -> set[str]:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return {match["name"] for line in lines if (match := LOCK_LINE.match(line))}


def test_every_line_of_the_lock_pins_one_version() -> None:
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not LOCK_LINE.match(line)] == []


def test_everything_the_project_asks_for_is_in_the_lock() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    names = {re.split(r"[\s\[<>=!~;]", requirement)[0].lower() for requirement in wanted}
    assert names - locked_names() == set()


def test_no_lock_with_download_addresses_is_part_of_the_project() -> None:
    assert [str(path) for path in project_files() if path.name in LOCKS_WITH_ADDRESSES] == []
    assert "://" not in (ROOT / "requirements.lock").read_text(encoding="utf-8")
