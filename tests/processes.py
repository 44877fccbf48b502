"""Real processes for tests: started, watched, killed like in life, and never left behind."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import TypeVar

from pydantic import SecretStr

from newsletter.settings import Settings

GUARD = Path(__file__).with_name("guard.py")
# For failure, never for success: a machine that is busy or slow takes its time.
START_SECONDS = 60.0
STOP_SECONDS = 60.0
POLL_SECONDS = 0.02
LOG_TAIL_CHARACTERS = 4000

T = TypeVar("T")


class ProcessFailed(AssertionError):
    """A process ended early, or what was waited for did not come in time; the message ends with its log."""


class Process:
    """One real process in a session of its own; its output goes to `log`.

    It ends with the test run at the latest, even if the test run is killed, and then its `scratch` folder is removed.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        scratch: Path | None = None,
    ) -> None:
        self.log = log
        self._command = [str(part) for part in command]
        self._exit_code: int | None = None
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(GUARD), str(log), stop_signal.name, str(scratch or ""), *self._command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=None if environment is None else dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        pid = self._read_number(START_SECONDS)
        if pid is None:
            raise ProcessFailed(f"{self._command[0]} cannot be started")
        self.pid = pid

    def output(self) -> str:
        """All that the process and its children have written so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def exit_code(self) -> int | None:
        """How it ended (negative: by that signal); None while it runs."""
        if self._exit_code is None:
            self._exit_code = self._read_number(0)
        return self._exit_code

    def wait(self, *, seconds: float = STOP_SECONDS) -> int:
        """Wait for its end; returns the exit code (negative: by that signal)."""
        if self._exit_code is None:
            self._exit_code = self._read_number(seconds)
        if self._exit_code is None:
            raise ProcessFailed(self._with_log(f"still runs after {seconds:g} seconds"))
        return self._exit_code

    def wait_until(self, condition: Callable[[], T | None], *, seconds: float = START_SECONDS, what: str = "") -> T:
        """The first true answer of `condition`; ProcessFailed if the process ends first or time runs out."""
        until = time.monotonic() + seconds
        while True:
            has_ended = self.exit_code() is not None
            # Asked after that: what a process does last counts too.
            if answer := condition():
                return answer
            if has_ended:
                raise ProcessFailed(self._with_log(f"ended with {self._exit_code}, before {what or 'the condition'}"))
            if time.monotonic() >= until:
                raise ProcessFailed(self._with_log(f"{what or 'the condition'} did not come in {seconds:g} seconds"))
            time.sleep(POLL_SECONDS)

    def wait_for_line(self, pattern: str, *, seconds: float = START_SECONDS) -> re.Match[str]:
        """The first match of this regular expression in the output."""
        return self.wait_until(
            lambda: re.search(pattern, self.output()), seconds=seconds, what=f"output like {pattern!r}"
        )

    def wait_for_port(self, port: int, *, seconds: float = START_SECONDS) -> None:
        """Wait until somebody listens on this port of the loopback interface."""
        self.wait_until(lambda: is_listening(port), seconds=seconds, what=f"a listener on port {port}")

    def wait_until_it_listens_to(self, number: signal.Signals, *, seconds: float = START_SECONDS) -> None:
        """Wait until it does something of its own about this signal; before that the signal just ends it."""
        self.wait_until(lambda: _catches(self.pid, number), seconds=seconds, what=f"a handler of {number.name}")

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, not to its children."""
        if self.exit_code() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self, *, seconds: float = STOP_SECONDS) -> int:
        """Ask it to finish, as an init system does; returns the exit code."""
        self.send_signal(signal.SIGTERM)
        return self.wait(seconds=seconds)

    def kill(self) -> int:
        """Kill -9 the process alone: its children live on until they notice. Returns the exit code."""
        self.send_signal(signal.SIGKILL)
        return self.wait()

    def kill_tree(self) -> int:
        """Kill -9 the process and all its children at once, as a power cut does. Returns the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        return self.wait()

    def close(self) -> None:
        """Stop whatever is left of it."""
        assert self._guard.stdin is not None
        assert self._guard.stdout is not None
        with contextlib.suppress(OSError):
            self._guard.stdin.close()
        self._guard.wait()
        self._guard.stdout.close()

    def _read_number(self, seconds: float) -> int | None:
        """The next line of the guard; None if there is none in time."""
        assert self._guard.stdout is not None
        if self._guard.stdout.closed:
            return None
        ready, _, _ = select.select([self._guard.stdout], [], [], seconds)
        line = self._read_line() if ready else b""
        return int(line) if line else None

    def _read_line(self) -> bytes:
        # By hand: a buffered reader could hold the second line while select() sees an empty pipe.
        assert self._guard.stdout is not None
        line = b""
        while (byte := os.read(self._guard.stdout.fileno(), 1)) not in (b"", b"\n"):
            line += byte
        return line

    def _with_log(self, fact: str) -> str:
        return f"{' '.join(self._command)}: {fact}\n{self.output()[-LOG_TAIL_CHARACTERS:]}"


class Processes:
    """Starts processes of the product with the settings of a test, and stops all of them at its end."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started: list[Process] = []

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        """`newsletter …` as a process of its own, in an empty folder: `start("worker", environment=…)`."""
        return self.run([sys.executable, "-m", "newsletter", *arguments], name=arguments[0], environment=environment)

    def run(self, command: Sequence[str | Path], *, name: str, environment: Mapping[str, str] | None = None) -> Process:
        """Any command; `name` begins its log file's name."""
        process = Process(
            command,
            log=self._folder / f"{name}-{len(self._started)}.log",
            environment=clean_environment() | dict(environment or {}),
            folder=self._folder,
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End all of them at once, the last first: how one ends that is asked to is told by `terminate`."""
        for process in self._started:
            if process.exit_code() is None:
                process.kill_tree()
        while self._started:
            self._started.pop().close()


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting of the product."""
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("NEWSLETTER_")}
    return kept | {"PYTHONUNBUFFERED": "1"}


def settings_environment(settings: Settings) -> dict[str, str]:
    """The environment variables that give another process the same settings."""
    given = settings.model_dump(include=settings.model_fields_set)
    return {f"NEWSLETTER_{name.upper()}": _plain(value) for name, value in given.items() if value is not None}


def _plain(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return str(value.value if isinstance(value, Enum) else value)


def _catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal; True on machines that do not tell."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return not Path("/proc/self/status").exists()
    caught = re.search(r"^SigCgt:\s*([0-9a-f]+)", status, re.M)
    return caught is None or bool(int(caught[1], 16) >> (number - 1) & 1)


def is_listening(port: int) -> bool:
    """Whether somebody accepts connections on this port of the loopback interface."""
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex(("127.0.0.1", port)) == 0
