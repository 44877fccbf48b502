"""The dispatch loop: claim, hand over, record, again, for a few seconds at a time.

No transaction is open while a batch is handed over. The one that records the end of a batch claims the next, so that
a batch that is one request costs one transaction; the claim is committed before a byte of it leaves. The loop gives
its worker slot back every few seconds, so that ticks and other issues have their turn.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, TypeVar

from sqlalchemy.orm import Session

from newsletter.domain.issue import FINAL_STATUSES
from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.domain.retrying import PROBE_SIZE, provider_down_delay, spread
from newsletter.errors import ConfigurationError, Conflict, NewsletterError, ServiceUnavailable
from newsletter.jobs import DISPATCH, Job
from newsletter.providers import ProviderUnavailable
from newsletter.runtime import Runtime
from newsletter.services import flow, issues, probing, reactions, sending
from newsletter.services.mailings import MailingFactory
from newsletter.services.sending import Claim
from workers.journal import Journal, Lease, LeaseLost, open_journal
from workers.mailings import Mailings
from workers.pacing import Pace

log = logging.getLogger(__name__)

SLICE_SECONDS = 5.0
RECORD_EVERY_SECONDS = 0.5
RECORD_EVERY_OUTCOMES = 500
DATABASE_PAUSE_SECONDS = 0.5

T = TypeVar("T")


class LeasedClaim(NamedTuple):
    """A claim with the lease that says until when it is ours."""

    claim: Claim
    lease: Lease


class Dispatcher:
    """Sends batches of one issue in one worker slot."""

    def __init__(self, runtime: Runtime, *, worker: str, should_stop: Callable[[], bool]) -> None:
        self.runtime = runtime
        self.worker = worker
        self.should_stop = should_stop
        self.lease = timedelta(seconds=runtime.settings.claim_lease_seconds)
        self.pace = Pace(runtime, name=runtime.provider.name, should_stop=should_stop)
        self._slice_until = 0.0
        self._audience = 0

    def run(self, issue_id: int) -> int:
        """Send until nothing is due, the slice is over or the worker stops; returns how many batches were claimed."""
        mailings = self._load(issue_id)
        self._slice_until = time.monotonic() + SLICE_SECONDS
        claimed = 0
        leased: LeasedClaim | None = None
        while leased is not None or self._has_turn(issue_id, until=self._slice_until):
            leased = leased or self._claim(issue_id)
            if leased is None and self.pace.awaits_turn(issue_id, until=self._slice_until):
                continue
            if leased is None:
                self._finish_issue(issue_id)
                return claimed
            claimed += 1
            if claimed == 1:
                # One wakes the next: as many slots join in as there is work for.
                self.runtime.announcer(Job(name=DISPATCH, args=(issue_id,)))
            leased = self._deliver(leased, mailings.for_batch(leased.claim))
        return claimed

    def _has_turn(self, issue_id: int, *, until: float) -> bool:
        """Whether to claim another batch; waits for our turn until then (monotonic seconds) where there is a rate."""
        is_over = self.should_stop() or time.monotonic() >= self._slice_until
        return not is_over and self.pace.has_turn(issue_id, until=until)

    def _load(self, issue_id: int) -> Mailings:
        """The approved bytes, proven; a mismatch, or a DKIM key that cannot sign, pauses the issue and is raised."""
        try:
            with self.runtime.reading() as session:
                issue, rendered = sending.load_approved(session, issue_id)
                self._audience = issue.audience or 0
            signer = self.runtime.signer
        except (Conflict, ConfigurationError) as error:
            with self.runtime.transaction() as session:
                issues.pause_if_sending(session, issue_id, now=self.runtime.now(), reason=str(error))
            raise
        return Mailings(self.runtime, rendered, issue_id=issue_id, signer=signer)

    def _claim(self, issue_id: int) -> LeasedClaim | None:
        with self.runtime.transaction() as session:
            return self._claim_next(session, issue_id)

    def _claim_next(self, session: Session, issue_id: int) -> LeasedClaim | None:
        # The lease begins before the moment that is written down, so that ours is over first.
        lease = Lease(now=self.runtime.now, length=self.lease)
        claim = sending.claim_batch(
            session,
            issue_id,
            worker=self.worker,
            provider=self.runtime.provider.name,
            now=self.runtime.now(),
            lease=self.lease,
            taking=self.pace.time_taken(issue_id, mails=self._audience),
        )
        if claim is None:
            return None
        # Begun before the claim is committed: who dies right after that leaves word that nothing was handed over.
        if journal := self._open_journal(claim):
            journal.close(is_settled=False)
        return LeasedClaim(claim, lease)

    def _deliver(self, leased: LeasedClaim, factory: MailingFactory) -> LeasedClaim | None:
        """Hand a batch over and write what became of it; returns the next one where it was claimed along with that."""
        recorder = Recorder(self, leased, journal=self._open_journal(leased.claim))
        try:
            return self._deliver_recorded(leased.claim, factory, recorder)
        finally:
            # What could not be written into the database stays in the journal, for the tick.
            recorder.close()

    def _deliver_recorded(self, claim: Claim, factory: MailingFactory, recorder: Recorder) -> LeasedClaim | None:
        recipients = factory.recipients(claim.addressees)
        try:
            mailing = replace(factory.mailing, attempt_id=claim.attempt_id)
            self._hand_over(claim, recorder.watch(mailing), recipients, recorder)
        except LeaseLost:
            log.warning("lease.lost issue_id=%s batch_id=%s", claim.issue_id, claim.batch_id)
            recorder.flush()
            return None
        except ProviderUnavailable as error:
            recorder.flush()
            self._provider_is_unavailable(claim, error)
        except ServiceUnavailable:
            # The database stayed away for longer than we may keep the batch: the tick settles what is left.
            raise
        except Exception as error:
            log.exception("batch.broken issue_id=%s batch_id=%s", claim.issue_id, claim.batch_id)
            recorder.flush()
            self._abandon_claim(claim, response=type(error).__name__)
        else:
            following = self._finish_claim(claim, recorder, len(recipients))
            recorder.is_settled = True
            return following
        recorder.is_settled = True
        return None

    def _hand_over(self, claim: Claim, mailing: Mailing, recipients: Sequence[Recipient], recorder: Recorder) -> None:
        for portion in self.pace.portions(recipients, claim=claim, is_stopped=recorder.check_stopped):
            if claim.is_probe and not recorder.is_answered:
                self._hand_over_portion(claim, mailing, portion[:PROBE_SIZE], recorder)
                if not self._goes_on_after_probe(recorder):
                    return
                portion = portion[PROBE_SIZE:]
            self._hand_over_portion(claim, mailing, portion, recorder)

    def _hand_over_portion(
        self, claim: Claim, mailing: Mailing, portion: Sequence[Recipient], recorder: Recorder
    ) -> None:
        if not portion:
            return
        outcomes = self.runtime.provider.send(replace(mailing, has_gaps=are_apart(portion, claim)), portion)
        for answer in outcomes.answers():
            recorder.add(answer)
            if recorder.is_stopped or self.should_stop():
                outcomes.close()

    def _goes_on_after_probe(self, recorder: Recorder) -> bool:
        """Tell everybody at once that the provider works; ProviderUnavailable where it has answered nothing."""
        recorder.flush()
        if recorder.is_stopped or self.should_stop():
            return False
        if not recorder.is_answered:
            raise ProviderUnavailable(f"{self.runtime.provider.name} did not answer when it was tried again")
        return True

    def _open_journal(self, claim: Claim) -> Journal | None:
        return open_journal(self.runtime.settings.data_dir, claim.claim)

    def _abandon_claim(self, claim: Claim, *, response: str) -> None:
        """Nobody knows what the provider has of this batch: say so."""
        self.persist(lambda session: sending.abandon_claim(session, claim, response=response, now=self.runtime.now()))

    def _finish_claim(self, claim: Claim, recorder: Recorder, expected: int) -> LeasedClaim | None:
        """Write the last outcomes, end the claim and, where it is our turn, claim the next batch: one transaction."""
        outcome = "done" if recorder.count == expected else "handed_back"
        log.info(
            "batch.%s issue_id=%s batch_id=%s attempt=%s mails=%s of=%s deferred=%s",
            outcome,
            claim.issue_id,
            claim.batch_id,
            claim.attempt_number,
            recorder.count,
            expected,
            recorder.deferred,
        )
        has_turn = self._has_turn(claim.issue_id, until=time.monotonic())

        def write(session: Session, *, claims: bool) -> LeasedClaim | None:
            recorder.write_last(session)
            sending.finish_claim(
                session,
                claim,
                outcome=outcome,
                deferred=recorder.deferred,
                hold=self.pace.hold,
                provider_message_id=recorder.message_id,
                now=self.runtime.now(),
            )
            return self._claim_next(session, claim.issue_id) if claims else None

        try:
            return self.persist(partial(write, claims=has_turn))
        except NewsletterError:
            raise
        except Exception:
            # What the provider told us is written, whatever is the matter with the next batch.
            log.exception("claim.broken issue_id=%s", claim.issue_id)
            return self.persist(partial(write, claims=False))

    def _provider_is_unavailable(self, claim: Claim, error: ProviderUnavailable) -> None:
        """Nothing of the rest was handed over: keep the rows pending, hold the provider, and tell people why."""
        now = self.runtime.now()
        name = self.runtime.provider.name
        asked = (
            timedelta(seconds=error.retry_after_seconds)
            if error.retry_after_seconds is not None
            else provider_down_delay(claim.attempt_number)
        )
        wait = spread(asked, chance=random.random())
        log.warning("provider.unavailable provider=%s needs_person=%s", name, error.needs_person)

        def write(session: Session) -> None:
            # The pause is the provider's alone: once somebody lifts it, the batch must not wait on.
            sending.finish_claim(session, claim, outcome="unavailable", response=str(error), wait=timedelta(), now=now)
            sending.pause_provider(
                session,
                name,
                reason=str(error),
                needs_person=error.needs_person,
                until=None if error.needs_person else now + wait,
                now=now,
            )
            if error.is_throttle:
                size = len(claim.addressees)
                flow.slow_down(session, name, wait=asked, batch_size=size, reason=str(error), now=now)
            if error.needs_person:
                issues.pause_if_sending(session, claim.issue_id, now=now, reason=str(error))

        self.persist(write)

    def _finish_issue(self, issue_id: int) -> None:
        with self.runtime.transaction() as session:
            status = issues.finish_if_done(session, issue_id, now=self.runtime.now())
        if status in FINAL_STATUSES:
            log.info("issue.%s issue_id=%s", status, issue_id)

    def persist(self, write: Callable[[Session], T]) -> T:
        """Write what the provider told us; a database that is away is waited for as long as the lease lasts."""
        until = time.monotonic() + self.lease.total_seconds()
        while True:
            try:
                with self.runtime.transaction() as session:
                    return write(session)
            except ServiceUnavailable:
                if time.monotonic() >= until:
                    raise
                time.sleep(DATABASE_PAUSE_SECONDS)


def are_apart(portion: Sequence[Recipient], claim: Claim) -> bool:
    """Whether somebody of the batch who is not in this portion stands between two who are."""
    if len(portion) == len(claim.addressees):
        return False
    first, last = portion[0].subscriber_id, portion[-1].subscriber_id
    return sum(first <= person.subscriber_id <= last for person in claim.addressees) != len(portion)


class Recorder:
    """Collects outcomes and writes them every half second, so that little is in doubt if the worker dies."""

    def __init__(self, dispatcher: Dispatcher, leased: LeasedClaim, *, journal: Journal | None) -> None:
        self._dispatcher = dispatcher
        self._claim, self._lease = leased
        self._journal = journal
        self._waiting: list[Outcome] = []
        self._last = time.monotonic()
        self.count = 0
        self.deferred = 0
        self.message_id = ""
        # Whether the provider said something of a mail that only one that works can say.
        self.is_answered = False
        self.is_stopped = False
        # Whether all that is known is in the database, and the batch was ours to the end.
        self.is_settled = False

    def watch(self, mailing: Mailing) -> Mailing:
        """The mailing as it is to be sent: noted in the journal where there is one."""
        return mailing if self._journal is None else self._journal.watch(mailing, self._lease)

    def close(self) -> None:
        """Close the journal; it is needed no more where all is written."""
        if self._journal is not None:
            self._journal.close(is_settled=self.is_settled)

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Take what became known; write when enough has come or enough time has gone by."""
        if self._journal is not None:
            self._journal.note(*outcomes)
        self._waiting.extend(outcomes)
        self.count += len(outcomes)
        self.deferred += sum(outcome.kind is OutcomeKind.DEFERRED for outcome in outcomes)
        self.is_answered = self.is_answered or any(probing.is_answer(outcome.kind) for outcome in outcomes)
        self.message_id = self.message_id or (outcomes[0].message_id if outcomes else "")
        is_due = time.monotonic() - self._last >= RECORD_EVERY_SECONDS
        # What is the whole batch is written with its end.
        is_last = self.count >= len(self._claim.addressees)
        if (is_due or len(self._waiting) >= RECORD_EVERY_OUTCOMES) and not is_last:
            self.flush()

    def check_stopped(self) -> bool:
        """Whether to stop; asks the database, and keeps the batch ours, when nothing was written for half a second."""
        if not self.is_stopped and time.monotonic() - self._last >= RECORD_EVERY_SECONDS:
            self._write()
        return self.is_stopped

    def flush(self) -> None:
        """Write what waits."""
        if self._waiting:
            self._write()

    def write_last(self, session: Session) -> None:
        """Write what waits in the transaction that ends the claim: there is no lease to be kept for it."""
        if self._waiting:
            runtime = self._dispatcher.runtime
            sending.record_last_outcomes(
                session, self._claim, self._waiting, source=runtime.provider.name, now=runtime.now()
            )
            self._react(session, self._waiting)

    def _write(self) -> None:
        outcomes: Sequence[Outcome] = tuple(self._waiting)
        dispatcher = self._dispatcher
        since = dispatcher.runtime.now()
        may_go_on = dispatcher.persist(lambda session: self._record(session, outcomes, since=since))
        if may_go_on:
            self._lease.renew(since)
        self._waiting.clear()
        self._last = time.monotonic()
        self.is_stopped = self.is_stopped or not may_go_on

    def _record(self, session: Session, outcomes: Sequence[Outcome], *, since: datetime) -> bool:
        dispatcher = self._dispatcher
        source = dispatcher.runtime.provider.name
        may_go_on = sending.record_outcomes(
            session, self._claim, outcomes, source=source, now=since, lease=dispatcher.lease
        )
        self._react(session, outcomes)
        return may_go_on

    def _react(self, session: Session, outcomes: Sequence[Outcome]) -> None:
        runtime = self._dispatcher.runtime
        reactions.react_to_refusals(
            session,
            self._claim.issue_id,
            outcomes,
            address_key=runtime.links.address_key,
            source=runtime.provider.name,
            now=runtime.now(),
        )
