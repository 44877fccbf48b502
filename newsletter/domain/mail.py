"""What a provider gets to send and what it answers: the values between dispatch and a provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Recipient(NamedTuple):
    """One person of a batch, with everything that differs from one mail to the next.

    A tuple, like Outcome, because there is one for each mail: a frozen dataclass costs more than twice as much to make.

    `values` holds the plain text of each slot by slot name; `headers` the headers of this mail alone
    (Message-ID, List-Unsubscribe); `return_path` the envelope sender.
    """

    subscriber_id: int
    token: str
    email: str
    name: str
    values: Mapping[str, str]
    headers: Mapping[str, str]
    return_path: str


class RequestWatch(NamedTuple):
    """Who wants to know of each request that holds many mails.

    `begins` is called right before its bytes leave, and may forbid that by an exception; `was_refused` where it is
    certain that nothing of it was taken.
    """

    begins: Callable[[Sequence[Recipient]], None]
    was_refused: Callable[[Sequence[Recipient]], None]


UNWATCHED = RequestWatch(begins=lambda _: None, was_refused=lambda _: None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailing:
    """What all mails of one issue share.

    `html` and `text` hold the slot tokens of `html_slots` and `text_slots` (slot name → token).
    `headers` are those that are the same for everybody. `compose` makes one whole RFC 5322 message
    (CRLF line ends) for a recipient. `is_wire_ready` says that no line of those messages begins with a dot, none holds
    a bare CR or LF, and each ends in CRLF, so that SMTP need not look for them in every message. `attempt_id` is the
    attempt that hands the mails over, where one is counted: a provider that can carries it along (nl_attempt).
    `has_gaps` says that others of the attempt stand between the recipients: the ids of a request are then no run.
    `requests` is told of each request by providers that put many mails into one.
    """

    issue_id: int
    from_name: str
    from_email: str
    reply_to: str
    subject: str
    html: str
    text: str
    html_slots: Mapping[str, str]
    text_slots: Mapping[str, str]
    headers: Mapping[str, str]
    category: str
    compose: Callable[[Recipient], bytes]
    is_wire_ready: bool = False
    attempt_id: int = 0
    has_gaps: bool = False
    requests: RequestWatch = UNWATCHED


class OutcomeKind(StrEnum):
    """What is known about one mail after we tried to hand it over."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    UNKNOWN = "unknown"


class Outcome(NamedTuple):
    """What became of one recipient. `response` is the provider's own answer, one line, without the address."""

    subscriber_id: int
    kind: OutcomeKind
    response: str = ""
    message_id: str = ""
