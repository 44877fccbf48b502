"""Facts about where things are."""

from __future__ import annotations

import subprocess

from tests.project.tree import ROOT, project_files

FIXED = {"pyproject.toml", "README.md", "docker-compose.yml", "newsletter", "templates", "workers", "tests"}
FILES = {
    *(".ci", ".dockerignore", ".gitignore", "docs"),
    *("CHANGELOG.md", "CONTRIBUTING.md", "DECISIONS.md", "LICENSE", "SECURITY.md"),
    *("Dockerfile", "dev.py", "requirements.lock"),
}
HOMELESS = {"utils", "util", "helpers", "common", "core", "misc", "managers", "handlers"}


def test_the_top_level_holds_what_is_agreed_and_nothing_else() -> None:
    found = {path.parts[0] for path in project_files()}
    assert found >= FIXED
    assert found <= FIXED | FILES


def test_the_layers_are_folders_and_modules_of_the_agreed_names() -> None:
    packages = ("domain", "db", "rendering", "providers", "services", "web", "cli")
    modules = ("errors.py", "settings.py", "runtime.py", "jobs.py", "links.py")
    assert [name for name in packages if not (ROOT / "newsletter" / name / "__init__.py").exists()] == []
    assert [name for name in modules if not (ROOT / "newsletter" / name).exists()] == []


def test_no_module_is_a_drawer_for_everything() -> None:
    assert [str(path) for path in project_files() if path.stem in HOMELESS or HOMELESS & set(path.parts)] == []


def test_generated_files_are_ignored() -> None:
    names = [".venv/x", "var/newsletter.db", ".env", "newsletter/__pycache__/x.pyc", "dist/x.whl", "uv.lock"]
    project_files()
    ignored = subprocess.run(["git", "check-ignore", *names], cwd=ROOT, capture_output=True, text=True).stdout
    assert ignored.split() == names
