"""Kept SMTP connections: mails of one batch and of the next go over the same ones."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from newsletter.providers.smtp_connection import SmtpConnection
from newsletter.providers.smtp_open import open_smtp
from newsletter.providers.smtp_url import Relay

MAX_IDLE_SECONDS = 60.0
QUIET_SECONDS = 2.0


class SmtpPool:
    """Lends connections to one relay, newest first. Thread-safe.

    `looks_ahead` is whether new ones may send commands behind a message: until the server shows that it cannot.
    `kept` is for one send at a time. `most_mails` is for one connection; 0 means as many as the server takes.
    """

    def __init__(self, relay: Relay, *, kept: int, timeout_seconds: float, most_mails: int = 0) -> None:
        self.relay = relay
        self.timeout_seconds = timeout_seconds
        self.looks_ahead = True
        self._kept = kept
        self._sends, self._most_sends = 0, 1
        self._most_mails = most_mails
        self._idle: deque[SmtpConnection] = deque()
        self._lock = threading.Lock()
        self._local_hostname = ""

    @contextmanager
    def sending(self) -> Iterator[None]:
        """For the time of one send: the pool keeps what all the sends can use that there ever were at once."""
        with self._lock:
            self._sends += 1
            self._most_sends = max(self._most_sends, self._sends)
        try:
            yield
        finally:
            with self._lock:
                self._sends -= 1

    def acquire(self) -> SmtpConnection:
        """A connection that works: a kept one that still answers, or a new one; ProviderUnavailable otherwise."""
        while (connection := self._take()) is not None:
            is_young = time.monotonic() - connection.idle_since <= MAX_IDLE_SECONDS
            if is_young and connection.is_alive(quiet_seconds=QUIET_SECONDS):
                return connection
            connection.abort()
        client = open_smtp(self.relay, local_hostname=self._our_name(), timeout_seconds=self.timeout_seconds)
        connection = SmtpConnection(client, most_mails=self._most_mails)
        connection.looks_ahead = connection.looks_ahead and self.looks_ahead
        return connection

    def take_fresh(self) -> SmtpConnection | None:
        """A kept connection that was in use a moment ago and need not be asked whether it works; never waits."""
        with self._lock:
            is_fresh = self._idle and time.monotonic() - self._idle[-1].idle_since <= QUIET_SECONDS
            connection = self._idle.pop() if is_fresh else None
        if connection is None or connection.is_alive(quiet_seconds=MAX_IDLE_SECONDS):
            return connection
        connection.abort()
        return self.take_fresh()

    def release(self, connection: SmtpConnection) -> None:
        """Give a connection back; one that is not open is closed, and one too many, or used up, says goodbye."""
        if not connection.is_open:
            connection.abort()
            return
        connection.idle_since, connection.is_used = time.monotonic(), True
        with self._lock:
            if connection.has_room and len(self._idle) < self._kept * self._most_sends:
                self._idle.append(connection)
                return
        # The server's goodbye is waited for, but nothing else waits for it.
        threading.Thread(target=connection.quit, daemon=True, name="smtp-quitting").start()

    def close(self) -> None:
        """Close what is kept; connections that are lent out, or still being opened, end when they come back."""
        with self._lock:
            self._kept = 0
        while (connection := self._take()) is not None:
            connection.quit()

    def _take(self) -> SmtpConnection | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _our_name(self) -> str:
        """The name for EHLO, looked up once: it may cost a DNS query."""
        if not self._local_hostname:
            name = socket.getfqdn()
            self._local_hostname = name if "." in name and name.isascii() else "[127.0.0.1]"
        return self._local_hostname
