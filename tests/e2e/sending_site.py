"""A whole site for end-to-end tests: database, broker, SMTP server, workers and beat, each a real process."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from newsletter.domain.issue import FINAL_STATUSES, IssueStatus, Tally
from newsletter.runtime import Runtime
from newsletter.services import issues
from newsletter.settings import ProviderName, Settings
from tests.factories import make_issue
from tests.fakes.smtp_server import SmtpServer
from tests.processes import Process, Processes, settings_environment

SEND_SECONDS = 240.0


class SendingSite:
    """Workers and beat over one runtime's settings, and a count of what the SMTP server took."""

    def __init__(
        self, runtime: Runtime, processes: Processes, *, environment: Mapping[str, str], smtp: SmtpServer, record: Path
    ) -> None:
        self.runtime = runtime
        self.smtp = smtp
        self._processes = processes
        self.environment = dict(environment)
        self._record = record
        self.workers: list[Process] = []

    def start(self, workers: int = 2) -> None:
        """Start beat and some workers."""
        self.start_process("beat")
        for _ in range(workers):
            self.start_worker()

    def start_process(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Process:
        """`newsletter …` with the settings of this site, or with others."""
        return self._processes.start(*arguments, environment=environment or self.environment)

    def start_worker(self) -> None:
        """Start one more worker with two slots."""
        self.workers.append(self.start_process("worker", "--concurrency=2"))

    def kill_a_worker(self, chance: random.Random) -> None:
        """Kill -9 a random worker with its children, and start another in its place."""
        victim = self.workers.pop(chance.randrange(len(self.workers)))
        victim.kill_tree()
        self.start_worker()

    def make_issue(self, people: int) -> int:
        """A draft issue for this many people."""
        with self.runtime.transaction() as session:
            issue, _ = make_issue(session, people=people)
            return issue.id

    def send(self, issue_id: int) -> None:
        """Press "send"."""
        settings = self.runtime.settings
        with self.runtime.transaction() as session:
            issues.send_issue(
                session,
                issue_id,
                actor=None,
                provider=str(settings.provider),
                batch_size=settings.batch_size(),
                now=self.runtime.now(),
            )

    def tally(self, issue_id: int) -> Tally:
        """The ledger in numbers; the six always add up."""
        with self.runtime.reading() as session:
            tally = issues.tally_of(session, issue_id)
        parts = (tally.pending, tally.claimed, tally.accepted, tally.failed, tally.suppressed, tally.unknown)
        assert sum(parts) == tally.audience
        return tally

    def status(self, issue_id: int) -> IssueStatus:
        """Where the issue stands."""
        with self.runtime.reading() as session:
            return IssueStatus(issues.find_issue(session, issue_id).status)

    def wait_until_final(self, issue_id: int, *, seconds: float = SEND_SECONDS) -> IssueStatus:
        """Wait until nothing more will happen by itself."""
        until = time.monotonic() + seconds
        while (status := self.status(issue_id)) not in FINAL_STATUSES:
            assert time.monotonic() < until, f"still {status}: {self.tally(issue_id)}\n{self._logs()}"
            self.tally(issue_id)
            time.sleep(0.1)
        return status

    def wait_for_status(self, issue_id: int, status: IssueStatus) -> None:
        """Wait until the issue stands so."""
        until = time.monotonic() + SEND_SECONDS
        while (found := self.status(issue_id)) is not status:
            assert time.monotonic() < until, f"still {found}: {self.tally(issue_id)}\n{self._logs()}"
            time.sleep(0.05)

    def wait_until_pending(self, issue_id: int, count: int) -> None:
        """Wait until so many wait and no worker has any of them in hand."""
        until = time.monotonic() + SEND_SECONDS
        while self.tally(issue_id).pending < count:
            assert time.monotonic() < until, f"{self.tally(issue_id)}\n{self._logs()}"
            time.sleep(0.05)

    def wait_until_nothing_is_claimed(self, issue_id: int) -> None:
        """Wait until no worker has anything of it in hand."""
        until = time.monotonic() + SEND_SECONDS
        while self.tally(issue_id).claimed:
            assert time.monotonic() < until, f"{self.tally(issue_id)}\n{self._logs()}"
            time.sleep(0.05)

    def wait_until_accepted(self, issue_id: int, count: int) -> None:
        """Wait until the ledger says that at least this many were accepted."""
        until = time.monotonic() + SEND_SECONDS
        while self.tally(issue_id).accepted < count:
            assert time.monotonic() < until, f"{self.tally(issue_id)}\n{self._logs()}"
            time.sleep(0.02)

    def mails(self) -> Counter[str]:
        """How often each Message-ID reached the SMTP server."""
        lines = self._record.read_text(encoding="utf-8").splitlines() if self._record.exists() else []
        return Counter(json.loads(line)["message_id"] for line in lines)

    def message_id(self, issue_id: int, subscriber_id: int) -> str:
        """The Message-ID of one delivery of the sample newsletter."""
        return f"<{self.runtime.links.delivery_token(issue_id, subscriber_id)}@harbour.example>"

    def _logs(self) -> str:
        return "\n".join(worker.output()[-2000:] for worker in self.workers)


def broker_for(settings: Settings, request: pytest.FixtureRequest) -> str:
    """The broker that goes with a database: Redis with Postgres, the embedded one with SQLite."""
    if not settings.database_url.startswith("postgresql"):
        return ""
    url: str = request.getfixturevalue("redis_url")
    return url


@contextmanager
def open_sending_site(
    settings: Settings, processes: Processes, *, folder: Path, broker_url: str, **changes: Any
) -> Iterator[SendingSite]:
    """A site over these settings with an SMTP server of its own; `changes` are further settings."""
    record = folder / "mails.jsonl"
    with SmtpServer(record) as smtp:
        values = settings.model_dump(exclude={"broker_url", "provider"}) | {
            "broker_url": broker_url,
            "provider": ProviderName.SMTP,
            "smtp_url": f"smtp://127.0.0.1:{smtp.port}",
            "tick_seconds": 0.5,
        }
        final = Settings(_env_file=None, **values | changes)
        runtime = Runtime.from_settings(final)
        try:
            yield SendingSite(runtime, processes, environment=settings_environment(final), smtp=smtp, record=record)
        finally:
            processes.close()
            runtime.close()
