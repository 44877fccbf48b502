"""One batch through SendGrid's API: chunks, and what its answers mean for each recipient."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence

import orjson

from newsletter.domain.answers import (
    CREDITS_PAUSE_SECONDS,
    SENDGRID_PAUSE_SECONDS,
    BadRequest,
    SendGridAnswer,
    is_out_of_credits,
    read_bad_request,
    reset_wait_seconds,
    sendgrid_answer,
)
from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.providers.base import ProviderUnavailable, without_addresses
from newsletter.providers.sendgrid_body import BodyBuilder
from newsletter.providers.sendgrid_transport import HttpAnswer, NoAnswer, NotReached, SendGridTransport

# SendGrid blocks accounts for a while that send too many bad requests, so the search for a bad row has an end.
MAX_BAD_REQUESTS = 40
# Halving a thousand rows down to a bad one takes eleven requests; if none was accepted on the way, all are bad.
MAX_BAD_REQUESTS_AT_FIRST = 16
NOT_REACHED_SECONDS = 10.0
# One request without an answer is no outage; each further one in a row makes the pause longer, up to a minute.
DOUBT_PAUSE_SECONDS = 5.0
_MAY_BE_TAKEN = frozenset({SendGridAnswer.ACCEPTED, SendGridAnswer.UNKNOWN})


class SendGridSending:
    """The state of one `send`.

    A row that SendGrid complains about without naming its address is only a suspect until another row of the same
    mailing was accepted: if every row is "bad", the fault is ours, and nobody's delivery fails for it.
    """

    def __init__(self, transport: SendGridTransport, mailing: Mailing, *, stop: threading.Event) -> None:
        self._transport = transport
        self._builder = BodyBuilder(mailing)
        self._watch = mailing.watch
        self._stop = stop
        self._waiting: deque[Sequence[Recipient]] = deque()
        self._suspects: list[Outcome] = []
        self._was_accepted = False
        self._bad_requests = 0
        self._is_single = False
        self._has_gaps = mailing.has_gaps

    def answers(self, recipients: Sequence[Recipient], *, batch_size: int) -> Iterator[Sequence[Outcome]]:
        """Each chunk's outcomes as soon as SendGrid answered; ProviderUnavailable where it takes nothing more."""
        self._is_single = len(recipients) == 1
        self._waiting.extend(recipients[at : at + batch_size] for at in range(0, len(recipients), batch_size))
        while self._waiting and not self._stop.is_set():
            yield from self._post(self._waiting.popleft())
            if self._suspects and (self._was_accepted or self._is_single):
                yield tuple(self._suspects)
                self._suspects.clear()
        if self._suspects and not self._stop.is_set():
            raise self._all_bad(self._suspects[0].response)

    def _post(self, recipients: Sequence[Recipient]) -> Iterator[Sequence[Outcome]]:
        body = self._builder.body(recipients, is_run=not self._has_gaps)
        self._watch.begins(recipients)
        try:
            answer = self._transport.post_mail(body)
        except NotReached as error:
            self._watch.spared(recipients)
            raise not_reached(self._transport.host, error) from None
        except NoAnswer as error:
            yield _unknown(recipients, f"no answer ({error.reason})")
            raise self._doubtful(error.reason) from None
        meaning = sendgrid_answer(answer.status)
        if meaning not in _MAY_BE_TAKEN:
            self._watch.spared(recipients)
        match meaning:
            case SendGridAnswer.ACCEPTED:
                self._was_accepted = True
                yield _accepted(recipients, answer)
            case SendGridAnswer.BAD_REQUEST:
                yield from self._sort_out(recipients, answer)
            case SendGridAnswer.TOO_LARGE:
                self._halve(recipients, answer)
            case SendGridAnswer.UNKNOWN:
                yield _unknown(recipients, _answer_line(answer))
                raise self._doubtful(_answer_line(answer))
            case SendGridAnswer.WAIT:
                wait = reset_wait_seconds(answer.headers, now_epoch=time.time())
                raise ProviderUnavailable(
                    f"SendGrid asks us to slow down (429): it is tried again in {wait:.0f} seconds",
                    retry_after_seconds=wait,
                    is_throttle=True,
                )
            case SendGridAnswer.NEEDS_PERSON:
                raise refused_us(answer)

    def _sort_out(self, recipients: Sequence[Recipient], answer: HttpAnswer) -> Iterator[Sequence[Outcome]]:
        """After a 400 nothing was sent: set the bad rows apart, and send the others again."""
        self._bad_requests += 1
        complaint = read_bad_request(_errors(answer))
        if complaint.body is not None:
            raise self._all_bad(complaint.body)
        if self._bad_requests >= (MAX_BAD_REQUESTS if self._was_accepted else MAX_BAD_REQUESTS_AT_FIRST):
            raise self._all_bad(complaint.message)
        if any(row < len(recipients) for row in complaint.rows):
            yield self._set_apart(recipients, complaint, answer)
        elif len(recipients) == 1:
            self._suspects.append(_refused(recipients[0], _answer_line(answer)))
        else:
            self._split(recipients)

    def _set_apart(self, recipients: Sequence[Recipient], complaint: BadRequest, answer: HttpAnswer) -> list[Outcome]:
        self._has_gaps = True
        certain: list[Outcome] = []
        named = sorted(row for row in complaint.rows if row < len(recipients))
        for row in named:
            outcome = _refused(recipients[row], f"{answer.status} {complaint.rows[row]}")
            (certain if row in complaint.certain else self._suspects).append(outcome)
        if rest := [recipient for row, recipient in enumerate(recipients) if row not in named]:
            self._waiting.appendleft(rest)
        return certain

    def _halve(self, recipients: Sequence[Recipient], answer: HttpAnswer) -> None:
        """After a 413 nothing was sent: half of it may fit. Whose mail alone is too large is a suspect."""
        if not self._was_accepted:
            self._bad_requests += 1
            if self._bad_requests >= MAX_BAD_REQUESTS_AT_FIRST:
                raise self._all_bad(_answer_line(answer))
        if len(recipients) == 1:
            self._suspects.append(_refused(recipients[0], _answer_line(answer)))
        else:
            self._split(recipients)

    def _split(self, recipients: Sequence[Recipient]) -> None:
        middle = len(recipients) // 2
        self._waiting.extendleft((recipients[middle:], recipients[:middle]))

    def _all_bad(self, message: str) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"SendGrid refuses the mails of this issue as they are ({without_addresses(message)}):"
            " correct the newsletter or its settings, then resume",
            needs_person=True,
        )

    def _doubtful(self, reason: str) -> ProviderUnavailable:
        # Without a pause each further chunk might end in doubt as well; after it a few mails try whether it answers.
        return ProviderUnavailable(
            f"SendGrid left us in doubt ({reason}): a few mails try it again soon",
            retry_after_seconds=DOUBT_PAUSE_SECONDS,
        )


