"""Background jobs: their names, how one is asked for, and the wake-up call after commit.

A job is only a wake-up that carries an id: the work itself is rows in the database. What is not announced
(a dead broker, a flushed Redis) is found by the next tick. This module is the home of Celery's producer side.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from celery import Celery
from sqlalchemy.orm import Session

from newsletter import embedded_broker
from newsletter.errors import ServiceUnavailable
from newsletter.settings import Settings

log = logging.getLogger(__name__)

DISPATCH = "newsletter.dispatch"
TICK = "newsletter.tick"
DRAIN_EVENTS = "newsletter.drain_events"
ASK_LOG = "newsletter.ask_log"
SYNC_SUPPRESSIONS = "newsletter.sync_suppressions"
POLL_MAILBOX = "newsletter.poll_mailbox"
SEND_OPT_INS = "newsletter.send_opt_ins"

_PRODUCER_SECONDS = 1.0
_EMBEDDED_POLL_SECONDS = 0.05
_QUEUED = "newsletter.jobs"


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A wake-up call: the name of a task and the ids it is about."""

    name: str
    args: tuple[int, ...] = ()


Announce = Callable[[Job], None]


def enqueue(session: Session, name: str, *args: int) -> None:
    """Ask for a job: it is announced after this session's commit, and forgotten on rollback."""
    queued: dict[Job, None] = session.info.setdefault(_QUEUED, {})
    queued[Job(name=name, args=args)] = None


def take_jobs(session: Session) -> list[Job]:
    """The jobs asked for in this session, each once; the session forgets them."""
    return list(session.info.pop(_QUEUED, {}))


def make_celery(settings: Settings) -> Celery:
    """The Celery application: Redis where a broker is set, files under DATA_DIR where none is."""
    app = Celery("newsletter", broker=settings.broker_url or embedded_broker.URL, set_as_current=False)
    app.conf.update(
        broker_transport_options=_embedded_options(settings) if settings.is_embedded_broker else _redis_options(),
        broker_connection_timeout=_PRODUCER_SECONDS,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_default_queue="newsletter",
        task_ignore_result=True,
        task_publish_retry=False,
        task_serializer="json",
        accept_content=["json"],
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        event_queue_prefix="newsletter",
        timezone="UTC",
    )
    return app


def _redis_options() -> dict[str, Any]:
    return {
        "socket_connect_timeout": _PRODUCER_SECONDS,
        "socket_timeout": 10,
        "visibility_timeout": 600,
        "max_retries": 1,
    }


def _embedded_options(settings: Settings) -> dict[str, Any]:
    folder = settings.data_dir / "broker"
    control = folder / "control"
    queue = folder / "queue"
    for path in (queue, control):
        path.mkdir(parents=True, exist_ok=True)
    return {
        "data_folder_in": str(queue),
        "data_folder_out": str(queue),
        "control_folder": str(control),
        "polling_interval": _EMBEDDED_POLL_SECONDS,
    }


class Announcer:
    """Sends wake-up calls to the broker; one that cannot be sent is logged and left to the tick."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._making = threading.Lock()
        self._app: Celery | None = None

    @property
    def app(self) -> Celery:
        """The Celery application, made at first use."""
        with self._making:
            if self._app is None:
                self._app = make_celery(self._settings)
            return self._app

    def __call__(self, job: Job) -> None:
        """Announce one job, within about a second, never raising."""
        try:
            self.app.send_task(job.name, args=list(job.args), retry=False, ignore_result=True)
        except Exception as error:  # noqa: BLE001  kombu lets its transports raise what they like
            log.warning("job.not_announced name=%s error=%s", job.name, type(error).__name__)

    def check(self) -> None:
        """Raise ServiceUnavailable where the broker does not answer."""
        try:
            with self.app.connection_for_write(connect_timeout=_PRODUCER_SECONDS) as connection:
                connection.ensure_connection(max_retries=1, interval_start=0, timeout=_PRODUCER_SECONDS)
        except Exception as error:  # noqa: BLE001  kombu lets its transports raise what they like
            raise ServiceUnavailable(
                f"the broker does not answer ({type(error).__name__}): check NEWSLETTER_BROKER_URL and that Redis runs"
            ) from None

    def close(self) -> None:
        """Close the producer's connections."""
        if self._app is not None:
            self._app.close()
            self._app = None
