"""One batch over several SMTP connections, all of them looked after by the thread that asks for the outcomes."""

from __future__ import annotations

import logging
import re
import selectors
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence

from newsletter.domain.answers import SmtpReply, Verdict, smtp_verdict
from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.errors import InvalidInput
from newsletter.providers.base import ProviderUnavailable, refused, without_addresses
from newsletter.providers.smtp_connection import SmtpConnection, dot_stuffed
from newsletter.providers.smtp_conversation import Conversation, Message
from newsletter.providers.smtp_open import refusal
from newsletter.providers.smtp_openings import SmtpOpenings
from newsletter.providers.smtp_pool import SmtpPool

log = logging.getLogger(__name__)

# So many lost connections without one reply in between, and the server is left alone: a server that falls silent
# after each final dot would otherwise put the whole audience in doubt.
MAX_LOSSES_IN_A_ROW = 5
LOSS_PAUSE_SECONDS = 60.0

_LOOK_EVERY_SECONDS = 1.0
_OUTCOMES = {
    Verdict.ACCEPTED: OutcomeKind.ACCEPTED,
    Verdict.DEFERRED: OutcomeKind.DEFERRED,
    Verdict.REFUSED: OutcomeKind.REFUSED,
}
_SAFE_ADDRESS = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")


class SmtpSending:
    """The state of one `send`, and the desk of its conversations.

    Whoever is in `_waiting` at the end was certainly not handed over.
    """

    def __init__(
        self,
        pool: SmtpPool,
        mailing: Mailing,
        *,
        recipients: Sequence[Recipient],
        stop: threading.Event,
        connections: int,
    ) -> None:
        self._pool = pool
        self._mailing = mailing
        self._waiting = deque(recipients)
        self._stop = stop
        self._is_halted = False
        self._wanted = connections
        self._losses = 0
        self._pause: ProviderUnavailable | None = None
        self._faults: list[Exception] = []
        self._found: deque[Outcome] = deque()
        self._is_plain = mailing.is_wire_ready
        self._largest: int | None = None

    def outcomes(self) -> Iterator[Outcome]:
        """Each outcome as soon as it is known; ProviderUnavailable after the last of them."""
        switchboard = Switchboard(self._pool, self)
        try:
            switchboard.add_connections()
            while switchboard.is_needed:
                for _ in switchboard.turns():
                    while self._found:
                        yield self._found.popleft()
        finally:
            switchboard.close()
        self._raise_worst()

    @property
    def is_stopped(self) -> bool:
        """Whether nobody further is to be handed over."""
        return self._is_halted or self._stop.is_set()

    @property
    def wanted(self) -> int:
        """How many connections are worth having, for whom waits and by what the server has allowed."""
        return 0 if self.is_stopped else self._wanted

    @property
    def waiting_count(self) -> int:
        """How many mails have not been begun."""
        return len(self._waiting)

    def next_recipient(self) -> Recipient | None:
        """Whose mail is next; addresses that no command can carry are refused on the way."""
        while self._waiting and not self.is_stopped:
            recipient = self._waiting.popleft()
            if _is_fit(recipient):
                return recipient
            response = "the address cannot be used in SMTP: nothing was sent"
            self._found.append(_outcome(recipient, OutcomeKind.REFUSED, response))
        return None

    def expected_size(self) -> int | None:
        """That of the largest message so far; None before the first, and where each must be looked at."""
        return self._largest if self._is_plain else None

    def compose(self, recipient: Recipient) -> Message | None:
        """The message; without one its recipient is refused, or all is over."""
        try:
            data = self._mailing.compose(recipient)
        except InvalidInput as error:
            self._found.append(refused(recipient, error))
            return None
        except Exception as error:  # noqa: BLE001  the mails in flight come first: raised at the end
            self.put_back(recipient)
            self.add_fault(error)
            return None
        if self._largest is None:
            # Trust the mailing's word after it held for the first message: looking at each costs more than sending.
            self._is_plain = self._is_plain and data.isascii() and dot_stuffed(data) == data
        self._largest = max(self._largest or 0, len(data))
        if self._is_plain:
            return Message(data, size=len(data))
        return Message(dot_stuffed(data), size=len(data), is_8bit=not data.isascii())

    def settle(self, recipient: Recipient, reply: SmtpReply) -> bool:
        """Make an outcome of a reply; one that concerns us all is a fault, and the mail waits again."""
        verdict = smtp_verdict(reply)
        if verdict in _OUTCOMES:
            self._losses = 0
            self._found.append(_outcome(recipient, _OUTCOMES[verdict], str(reply)))
            return True
        self.put_back(recipient)
        self.add_fault(refusal(self._pool.relay, reply, needs_person=verdict is Verdict.NEEDS_PERSON))
        return False

    def lose(self, recipient: Recipient, reason: str, *, is_in_doubt: bool) -> None:
        """Make an outcome of silence, and leave a server alone that loses one connection after the other."""
        if is_in_doubt:
            response = f"no answer after the whole message was sent ({reason})"
            self._found.append(_outcome(recipient, OutcomeKind.UNKNOWN, response))
        else:
            response = f"connection lost before the message was handed over ({reason})"
            self._found.append(_outcome(recipient, OutcomeKind.DEFERRED, response))
        self._losses += 1
        if self._losses == MAX_LOSSES_IN_A_ROW:
            self._is_halted = True
            self._pause = ProviderUnavailable(
                f"the SMTP server {self._pool.relay} lost {MAX_LOSSES_IN_A_ROW} connections in a row:"
                " it is left alone for a minute",
                retry_after_seconds=LOSS_PAUSE_SECONDS,
            )

    def put_back(self, recipient: Recipient) -> None:
        """Let a mail wait again that was not handed over."""
        self._waiting.appendleft(recipient)
        self._mailing.watch.spared((recipient,))

    def add_fault(self, fault: Exception) -> None:
        """A connection less is worth having; a fault that does not pass stops everything."""
        self._faults.append(fault)
        self._wanted -= 1
        self._is_halted = self._is_halted or not _is_passing(fault)

    def _raise_worst(self) -> None:
        """One connection that could not be had is no fault of the batch if the others did its work."""
        grave = [fault for fault in self._faults if not _is_passing(fault)]
        if grave:
            raise grave[0]
        if self._pause is not None:
            raise self._pause
        if self._faults and self._waiting:
            raise self._faults[0]


