"""A small process tree: starts children, restarts those that die, stops all of them together."""

from __future__ import annotations

import ctypes
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

log = logging.getLogger(__name__)

STOP_SECONDS = 20.0
RESTART_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


@dataclass(kw_only=True, slots=True)
class Child:
    """One process of the tree, by the arguments after `python -m`."""

    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = field(default=None)
    restart_at: float = 0.0


class Supervisor:
    """Runs children until told to stop. `with Supervisor(...) as tree:` stops them at the end.

    What the children say goes to standard error, or is appended to `log_path` where one is given.
    """

    def __init__(
        self,
        children: Mapping[str, Sequence[str]],
        *,
        environment: Mapping[str, str],
        folder: str,
        log_path: Path | None = None,
    ) -> None:
        self._children = [Child(name=name, arguments=arguments) for name, arguments in children.items()]
        self._environment = dict(environment)
        self._folder = folder
        self._log_path = log_path
        self._is_stopping = False

    def __enter__(self) -> Supervisor:
        for child in self._children:
            self._start(child)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def watch(self) -> None:
        """Restart what died; call it every now and then."""
        now = time.monotonic()
        for child in self._children:
            if child.process is None or child.process.poll() is None:
                continue
            if child.restart_at == 0.0:
                log.warning("process.died name=%s exit_code=%s", child.name, child.process.returncode)
                child.restart_at = now + RESTART_SECONDS
            elif now >= child.restart_at:
                self._start(child)

    def run(self) -> None:
        """Watch until SIGTERM or SIGINT arrives."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        while not self._is_stopping:
            self.watch()
            time.sleep(0.2)

    def stop(self) -> None:
        """Ask all children to finish what they hold; kill whatever does not within twenty seconds."""
        running = [child.process for child in self._children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        until = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(until - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, child: Child) -> None:
        with self._output() as output:
            child.process = subprocess.Popen(
                [sys.executable, "-m", *child.arguments],
                env=self._environment,
                cwd=self._folder,
                # Standard output belongs to the result of our own command.
                stdout=output,
                stderr=output,
                # A Ctrl-C in the terminal is ours to pass on, once, to all.
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        child.restart_at = 0.0

    @contextmanager
    def _output(self) -> Iterator[int]:
        if self._log_path is None:
            yield sys.stderr.fileno()
        else:
            with self._log_path.open("ab") as file:
                yield file.fileno()

    def _ask_to_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True


def _die_with_parent() -> None:
    """Linux: a child gets SIGTERM when its parent is killed, so that no tree is left without a root."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
