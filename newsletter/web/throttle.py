"""A brake on guessing passwords."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

MAX_FAILURES = 8
WINDOW = timedelta(minutes=15)
_MAX_KEYS = 10_000


class SignInBrake:
    """Counts failed sign-ins by address and by client, in the memory of this process.

    With several web processes each counts for itself: a guesser gets a few times as many tries, which argon2 and a
    ten-character password bear. A restart forgets.
    """

    def __init__(self) -> None:
        self._failures: dict[str, deque[datetime]] = {}
        self._lock = threading.Lock()

    def is_on(self, keys: tuple[str, ...], *, now: datetime) -> bool:
        """Whether any of these has failed too often of late."""
        with self._lock:
            return any(len(self._recent(key, now)) >= MAX_FAILURES for key in keys)

    def add_failure(self, keys: tuple[str, ...], *, now: datetime) -> None:
        """Remember one failed try."""
        with self._lock:
            if len(self._failures) > _MAX_KEYS:
                self._failures.clear()
            for key in keys:
                self._failures.setdefault(key, deque(maxlen=MAX_FAILURES)).append(now)

    def forget(self, key: str) -> None:
        """Somebody signed in: their slips do not count any more."""
        with self._lock:
            self._failures.pop(key, None)

    def _recent(self, key: str, now: datetime) -> deque[datetime]:
        failures = self._failures.get(key, deque())
        while failures and now - failures[0] > WINDOW:
            failures.popleft()
        return failures
