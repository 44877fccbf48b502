"""The strict SendGrid of newsletter/bench for tests: steered by words, with the shared oracle where that is present."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from newsletter.bench.faulty import ServerProcess
from newsletter.bench.sendgrid_server import API_KEY

__all__ = ["API_KEY", "ORACLE", "SendGridServer"]

ORACLE = Path(__file__).resolve().parents[2] / "../shared/sendgrid/oracle.py"


class SendGridServer(ServerProcess):
    """A SendGrid in its own process; each accepted recipient is a line in `record`."""

    def __init__(self, record: Path, *arguments: str) -> None:
        record.touch()
        self._record = record
        oracle = [f"--oracle={ORACLE}"] if ORACLE.is_file() else []
        super().__init__("newsletter.bench.sendgrid_server", "--record", str(record), *oracle, *arguments)

    @property
    def url(self) -> str:
        """The SENDGRID_API_URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def accepted(self) -> list[dict[str, Any]]:
        """Each recipient whose mail the server took, in order."""
        return [json.loads(line) for line in self._record.read_text().splitlines()]

    def answer(self, *plan: str | dict[str, Any]) -> None:
        """Answer the next requests so, in turn: kinds, or kinds with their options."""
        self.control({"plan": [each if isinstance(each, dict) else {"kind": each} for each in plan]})

    def always(self, kind: str, **options: Any) -> None:
        """Answer every request so that is not planned otherwise."""
        self.control({"always": {"kind": kind, **options}})

    def forget(self) -> None:
        """Begin anew, as a fresh server would."""
        self.control({"forget": True})

    def seen(self, *, bodies: bool = False) -> dict[str, Any]:
        """`requests`, `connections`, `violations` and whether the `oracle` was there."""
        return self.control({"bodies": bodies})
