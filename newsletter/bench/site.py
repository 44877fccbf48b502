"""A whole site for a benchmark: a database of its own, a sink, workers and beat, each a real process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import make_url, text

from newsletter import samples
from newsletter.bench.ports import free_port
from newsletter.bench.processes import Child, Usage, usage_of
from newsletter.db import migrate
from newsletter.db.engine import make_engine
from newsletter.db.models import Batch, InboxPost
from newsletter.domain.doubt import Stage
from newsletter.domain.events import PostStatus
from newsletter.domain.issue import FINAL_STATUSES, BatchStatus, IssueStatus, Tally
from newsletter.domain.subscriber import SubscriptionStatus
from newsletter.errors import ServiceUnavailable
from newsletter.runtime import Runtime
from newsletter.services import briefs, doubts, issues, lists, newsletters, sending
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings

_POLL_SECONDS = 0.1
_IDLE_CPU_SECONDS = 0.03
_NUMBERS = {
    "postgresql": "SELECT n FROM generate_series(1, :people) AS n",
    "sqlite": "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < :people) SELECT n FROM c",
}
_BYTES = {"postgresql": "BYTEA", "sqlite": "BLOB"}


class Sink:
    """The sink's process and its port on the loopback interface."""

    def __init__(self, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "newsletter.bench.sink", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.port = int(self._read()["port"])

    def ask(self, line: str = "report") -> dict[str, Any]:
        """What the sink has taken so far; `save PATH` also writes every delivery token with its count."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._read()

    def usage(self) -> Usage:
        """What its process has used."""
        return usage_of([self._process.pid])

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


class Site:
    """Processes over one runtime's settings."""

    def __init__(self, runtime: Runtime, environment: dict[str, str]) -> None:
        self.runtime = runtime
        self._environment = environment
        self._folder = runtime.settings.data_dir
        self.workers: list[Child] = []
        self.beat: Child | None = None
        self.web: Child | None = None
        self._web_port = 0

    def start(self, workers: int) -> None:
        """Start beat and some workers with one slot each."""
        self.start_beat()
        for _ in range(workers):
            self.start_worker()

    def start_worker(self) -> None:
        """Start one more worker."""
        self.workers.append(self._child("worker", "--concurrency=1"))

    def start_beat(self) -> None:
        """Start the scheduler."""
        self.beat = self._child("beat")

    def start_web(self) -> None:
        """Start the web process, at the same port each time."""
        self._web_port = self._web_port or free_port()
        self.web = self._child("web", f"--port={self._web_port}", module="newsletter")

    @property
    def web_url(self) -> str:
        """Where the web process listens."""
        return f"http://127.0.0.1:{self._web_port}"

    def make_issue(self, people: int) -> int:
        """A draft issue of the approved sample brief for this many new subscribers; returns its id."""
        now = self.runtime.now()
        with self.runtime.transaction() as session:
            newsletter = newsletters.create_newsletter(session, **samples.NEWSLETTER, now=now)
            readers = lists.create_list(session, name="Readers", newsletter_id=newsletter.id, now=now)
            numbers = _NUMBERS[session.get_bind().dialect.name]
            place = {"list": readers.id, "people": people, "status": int(SubscriptionStatus.CONFIRMED)}
            session.execute(text(_ADD_PEOPLE.format(numbers=numbers)), place)  # the numbers are a constant of ours
            session.execute(text(_ADD_PLACES), place)
            session.execute(text(_ADD_SUPPRESSIONS.format(bytes=_BYTES[session.get_bind().dialect.name])))
            brief = briefs.import_brief(session, samples.brief_text(), actor=OPERATOR, now=now)
            briefs.submit_brief(session, brief.id, actor=OPERATOR, now=now)
            briefs.approve_brief(session, brief.id, actor=OPERATOR, now=now)
            issue = issues.create_issue(session, brief_id=brief.id, list_slugs=["readers"], actor=OPERATOR, now=now)
        with self.runtime.transaction() as session:
            session.execute(text("ANALYZE"))
        return issue.id

    def another_issue(self, issue_id: int) -> int:
        """A further draft issue of the same brief for the same people; returns its id."""
        with self.runtime.transaction() as session:
            brief_id = issues.find_issue(session, issue_id).brief_id
            now = self.runtime.now()
            issue = issues.create_issue(
                session, brief_id=brief_id, list_slugs=["readers"], actor=OPERATOR, now=now, again=True
            )
            return issue.id

    def send(self, issue_id: int) -> None:
        """Press "send"."""
        settings = self.runtime.settings
        with self.runtime.transaction() as session:
            issues.send_issue(
                session,
                issue_id,
                actor=OPERATOR,
                provider=str(settings.provider),
                batch_size=settings.batch_size(),
                now=self.runtime.now(),
            )

    def count_senders(self) -> int:
        """How many worker slots have handed anything over so far."""
        with self.runtime.reading() as session:
            return session.scalar(text("SELECT count(DISTINCT worker) FROM attempts")) or 0

    def is_final(self, issue_id: int) -> bool:
        """Whether nothing more happens by itself."""
        with self.runtime.reading() as session:
            return IssueStatus(issues.find_issue(session, issue_id).status) in FINAL_STATUSES

    def wait(self, issue_id: int, *, seconds: float) -> float:
        """Wait until the issue is final; returns the monotonic time. ServiceUnavailable where it takes longer."""
        until = time.monotonic() + seconds
        while not self.is_final(issue_id):
            if time.monotonic() > until:
                raise ServiceUnavailable(
                    f"the benchmark's issue was not sent in {seconds:.0f} seconds: use fewer people"
                )
            time.sleep(_POLL_SECONDS)
        return time.monotonic()

    def tally(self, issue_id: int) -> Tally:
        """The ledger in numbers."""
        with self.runtime.reading() as session:
            return issues.tally_of(session, issue_id)

    def wait_until_idle(self, *, seconds: float = 60.0) -> None:
        """Wait until the workers have started: until they have used next to no CPU for a second."""
        until = time.monotonic() + seconds
        used = -1.0
        while time.monotonic() < until:
            now_used = sum(child.usage().cpu_seconds for child in self.workers)
            if now_used > 0 and now_used - used < _IDLE_CPU_SECONDS * len(self.workers):
                return
            used = now_used
            time.sleep(1)

    def database_usage(self) -> Usage:
        """What the Postgres processes that serve this database now have used; zeros on SQLite and on other machines."""
        with self.runtime.reading() as session:
            if session.get_bind().dialect.name != "postgresql":
                return usage_of([])
            pids = session.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")).all()
        return usage_of(pids)

    def close(self) -> None:
        """Stop workers, beat and web, all of them at the same time."""
        running = [child for child in (*self.workers, self.beat, self.web) if child is not None]
        for child in running:
            child.ask_to_stop()
        for child in running:
            child.stop()

    def go_on(self, issue_id: int) -> None:
        """An operator without patience: every pause is lifted, every wait cut short."""
        now = self.runtime.now()
        with self.runtime.transaction() as session:
            if IssueStatus(issues.find_issue(session, issue_id).status) is IssueStatus.PAUSED:
                issues.resume_issue(session, issue_id, actor=OPERATOR, now=now)
            sending.resume_provider(session, self.runtime.provider.name, now=now)
            waiting = session.query(Batch).filter_by(issue_id=issue_id, status=int(BatchStatus.PENDING))
            waiting.filter(Batch.due_at > now).update({"due_at": now}, synchronize_session=False)

    def resend_unknown(self, issue_id: int) -> None:
        """Decide that what is in doubt is sent again, where the issue is at rest."""
        now = self.runtime.now()
        with self.runtime.transaction() as session:
            if IssueStatus(issues.find_issue(session, issue_id).status) is IssueStatus.INCOMPLETE:
                issues.resolve_unknown(session, issue_id, decision="resend", actor=OPERATOR, now=now)

    def has_doubts_on_the_way(self, issue_id: int) -> bool:
        """Whether something is in doubt that may still settle by itself, and does not wait for a person."""
        with self.runtime.reading() as session:
            wait = timedelta(seconds=self.runtime.settings.unknown_wait_seconds)
            found = doubts.standings(session, issue_id, wait=wait, now=self.runtime.now())
            return any(standing.stage is not Stage.PERSON for standing in found)

    def has_waiting_posts(self) -> bool:
        """Whether events were told that nobody has taken in yet."""
        with self.runtime.reading() as session:
            return session.query(InboxPost).filter_by(status=int(PostStatus.WAITING)).first() is not None

    def _child(self, *arguments: str, module: str = "workers") -> Child:
        return Child(module, *arguments, environment=self._environment, log=self._folder / f"{arguments[0]}.log")


_ADD_PEOPLE = """
INSERT INTO subscribers (email, address, name, language, time_zone, status, created_at, updated_at)
SELECT 'reader' || n || '@example.org', 'reader' || n || '@example.org', 'Reader ' || n, 'en', '', 0, at, at
FROM ({numbers}) AS numbers, (SELECT created_at AS at FROM lists WHERE id = :list) AS moment
"""
_ADD_PLACES = """
INSERT INTO subscriptions (list_id, subscriber_id, status, consent_source)
SELECT :list, id, :status, 'bench' FROM subscribers ORDER BY id
"""
# One for ten readers, of people who are on no list: claims have to look past them.
_ADD_SUPPRESSIONS = """
INSERT INTO suppressions (address, address_key, reason, evidence, created_at)
SELECT 'gone-' || address, CAST('gone-' || address AS {bytes}), 'manual', '', created_at
FROM subscribers WHERE id % 10 = 0
"""


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """A migrated database of the benchmark's own on this Postgres, dropped afterwards; empty gives an SQLite file."""
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        name = f"bench_{uuid.uuid4().hex[:12]}"
        if not server_url.startswith("postgres"):
            url = f"sqlite:///{folder}/{name}.db"
            migrate.upgrade(url)
            yield url
            return
        long_url = Settings(_env_file=None, database_url=server_url).effective_database_url
        # Each statement on a connection of its own: the server may be restarted in between.
        engine = make_engine(long_url).execution_options(isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(f"CREATE DATABASE {name} TEMPLATE template0"))
            try:
                url = make_url(long_url).set(database=name).render_as_string(hide_password=False)
                migrate.upgrade(url)
                yield url
            finally:
                with engine.connect() as connection:
                    connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        finally:
            engine.dispose()


@contextmanager
def open_site(database_url: str, broker_url: str, **settings: Any) -> Iterator[Site]:
    """A site over a fresh database, with these settings and none from the environment; gone after the block."""
    with fresh_database(database_url) as url, tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        values = {
            "data_dir": folder,
            "database_url": url,
            "broker_url": broker_url,
            "base_url": "http://localhost:8000",
            "secret_key": uuid.uuid4().hex,
            "sendgrid_api_key": "SG.bench.bench",
        } | settings
        environment = {f"NEWSLETTER_{name.upper()}": str(value) for name, value in values.items()}
        runtime = Runtime.from_settings(Settings(_env_file=None, **values))
        site = Site(runtime, environment | {"PATH": os.defpath, "LC_ALL": "C.UTF-8"})
        try:
            yield site
        finally:
            site.close()
            runtime.close()


def provider_settings(provider: str, port: int, *, host: str = "127.0.0.1") -> dict[str, Any]:
    """The settings that lead a provider to a sink."""
    if provider == "smtp":
        return {"provider": "smtp", "smtp_url": f"smtp://{host}:{port}"}
    return {"provider": "sendgrid", "sendgrid_api_url": f"http://{host}:{port}"}
