"""Runs one command and stops it when whoever asked for it is gone: `python guard.py LOG SIGNAL FOLDER COMMAND…`.

The asker holds the other end of standard input. However the asker ends, kill -9 included, that end closes, and the
command and everything in its session are stopped; then FOLDER, if it is not empty, is removed. A script and not a
module: it starts with the standard library alone.

Standard output says two things, each on a line: the command's process id, and later its exit code.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

GRACE_SECONDS = 5.0


def main() -> None:
    """Start the command, tell its id and its end, and leave nothing of it behind."""
    log_path, signal_name, folder, *command = sys.argv[1:]
    with open(log_path, "ab") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    tell(child.pid)
    threading.Thread(target=lambda: tell(child.wait()), daemon=True).start()
    sys.stdin.buffer.read()
    stop(child, signal.Signals[signal_name])
    if folder:
        shutil.rmtree(folder, ignore_errors=True)


def tell(number: int) -> None:
    """One line for the asker, who may be gone."""
    with contextlib.suppress(OSError):
        print(number, flush=True)


def stop(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Ask politely, wait a few seconds, then kill whatever is left of the command's session."""
    until = time.monotonic() + GRACE_SECONDS
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, number)
    while child.returncode is None and time.monotonic() < until:
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
