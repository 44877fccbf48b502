"""Facts about a broker that dies in the middle of a send and comes back: workers hear again, by themselves."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis

from newsletter.bench.ports import free_port
from newsletter.domain.issue import IssueStatus
from newsletter.settings import Settings
from tests.e2e.sending_site import open_sending_site
from tests.processes import Process, Processes, is_listening
from tests.servers import redis_binary

PEOPLE = 150
PER_SECOND = 25

pytestmark = pytest.mark.timeout(180)


class OwnRedis:
    """A Redis that keeps its port when it starts anew."""

    def __init__(self, processes: Processes, folder: Path) -> None:
        self._processes = processes
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process = self.start()

    def start(self) -> Process:
        """Start it, empty."""
        command = [str(redis_binary()), "--port", str(self._port), "--bind", "127.0.0.1", "--save", ""]
        self._process = self._processes.run([*command, "--dir", str(self._folder)], name="redis")
        self._process.wait_until(lambda: is_listening(self._port) or None, what="an answer of Redis")
        return self._process

    def kill(self) -> None:
        """As a crash does."""
        self._process.kill()

    def has_in_hand(self) -> bool:
        """Whether a worker has a message that it did not acknowledge yet."""
        with redis.Redis.from_url(self.url) as client:
            return client.hlen("unacked") > 0


def test_a_worker_that_could_not_acknowledge_takes_messages_again(
    settings: Settings, tmp_path: Path, processes: Processes
) -> None:
    broker = OwnRedis(processes, tmp_path)
    options = {"smtp_batch_size": 5, "smtp_connections": 1, "rate_per_second": PER_SECOND}
    with open_sending_site(settings, processes, folder=tmp_path, broker_url=broker.url, **options) as site:
        issue_id = site.make_issue(PEOPLE)
        site.send(issue_id)
        site.start_process("beat")
        # One slot: it is busy with the send, and holds one message more, which it takes up when the broker is gone.
        worker = site.start_process("worker", "--concurrency=1")
        site.wait_until_accepted(issue_id, 5)
        worker.wait_until(lambda: broker.has_in_hand() or None, what="a message in hand")
        broker.kill()
        worker.wait_for_line("broker.lost", seconds=60)
        broker.start()
        assert site.wait_until_final(issue_id) is IssueStatus.SENT
        assert set(site.mails().values()) == {1}
        assert len(site.mails()) == PEOPLE