class Switchboard:
    """The connections of one sending: opens, watches and gives them back."""

    def __init__(self, pool: SmtpPool, sending: SmtpSending) -> None:
        self._pool = pool
        self._sending = sending
        self._openings = SmtpOpenings(pool)
        self._conversations: set[Conversation] = set()
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._openings.bell, selectors.EVENT_READ)
        self._next_look = 0.0

    @property
    def is_needed(self) -> bool:
        """Whether something is still in flight, or somebody waits and may be served."""
        return bool(self._conversations or (self._openings.count and self._sending.wanted > 0))

    def turns(self) -> Iterator[None]:
        """Wait until something happens, and see to it; a turn ends where there may be an outcome to tell."""
        if self._sending.is_stopped:
            self._let_go()
        for key, events in self._selector.select(max(0.0, self._next_look - time.monotonic())):
            if key.data is None:
                self._welcome()
            else:
                yield from self._attend(key.data, events, key.events)
            yield
        now = time.monotonic()
        if now >= self._next_look:
            self._end_silent(now)
        self.add_connections()
        yield

    def add_connections(self) -> None:
        """As many as are wanted, but no more than have something to do."""
        sending, openings = self._sending, self._openings
        while openings.count < sending.waiting_count and self._count() < sending.wanted:
            connection = self._pool.take_fresh()
            if connection is None:
                openings.order()
            else:
                self._converse(connection)

    def close(self) -> None:
        """Let go of everything; where the outcomes were not waited for, mails in flight are cut off."""
        for conversation in self._conversations:
            conversation.connection.abort()
        self._openings.close()
        self._selector.close()

    def _count(self) -> int:
        return len(self._conversations) + self._openings.count

    def _welcome(self) -> None:
        for arrived in self._openings.take():
            if isinstance(arrived, SmtpConnection):
                self._converse(arrived)
            else:
                self._sending.add_fault(arrived)

    def _converse(self, connection: SmtpConnection) -> None:
        conversation = Conversation(connection, self._sending, timeout_seconds=self._pool.timeout_seconds)
        # Among ours before anything can go wrong: `close` closes those.
        self._conversations.add(conversation)
        conversation.begin()
        if conversation.is_over:
            self._conversations.discard(conversation)
            self._pool.release(connection)
            return
        self._selector.register(connection.socket, _interest(connection), conversation)
        self._next_look = min(self._next_look, conversation.deadline)

    def _attend(self, conversation: Conversation, events: int, interest: int) -> Iterator[None]:
        if events & selectors.EVENT_WRITE:
            conversation.write_on()
        if events & selectors.EVENT_READ:
            conversation.listen()
        while conversation.has_more:
            yield
            conversation.listen()
        if conversation.is_over:
            self._part(conversation)
        elif interest != (wish := _interest(conversation.connection)):
            self._selector.modify(conversation.connection.socket, wish, conversation)

    def _let_go(self) -> None:
        """Nobody further is handed over: a server that was only told of a mail need not be waited for."""
        for conversation in [each for each in self._conversations if not each.is_in_doubt]:
            conversation.let_go()
            self._part(conversation)

    def _end_silent(self, now: float) -> None:
        # While somebody took their time with an outcome, no reply was read: who has spoken is not silent.
        speaking = {key.data for key, _ in self._selector.select(0)}
        silent = [each for each in self._conversations if each.deadline <= now and each not in speaking]
        for conversation in silent:
            conversation.fall_silent()
            self._part(conversation)
        deadlines = [each.deadline for each in self._conversations]
        self._next_look = min([*deadlines, now + _LOOK_EVERY_SECONDS])

    def _part(self, conversation: Conversation) -> None:
        self._conversations.discard(conversation)
        self._selector.unregister(conversation.connection.socket)
        if conversation.is_deaf and self._pool.looks_ahead:
            self._pool.looks_ahead = False
            log.warning("smtp.slowed relay=%s reason=no_commands_with_a_message", self._pool.relay)
        self._pool.release(conversation.connection)


def _interest(connection: SmtpConnection) -> int:
    return selectors.EVENT_READ | (selectors.EVENT_WRITE if connection.is_writing else 0)


def _is_passing(fault: Exception) -> bool:
    return isinstance(fault, ProviderUnavailable) and not fault.needs_person


def _is_fit(recipient: Recipient) -> bool:
    """Whether commands can carry the addresses safely: no non-ASCII, blanks, angle brackets, control codes."""
    sender = recipient.return_path
    return bool(_SAFE_ADDRESS.fullmatch(recipient.email) and (not sender or _SAFE_ADDRESS.fullmatch(sender)))


def _outcome(recipient: Recipient, kind: OutcomeKind, response: str) -> Outcome:
    return Outcome(
        subscriber_id=recipient.subscriber_id,
        kind=kind,
        response=without_addresses(response),
        message_id=recipient.headers.get("Message-ID", ""),
    )
