"""Kept SMTP connections: mails of one batch and of the next go over the same ones."""

from __future__ import annotations

import socket
import threading
import time
from collections import deque

from newsletter.providers.smtp_connection import SmtpConnection
from newsletter.providers.smtp_open import open_smtp
from newsletter.providers.smtp_url import Relay

MAX_IDLE_SECONDS = 60.0
QUIET_SECONDS = 2.0


class SmtpPool:
    """Lends connections to one relay, newest first. Thread-safe."""

    def __init__(self, relay: Relay, *, kept: int, timeout_seconds: float) -> None:
        self.relay = relay
        self._kept = kept
        self._timeout_seconds = timeout_seconds
        self._idle: deque[SmtpConnection] = deque()
        self._lock = threading.Lock()
        self._local_hostname = ""

    def acquire(self) -> SmtpConnection:
        """A connection that works: a kept one that still answers, or a new one; ProviderUnavailable otherwise."""
        while (connection := self._take()) is not None:
            is_young = time.monotonic() - connection.idle_since <= MAX_IDLE_SECONDS
            if is_young and connection.is_alive(quiet_seconds=QUIET_SECONDS):
                return connection
            connection.abort()
        client = open_smtp(self.relay, local_hostname=self._our_name(), timeout_seconds=self._timeout_seconds)
        return SmtpConnection(client)

    def release(self, connection: SmtpConnection) -> None:
        """Give a connection back; one that is closed or superfluous is dropped."""
        if not connection.is_open:
            return
        connection.idle_since, connection.is_used = time.monotonic(), True
        with self._lock:
            if len(self._idle) < self._kept:
                self._idle.append(connection)
                return
        connection.quit()

    def close(self) -> None:
        """Close what is kept; connections that are lent out end when they come back dead or are kept again."""
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
