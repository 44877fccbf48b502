"""Events: what a provider told us about a delivery, and what each of its words means here. Tables and ranks."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from newsletter.domain.bounces import BounceClass, Category, Confidence, classify
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, Mark
from newsletter.domain.subscriber import SuppressionReason


class EventKind(StrEnum):
    """What happened to a delivery, in django-anymail's words."""

    QUEUED = "queued"
    SENT = "sent"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    REJECTED = "rejected"
    COMPLAINED = "complained"
    UNSUBSCRIBED = "unsubscribed"
    SUBSCRIBED = "subscribed"
    OPENED = "opened"
    CLICKED = "clicked"
    AUTORESPONDED = "autoresponded"
    UNKNOWN = "unknown"


class PostStatus(IntEnum):
    """Whether a stored post of a provider was read yet."""

    WAITING = 0
    DONE = 1
    UNREADABLE = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class Settlement:
    """What an event proves about a delivery: the status that it has at least."""

    status: DeliveryStatus
    reason: DeliveryReason = DeliveryReason.NONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Meaning:
    """What one event means: its kind, the marks it sets, what it settles, and whose trouble it is.

    `suppress` is a reason that the provider names outright; `leaves` says that the person unsubscribes;
    `stops_provider` that nobody can be mailed through this provider until a person has looked.
    """

    kind: EventKind
    marks: int = 0
    settles: Settlement | None = None
    bounce_class: BounceClass | None = None
    category: Category | None = None
    suppress: SuppressionReason | None = None
    leaves: bool = False
    stops_provider: bool = False
    # Whether anything follows from it beyond the ledger; decided once, since it is asked for each event.
    needs_reaction: bool = field(init=False, compare=False)

    def __post_init__(self) -> None:
        """Decide what follows."""
        follows = self.leaves or self.stops_provider or bool(self.suppress) or self.bounce_class is not None
        object.__setattr__(self, "needs_reaction", follows)


ACCEPTED = Settlement(status=DeliveryStatus.ACCEPTED)
UNKNOWN_EVENT = Meaning(kind=EventKind.UNKNOWN)
ACCOUNT_STOPPED = Meaning(kind=EventKind.UNKNOWN, stops_provider=True)

# SendGrid's Event Webhook reference. Bounces and drops are looked at more closely below.
SENDGRID_MEANINGS: dict[str, Meaning] = {
    "processed": Meaning(kind=EventKind.QUEUED, settles=ACCEPTED),
    "deferred": Meaning(kind=EventKind.DEFERRED, settles=ACCEPTED),
    "delivered": Meaning(kind=EventKind.DELIVERED, marks=int(Mark.DELIVERED), settles=ACCEPTED),
    "open": Meaning(kind=EventKind.OPENED, marks=int(Mark.OPENED), settles=ACCEPTED),
    "click": Meaning(kind=EventKind.CLICKED, marks=int(Mark.CLICKED), settles=ACCEPTED),
    "spamreport": Meaning(
        kind=EventKind.COMPLAINED,
        marks=int(Mark.COMPLAINED),
        settles=ACCEPTED,
        suppress=SuppressionReason.COMPLAINED,
        leaves=True,
    ),
    # From everything that comes from this account: SendGrid will drop whatever else is sent there.
    "unsubscribe": Meaning(
        kind=EventKind.UNSUBSCRIBED,
        marks=int(Mark.UNSUBSCRIBED),
        settles=ACCEPTED,
        suppress=SuppressionReason.UNSUBSCRIBED,
        leaves=True,
    ),
    "group_unsubscribe": Meaning(
        kind=EventKind.UNSUBSCRIBED, marks=int(Mark.UNSUBSCRIBED), settles=ACCEPTED, leaves=True
    ),
    # Somebody who left us by our own link comes back by our own form only.
    "group_resubscribe": Meaning(kind=EventKind.SUBSCRIBED, settles=ACCEPTED),
}


def _dropped(
    status: DeliveryStatus,
    reason: DeliveryReason,
    suppress: SuppressionReason | None = None,
    *,
    category: Category | None = None,
    stops_provider: bool = False,
) -> Meaning:
    return Meaning(
        kind=EventKind.REJECTED,
        settles=Settlement(status=status, reason=reason),
        bounce_class=BounceClass.BLOCK if category else None,
        category=category,
        suppress=suppress,
        stops_provider=stops_provider,
    )


_FAILED, _SUPPRESSED = DeliveryStatus.FAILED, DeliveryStatus.SUPPRESSED
DROPPED_OTHERWISE = _dropped(_FAILED, DeliveryReason.REFUSED)

# How the reason of a `dropped` event begins, in lower case; the first that fits counts.
SENDGRID_DROPS: tuple[tuple[str, Meaning], ...] = (
    ("bounced address", _dropped(_SUPPRESSED, DeliveryReason.SUPPRESSED_ADDRESS, SuppressionReason.BOUNCED)),
    ("unsubscribed address", _dropped(_SUPPRESSED, DeliveryReason.UNSUBSCRIBED, SuppressionReason.UNSUBSCRIBED)),
    ("spam reporting address", _dropped(_SUPPRESSED, DeliveryReason.SUPPRESSED_ADDRESS, SuppressionReason.COMPLAINED)),
    ("spam content", _dropped(_FAILED, DeliveryReason.REFUSED, category=Category.CONTENT)),
    ("recipient list over package quota", _dropped(_FAILED, DeliveryReason.REFUSED, stops_provider=True)),
    ("invalid smtpapi header", DROPPED_OTHERWISE),
    ("invalid", _dropped(_FAILED, DeliveryReason.INVALID_ADDRESS, SuppressionReason.INVALID)),
)

