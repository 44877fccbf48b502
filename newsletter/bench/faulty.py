"""Servers that misbehave on request or by chance, each in its own process, and what they keep count of."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

START_SECONDS = 60
STOP_SECONDS = 60


class ServerProcess:
    """A server that prints one JSON line with its ports when it is ready, and ends with whoever started it."""

    def __init__(self, module: str, *arguments: str, folder: Path | None = None) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, "--until-stdin-ends", *arguments],
            cwd=folder,
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
        """Where it serves, on 127.0.0.1."""
        return int(self.ready["port"])

    def control(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send one JSON line to the control port and return its answer."""
        with socket.create_connection(("127.0.0.1", self.ready["control"]), timeout=START_SECONDS) as link:
            link.sendall(json.dumps(message).encode() + b"\n")
            with link.makefile("rb") as answers:
                answer: dict[str, Any] = json.loads(answers.readline())
                return answer

    def stop(self) -> None:
        """End the process; its standard input closing would end it as well, should we die first."""
        if self._process.poll() is None:
            self._process.terminate()
        self._process.wait(timeout=STOP_SECONDS)
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


def tell_ready(**facts: object) -> None:
    """Tell whoever started this process how to reach it."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def serve_control(steer: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Answer each JSON line on a port of its own by what `steer` makes of it; returns that port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            link, _ = listener.accept()
            with link, link.makefile("rwb") as lines:
                for line in lines:
                    lines.write(json.dumps(steer(json.loads(line))).encode() + b"\n")
                    lines.flush()

    threading.Thread(target=serve, daemon=True).start()
    port: int = listener.getsockname()[1]
    return port


class Chance:
    """Faults by chance: this share of the occasions, every kind as likely as any other. The same seed, the same row."""

    def __init__(self, kinds: Sequence[str] = (), *, share: float = 0.0, seed: int = 1) -> None:
        self._kinds = kinds
        self._share = share
        self._random = random.Random(seed)
        self.faults: Counter[str] = Counter()

    def next(self) -> str:
        """The kind of fault of this occasion; empty for none."""
        if not self._kinds or self._random.random() >= self._share:
            return ""
        kind = self._random.choice(self._kinds)
        self.faults[kind] += 1
        return kind


class Account:
    """What a server did with each delivery, by its token: whether it saw it (where it keeps count of that), how often
    it took it, and whether its answer left doubt."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.taken: Counter[str] = Counter()
        self.doubted: set[str] = set()
        self.seen: set[str] = set()

    def see(self, tokens: Iterable[str]) -> None:
        """The request of these came in, whatever becomes of it."""
        with self._lock:
            self.seen.update(tokens)

    def take(self, tokens: Iterable[str]) -> None:
        """These were taken."""
        with self._lock:
            self.taken.update(tokens)

    def doubt(self, tokens: Iterable[str]) -> None:
        """Of these the client cannot know whether they were taken."""
        with self._lock:
            self.doubted.update(tokens)

    def save(self, path: Path, *, faults: Mapping[str, int]) -> None:
        """Write all of it as JSON: taken, doubted, seen, faults."""
        with self._lock:
            figures = {
                "taken": self.taken,
                "doubted": sorted(self.doubted),
                "seen": sorted(self.seen),
                "faults": faults,
            }
            path.write_text(json.dumps(figures))
