"""What the web process answered with 2xx counts exactly once, whoever is killed between the answer and the count."""

from __future__ import annotations

from http.client import HTTPConnection
from pathlib import Path

import pytest
from sqlalchemy import func, select

from newsletter.bench.ports import free_port
from newsletter.db.models import Event
from newsletter.runtime import Runtime
from newsletter.settings import Settings
from tests.e2e.sending_site import broker_for
from tests.processes import Process, Processes, settings_environment
from tests.told_events import make_shuffled_posts, tally, waiting
from tests.webhook_posts import Signer

PEOPLE = 8_000
# Many posts, so that a worker that was seen to read the first of them is far from the last.
POST_SIZE = 250
DRAIN_SECONDS = 120.0

pytestmark = pytest.mark.timeout(400)


class WebhookSite:
    """The web process, a worker and beat over one database, and SendGrid's end of the line."""

    def __init__(self, settings: Settings, processes: Processes, *, broker_url: str) -> None:
        self.signer, self.port = Signer(), free_port()
        changes = {
            "broker_url": broker_url,
            "sendgrid_webhook_public_keys": self.signer.public_key,
            "tick_seconds": 0.5,
        }
        self._environment = settings_environment(Settings(_env_file=None, **settings.model_dump() | changes))
        self._processes = processes

    def start(self, *arguments: str) -> Process:
        """`newsletter …` with the settings of this site."""
        return self._processes.start(*arguments, environment=self._environment)

    def start_web(self) -> Process:
        """A web process that listens."""
        web = self.start("web", f"--port={self.port}")
        web.wait_for_port(self.port)
        return web

    def post(self, *bodies: bytes) -> list[str]:
        """What the web process answers to signed posts, all of them with 202."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        words: list[str] = []
        for body in bodies:
            connection.request("POST", "/webhooks/sendgrid", body, self.signer.headers(body))
            answer = connection.getresponse()
            words.append(answer.read().decode().strip())
            assert answer.status == 202, words[-1]
        connection.close()
        return words


@pytest.fixture
def site(settings: Settings, processes: Processes, tmp_path: Path, request: pytest.FixtureRequest) -> WebhookSite:
    return WebhookSite(settings, processes, broker_url=broker_for(settings, request))


def test_a_killed_web_process_and_a_killed_worker_lose_and_double_nothing(site: WebhookSite, runtime: Runtime) -> None:
    issue_id, bodies = make_shuffled_posts(runtime, people=PEOPLE, post_size=POST_SIZE)
    web = site.start_web()
    assert site.post(*bodies) == ["kept"] * len(bodies)
    web.kill_tree()
    assert waiting(runtime) == len(bodies), "something was read before the web process died"
    worker, _ = site.start("worker", "--concurrency=2"), site.start("beat")
    worker.wait_until(lambda: waiting(runtime) < len(bodies), seconds=DRAIN_SECONDS, what="the first posts read")
    worker.kill_tree()
    left = waiting(runtime)
    assert 0 < left < len(bodies), "the worker was not killed in the middle of its work"
    second = site.start("worker", "--concurrency=2")
    second.wait_until(lambda: not waiting(runtime), seconds=DRAIN_SECONDS, what="the last post read")
    expected = {"audience": PEOPLE, "accepted": PEOPLE, "delivered": PEOPLE, "opened": PEOPLE}
    assert tally(runtime, issue_id) == expected
    with runtime.reading() as session:
        from_sendgrid = select(func.count()).select_from(Event).where(Event.natural_key.like("sg:%"))
        assert session.scalar(from_sendgrid) == 3 * PEOPLE
