"""Facts about who imports whom."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.project.tree import ROOT

LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")


def test_the_layers_and_the_homes_of_libraries_are_kept() -> None:
    checked = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stdout[-4000:] + checked.stderr
    assert "0 broken" in checked.stdout


def test_an_import_upwards_is_found(tmp_path: Path) -> None:
    for name in ("newsletter", "workers", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "newsletter").unlink()
    (tmp_path / "newsletter").mkdir()
    for path in (ROOT / "newsletter").iterdir():
        (tmp_path / "newsletter" / path.name).symlink_to(path)
    (tmp_path / "newsletter" / "errors.py").unlink()
    (tmp_path / "newsletter" / "errors.py").write_text("import newsletter.services.briefs\n", encoding="utf-8")
    checked = subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert checked.returncode == 1
    assert "newsletter.errors is not allowed to import newsletter.services" in checked.stdout


def test_help_starts_without_loading_the_database_or_the_broker() -> None:
    script = (
        "import sys, newsletter.cli; print(*sorted({'sqlalchemy', 'celery', 'fastapi', 'sendgrid'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
