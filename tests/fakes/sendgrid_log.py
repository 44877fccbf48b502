"""SendGrid's Email Logs for tests: those of the SendGrid of newsletter/bench, filled and steered by words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from newsletter.bench.faulty import ServerProcess
from newsletter.bench.sendgrid_server import API_KEY

__all__ = ["API_KEY", "SendGridLogServer"]


class SendGridLogServer(ServerProcess):
    """A SendGrid in its own process, of which a test needs the log alone."""

    def __init__(self) -> None:
        super().__init__("newsletter.bench.sendgrid_server", "--with-log")

    @property
    def url(self) -> str:
        """The SENDGRID_API_URL of the server."""
        return f"http://127.0.0.1:{self.port}"

    def control(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Steer the log (newsletter/bench/sendgrid_log.py)."""
        log: dict[str, Any] = super().control({"log": dict(message)})["log"]
        return log

    def asked(self) -> list[dict[str, Any]]:
        """The requests so far."""
        return list(self.control({})["requests"])
