"""A brief that was edited by hand loses no word without a finding, and never fails but with a fault."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest

from newsletter import samples
from newsletter.domain.brief import Brief
from newsletter.domain.reading import read_brief
from newsletter.errors import UnreadableBrief

_ROWS = samples.brief_text().split("\n")[:60]
_MARKS = re.compile(r"\s*(?:•\s*)?(?:\d+\.\s)?(?:(?:Summary|Why It Matters|URL): ?)?", re.IGNORECASE)
_TOLD = {"text-ignored", "field-repeated", "section-empty", "link-invalid"}

_EDITS: dict[str, Callable[[list[str], int], None]] = {
    "delete": lambda rows, at: rows.__delitem__(at),
    "swap": lambda rows, at: rows.insert(at, rows.pop(at + 1)),
    "merge": lambda rows, at: rows.insert(at, f"{rows.pop(at)} {rows.pop(at).strip()}".rstrip()),
    "blank": lambda rows, at: rows.insert(at, ""),
    "repeat": lambda rows, at: rows.insert(at, rows[at]),
    "split": lambda rows, at: rows.insert(at + 1, _second_half(rows, at)),
    "no bullet": lambda rows, at: rows.__setitem__(at, re.sub(r"^\s*•\s*", "", rows[at])),
    "no number": lambda rows, at: rows.__setitem__(at, re.sub(r"^\d+\.\s", "", rows[at])),
    "no label": lambda rows, at: rows.__setitem__(at, re.sub(r"(Summary|Why It Matters|URL): ", "", rows[at])),
    "capitals": lambda rows, at: rows.__setitem__(at, rows[at].upper()),
}


def _second_half(rows: list[str], at: int) -> str:
    words = rows[at].split(" ")
    rows[at] = " ".join(words[: len(words) // 2 + 1])
    return " ".join(words[len(words) // 2 + 1 :])


def _edited(seed: int) -> str:
    chance, rows = random.Random(seed), list(_ROWS)
    for _ in range(chance.randint(1, 4)):
        edit = _EDITS[chance.choice(list(_EDITS))]
        edit(rows, chance.randrange(4, len(rows) - 1))
    return "\n".join(rows)


def _words_of(brief: Brief) -> set[str]:
    texts = [brief.title, *(section.title for section in brief.sections)]
    for story in brief.stories:
        texts += [story.headline, story.source, str(story.date), story.summary, story.why_it_matters]
        texts += [story.link_title, story.url or ""]
    return set(re.findall(r"\w+", " ".join(texts).lower()))


@pytest.mark.parametrize("first_seed", range(0, 400, 100))
def test_no_word_is_lost_without_a_finding(first_seed: int) -> None:
    was_read = 0
    for seed in range(first_seed, first_seed + 100):
        source = _edited(seed)
        try:
            read = read_brief(source)
        except UnreadableBrief:
            continue
        was_read += 1
        known, told = _words_of(read.brief), {finding.line for finding in read.findings if finding.code in _TOLD}
        for number, row in enumerate(source.split("\n"), start=1):
            words = re.findall(r"\w+", _MARKS.sub("", row, count=1).lower())
            if number not in told and not row.upper().startswith("POSTED ON"):
                assert not [word for word in words if word not in known and word not in ("url", "summary")], (seed, row)
    assert was_read > 90
