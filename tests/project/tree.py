"""What belongs to the project: the files that git knows, or would take up."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@cache
def project_files() -> tuple[Path, ...]:
    """All files of the project relative to its root; skips the test where this is no git checkout."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: its files cannot be told from others")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return tuple(path for name in listed.stdout.split("\0") if name and (ROOT / (path := Path(name))).is_file())


def text_of(path: Path) -> str:
    """A file's text; what is not UTF-8 reads as replacement characters."""
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")
