"""A brake on guessing passwords."""

from __future__ import annotations

import threading
from collections import deque
from datetime import datetime, timedelta

MAX_FAILURES_OF_ADDRESS = 8
MAX_FAILURES_OF_CLIENT = 60  # a newsroom may stand behind one address
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

    def is_on(self, *, address: str, client: str, now: datetime) -> bool:
        """Whether this address or this client has failed too often of late."""
        with self._lock:
            return (
                len(self._recent(_of_address(address), now)) >= MAX_FAILURES_OF_ADDRESS
                or len(self._recent(_of_client(client), now)) >= MAX_FAILURES_OF_CLIENT
            )

    def add_failure(self, *, address: str, client: str, now: datetime) -> None:
        """Remember one failed try."""
        with self._lock:
            if len(self._failures) > _MAX_KEYS:
                self._failures.clear()
            for key in (_of_address(address), _of_client(client)):
                self._failures.setdefault(key, deque(maxlen=MAX_FAILURES_OF_CLIENT)).append(now)

    def forget(self, *, address: str) -> None:
        """Somebody signed in: their slips do not count any more."""
        with self._lock:
            self._failures.pop(_of_address(address), None)

    def _recent(self, key: str, now: datetime) -> deque[datetime]:
        failures = self._failures.get(key, deque())
        while failures and now - failures[0] > WINDOW:
            failures.popleft()
        return failures


def _of_address(address: str) -> str:
    return f"address:{address}"


def _of_client(client: str) -> str:
    return f"client:{client}"
