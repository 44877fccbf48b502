"""SMTP connections that are being opened, each in a thread of its own: meanwhile the open ones go on."""

from __future__ import annotations

import contextlib
import socket
import threading
from queue import SimpleQueue

from newsletter.providers.smtp_connection import SmtpConnection
from newsletter.providers.smtp_pool import SmtpPool

_LONGEST_PORTION = 64


class SmtpOpenings:
    """A pool's connections on order. `bell` becomes readable when one has come, or has failed to."""

    def __init__(self, pool: SmtpPool) -> None:
        self._pool = pool
        self._arrived: SimpleQueue[SmtpConnection | Exception] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = False
        self.bell, self._rope = socket.socketpair()
        self.bell.setblocking(False)
        self._rope.setblocking(False)
        self.count = 0

    def order(self) -> None:
        """Open one more."""
        self.count += 1
        threading.Thread(target=self._open, daemon=True, name="smtp-opening").start()

    def take(self) -> list[SmtpConnection | Exception]:
        """What has come since."""
        with contextlib.suppress(BlockingIOError):
            self.bell.recv(_LONGEST_PORTION)
        arrived = [self._arrived.get() for _ in range(self._arrived.qsize())]
        self.count -= len(arrived)
        return arrived

    def close(self) -> None:
        """Wait for nothing more: what still comes goes to the pool."""
        with self._lock:
            self._is_closed = True
        for connection in self.take():
            if isinstance(connection, SmtpConnection):
                self._pool.release(connection)
        self.bell.close()
        self._rope.close()

    def _open(self) -> None:
        try:
            arrived: SmtpConnection | Exception = self._pool.acquire()
        except Exception as error:  # noqa: BLE001  the top of a thread: raised again where it was ordered
            arrived = error
        with self._lock:
            if not self._is_closed:
                self._arrived.put(arrived)
                with contextlib.suppress(BlockingIOError):
                    self._rope.send(b".")
                return
        if isinstance(arrived, SmtpConnection):
            self._pool.release(arrived)
