"""One batch over several SMTP connections: each thread takes the next recipient until none is left."""

from __future__ import annotations

import re
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from queue import SimpleQueue

from newsletter.domain.answers import SmtpReply, Stage, Verdict, smtp_verdict
from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.errors import InvalidInput
from newsletter.providers.base import ProviderUnavailable, refused, without_addresses
from newsletter.providers.smtp_connection import ConnectionLost, Envelope, SmtpConnection, dot_stuffed
from newsletter.providers.smtp_open import refusal
from newsletter.providers.smtp_pool import SmtpPool

# So many lost connections without one reply in between, and the server is left alone: a server that falls silent
# after each final dot would otherwise put the whole audience in doubt.
MAX_LOSSES_IN_A_ROW = 5
LOSS_PAUSE_SECONDS = 60.0

_OUTCOMES = {
    Verdict.ACCEPTED: OutcomeKind.ACCEPTED,
    Verdict.DEFERRED: OutcomeKind.DEFERRED,
    Verdict.REFUSED: OutcomeKind.REFUSED,
}
_BEFORE_RCPT = frozenset({Stage.RESET, Stage.MAIL})
_SAFE_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")


class SmtpSending:
    """The state of one `send`. Whoever is in `_waiting` at the end was certainly not handed over."""

    def __init__(
        self, pool: SmtpPool, mailing: Mailing, *, recipients: Sequence[Recipient], stop: threading.Event
    ) -> None:
        self._pool = pool
        self._mailing = mailing
        self._waiting = deque(recipients)
        self._stop = stop
        self._halt = threading.Event()
        self._losses = 0
        self._is_wire_ready: bool | None = None

    def outcomes(self, *, connections: int) -> Iterator[Outcome]:
        """Each outcome as soon as it is known; ProviderUnavailable after the last of them."""
        count = min(connections, len(self._waiting))
        if count <= 1:
            yield from self._work()
        else:
            yield from self._work_in_threads(count)

    def _work_in_threads(self, count: int) -> Iterator[Outcome]:
        results: SimpleQueue[Outcome | Exception | None] = SimpleQueue()
        for _ in range(count):
            threading.Thread(target=self._work_into, args=(results,), daemon=True, name="smtp-sending").start()
        faults: list[Exception] = []
        try:
            while count:
                result = results.get()
                if isinstance(result, Outcome):
                    yield result
                elif result is None:
                    count -= 1
                else:
                    faults.append(result)
        finally:
            self._halt.set()
            while count:  # the caller has let go of us: let the threads end
                count -= results.get() is None
        self._raise_worst(faults)

    def _work_into(self, results: SimpleQueue[Outcome | Exception | None]) -> None:
        try:
            for outcome in self._work():
                results.put(outcome)
        except Exception as error:  # noqa: BLE001  the top of a thread: raised again in the caller's
            results.put(error)
        finally:
            results.put(None)

    def _raise_worst(self, faults: list[Exception]) -> None:
        """One thread that found no connection is no fault of the batch if the others did its work."""
        passing = [fault for fault in faults if isinstance(fault, ProviderUnavailable) and not fault.needs_person]
        grave = [fault for fault in faults if fault not in passing]
        if grave:
            raise grave[0]
        if passing and (self._waiting or self._losses >= MAX_LOSSES_IN_A_ROW):
            raise passing[0]

    def _work(self) -> Iterator[Outcome]:
        connection: SmtpConnection | None = None
        try:
            while (recipient := self._next()) is not None:
                if (unfit := _unfit(recipient)) is not None:
                    yield unfit
                    continue
                connection = self._connection(connection, recipient)
                outcome = self._hand_over(connection, recipient)
                if outcome is not None:
                    yield outcome
                self._give_up_on_losses()
        finally:
            if connection is not None:
                self._pool.release(connection)

    def _next(self) -> Recipient | None:
        if self._stop.is_set() or self._halt.is_set():
            return None
        try:
            return self._waiting.popleft()
        except IndexError:
            return None

    def _connection(self, connection: SmtpConnection | None, recipient: Recipient) -> SmtpConnection:
        if connection is not None and connection.is_open:
            return connection
        try:
            return self._pool.acquire()
        except ProviderUnavailable as error:
            self._put_back(recipient, halt=error.needs_person)
            raise

    def _hand_over(self, connection: SmtpConnection, recipient: Recipient) -> Outcome | None:
        """The outcome of one recipient; None where they wait again, for a connection that is fresh."""
        try:
            data = self._compose(recipient)
        except InvalidInput as error:
            return refused(recipient, error)
        envelope = Envelope(
            sender=recipient.return_path,
            recipient=recipient.email,
            data=data,
            is_wire_ready=self._check_wire_ready(data),
            envelope_id=recipient.token,
        )
        was_used = connection.is_used
        try:
            reply = connection.deliver(envelope)
        except ConnectionLost as lost:
            if was_used and lost.stage in _BEFORE_RCPT:
                self._put_back(recipient)
                return None
            self._losses += 1
            return _lost(recipient, lost)
        if was_used and reply.code == 421 and reply.stage in _BEFORE_RCPT:
            self._put_back(recipient)
            return None
        self._losses = 0
        return self._outcome(recipient, reply)

    def _compose(self, recipient: Recipient) -> bytes:
        try:
            return self._mailing.compose(recipient)
        except InvalidInput:
            raise
        except BaseException:
            self._put_back(recipient, halt=True)
            raise

    def _check_wire_ready(self, data: bytes) -> bool:
        """Trust the mailing's word after it held for the first message: looking at each costs more than sending."""
        if self._is_wire_ready is None:
            self._is_wire_ready = self._mailing.is_wire_ready and dot_stuffed(data) == data
        return self._is_wire_ready

    def _outcome(self, recipient: Recipient, reply: SmtpReply) -> Outcome:
        verdict = smtp_verdict(reply)
        if verdict not in _OUTCOMES:
            self._put_back(recipient, halt=verdict is Verdict.NEEDS_PERSON)
            raise self._refusal(reply, verdict)
        return _outcome(recipient, _OUTCOMES[verdict], str(reply))

    def _refusal(self, reply: SmtpReply, verdict: Verdict) -> ProviderUnavailable:
        return refusal(self._pool.relay, reply, needs_person=verdict is Verdict.NEEDS_PERSON)

    def _put_back(self, recipient: Recipient, *, halt: bool = False) -> None:
        self._waiting.appendleft(recipient)
        if halt:
            self._halt.set()

    def _give_up_on_losses(self) -> None:
        if self._losses >= MAX_LOSSES_IN_A_ROW:
            self._halt.set()
            raise ProviderUnavailable(
                f"the SMTP server {self._pool.relay} lost {MAX_LOSSES_IN_A_ROW} connections in a row:"
                " it is left alone for a minute",
                retry_after_seconds=LOSS_PAUSE_SECONDS,
            )


def _unfit(recipient: Recipient) -> Outcome | None:
    """Refuse addresses that an SMTP command cannot carry safely: non-ASCII, blanks, angle brackets, control codes."""
    sender = recipient.return_path
    if _SAFE_ADDRESS.fullmatch(recipient.email) and (not sender or _SAFE_ADDRESS.fullmatch(sender)):
        return None
    return _outcome(recipient, OutcomeKind.REFUSED, "the address cannot be used in SMTP: nothing was sent")


def _lost(recipient: Recipient, lost: ConnectionLost) -> Outcome:
    if lost.is_in_doubt:
        return _outcome(recipient, OutcomeKind.UNKNOWN, f"no answer after the whole message was sent ({lost.reason})")
    return _outcome(
        recipient, OutcomeKind.DEFERRED, f"connection lost before the message was handed over ({lost.reason})"
    )


def _outcome(recipient: Recipient, kind: OutcomeKind, response: str) -> Outcome:
    return Outcome(
        subscriber_id=recipient.subscriber_id,
        kind=kind,
        response=without_addresses(response),
        message_id=recipient.headers.get("Message-ID", ""),
    )
