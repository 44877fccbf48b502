"""Doubt: what becomes of an attempt whose outcome nobody told us, given what was heard since. One table.

Only two things are proof. That it was accepted: an event or a log entry of the request. That it was not: silence while
the events of other requests came, or a log, asked twice, that has others of the same time and not this one. Without
proof nothing goes out a second time, unless the policy or a person says so. docs/doubt.md tells the whole protocol.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from itertools import pairwise


class DoubtStatus(IntEnum):
    """What became of a doubt. SETTLED: each of its deliveries was settled by something else, one by one."""

    OPEN = 0
    ACCEPTED = 1
    RESENT = 2
    SKIPPED = 3
    EXPIRED = 4
    CANCELLED = 5
    SETTLED = 6


class LogAnswer(StrEnum):
    """What the provider's own log says of a request. UNCLEAR: it gave no usable answer."""

    NOT_ASKED = ""
    FOUND = "found"
    ABSENT = "absent"
    UNCLEAR = "unclear"


class Act(StrEnum):
    """What is done about a doubt now."""

    WAIT = "wait"
    ASK = "ask"
    RESEND = "resend"
    SKIP = "skip"
    HOLD = "hold"
    EXPIRE = "expire"
    CANCEL = "cancel"


@dataclass(frozen=True, kw_only=True, slots=True)
class Silence:
    """How silent the provider's events are about a request.

    `witnesses`: requests made at about the same time or later of which events came after the doubt arose; `mute`: such
    requests that were answered "accepted" and of which nothing came for as long; `is_heard_in_part`: an event named the
    attempt, but not which of its requests; `is_behind`: posts wait to be read that may hold the event; `is_garbled`:
    posts came that could not be read; `is_catching_up`: no post came for long, and the provider may still be repeating
    what it could not tell meanwhile.
    """

    witnesses: int = 0
    mute: int = 0
    is_heard_in_part: bool = False
    is_behind: bool = False
    is_garbled: bool = False
    is_catching_up: bool = False

    @property
    def is_proof(self) -> bool:
        """Whether it means that the request was not accepted; a webhook that loses others' events proves nothing."""
        is_deaf = self.is_behind or self.is_garbled or self.is_catching_up
        return self.witnesses > 0 and not (self.mute or self.is_heard_in_part or is_deaf)


@dataclass(frozen=True, kw_only=True, slots=True)
class Heard:
    """All that is known of a doubt, no event of whose open deliveries came.

    `has_waited`: the time for events is over; `absences`: how often the provider's log, which has others of that time,
    was asked and had none of it; `is_claimed`: a worker holds the batch again; `may_ask`: the provider has
    a log and was not asked too often; `is_ask_due`: its turn has come; `was_resent`: the policy sent these deliveries
    again before; `is_too_late`: nobody wants this mail any more; `is_cancelled`: the issue is.
    """

    has_waited: bool
    silence: Silence = Silence()
    absences: int = 0
    may_ask: bool = False
    is_ask_due: bool = True
    is_claimed: bool = False
    policy: str = "hold"
    was_resent: bool = False
    is_too_late: bool = False
    is_cancelled: bool = False

    @property
    def is_disproved(self) -> bool:
        """Whether it is proven that the provider did not accept."""
        return self.disproved_by != ""

    @property
    def disproved_by(self) -> str:
        """What proves that the provider did not accept: silence, the log, or nothing."""
        return "silence" if self.silence.is_proof else "log" if self.is_absent else ""

    @property
    def is_absent(self) -> bool:
        """Whether the log says often enough that it has not got the request: it may be late with what it shows."""
        return self.absences >= ABSENCES


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """One row of the table: what is done where `applies`, and why, in words for the timeline.

    `is_policy`: without proof, because the setting says so.
    """

    why: str
    applies: Callable[[Heard], bool]
    act: Act
    is_policy: bool = False


# So often must the log have been asked, with a pause in between, before it is believed that it has not got something.
ABSENCES = 2

# The first that applies counts.
RULES: tuple[Rule, ...] = (
    Rule(why="events may still come", applies=lambda heard: not heard.has_waited, act=Act.WAIT),
    Rule(why="a worker holds the batch", applies=lambda heard: heard.is_claimed, act=Act.WAIT),
    Rule(why="posts wait to be read", applies=lambda heard: heard.silence.is_behind, act=Act.WAIT),
    Rule(
        why="not accepted, and the issue is cancelled",
        applies=lambda heard: heard.is_disproved and heard.is_cancelled,
        act=Act.CANCEL,
    ),
    Rule(
        why="not accepted, and too late to send again",
        applies=lambda heard: heard.is_disproved and heard.is_too_late,
        act=Act.EXPIRE,
    ),
    Rule(
        why="silence while events of other requests came: not accepted",
        applies=lambda heard: heard.silence.is_proof,
        act=Act.RESEND,
    ),
    Rule(
        why="not in the provider's log, which has others of that time: not accepted",
        applies=lambda heard: heard.is_absent,
        act=Act.RESEND,
    ),
    Rule(why="the provider's log may know", applies=lambda heard: heard.may_ask and heard.is_ask_due, act=Act.ASK),
    Rule(why="the log is asked again later", applies=lambda heard: heard.may_ask, act=Act.WAIT),
    Rule(
        why="nobody can tell: policy skip", applies=lambda heard: heard.policy == "skip", act=Act.SKIP, is_policy=True
    ),
    Rule(
        why="nobody can tell: policy resend",
        applies=lambda heard: heard.policy == "resend" and not (heard.was_resent or _is_over(heard)),
        act=Act.RESEND,
        is_policy=True,
    ),
    Rule(why="nobody can tell: a person decides", applies=lambda _: True, act=Act.HOLD),
)


