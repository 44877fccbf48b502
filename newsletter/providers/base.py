"""What every provider promises, and how sending stops."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from newsletter.domain.doubt import LogQuestion, LogReport
from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.errors import InvalidInput, ServiceUnavailable

MAX_RESPONSE_LENGTH = 500
_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")


class ProviderUnavailable(ServiceUnavailable):
    """The provider takes nothing at present; recipients without an outcome were certainly not handed over.

    `retry_after_seconds` is the provider's own wish, or None; `needs_person` says that waiting alone will not help;
    `is_throttle` that we go too fast for it.
    It may also come after the last recipient's outcome: then it asks to leave the provider alone for a while.
    """

    def __init__(
        self,
        reason: str,
        *,
        retry_after_seconds: float | None = None,
        needs_person: bool = False,
        is_throttle: bool = False,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds
        self.needs_person = needs_person
        self.is_throttle = is_throttle


class Outcomes(Iterator[Outcome]):
    """The outcomes of one `send`, each as soon as it is known, in any order. Nothing is sent before the first `next`.

    To stop early, call `close()` and go on iterating: nobody further is handed over, but the outcomes of those who
    were in flight still come. Whoever has no outcome at the end was certainly not handed over.
    """

    def __init__(self, start: Callable[[threading.Event], Iterator[Outcome]]) -> None:
        self._stop = threading.Event()
        self._answers: Iterator[Sequence[Outcome]] = ((outcome,) for outcome in start(self._stop))
        self._known: Iterator[Outcome] = iter(())

    @classmethod
    def of_answers(cls, start: Callable[[threading.Event], Iterator[Sequence[Outcome]]]) -> Outcomes:
        """The outcomes of a provider whose one answer speaks for many."""
        outcomes = cls(lambda stop: iter(()))
        outcomes._answers = start(outcomes._stop)
        return outcomes

    def __iter__(self) -> Outcomes:
        return self

    def __next__(self) -> Outcome:
        while True:
            for outcome in self._known:
                return outcome
            self._known = iter(next(self._answers))

    def answers(self) -> Iterator[Sequence[Outcome]]:
        """The same, with what became known at one moment together: for whoever has no need of them one by one."""
        return self._answers

    def close(self) -> None:
        """Hand over nobody further; iterate on for those in flight."""
        self._stop.set()


class Provider(Protocol):
    """Who takes mail from us. Safe to use from several threads; make it after a fork.

    Right before bytes leave it says whose they are: by `mailing.compose`, called for each mail that is handed over and
    for no other, or by `mailing.watch.begins`. What a worker that died leaves in doubt is known by that.
    """

    name: str

    def send(self, mailing: Mailing, recipients: Sequence[Recipient]) -> Outcomes:
        """Hand over one mail per recipient. Raises ProviderUnavailable while iterating."""
        ...

    def send_test(self, mailing: Mailing, recipient: Recipient) -> Outcome:
        """Hand over one mail and return the provider's own answer; ProviderUnavailable as with `send`."""
        ...

    def check(self) -> str:
        """One sentence that says who would take mail now; ServiceUnavailable or ConfigurationError otherwise."""
        ...

    def close(self) -> None:
        """Give back connections; a later send opens new ones."""
        ...


class ProviderLog(Protocol):
    """The provider's own record of what it took from us."""

    def report(self, questions: Sequence[LogQuestion], *, since: datetime, until: datetime) -> LogReport:
        """What it says of these mails, which were handed over in this time if at all; never an error."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


def refused(recipient: Recipient, error: InvalidInput) -> Outcome:
    """The outcome of a recipient whose mail cannot be put together: theirs alone, the others are not held up."""
    return Outcome(
        subscriber_id=recipient.subscriber_id, kind=OutcomeKind.REFUSED, response=without_addresses(str(error))
    )


def without_addresses(text: str) -> str:
    """A provider's answer as one line that may be kept and shown: no address, no control characters, not long."""
    line = " ".join(_ADDRESS.sub("(address)", text).split())
    if not line.isprintable():
        line = "".join(character for character in line if character.isprintable())
    return line[:MAX_RESPONSE_LENGTH]
