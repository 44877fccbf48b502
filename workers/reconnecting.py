"""A worker that lost its broker takes messages again when the broker is back.

Celery logs an acknowledgement that does not reach Redis and goes on. Its message stays on the worker's list of those
that it has in hand, and once that list is full the worker asks for no more: it lives, is connected to nothing, and is
deaf for ever (seen with Celery 5.7 and kombu 5.7; one outage of five seconds is enough). So such a loss is noted here,
and the connection begun anew. Nothing is lost by it: a message only wakes somebody up.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery import bootsteps
from celery.worker.request import Request

log = logging.getLogger(__name__)

LOOK_EVERY_SECONDS = 1.0

_is_lost = threading.Event()


class NotingRequest(Request):  # type: ignore[misc]  # Celery has no types
    """A message in a worker's hands that notes where its acknowledgement was lost."""

    acknowledged: bool

    def acknowledge(self) -> None:
        """Tell the broker that the message has begun; some pools ask for it in a thread of theirs."""
        if self.acknowledged:
            return
        try:
            # No error is to be swallowed on the way.
            self.on_ack(log, ())
        except self.connection_errors as error:
            log.warning("broker.lost error=%s", type(error).__name__)
            _is_lost.set()
        self.acknowledged = True


class Reconnecting(bootsteps.StartStopStep):  # type: ignore[misc]
    """Begins a consumer's connection anew after an acknowledgement was lost."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def start(self, parent: Any) -> None:
        """Look every second; a new connection starts with a clean slate."""
        _is_lost.clear()
        self._timer = parent.timer.call_repeatedly(LOOK_EVERY_SECONDS, _raise_if_lost)

    def stop(self, parent: Any) -> None:
        """Look no more."""
        self._timer.cancel()


def _raise_if_lost() -> None:
    """In the consumer's loop this ends its connection, after which it connects until it can."""
    if _is_lost.is_set():
        raise ConnectionError("an acknowledgement did not reach the broker")