# `bounce_classification`, in lower case.
SENDGRID_CLASSIFICATIONS: dict[str, Category] = {
    "invalid address": Category.MAILBOX_UNKNOWN,
    "mailbox unavailable": Category.TRANSIENT,
    "frequency or volume too high": Category.THROTTLE,
    "reputation": Category.REPUTATION,
    "content": Category.CONTENT,
    "technical": Category.SYSTEM,
    "technical failure": Category.SYSTEM,
}
_SPARES_THE_PERSON = frozenset({Category.REPUTATION, Category.CONTENT, Category.THROTTLE})

# SendGrid tells of an account that is blocked with compliance_…; these types say that it works again.
_GOOD_NEWS = ("reactivat", "reinstat", "unsuspend", "restore")


def meaning_of_drop(reason: str) -> Meaning:
    """What a `dropped` event means: SendGrid took the request and sent nothing to this address."""
    folded = reason.strip().lower()
    return next((meaning for start, meaning in SENDGRID_DROPS if folded.startswith(start)), DROPPED_OTHERWISE)


def meaning_of_account_change(type_: str) -> Meaning:
    """What an `account_status_change` means: everything but good news stops the provider."""
    return UNKNOWN_EVENT if any(word in type_.lower() for word in _GOOD_NEWS) else ACCOUNT_STOPPED


def meaning_of_bounce(*, type_: str, status: str, reason: str, classification: str) -> Meaning:
    """What a `bounce` event means; `type=blocked` is never a bounce of the person.

    Hard needs evidence, in the words of the refusal or in SendGrid's classification, and no contradiction by the
    other of the two.
    """
    decided = classify(status=status, diagnostic=reason)
    theirs = SENDGRID_CLASSIFICATIONS.get(classification.strip().lower())
    told = decided.category if decided.confidence is not Confidence.GUESS else None
    if type_.strip().lower() == "blocked":
        return _refused_us(told or theirs)
    spared = next((found for found in (theirs, told) if found in _SPARES_THE_PERSON), None)
    if spared or decided.bounce_class is BounceClass.BLOCK or told is Category.THROTTLE:
        return _refused_us(spared or told)
    is_hard = decided.bounce_class is BounceClass.HARD or (told is None and theirs is Category.MAILBOX_UNKNOWN)
    return Meaning(
        kind=EventKind.BOUNCED,
        marks=int(Mark.BOUNCED),
        settles=ACCEPTED,
        bounce_class=BounceClass.HARD if is_hard else BounceClass.SOFT,
        category=told or theirs or Category.UNKNOWN,
    )


def meaning_of_refusal(response: str) -> Meaning:
    """What a mail server's own refusal of a recipient means ("550 5.1.1 no such user"): the same as a bounce."""
    return meaning_of_bounce(type_="bounce", status="", reason=response, classification="")


def _refused_us(category: Category | None) -> Meaning:
    """A server that refused us for now or for what we are: the person's address is as good as before."""
    is_passing = category in (Category.THROTTLE, Category.TRANSIENT, Category.MAILBOX_FULL, Category.NETWORK)
    return Meaning(
        kind=EventKind.REJECTED,
        settles=ACCEPTED,
        bounce_class=BounceClass.SOFT if is_passing else BounceClass.BLOCK,
        category=category or Category.POLICY,
    )


_RANKS: dict[DeliveryStatus, int] = {
    DeliveryStatus.PENDING: 0,
    DeliveryStatus.UNKNOWN: 0,
    DeliveryStatus.ACCEPTED: 1,
    DeliveryStatus.FAILED: 2,
    DeliveryStatus.SUPPRESSED: 3,
}


# We gave up on these by ourselves, and no provider ever says so: an event of the mail knows better.
_OUR_OWN_REASONS = frozenset(
    {DeliveryReason.SKIPPED_IN_DOUBT, DeliveryReason.EXPIRED, DeliveryReason.CANCELLED, DeliveryReason.DISABLED}
)


def _rank(settlement: Settlement) -> tuple[int, int]:
    if settlement.reason in _OUR_OWN_REASONS:
        return (0, 0)
    return (_RANKS[settlement.status], int(settlement.reason))


def stronger(one: Settlement | None, other: Settlement | None) -> Settlement | None:
    """Which of two proofs counts, whichever came first: it moves a delivery furthest."""
    if one is None or other is None:
        return one or other
    return one if _rank(one) >= _rank(other) else other


def is_moved_by(status: DeliveryStatus, reason: DeliveryReason, *, proof: Settlement | None) -> bool:
    """Whether a delivery changes by a proof: forward only, so that the order of arrival does not matter."""
    return proof is not None and _rank(proof) > _rank(Settlement(status=status, reason=reason))
