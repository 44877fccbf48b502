"""Facts about every text file of the project: it works on any machine, and gives nothing away."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.tree import ROOT, project_files, text_of

BINARY = {".png", ".jpg", ".ico", ".woff2", ".gif", ".db", ".gz", ".zip"}
MACHINE_PATH = re.compile(r"(?<![\w.<}])/(?:work|root)/|/home/[a-z]+/|/Users/[A-Za-z]+/|[A-Z]:\\Users\\")
REGISTRY_HOST = re.compile(
    r"(?:files\.pythonhosted|pypi|registry\.npmjs|registry\.yarnpkg|test\.pypi)\.org|index[-]url", re.I
)
CONFLICT_MARK = re.compile(r"^(?:<{7} |={7}$|>{7} )", re.M)


def offenders(pattern: re.Pattern[str]) -> list[str]:
    texts = ((path, text_of(path)) for path in project_files() if path.suffix not in BINARY)
    return [f"{path}: {match[0]!r}" for path, text in texts if (match := pattern.search(text))]


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY_HOST, CONFLICT_MARK], ids=["path", "registry", "conflict"])
def test_no_file_contains_a_machines_path_a_registry_or_a_conflict(pattern: re.Pattern[str]) -> None:
    assert offenders(pattern) == []


def test_the_patterns_find_what_they_are_for() -> None:
    assert MACHINE_PATH.search("see " + "/ro" + "ot/x") and MACHINE_PATH.search("/ho" + "me/somebody/x")
    assert REGISTRY_HOST.search("https://py" + "pi.org/simple")
    assert CONFLICT_MARK.search("a\n" + "<" * 7 + " HEAD\n")
    assert not MACHINE_PATH.search("https://example.org/work/root/")


def test_text_files_end_with_a_newline_and_have_no_trailing_spaces() -> None:
    kinds = {".py", ".toml", ".yml", ".md", ".lock", ".mako", ".css", ".js"}
    wrong: list[Path] = []
    for path in project_files():
        text = text_of(path) if path.suffix in kinds else ""
        if text and (not text.endswith("\n") or re.search(r"[ \t]+$", text, re.M)):
            wrong.append(path)
    assert wrong == []


def test_scripts_may_be_run() -> None:
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
