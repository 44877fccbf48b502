"""Facts about the wheel: it carries everything that the program needs, and runs where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.processes import clean_environment
from tests.project.tree import ROOT, project_files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The installed program, in an environment with its dependencies that knows nothing of the checkout."""
    venv = tmp_path_factory.mktemp("venv")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True, timeout=60)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)}))
    # The dependencies are those of this environment, linked one by one without its editable install of the project.
    for path in Path(sysconfig.get_path("purelib")).iterdir():
        if path.suffix != ".pth" and not path.name.startswith(
            ("newsletter", "_editable", "__editable__", "__pycache__")
        ):
            (site / path.name).symlink_to(path)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return [str(python), "-m", "newsletter"]


def run(program: list[str], *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in clean_environment().items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*program, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=60
    )


def test_the_wheel_holds_every_file_that_the_program_reads(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    tops = {"newsletter": "newsletter", "workers": "workers", "templates": "newsletter/templates"}
    expected = {"/".join([tops[path.parts[0]], *path.parts[1:]]) for path in project_files() if path.parts[0] in tops}
    assert expected - inside == set()
    assert [name for name in inside if name.startswith(("tests", "docs")) or "__pycache__" in name] == []


def test_the_installed_program_shows_its_help(program: list[str], tmp_path: Path) -> None:
    shown = run(program, "--help", folder=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "demo" in shown.stdout


def test_the_installed_program_is_not_the_checkout(program: list[str], tmp_path: Path) -> None:
    where = run([program[0], "-c", "import newsletter; print(newsletter.__file__)"], folder=tmp_path)
    assert str(ROOT) not in where.stdout
    assert where.stdout.strip().endswith("__init__.py")


def test_the_installed_program_migrates_a_database(program: list[str], tmp_path: Path) -> None:
    upgraded = run(program, "db", "upgrade", folder=tmp_path)
    assert upgraded.returncode == 0, upgraded.stderr
    assert (tmp_path / "var" / "newsletter.db").exists()
    assert run(program, "db", "check", folder=tmp_path).returncode == 0


def test_the_installed_program_renders_a_brief_with_its_own_templates(program: list[str], tmp_path: Path) -> None:
    script = "from newsletter import samples; print(samples.brief_text())"
    (tmp_path / "brief.txt").write_text(run([program[0], "-c", script], folder=tmp_path).stdout, encoding="utf-8")
    for arguments in (["init"], ["brief", "import", "brief.txt"], ["brief", "render", "1", "--out", "out"]):
        done = run(program, *arguments, folder=tmp_path)
        assert done.returncode == 0, done.stderr
    assert "<html" in (tmp_path / "out" / "brief.html").read_text(encoding="utf-8")
