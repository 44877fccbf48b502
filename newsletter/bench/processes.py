"""Processes of a benchmark: started in a session of their own, measured through /proc, ended with the benchmark."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_STOP_SECONDS = 15.0
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """CPU seconds so far, and the highest resident size (MB) that any one process had."""

    cpu_seconds: float
    peak_mb: float


class Child:
    """One process with all its children, in a session of their own; their output goes to `log`."""

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                env=dict(environment),
                cwd=log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=ends_with_parent(signal.SIGTERM),
            )

    def usage(self) -> Usage:
        """What the process and its living children have used; zeros where /proc does not tell."""
        return usage_of([pid for pid, fields in _all_stats() if int(fields[3]) == self._process.pid])

    def kill(self) -> None:
        """Kill -9 the process with its children, as a power cut does."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def ask_to_stop(self) -> None:
        """Ask it to finish, and do not wait."""
        self._process.terminate()

    def stop(self) -> None:
        """Ask it to finish; kill what does not."""
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=_STOP_SECONDS)
        self.kill()


def ends_with_parent(number: signal.Signals) -> Callable[[], None] | None:
    """What a child does before it begins, so that it gets this signal when we are killed; None where nobody can."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_PR_SET_PDEATHSIG, number)


def usage_of(pids: Sequence[int]) -> Usage:
    """What these processes, and the children they have waited for, have used together."""
    ticks = sum(sum(map(int, fields[11:15])) for pid, fields in _all_stats() if pid in pids)
    return Usage(cpu_seconds=ticks / _TICKS, peak_mb=max(map(_peak_mb, pids), default=0.0))


def _process_folders() -> list[Path]:
    return [path for path in Path("/proc").glob("[0-9]*") if path.name.isdigit()]


def _all_stats() -> Iterator[tuple[int, list[str]]]:
    """Process id and the fields of /proc/PID/stat from the state on (proc(5): field 3 is index 0)."""
    for folder in _process_folders():
        with contextlib.suppress(OSError):
            yield int(folder.name), (folder / "stat").read_text().rpartition(")")[2].split()


def _peak_mb(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
