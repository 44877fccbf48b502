"""An issue: an approved brief on its way to an audience, and the ledger of its deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum

from newsletter.errors import Conflict


class IssueStatus(StrEnum):
    """Where an issue is on its way."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    SENDING = "sending"
    PAUSED = "paused"
    SENT = "sent"
    INCOMPLETE = "incomplete"
    CANCELLED = "cancelled"


TRANSITIONS: dict[tuple[IssueStatus, str], IssueStatus] = {
    (IssueStatus.DRAFT, "schedule"): IssueStatus.SCHEDULED,
    (IssueStatus.DRAFT, "send"): IssueStatus.SENDING,
    (IssueStatus.DRAFT, "cancel"): IssueStatus.CANCELLED,
    (IssueStatus.SCHEDULED, "send"): IssueStatus.SENDING,
    (IssueStatus.SCHEDULED, "cancel"): IssueStatus.CANCELLED,
    (IssueStatus.SCHEDULED, "unschedule"): IssueStatus.DRAFT,
    (IssueStatus.SENDING, "pause"): IssueStatus.PAUSED,
    (IssueStatus.SENDING, "cancel"): IssueStatus.CANCELLED,
    (IssueStatus.SENDING, "finish"): IssueStatus.SENT,
    (IssueStatus.SENDING, "finish_in_doubt"): IssueStatus.INCOMPLETE,
    (IssueStatus.PAUSED, "resume"): IssueStatus.SENDING,
    (IssueStatus.PAUSED, "cancel"): IssueStatus.CANCELLED,
    (IssueStatus.INCOMPLETE, "finish"): IssueStatus.SENT,
    (IssueStatus.INCOMPLETE, "retry"): IssueStatus.SENDING,
    (IssueStatus.SENT, "retry"): IssueStatus.SENDING,
    (IssueStatus.INCOMPLETE, "cancel"): IssueStatus.CANCELLED,
}

FINAL_STATUSES = frozenset({IssueStatus.SENT, IssueStatus.INCOMPLETE, IssueStatus.CANCELLED})


def after(status: IssueStatus, act: str) -> IssueStatus:
    """The status that `act` leads to; Conflict where the table does not allow it."""
    try:
        return TRANSITIONS[status, act]
    except KeyError:
        raise Conflict(f"cannot {act.replace('_', ' ')} an issue that is {status}") from None


class DeliveryStatus(IntEnum):
    """What the ledger says of one delivery. "Claimed" is a pending row in a claimed batch."""

    PENDING = 0
    ACCEPTED = 2
    FAILED = 3
    SUPPRESSED = 4
    UNKNOWN = 5


class DeliveryReason(IntEnum):
    """Why a delivery was not accepted. 0 where there is nothing to explain."""

    NONE = 0
    REFUSED = 1
    EXPIRED = 2
    INVALID_ADDRESS = 3
    SUPPRESSED_ADDRESS = 10
    UNSUBSCRIBED = 11
    UNCONFIRMED = 12
    DISABLED = 13
    ERASED = 14
    CANCELLED = 15
    WORKER_DIED = 20
    NO_ANSWER = 21
    SKIPPED_IN_DOUBT = 22


class BatchStatus(IntEnum):
    """Whether a batch waits, is with a worker, or is done with."""

    PENDING = 0
    CLAIMED = 1
    DONE = 2


class Mark(IntEnum):
    """What has been heard about an accepted delivery: bits of `deliveries.marks`.

    DOUBLED: two attempts are known to have been accepted, or a worker held it again when the first was proven.
    """

    DELIVERED = 1
    BOUNCED = 2
    COMPLAINED = 4
    UNSUBSCRIBED = 8
    OPENED = 16
    CLICKED = 32
    DOUBLED = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Tally:
    """The ledger in numbers. The six of the first line always add up to the audience."""

    audience: int = 0
    pending: int = 0
    claimed: int = 0
    accepted: int = 0
    failed: int = 0
    suppressed: int = 0
    unknown: int = 0
    delivered: int = 0
    bounced: int = 0
    complained: int = 0
    unsubscribed: int = 0
    opened: int = 0
    clicked: int = 0
    doubled: int = 0

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits and nothing is with a worker."""
        return self.pending == 0 and self.claimed == 0

    @property
    def done(self) -> int:
        """How many deliveries need no further work now."""
        return self.audience - self.pending - self.claimed


def finishing_act(tally: Tally) -> str | None:
    """What the periodic tick does with a sending issue: None while work remains."""
    if not tally.is_settled:
        return None
    return "finish_in_doubt" if tally.unknown else "finish"


def withheld_reason(*, exists: bool, is_enabled: bool, is_suppressed: bool, has_left: bool) -> DeliveryReason:
    """Why somebody of the audience may not be mailed any more, who is not (enabled, confirmed and unsuppressed)."""
    if not exists:
        return DeliveryReason.ERASED
    if is_suppressed:
        return DeliveryReason.SUPPRESSED_ADDRESS
    if not is_enabled:
        return DeliveryReason.DISABLED
    return DeliveryReason.UNSUBSCRIBED if has_left else DeliveryReason.UNCONFIRMED
