"""The SMTP server of newsletter/bench for tests: steered by its moods."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from newsletter.bench.faulty import ServerProcess
from newsletter.bench.smtp_moods import Stats

HEARD_SECONDS = 60.0


class SmtpServer(ServerProcess):
    """An SMTP server in its own process; each accepted message is a line in `record`."""

    def __init__(self, record: Path, *arguments: str) -> None:
        record.touch()
        self._record = record
        super().__init__("newsletter.bench.smtp_server", "--record", str(record), *arguments)

    @property
    def url(self) -> str:
        """The SMTP_URL of the server."""
        return f"smtp://127.0.0.1:{self.port}"

    def accepted(self) -> list[dict[str, Any]]:
        """Each message that the server took, in order."""
        return [json.loads(line) for line in self._record.read_text().splitlines()]

    def set(self, **moods: Any) -> None:
        """Change moods."""
        self.control({"set": moods})

    def stats_when(self, is_so: Callable[[Stats], bool]) -> Stats:
        """What the server saw, once that is so: what is said last on a connection is heard by nobody who waits."""
        until = time.monotonic() + HEARD_SECONDS
        while not is_so(stats := self.stats()):
            assert time.monotonic() < until, stats
            time.sleep(0.01)
        return stats

    def stats(self) -> Stats:
        """What the server saw so far."""
        return Stats(**self.control({}))
