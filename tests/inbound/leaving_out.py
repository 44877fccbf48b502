"""How well mail of servers never seen may be understood: an estimate from the corpus, by leaving families out.

`python -m tests.inbound.leaving_out` prints the score of `scoring.py` after this: the mails of each family (the column
`decodedby`, which names the system that wrote the report) are judged without every phrase that matches in mails of that
family and in no other. Phrases that match in no mail at all come from general knowledge and stay.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import chain

from newsletter.domain.bounces import phrases
from newsletter.inbound import understand
from tests.inbound.scoring import CORPUS, LINES, Row, count_mail, read_rows

Seen = dict[str, set[str]]


def main() -> None:
    """Print what each family would have scored without what only it taught."""
    rows = read_rows(CORPUS / "expected.tsv")
    family_of = {name: listed[0]["decodedby"] or "nobody" for name, listed in rows.items()}
    seen = _families_by_phrase(family_of)
    counts: Counter[str] = Counter()
    for family in sorted(set(family_of.values())):
        alone = {phrase for phrase, families in seen.items() if families == {family}}
        counts += _score_without(alone, {name: rows[name] for name, of in family_of.items() if of == family})
    lonely = sum(len(families) == 1 for families in seen.values())
    print(f"{len(seen)} phrases, {lonely} taught by one family, {sum(not one for one in seen.values())} by none")
    for label, part, whole in LINES:
        print(f"{label:28} {counts[part]:4} of {counts[whole]:4}  {counts[part] / max(counts[whole], 1):7.1%}")


def _families_by_phrase(family_of: dict[str, str]) -> Seen:
    """Each phrase and the families in whose mails it matches."""
    seen: Seen = {phrase: set() for phrase in _all_phrases()}
    patterns = {phrase: re.compile(phrase) for phrase in seen}
    wordings: dict[str, set[str]] = defaultdict(set)
    find_family, name = phrases.find_family, ""

    def listen(wording: str, families: tuple[phrases.Family, ...]) -> phrases.Family | None:
        wordings[name].add(wording)
        return find_family(wording, families)

    phrases.find_family = listen
    for name in family_of:
        understand((CORPUS / name).read_bytes())
    phrases.find_family = find_family
    for name, found in wordings.items():
        for phrase, pattern in patterns.items():
            if any(pattern.search(wording) for wording in found):
                seen[phrase].add(family_of[name])
    return seen


def _all_phrases() -> set[str]:
    return set(chain.from_iterable(chain.from_iterable(table.values()) for table in phrases.LANGUAGES))


def _score_without(left_out: set[str], rows: dict[str, list[Row]]) -> Counter[str]:
    kept = phrases.STRONG, phrases.WEAK
    phrases.STRONG, phrases.WEAK = phrases.families_without(left_out)
    counts: Counter[str] = Counter()
    for name, listed in rows.items():
        for error in count_mail(counts, listed, understand((CORPUS / name).read_bytes())):
            print(f"  {name}: {error}")
    phrases.STRONG, phrases.WEAK = kept
    return counts


if __name__ == "__main__":
    main()
