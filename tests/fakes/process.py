"""Starting a fake server in its own process, and talking to its control port."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]


class FakeProcess:
    """A fake server that prints one JSON line with its ports when it is ready, and ends with the test."""

    def __init__(self, module: str, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, "--until-stdin-ends", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{module} did not start")
        self.ready: dict[str, Any] = json.loads(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """Where the fake serves, on 127.0.0.1."""
        return int(self.ready["port"])

    def control(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send one JSON line to the control port and return its answer."""
        with socket.create_connection(("127.0.0.1", self.ready["control"]), timeout=10) as link:
            link.sendall(json.dumps(message).encode() + b"\n")
            with link.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
                return answer

    def stop(self) -> None:
        """End the process; its standard input closing would end it as well, should we die first."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(timeout=10)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
