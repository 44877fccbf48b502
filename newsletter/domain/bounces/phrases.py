"""Families of phrases: what mail servers write when the code says little or something else.

Order decides: the first family that matches wins. The strong families speak louder than a code (a full mailbox that
is called 5.1.1 is still full), the weak ones are asked only where the code is silent. Blocks come before dead
mailboxes, because a refusal of ours must never cost a reader the newsletter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.domain.bounces.phrases_abroad import ABROAD
from newsletter.domain.bounces.phrases_english import ENGLISH_STRONG, ENGLISH_WEAK
from newsletter.domain.bounces.verdicts import Category


@dataclass(frozen=True, kw_only=True, slots=True)
class Family:
    """Phrases with one meaning. `rule` is stable; it is stored with every verdict."""

    rule: str
    category: Category
    pattern: re.Pattern[str]


def _families(table: dict[str, tuple[Category, tuple[str, ...]]]) -> tuple[Family, ...]:
    return tuple(
        Family(rule=f"text.{rule}", category=category, pattern=re.compile("|".join(phrases + ABROAD.get(rule, ()))))
        for rule, (category, phrases) in table.items()
    )


STRONG = _families(ENGLISH_STRONG)
WEAK = _families(ENGLISH_WEAK)


def find_family(wording: str, families: tuple[Family, ...]) -> Family | None:
    """The first of these families that has a phrase in the plain wording; None where nothing is known."""
    return next((family for family in families if family.pattern.search(wording)), None)