def _is_over(heard: Heard) -> bool:
    return heard.is_too_late or heard.is_cancelled


def decide(heard: Heard) -> Rule:
    """The rule for what is known now."""
    return next(rule for rule in RULES if rule.applies(heard))


# The log is asked when the wait is over, then after these parts of it (of 15 minutes: 1, 3, 10, 20), and no more.
ASK_PAUSES = (1 / 15, 1 / 5, 2 / 3, 4 / 3)
MAX_ASKS = len(ASK_PAUSES) + 1
SAMPLE_SIZE = 3
LOOK_EVERY = timedelta(seconds=20)
# An event comes within this part of the wait (of 15 minutes: 5), unless the webhook was out of order for as long.
_TOLD_WITHIN = 1 / 3
# The first event comes within this part of the wait (of 15 minutes: 1): SendGrid gathers them for half a minute.
_FIRST_TOLD_WITHIN = 1 / 15
# What is held for a person is still looked at: late events of others may turn silence into proof.
LOOK_WHILE_HELD = timedelta(minutes=5)
# How much earlier than the request in doubt a witness may have been made.
SAME_TIME = timedelta(minutes=5)


def ask_pause(asks: int, *, wait: timedelta, wish_seconds: float | None = None) -> timedelta:
    """How long to leave the log alone after the nth time; the provider's own wish may make it longer."""
    pause = wait * ASK_PAUSES[min(max(asks, 1), len(ASK_PAUSES)) - 1]
    return max(pause, timedelta(seconds=wish_seconds or 0))


def look_pause(wait: timedelta) -> timedelta:
    """How long until a doubt whose wait is over is looked at again: a short wait asks for short pauses."""
    return min(LOOK_EVERY, max(wait, timedelta(seconds=1)))


def earliest_witness(*, since: datetime, wait: timedelta) -> datetime:
    """From when on news of others says that news of a request would have come as well that is in doubt `since`."""
    return since + wait * _FIRST_TOLD_WITHIN


def told_until(posts: Sequence[datetime], *, made_at: datetime, since: datetime, wait: timedelta) -> datetime:
    """Until when events of a request may come that was made between these two moments, by when posts came, in order.

    What is told for the first time comes within a part of the wait. What met an outage then is repeated at growing
    intervals: it comes later after the outage than that lasted by no more than the first of them. Quiet hours look the
    same, and cost only time.
    """
    ordinary = wait * _TOLD_WITHIN
    until = since + ordinary
    for begin, end in pairwise((made_at, *(moment for moment in posts if moment > made_at))):
        if begin <= since + ordinary and end - begin > ordinary:
            until = max(until, end + (end - begin) + ordinary)
    return until


@dataclass(frozen=True, kw_only=True, slots=True)
class RequestTag:
    """Which request a mail went out with: the attempt, and the first and last subscriber id of a run without gaps.

    Without a run (0, 0) the request was put together from what others had left, and proves its own mails only.
    """

    attempt_id: int
    first_id: int = 0
    last_id: int = 0

    def __str__(self) -> str:
        return f"{self.attempt_id}:{self.first_id}-{self.last_id}" if self.first_id else str(self.attempt_id)

    @property
    def has_run(self) -> bool:
        """Whether the request is known to have held everybody of the attempt between two ids."""
        return self.first_id > 0

    def covers(self, subscriber_id: int) -> bool:
        """Whether a mail of this attempt was surely in the request."""
        return self.first_id <= subscriber_id <= self.last_id


_TAG = re.compile(r"(\d{1,10})(?::(\d{1,10})-(\d{1,10}))?")
_LARGEST_ID = 2**31 - 1


def read_tag(text: str) -> RequestTag | None:
    """The tag that an event or a log entry carries; None where it carries none of ours."""
    match = _TAG.fullmatch(text) if text.isascii() else None
    if match is None:
        return None
    attempt_id, first_id, last_id = (int(number or 0) for number in match.groups())
    if not 0 < attempt_id <= _LARGEST_ID or not first_id <= last_id <= _LARGEST_ID:
        return None
    return RequestTag(attempt_id=attempt_id, first_id=first_id, last_id=last_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class LogQuestion:
    """One recipient to ask the provider's log about. `token` is that of the delivery."""

    subscriber_id: int
    email: str
    token: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LogReport:
    """What the log said about some recipients of a request.

    `found`: subscriber id and request tag of each whose mail is there; `words` say it to a person;
    `retry_after_seconds` is the log's own wish.
    """

    answer: LogAnswer
    found: tuple[tuple[int, str], ...] = ()
    words: str = ""
    retry_after_seconds: float | None = None


_PLAIN_ADDRESS = re.compile(r"[a-z0-9._%+-]+@[a-z0-9.-]+")


def can_be_asked_about(email: str) -> bool:
    """Whether the log's query language is known to take an address as it is, and to find it whatever its case."""
    return _PLAIN_ADDRESS.fullmatch(email) is not None


def sample_of(subscriber_ids: list[int]) -> list[int]:
    """The first, the middle and the last: requests of one attempt follow each other in the order of ids."""
    if len(subscriber_ids) <= SAMPLE_SIZE:
        return subscriber_ids
    return [subscriber_ids[0], subscriber_ids[len(subscriber_ids) // 2], subscriber_ids[-1]]


class Stage(StrEnum):
    """What is being done about a doubt, for people."""

    EVENTS = "waiting_for_events"
    LOG = "asking_the_log"
    CLAIMED = "looked_at_soon"
    PERSON = "waiting_for_a_person"


def stage_of(*, is_waiting: bool, is_held: bool, asks: int) -> Stage:
    """Where a doubt stands on its way."""
    if is_waiting:
        return Stage.EVENTS
    if is_held:
        return Stage.PERSON
    return Stage.LOG if asks else Stage.CLAIMED
