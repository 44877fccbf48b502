"""The Celery application of the worker and beat processes."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from multiprocessing import Event
from typing import Any

from celery import Celery, signals

from newsletter.jobs import (
    ASK_LOG,
    DISPATCH,
    DRAIN_EVENTS,
    POLL_MAILBOX,
    SEND_OPT_INS,
    SYNC_SUPPRESSIONS,
    TICK,
    make_celery,
)
from newsletter.runtime import Runtime
from newsletter.settings import Settings
from workers import tasks
from workers.reconnecting import NotingRequest, Reconnecting

_TICK_LIFETIME_ROUNDS = 5
# Lists are read once a night; what a reader's new consent lifts goes out within the hour, and so does the rest of a
# night's reading that broke off.
_SYNC_SECONDS = 3600.0


class ProcessRuntime:
    """The runtime of whichever process asks: database connections must not cross a fork."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._pid = 0
        self._runtime: Runtime | None = None

    def get(self) -> Runtime:
        """This process's runtime, built at its first use."""
        with self._lock:
            if self._runtime is None or self._pid != os.getpid():
                self._runtime = Runtime.from_settings(self._settings)
                self._pid = os.getpid()
            return self._runtime


def make_worker_app(settings: Settings) -> Celery:
    """Celery with our tasks and beat's schedule. A warm shutdown (SIGTERM) asks running dispatches to stop."""
    app = make_celery(settings)
    if not settings.is_embedded_broker:
        app.Task.Request = NotingRequest
        app.steps["consumer"].add(Reconnecting)
    runtime = ProcessRuntime(settings)
    # Shared between the worker's main process, which hears the signal, and its children, which send.
    stopping = Event()

    # weak=False: Celery keeps only weak references to receivers, and nobody else holds this one.
    @signals.worker_shutting_down.connect(weak=False)
    def _stop(**_: Any) -> None:
        stopping.set()

    @app.task(name=DISPATCH)
    def dispatch(issue_id: int) -> int:
        return tasks.dispatch(runtime.get(), issue_id, should_stop=stopping.is_set)

    @app.task(name=TICK)
    def tick() -> None:
        tasks.tick(runtime.get())

    @app.task(name=DRAIN_EVENTS)
    def drain_events() -> int:
        return tasks.drain_events(runtime.get(), should_stop=stopping.is_set)

    @app.task(name=ASK_LOG)
    def ask_log(doubt_id: int) -> bool:
        return tasks.ask_log(runtime.get(), doubt_id)

    @app.task(name=SYNC_SUPPRESSIONS)
    def sync_suppressions() -> bool:
        return tasks.sync_suppressions(runtime.get())

    @app.task(name=POLL_MAILBOX)
    def poll_mailbox() -> int:
        return tasks.poll_mailbox(runtime.get())

    @app.task(name=SEND_OPT_INS)
    def send_opt_ins() -> int:
        return tasks.send_opt_ins(runtime.get(), should_stop=stopping.is_set)

    app.conf.beat_schedule = beat_schedule(settings)
    return app


def beat_schedule(settings: Settings) -> dict[str, Any]:
    """What beat asks for and how often; what is not set up is not asked for."""
    every = {TICK: settings.tick_seconds}
    if settings.sendgrid_api_key.get_secret_value():
        every[SYNC_SUPPRESSIONS] = _SYNC_SECONDS
    if settings.bounce_imap_url.get_secret_value():
        every[POLL_MAILBOX] = settings.bounce_imap_seconds
    return {
        name.rpartition(".")[2]: {
            "task": name,
            "schedule": timedelta(seconds=seconds),
            "options": {"expires": seconds * _TICK_LIFETIME_ROUNDS if name == TICK else seconds},
        }
        for name, seconds in every.items()
    }
