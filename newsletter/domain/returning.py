"""Mail that came back: which verdict of a report is about our recipient, and what it means for the delivery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from newsletter.domain.bounces import BounceClass, Category, Confidence, Report, ReportKind, Verdict
from newsletter.domain.events import ACCEPTED, EventKind, Meaning
from newsletter.domain.issue import Mark
from newsletter.domain.subscriber import SuppressionReason

# A mail server gives up after five days; what comes back a month later comes from somebody else.
RETURN_PATH_DAYS = 30

COMPLAINT = Meaning(
    kind=EventKind.COMPLAINED,
    marks=int(Mark.COMPLAINED),
    settles=ACCEPTED,
    category=Category.COMPLAINT,
    suppress=SuppressionReason.COMPLAINED,
    leaves=True,
)
# Told in the timeline of the delivery, and nothing follows from them.
REMARKS: dict[ReportKind, Meaning] = {
    ReportKind.DELAYED: Meaning(kind=EventKind.DEFERRED, settles=ACCEPTED),
    ReportKind.AUTOREPLY: Meaning(kind=EventKind.AUTORESPONDED, settles=ACCEPTED),
}
# Recognised, and of no consequence for anybody.
IGNORED_KINDS = frozenset({ReportKind.DELAYED, ReportKind.AUTOREPLY, ReportKind.CHALLENGE, ReportKind.DELIVERED})
_WEIGHT = {BounceClass.HARD: 3, BounceClass.BLOCK: 2, BounceClass.SOFT: 1, None: 0}
_UNTOLD = Verdict(
    address="",
    bounce_class=BounceClass.SOFT,
    category=Category.UNKNOWN,
    status="",
    rule="report.without-recipient",
    confidence=Confidence.GUESS,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnVerdict:
    """The verdict of a report that concerns one recipient of ours; `is_named` is False where it names another address.

    Mail that was forwarded comes back in the name of an address that we never wrote to.
    """

    verdict: Verdict
    is_named: bool


def own_verdict(recipients: Sequence[Verdict], address: str | None) -> OwnVerdict:
    """What a report says about the person at this address; None for somebody whose address is erased."""
    ours = [verdict for verdict in recipients if verdict.address in ("", address)]
    chosen = max(ours or recipients, key=lambda verdict: _WEIGHT[verdict.bounce_class], default=_UNTOLD)
    return OwnVerdict(verdict=chosen, is_named=bool(ours) or address is None or not recipients)


def meaning_of_bounce_mail(own: OwnVerdict, *, is_proven: bool) -> Meaning:
    """What a bounce means for the delivery.

    Hard needs a token that only our mail carried, and a report about the address that we wrote to; else it counts
    as soft. Refusals of ourselves, and mere haste, leave the person alone.
    """
    verdict = own.verdict
    bounce_class = verdict.bounce_class or BounceClass.SOFT
    if bounce_class is BounceClass.HARD and not (is_proven and own.is_named):
        bounce_class = BounceClass.SOFT
    spares_person = bounce_class is BounceClass.BLOCK or verdict.category is Category.THROTTLE
    return Meaning(
        kind=EventKind.REJECTED if spares_person else EventKind.BOUNCED,
        marks=int(Mark.BOUNCED),
        settles=ACCEPTED if is_proven else None,
        bounce_class=bounce_class,
        category=verdict.category,
    )


def asks_to_leave(report: Report, *, is_for_unsubscribe: bool) -> bool:
    """Whether a mail is somebody's wish to leave: it says so, or it is a plain mail to the unsubscribe address."""
    is_plain = report.kind is ReportKind.OTHER and not report.feedback_type
    return report.kind is ReportKind.UNSUBSCRIBE or (is_for_unsubscribe and is_plain)


def is_return_path_open(sent_at: datetime | None, *, now: datetime) -> bool:
    """Whether a mail that was sent then may still come back now."""
    return sent_at is not None and now - sent_at <= timedelta(days=RETURN_PATH_DAYS)
