"""Facts about a worker that dies while it sends many mails in one request: in doubt is what was in flight, no more."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.errors import ServiceUnavailable
from newsletter.providers import Outcomes
from newsletter.runtime import Runtime
from newsletter.services import issues
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings
from tests.factories import NOW, make_issue
from workers import tasks
from workers.dispatch import Dispatcher

SIZE, REQUEST = 6, 2
BEFORE, IN_FLIGHT, REFUSED, ANSWERED = "before a byte left", "in flight", "refused", "answered"


class Killed(BaseException):
    """The end of a process: nothing of ours catches it."""


class DyingProvider:
    """Takes two mails a request, and its worker dies at a moment of the second; `taken` are those whose bytes left."""

    name = "sendgrid"

    def __init__(self, moment: str) -> None:
        self.moment = moment
        self.taken: list[int] = []

    def send(self, mailing: Mailing, recipients: Sequence[Recipient]) -> Outcomes:
        def start(stop: threading.Event) -> Iterator[Sequence[Outcome]]:
            for at in range(0, len(recipients), REQUEST):
                yield from self._post(mailing, recipients[at : at + REQUEST], is_second=at == REQUEST)

        return Outcomes.of_answers(start)

    def _post(
        self, mailing: Mailing, recipients: Sequence[Recipient], *, is_second: bool
    ) -> Iterator[Sequence[Outcome]]:
        if is_second and self.moment == BEFORE:
            raise Killed
        mailing.watch.begins(recipients)
        if is_second and self.moment == REFUSED:
            mailing.watch.spared(recipients)
            raise Killed
        self.taken += [recipient.subscriber_id for recipient in recipients]
        if is_second and self.moment == IN_FLIGHT:
            raise Killed
        yield [Outcome(recipient.subscriber_id, OutcomeKind.ACCEPTED) for recipient in recipients]
        if is_second and self.moment == ANSWERED:
            raise Killed

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("moment", "unknown", "accepted"), [(BEFORE, 0, 2), (REFUSED, 0, 2), (IN_FLIGHT, 2, 2), (ANSWERED, 0, 4)]
)
def test_of_a_dead_workers_batch_only_the_request_in_flight_is_in_doubt(
    settings: Settings, moment: str, unknown: int, accepted: int
) -> None:
    clock = [NOW]
    runtime = Runtime(settings, announce=lambda _: None, clock=lambda: clock[0])
    with runtime.transaction() as session:
        issue, _ = make_issue(session, SIZE)
        issues.send_issue(session, issue.id, actor=OPERATOR, provider="sendgrid", batch_size=SIZE, now=NOW)
    runtime._provider = dying = DyingProvider(moment)
    with pytest.raises(Killed):
        Dispatcher(runtime, worker="dies", should_stop=lambda: False).run(issue.id)
    clock[0] += timedelta(seconds=settings.claim_lease_seconds + 1)
    tasks.tick(runtime)
    assert tally(runtime, issue.id) == {"accepted": accepted, "unknown": unknown, "pending": SIZE - accepted - unknown}

    dying.moment = ""
    Dispatcher(runtime, worker="lives", should_stop=lambda: False).run(issue.id)
    assert tally(runtime, issue.id) == {"accepted": SIZE - unknown, "unknown": unknown, "pending": 0}
    assert sorted(dying.taken) == list(range(1, SIZE + 1)), "everybody once"
    runtime.close()


def test_a_worker_that_slept_longer_than_its_lease_sends_nothing_more(settings: Settings) -> None:
    clock = [NOW]
    runtime = Runtime(settings, announce=lambda _: None, clock=lambda: clock[0])

    class Sleepy(DyingProvider):
        def _post(
            self, mailing: Mailing, recipients: Sequence[Recipient], *, is_second: bool
        ) -> Iterator[Sequence[Outcome]]:
            if is_second:
                clock[0] += timedelta(seconds=settings.claim_lease_seconds + 1)
            return super()._post(mailing, recipients, is_second=is_second)

    with runtime.transaction() as session:
        issue, _ = make_issue(session, SIZE)
        issues.send_issue(session, issue.id, actor=OPERATOR, provider="sendgrid", batch_size=SIZE, now=NOW)
    runtime._provider = sleepy = Sleepy("")
    Dispatcher(runtime, worker="sleeps", should_stop=lambda: False).run(issue.id)
    assert sleepy.taken == [1, 2]
    clock[0] += timedelta(seconds=settings.claim_lease_seconds + 1)
    tasks.tick(runtime)
    assert tally(runtime, issue.id) == {"accepted": 2, "unknown": 0, "pending": SIZE - 2}
    runtime.close()


class Forgetful(Runtime):
    """A runtime whose database commits, and goes away before it can say so; `loses` counts the transactions to that."""

    loses = 0

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        with super().transaction() as session:
            yield session
        self.loses -= 1
        if self.loses == 0:
            raise ServiceUnavailable("the database went away")


@pytest.mark.parametrize("loses", [1, 2])
def test_a_claim_whose_commit_nobody_heard_of_leaves_nobody_in_doubt(settings: Settings, loses: int) -> None:
    """The first claim, or the second, which is committed along with what became of the first batch."""
    clock = [NOW]
    runtime = Forgetful(settings, announce=lambda _: None, clock=lambda: clock[0])
    with runtime.transaction() as session:
        issue, _ = make_issue(session, SIZE)
        issues.send_issue(session, issue.id, actor=OPERATOR, provider="sendgrid", batch_size=SIZE // 2, now=NOW)
        issue_id = issue.id
    runtime._provider = provider = DyingProvider("")
    runtime.loses = loses
    with suppress(ServiceUnavailable):
        Dispatcher(runtime, worker="w", should_stop=lambda: False).run(issue_id)
    assert len(provider.taken) == (loses - 1) * SIZE // 2
    with runtime.reading() as session:
        assert issues.tally_of(session, issue_id).claimed == SIZE // 2
    clock[0] += timedelta(seconds=settings.claim_lease_seconds + 1)
    tasks.tick(runtime)
    Dispatcher(runtime, worker="w", should_stop=lambda: False).run(issue_id)
    assert tally(runtime, issue_id) == {"accepted": SIZE, "unknown": 0, "pending": 0}
    assert sorted(provider.taken) == list(range(1, SIZE + 1)), "everybody once"
    runtime.close()


def tally(runtime: Runtime, issue_id: int) -> dict[str, int]:
    with runtime.reading() as session:
        numbers = asdict(issues.tally_of(session, issue_id))
    return {name: numbers[name] for name in ("accepted", "unknown", "pending")}
