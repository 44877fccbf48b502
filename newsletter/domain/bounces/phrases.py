"""Families of phrases: what mail servers write when the code says little or something else.

Order decides: the first family that matches wins. The strong families speak louder than a code (a full mailbox that
is called 5.1.1 is still full), the weak ones are asked only where the code is silent. Blocks come before dead
mailboxes, because a refusal of ours must never cost a reader the newsletter.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain

from newsletter.domain.bounces import phrases_eastern as eastern
from newsletter.domain.bounces import phrases_european as european
from newsletter.domain.bounces.phrases_blocks import BLOCKS
from newsletter.domain.bounces.phrases_mailboxes import MAILBOXES
from newsletter.domain.bounces.phrases_transport import TRANSPORT
from newsletter.domain.bounces.verdicts import CLASS_OF, BounceClass, Category

STRONG_ORDER: dict[str, Category] = {
    "loop": Category.LOOP,
    "greylist": Category.TRANSIENT,
    "malformed": Category.PROTOCOL,
    "local_delivery": Category.SYSTEM,
    "throttle": Category.THROTTLE,
    "mailbox_full": Category.MAILBOX_FULL,
    "message_size": Category.TOO_LARGE,
    "auth": Category.AUTH,
    "sender": Category.SENDER,
    "reverse_dns": Category.REVERSE_DNS,
    "reputation": Category.REPUTATION,
    "virus": Category.VIRUS,
    "spam": Category.CONTENT,
    "content": Category.CONTENT,
    "relay": Category.RELAY,
    "policy": Category.POLICY,
    "for_now": Category.TRANSIENT,
    "gave_up": Category.EXPIRED,
    "mailbox_moved": Category.MAILBOX_MOVED,
    "mailbox_disabled": Category.MAILBOX_DISABLED,
    "resolve_later": Category.NETWORK,
    "domain_no_mail": Category.DOMAIN,
    "domain": Category.DOMAIN,
    "mailbox_unknown": Category.MAILBOX_UNKNOWN,
}
WEAK_ORDER: dict[str, Category] = {
    "blocked": Category.REPUTATION,
    "sender_loosely": Category.SENDER,
    "filtered": Category.FILTERED,
    "mailbox_unavailable": Category.MAILBOX_UNKNOWN,
    "expired": Category.EXPIRED,
    "network": Category.NETWORK,
    "system": Category.SYSTEM,
    "protocol": Category.PROTOCOL,
    "transient": Category.TRANSIENT,
    "refused": Category.POLICY,
}

LANGUAGES = (
    BLOCKS,
    MAILBOXES,
    TRANSPORT,
    european.GERMAN,
    european.FRENCH,
    european.SPANISH_PORTUGUESE,
    european.ITALIAN,
    european.OTHERS,
    eastern.RUSSIAN,
    eastern.JAPANESE,
    eastern.CHINESE_KOREAN,
)

NOTHING = r"(?!)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Phrases with one meaning. `rule` is stable; it is stored with every verdict."""

    rule: str
    category: Category
    pattern: re.Pattern[str]


def find_family(wording: str, families: tuple[Family, ...]) -> Family | None:
    """The first of these families that has a phrase in the plain wording; None where nothing is known."""
    return next((family for family in families if family.pattern.search(wording)), None)


def says_dead(wording: str) -> bool:
    """Whether words that make hard stand anywhere in the text, beside whatever else it says."""
    dead = tuple(family for family in STRONG if CLASS_OF[family.category] is BounceClass.HARD)
    return find_family(wording, dead) is not None


def families_without(left_out: Collection[str]) -> tuple[tuple[Family, ...], tuple[Family, ...]]:
    """The strong and the weak families, as they would be without some of their phrases."""
    return _families(STRONG_ORDER, left_out), _families(WEAK_ORDER, left_out)


def _families(order: dict[str, Category], left_out: Collection[str]) -> tuple[Family, ...]:
    return tuple(
        Family(rule=f"text.{rule}", category=category, pattern=_pattern_of(rule, left_out))
        for rule, category in order.items()
    )


def _pattern_of(rule: str, left_out: Collection[str]) -> re.Pattern[str]:
    listed = chain.from_iterable(table.get(rule, ()) for table in LANGUAGES)
    return re.compile("|".join(phrase for phrase in listed if phrase not in left_out) or NOTHING)


STRONG, WEAK = families_without(())
