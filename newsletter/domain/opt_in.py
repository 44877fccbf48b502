"""Opting in at the public door: how often one may ask, which mail answers, and how long its link works.

The form can be filled in by anybody with anybody's address. So what it says never depends on who is known here, and
what it can make us send is little.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from newsletter.domain.subscriber import SuppressionReason

LINK_LIFETIME = timedelta(days=7)
# A request is proof of nothing once its link is dead; a while longer it can tell a late reader what to do.
KEPT = timedelta(days=30)


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """So many in so much time, counted from the first."""

    most: int
    window: timedelta


OF_ADDRESS = (Allowance(most=1, window=timedelta(minutes=10)), Allowance(most=3, window=timedelta(days=1)))
# An office or a school may stand behind one address; a machine that fills in lists of addresses should not get far.
OF_CLIENT = (Allowance(most=20, window=timedelta(hours=1)),)
OF_RISKY_ADDRESS = (Allowance(most=1, window=timedelta(days=30)),)
OF_MEMBER = (Allowance(most=1, window=timedelta(days=1)),)


class RequestMail(StrEnum):
    """What became of the one mail that answers a request."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    SENT = "sent"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    WITHHELD = "withheld"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


class AnswerKind(StrEnum):
    """Which mail that is: the link to confirm with, or the news that nothing is to be done."""

    CONFIRM = "confirm"
    KNOWN = "known"


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The mail to answer with, and how often at most an address gets such a one, beyond what holds for everybody."""

    kind: AnswerKind
    allowance: tuple[Allowance, ...] = ()


# A mail to these can hurt us: it comes back, or is called spam. One a month is enough for an owner who wants to return.
RISKY = frozenset({SuppressionReason.BOUNCED, SuppressionReason.INVALID, SuppressionReason.COMPLAINED})


def answer_for(*, is_disabled: bool, is_member: bool, suppression: SuppressionReason | None) -> Answer | None:
    """Which mail answers a request for this address; None for whom an admin has shut out.

    `is_member` says that the address is confirmed on all lists that were asked for.
    """
    if is_disabled:
        return None
    if suppression is not None:
        return Answer(kind=AnswerKind.CONFIRM, allowance=OF_RISKY_ADDRESS if suppression in RISKY else ())
    if is_member:
        return Answer(kind=AnswerKind.KNOWN, allowance=OF_MEMBER)
    return Answer(kind=AnswerKind.CONFIRM)


def is_expired(requested_at: datetime, *, now: datetime) -> bool:
    """Whether the link of a request works no more."""
    return now - requested_at > LINK_LIFETIME


def network_of(client: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 that an IPv6 customer has to themselves."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address.packed[:8] + bytes(8), 64)))
    return str(address)
