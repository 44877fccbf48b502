"""Statistics: what became of mail, each rate with what it is a rate of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from newsletter.domain.counts import Counts


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome(Counts):
    """What became of some deliveries, counted from rows.

    hard, soft and block are deliveries that had such a bounce or refusal; a delivery may have had more than one.
    `bounced` are those with any bounce, `doubled` those that are known to have gone out twice.
    """

    audience: int = 0
    accepted: int = 0
    failed: int = 0
    delivered: int = 0
    bounced: int = 0
    hard: int = 0
    soft: int = 0
    block: int = 0
    complained: int = 0
    unsubscribed: int = 0
    opened: int = 0
    clicked: int = 0
    doubled: int = 0

    @property
    def tried(self) -> int:
        """Deliveries that a provider or mail server answered: it took them, or refused them."""
        return self.accepted + self.failed


# What each count is a share of.
DENOMINATORS: dict[str, str] = {
    "delivered": "accepted",
    "hard": "tried",
    "soft": "tried",
    "block": "tried",
    "complained": "reached",
    "unsubscribed": "reached",
    "opened": "reached",
    "clicked": "reached",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """A share: `count` of `of`, which is the number called `denominator`; `rate` is None where there is nothing yet."""

    count: int
    of: int
    denominator: str

    @property
    def rate(self) -> float | None:
        """The share between 0 and 1, or a little above where several things happened to one mail."""
        return self.count / self.of if self.of else None


def reached_of(outcome: Outcome, *, whole: Outcome) -> int:
    """Mail that arrived: as told where it is told (SendGrid), else what was taken and never came back (SMTP).

    The whole issue says whether it is told: a provider may have delivered nothing to some of its readers.
    """
    return outcome.delivered if whole.delivered else max(outcome.accepted - outcome.bounced, 0)


def rates_of(outcome: Outcome, *, whole: Outcome) -> dict[str, Rate]:
    """Every rate of a part of an issue (or of all of it), in the order in which they happen."""
    of = {"accepted": outcome.accepted, "tried": outcome.tried, "reached": reached_of(outcome, whole=whole)}
    return {
        name: Rate(count=getattr(outcome, name), of=of[denominator], denominator=denominator)
        for name, denominator in DENOMINATORS.items()
    }


def total(outcomes: Iterable[Outcome]) -> Outcome:
    """All of them together."""
    return sum(outcomes, Outcome())
