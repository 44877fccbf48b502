"""Runtime: what a process needs, built once per process and after a fork."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from newsletter import jobs
from newsletter.db import migrate
from newsletter.db.engine import make_engine
from newsletter.domain.flow import FlowPlan, parse_group_rates
from newsletter.domain.warming import parse_warm_up
from newsletter.errors import ConfigurationError, ServiceUnavailable
from newsletter.links import Links
from newsletter.providers import Provider, make_provider
from newsletter.rendering import DkimSigner
from newsletter.settings import ProviderName, Settings


def read_clock() -> datetime:
    """The time now, aware, in UTC. The only clock of the product, read at the edges."""
    return datetime.now(UTC)


class Runtime:
    """Settings, database, links, provider and announcer of one process."""

    def __init__(
        self, settings: Settings, *, announce: jobs.Announce | None = None, clock: Callable[[], datetime] = read_clock
    ) -> None:
        self.settings = settings
        self.engine: Engine = make_engine(settings.effective_database_url)
        self.links = Links(base_url=settings.base_url, key=settings.signing_key())
        self.now = clock
        self.announcer = jobs.Announcer(settings)
        self._announce = announce or self.announcer
        # The threads of a worker share one provider: a second one would keep connections that nobody closes.
        self._making = threading.Lock()
        self._provider: Provider | None = None
        self._signer: DkimSigner | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Runtime:
        """The runtime of an ordinary process."""
        return cls(settings)

    @property
    def provider(self) -> Provider:
        """The provider in force, made at first use and kept, with its connections."""
        with self._making:
            if self._provider is None:
                self._provider = make_provider(self.settings)
            return self._provider

    @property
    def signer(self) -> DkimSigner | None:
        """What signs our mails, its key loaded at first use and kept; None and errors as `load_signer` has them."""
        with self._making:
            if self._signer is None:
                self._signer = load_signer(self.settings)
            return self._signer

    @property
    def flow_plan(self) -> FlowPlan:
        """How fast mail may go, as the settings have it."""
        settings = self.settings
        return FlowPlan(
            rates={"": settings.rate_per_second} | parse_group_rates(settings.domain_rates),
            warm_up=parse_warm_up(
                settings.warmup_start, first_day=settings.warmup_first_day, growth=settings.warmup_growth
            ),
        )

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """One transaction: committed at the end, rolled back on an error; jobs asked for go out after the commit."""
        with Session(self.engine, expire_on_commit=False) as session:
            with _database_errors():
                with session.begin():
                    yield session
            for job in jobs.take_jobs(session):
                self._announce(job)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads: it never waits for a writer, and nothing it changes is kept."""
        engine = self.engine.execution_options(read_only=True)
        with Session(engine, expire_on_commit=False) as session, _database_errors():
            yield session

    def check_database(self) -> None:
        """Raise ServiceUnavailable where the database does not answer or is not migrated."""
        with self.reading() as session:
            session.execute(text("SELECT 1"))
        if migrate.current_revision(self.engine) != migrate.newest_revision():
            raise ServiceUnavailable("the database is not migrated: run `newsletter db upgrade`")

    def close(self) -> None:
        """Give back connections."""
        if self._provider is not None:
            self._provider.close()
            self._provider = None
        self.announcer.close()
        self.engine.dispose()


def load_signer(settings: Settings) -> DkimSigner | None:
    """The signer that the three DKIM settings name; None without them, and with SendGrid, which signs by itself.

    ConfigurationError where some of the three are missing, or the key cannot be read or used.
    """
    # An empty value of a path is the working folder: no key is meant.
    path = None if settings.dkim_key_file in (None, Path()) else settings.dkim_key_file
    values = {"DOMAIN": settings.dkim_domain, "SELECTOR": settings.dkim_selector, "KEY_FILE": path}
    missing = [f"NEWSLETTER_DKIM_{name}" for name, value in values.items() if not value]
    if settings.provider is ProviderName.SENDGRID or len(missing) == len(values):
        return None
    if missing or path is None:
        raise ConfigurationError(f"mails cannot be signed: set {' and '.join(missing)} too, or no DKIM setting at all")
    try:
        key_pem = path.expanduser().read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(
            f"the DKIM key cannot be read from {path} ({reason}): correct NEWSLETTER_DKIM_KEY_FILE"
        ) from error
    return DkimSigner(key_pem, settings.dkim_domain, settings.dkim_selector)


@contextmanager
def _database_errors() -> Iterator[None]:
    """Turn a database that is gone, locked or not migrated into one sentence."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        reason = str(error.orig).strip().splitlines()[0] if error.orig else type(error).__name__
        if "no such table" in reason:
            raise ServiceUnavailable("the database has no tables yet: run `newsletter init`") from error
        if "locked" in reason:
            raise ServiceUnavailable("the database is busy: another process has been writing for too long") from error
        raise ServiceUnavailable(f"the database does not answer ({reason}): nothing was changed, try again") from error
