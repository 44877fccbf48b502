#!/usr/bin/env python3
"""Everything a developer runs, with nothing installed but Python 3.11 or newer.

    python3 dev.py demo                     the main job on the embedded defaults, then a console with the mails
    python3 dev.py test                     the whole test suite, on up to four processors
    python3 dev.py test tests/domain -k date  some tests, in one process: the arguments are pytest's
    python3 dev.py lint                     style, types and the layering
    python3 dev.py run newsletter --help    any command inside the environment
    python3 dev.py setup                    only make or refresh the environment

The environment is the folder .venv beside this file, made from requirements.lock the first time and whenever the lock,
pyproject.toml or the Python version changes. uv does it in seconds; where there is no uv, pip is asked for it, and
where that fails too, pip does all the work in a minute.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
SCRIPTS = VENV / ("Scripts" if os.name == "nt" else "bin")
PYTHON = SCRIPTS / ("python.exe" if os.name == "nt" else "python")
STAMP = VENV / "newsletter.stamp"
LOCK = ROOT / "requirements.lock"
# Each process starts servers of its own; more than four of them seldom end sooner.
WHOLE_SUITE = ["--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal"]
LINTERS = (
    ["ruff", "check", "."],
    ["ruff", "format", "--check", "."],
    ["mypy"],
    ["lint-imports"],
)


def main(arguments: list[str]) -> int:
    """Do what the first argument says; returns the exit code."""
    verb, *rest = arguments or ["--help"]
    if verb in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    if verb not in ("demo", "test", "lint", "run", "setup") or (verb == "run" and not rest):
        print(f"dev.py: cannot do {' '.join(arguments)!r}: see `python3 dev.py --help`", file=sys.stderr)
        return 2
    prepare()
    if verb == "demo":
        return become(["newsletter", "demo", *rest])
    if verb == "run":
        return become(rest)
    if verb == "test":
        os.chdir(ROOT)
        return become(["pytest", *(rest or WHOLE_SUITE)])
    return lint() if verb == "lint" else 0


def prepare() -> None:
    """Make .venv, or bring it up to date; a few milliseconds when there is nothing to do."""
    is_made = PYTHON.exists()
    stamp = STAMP.read_text(encoding="utf-8").splitlines() if STAMP.exists() else []
    if is_made and stamp == [*identity(), fingerprint()]:
        return
    print("Preparing .venv (the first time takes from ten seconds to a minute) …", file=sys.stderr, flush=True)
    uv = working_uv(shutil.which("uv"))
    # An environment that was moved, or is of another Python, is made anew; one that somebody else made here is filled.
    is_kept = is_made and run([PYTHON, "--version"], quiet=True) and (not stamp or stamp[:2] == identity())
    if not is_kept and not is_own_python():
        make_venv(uv)
    if uv is None and run([PYTHON, "-m", "pip", "install", "--quiet", "uv"], quiet=True):
        uv = working_uv(str(SCRIPTS / "uv"))
    install(uv)
    STAMP.write_text("\n".join([*identity(), fingerprint()]) + "\n", encoding="utf-8")


def identity() -> list[str]:
    """What an environment cannot change: its place, which its scripts contain, and its Python."""
    return [str(ROOT), "%d.%d" % sys.version_info[:2]]


def fingerprint() -> str:
    """What is to be installed, as a hash."""
    return hashlib.sha256(LOCK.read_bytes() + b"\0" + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def is_own_python() -> bool:
    """Whether this very program runs in .venv, which then can be filled but not made anew."""
    return Path(sys.prefix).resolve() == VENV.resolve()


def working_uv(path: str | None) -> str | None:
    """This uv if it runs: a version manager's shim may lead nowhere."""
    return path if path and run([path, "--version"], quiet=True) else None


def make_venv(uv: str | None) -> None:
    """An empty .venv of this Python."""
    if uv and run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, VENV]):
        return
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        sys.exit("dev.py: this Python cannot make environments: install python3-venv (apt install python3-venv), or uv")
    if not run([sys.executable, "-m", "venv", "--clear", VENV]):
        sys.exit(f"dev.py: cannot make {VENV}: see the message above")


def install(uv: str | None) -> None:
    """Install what the lock names, then the project itself, with uv or else with pip."""
    uv_pip = [uv, "pip", "install", "--quiet", "--python", PYTHON]
    pip = [PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    locked = ["--requirement", LOCK]
    # The lock holds the build back end too: nothing is resolved a second time.
    project = ["--no-deps", "--no-build-isolation", "--editable", ROOT]
    if uv and run([*uv_pip, *locked]) and run([*uv_pip, *project]):
        return
    if not run([PYTHON, "-m", "pip", "--version"], quiet=True):
        run([PYTHON, "-m", "ensurepip", "--default-pip"], quiet=True)
    if not (run([*pip, *locked]) and run([*pip, *project])):
        sys.exit("dev.py: cannot install the packages of requirements.lock: see the messages above, then try again")


def run(command: Sequence[object], *, quiet: bool = False) -> bool:
    """Whether a command succeeds. What it says goes to standard error: standard output belongs to the verb."""
    out = subprocess.DEVNULL if quiet else sys.stderr
    try:
        return subprocess.run([str(part) for part in command], stdout=out, stderr=out).returncode == 0
    except OSError:
        return False


def become(command: list[str]) -> int:
    """Go on as this command inside the environment; comes back, with its exit code, only on Windows."""
    environment = inner_environment()
    program = shutil.which(command[0], path=environment["PATH"])
    if program is None:
        print(f"dev.py: there is no command {command[0]!r} in .venv or on PATH", file=sys.stderr)
        return 127
    if os.name != "nt":
        sys.stdout.flush()
        os.execve(program, command, environment)
    return subprocess.run([program, *command[1:]], env=environment).returncode


def lint() -> int:
    """Run each linter; 1 if any of them found something."""
    results = []
    for command in LINTERS:
        print(f"$ {' '.join(command)}", flush=True)
        results.append(subprocess.run([str(SCRIPTS / command[0]), *command[1:]], cwd=ROOT, env=inner_environment()))
    return int(any(result.returncode for result in results))


def inner_environment() -> dict[str, str]:
    """The environment variables as an activated .venv has them."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
    path = os.pathsep.join([str(SCRIPTS), kept.get("PATH", os.defpath)])
    return kept | {"VIRTUAL_ENV": str(VENV), "PATH": path}


if __name__ == "__main__":
    if sys.version_info < (3, 11):
        sys.exit("dev.py: Python 3.11 or newer is needed, this is %d.%d" % sys.version_info[:2])
    sys.exit(main(sys.argv[1:]))
