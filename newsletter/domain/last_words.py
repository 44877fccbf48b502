"""Last words: what a dead worker had written down about the batch it held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class LastWords:
    """The subscriber ids of a batch, by what is known of their mail. Who is in none was certainly not handed over."""

    accepted: frozenset[int]
    refused: frozenset[int]
    in_doubt: frozenset[int]


def last_words_of(entries: Iterable[tuple[str, int]]) -> LastWords:
    """What a journal's entries amount to, in the order they were written.

    ("S", id): about to be handed over; ("A", id) accepted; ("F", id) refused; ("D", id) deferred, so not with the
    provider; ("U", id) no answer. Anything else is as good as no answer.
    """
    last: dict[int, str] = {}
    for letter, subscriber_id in entries:
        last[subscriber_id] = letter
    by_letter = {letter: frozenset(id_ for id_, found in last.items() if found == letter) for letter in "AFD"}
    return LastWords(
        accepted=by_letter["A"],
        refused=by_letter["F"],
        in_doubt=frozenset(last) - by_letter["A"] - by_letter["F"] - by_letter["D"],
    )
