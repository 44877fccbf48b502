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


class HandOverWatch(NamedTuple):
    """Who wants to know what leaves.

    `begins` is called right before the bytes of a request that holds many mails leave, and may forbid that by an
    exception; a mail that leaves by itself is announced by `compose`. `spared` is called where it is certain that mails
    which were announced were not taken.
    """

    begins: Callable[[Sequence[Recipient]], None]
    spared: Callable[[Sequence[Recipient]], None]


UNWATCHED = HandOverWatch(begins=lambda _: None, spared=lambda _: None)


@dataclass(frozen=True, kw_only=True, slots=True)
class Mailing:
    """What all mails of one issue share.

    `html` and `text` hold the slot tokens of `html_slots` and `text_slots` (slot name → token).
    `headers` are those that are the same for everybody. `compose` makes one whole RFC 5322 message
    (CRLF line ends) for a recipient. `is_wire_ready` says that no line of those messages begins with a dot, none holds
    a bare CR or LF, and each ends in CRLF, so that SMTP need not look for them in every message. `attempt_id` is the
    attempt that hands the mails over, where one is counted: a provider that can carries it along (nl_attempt).
    `has_gaps` says that others of the attempt stand between the recipients: the ids of a request are then no run.
    `passes_suppressions` asks a provider that keeps a list of addresses not to mail to let this one through: for the
    one mail by which somebody on it can come back.
    `watch` is told of what leaves and what does not.
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
    passes_suppressions: bool = False
    watch: HandOverWatch = UNWATCHED


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