def not_reached(host: str, error: NotReached) -> ProviderUnavailable:
    """The error where no byte got through to SendGrid."""
    if error.is_untrusted:
        return ProviderUnavailable(
            f"the certificate of {host} is not trusted: correct SENDGRID_API_URL or this machine's certificates",
            needs_person=True,
        )
    return ProviderUnavailable(
        f"SendGrid at {host} cannot be reached ({error.reason}): it is tried again",
        retry_after_seconds=NOT_REACHED_SECONDS,
    )


def refused_us(answer: HttpAnswer) -> ProviderUnavailable:
    """The error for an answer that concerns the account, the key or the address of the API; nothing was sent."""
    line = _answer_line(answer)
    if is_out_of_credits(line):
        return ProviderUnavailable(
            f"the SendGrid plan's quota is used up ({line}): raise it, or resume when it is renewed",
            retry_after_seconds=CREDITS_PAUSE_SECONDS,
            needs_person=True,
        )
    return ProviderUnavailable(
        f"SendGrid refuses us ({line}): correct the API key, its scopes, the verified sender or SENDGRID_API_URL,"
        " then resume",
        retry_after_seconds=SENDGRID_PAUSE_SECONDS.get(answer.status),
        needs_person=True,
    )


def _accepted(recipients: Iterable[Recipient], answer: HttpAnswer) -> list[Outcome]:
    message_id = answer.headers.get("x-message-id", "")
    kind = OutcomeKind.ACCEPTED
    return [Outcome(recipient.subscriber_id, kind, "202 Accepted", message_id) for recipient in recipients]


def _unknown(recipients: Iterable[Recipient], response: str) -> list[Outcome]:
    return [Outcome(recipient.subscriber_id, OutcomeKind.UNKNOWN, response) for recipient in recipients]


def _refused(recipient: Recipient, line: str) -> Outcome:
    return Outcome(
        subscriber_id=recipient.subscriber_id,
        kind=OutcomeKind.REFUSED,
        response=without_addresses(line),
    )


def _answer_line(answer: HttpAnswer) -> str:
    """Status and first complaint in one line; bodies of gateways (HTML) are left out."""
    messages = [message for _, message in _errors(answer)]
    return without_addresses(f"{answer.status} {messages[0]}" if messages else f"HTTP status {answer.status}")


def _errors(answer: HttpAnswer) -> list[tuple[str | None, str]]:
    """The (field, message) pairs of SendGrid's error document; none where the body is something else."""
    try:
        errors = orjson.loads(answer.body)["errors"]
        return [(_text(error.get("field")), _text(error.get("message")) or "") for error in errors]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
