"""Facts about dev.py, as far as they hold without making an environment anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.tree import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what dev.py reads, and no environment."""
    for name in ("dev.py", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def dev(checkout: Path, *arguments: str, prelude: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run dev.py with this Python after some lines that change it."""
    start = f"import sys, runpy; sys.argv = {['dev.py', *arguments]!r}"
    script = "\n".join([start, prelude, "runpy.run_path('dev.py', run_name='__main__')"])
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=checkout,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_shows_every_verb(checkout: Path) -> None:
    shown = dev(checkout, "--help")
    assert shown.returncode == 0
    assert all(f"dev.py {verb}" in shown.stdout for verb in ("demo", "test", "lint", "run", "setup"))


@pytest.mark.parametrize("arguments", [["fly"], ["run"]])
def test_wrong_usage_is_one_line_and_exit_code_2(checkout: Path, arguments: list[str]) -> None:
    refused = dev(checkout, *arguments)
    assert refused.returncode == 2
    assert len(refused.stderr.splitlines()) == 1


def test_an_old_python_is_told_so_in_one_line(checkout: Path) -> None:
    refused = dev(checkout, "test", prelude="sys.version_info = (3, 10, 2, 'final', 0)")
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == ["dev.py: Python 3.11 or newer is needed, this is 3.10"]


def test_a_python_that_makes_no_environments_is_told_what_to_install(checkout: Path) -> None:
    # An entry of None is how Python itself marks a module that cannot be had: Debian ships its Python without it.
    refused = dev(checkout, "setup", prelude="sys.modules['ensurepip'] = None", PATH="/nowhere")
    assert refused.returncode == 1
    assert "install python3-venv" in refused.stderr.splitlines()[-1]
    assert "Traceback" not in refused.stderr
