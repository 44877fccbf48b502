"""Last words: what a dead worker had written down about the batch it held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LastWords:
    """The subscriber ids of a batch, by what is known of their mail. Who is in none was certainly not handed over.

    `unanswered`: handed over, and the provider never said what became of it. `in_doubt`: whose mail was in hand when
    the worker died.
    """

    accepted: frozenset[int]
    refused: frozenset[int]
    unanswered: frozenset[int]
    in_doubt: frozenset[int]


def last_words_of(entries: Iterable[tuple[str, int]]) -> LastWords:
    """What a journal's entries amount to, in the order they were written.

    ("S", id): about to be handed over; ("A", id) accepted; ("F", id) refused; ("D", id) deferred, so not with the
    provider; ("N", id) announced, and not handed over after all; ("U", id) no answer. Anything else leaves it in doubt.
    """
    last: dict[int, str] = {}
    for letter, subscriber_id in entries:
        last[subscriber_id] = letter
    by_letter = {letter: frozenset(id_ for id_, found in last.items() if found == letter) for letter in "AFDNU"}
    return LastWords(
        accepted=by_letter["A"],
        refused=by_letter["F"],
        unanswered=by_letter["U"],
        in_doubt=frozenset(last).difference(*by_letter.values()),
    )
