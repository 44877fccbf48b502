"""Facts about batches that one worker sends in a row: what is in the database when a byte leaves. On both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from sqlalchemy import select, text

from newsletter.db.models import Attempt, Batch, Delivery
from newsletter.domain.issue import BatchStatus, DeliveryStatus, IssueStatus
from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.providers import Outcomes
from newsletter.runtime import Runtime
from newsletter.services import issues
from newsletter.services.users import OPERATOR
from tests.factories import make_issue
from workers.dispatch import Dispatcher

BATCHES, SIZE = 3, 4
REFUSE = {
    "sqlite": [
        "CREATE TRIGGER refuse BEFORE UPDATE ON batches WHEN NEW.status = 1 AND NEW.id = 2"
        " BEGIN SELECT RAISE(ABORT, 'refused'); END"
    ],
    "postgresql": [
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE check_violation; END $$",
        "CREATE TRIGGER refuse BEFORE UPDATE ON batches FOR EACH ROW WHEN (NEW.status = 1 AND NEW.id = 2)"
        " EXECUTE FUNCTION refuse()",
    ],
}


class Witness:
    """A provider whose one answer accepts all, after it has looked at the database from outside."""

    name = "outbox"

    def __init__(self, look: Callable[[Sequence[Recipient]], None]) -> None:
        self._look = look
        self.calls: list[list[int]] = []

    def send(self, mailing: Mailing, recipients: Sequence[Recipient]) -> Outcomes:
        def start(stop: threading.Event) -> Iterator[Sequence[Outcome]]:
            self._look(recipients)
            self.calls.append([recipient.subscriber_id for recipient in recipients])
            yield [Outcome(recipient.subscriber_id, OutcomeKind.ACCEPTED) for recipient in recipients]

        return Outcomes.of_answers(start)

    def close(self) -> None:
        pass


@pytest.fixture
def issue_id(runtime: Runtime) -> int:
    with runtime.transaction() as session:
        issue, _ = make_issue(session, people=BATCHES * SIZE)
    with runtime.transaction() as session:
        issues.send_issue(session, issue.id, actor=OPERATOR, provider="outbox", batch_size=SIZE, now=runtime.now())
        return issue.id


def send_with(
    runtime: Runtime, issue_id: int, look: Callable[[Sequence[Recipient]], None], *, stops: bool = False
) -> list[list[int]]:
    witness = Witness(look)
    runtime._provider = witness
    Dispatcher(runtime, worker="w", should_stop=lambda: stops and bool(witness.calls)).run(issue_id)
    return witness.calls


def test_a_claim_and_the_record_of_the_last_batch_are_committed_before_a_byte_leaves(
    runtime: Runtime, issue_id: int
) -> None:
    accepted_before: list[int] = []

    def look(recipients: Sequence[Recipient]) -> None:
        first = recipients[0].subscriber_id
        with runtime.reading() as session:
            (batch,) = session.scalars(select(Batch).where(Batch.status == int(BatchStatus.CLAIMED))).all()
            (open_attempt,) = session.scalars(select(Attempt).where(Attempt.finished_at.is_(None))).all()
            accepted = session.scalars(
                select(Delivery.subscriber_id).where(Delivery.status == int(DeliveryStatus.ACCEPTED))
            ).all()
        assert (batch.first_id, open_attempt.batch_id) == (first, batch.id)
        assert batch.claimed_by is not None and batch.lease_until > runtime.now()
        accepted_before.append(len(accepted))

    calls = send_with(runtime, issue_id, look)
    assert accepted_before == [0, SIZE, 2 * SIZE]
    assert sorted(id_ for call in calls for id_ in call) == list(range(1, BATCHES * SIZE + 1))
    with runtime.reading() as session:
        assert issues.find_issue(session, issue_id).status == IssueStatus.SENT


def test_a_worker_that_is_told_to_stop_claims_nothing_more(runtime: Runtime, issue_id: int) -> None:
    assert len(send_with(runtime, issue_id, lambda recipients: None, stops=True)) == 1
    with runtime.reading() as session:
        tally = issues.tally_of(session, issue_id)
        assert (tally.accepted, tally.claimed, tally.pending) == (SIZE, 0, 2 * SIZE)


@pytest.mark.parametrize(("act", "status"), [("pause", IssueStatus.PAUSED), ("cancel", IssueStatus.CANCELLED)])
def test_who_pauses_or_cancels_while_a_batch_is_with_the_provider_stops_the_next(
    runtime: Runtime, issue_id: int, act: str, status: IssueStatus
) -> None:
    acts = {"pause": issues.pause_issue, "cancel": issues.cancel_issue}

    def look(recipients: Sequence[Recipient]) -> None:
        with runtime.transaction() as session:
            acts[act](session, issue_id, actor=OPERATOR, now=runtime.now())

    assert len(send_with(runtime, issue_id, look)) == 1
    with runtime.reading() as session:
        tally = issues.tally_of(session, issue_id)
        assert issues.find_issue(session, issue_id).status == status
        assert (tally.accepted, tally.claimed, tally.pending + tally.suppressed) == (SIZE, 0, 2 * SIZE)


def test_a_batch_that_cannot_be_claimed_does_not_undo_the_record_of_the_last(runtime: Runtime, issue_id: int) -> None:
    with runtime.transaction() as session:
        for statement in REFUSE[session.get_bind().dialect.name]:
            session.execute(text(statement))
    with pytest.raises(Exception, match=r"refused|check_violation"):
        send_with(runtime, issue_id, lambda recipients: None)
    with runtime.reading() as session:
        tally = issues.tally_of(session, issue_id)
        assert (tally.accepted, tally.claimed, tally.unknown) == (SIZE, 0, 0)
