"""Why words that say "dead" may not be about the recipient: whose name it is, "for now", "may", other codes."""

from __future__ import annotations

import re
from collections.abc import Callable

from newsletter.domain.bounces import codes, phrases
from newsletter.domain.bounces.verdicts import CLASS_OF, BounceClass, Category, Classification, Confidence

# Longer than an answer: a whole notice, where "temporary" may stand in advice.
SHORT = 500
MAX_MATCHES = 20
_BESIDE = 32

# A mailbox or a domain that a server doubts only for now is not dead.
WHILE_TEMPORARY: dict[Category, Category] = {
    Category.MAILBOX_UNKNOWN: Category.TRANSIENT,
    Category.MAILBOX_DISABLED: Category.TRANSIENT,
    Category.MAILBOX_MOVED: Category.TRANSIENT,
    Category.DOMAIN: Category.NETWORK,
}

_FOR_NOW = re.compile(
    r"(?<!not )(?<!not a )(?<!no )\btemporar(?:y|ily)\b(?! address)|\bfor now\b|(?:ldap|directory|database|backend)(?: \S+){0,2} (?:not |un)(?:reachable|available)"
)
# Whose name it is stands right before the words that say "unknown", or right after them.
_OUR_SIDE = re.compile(
    r"(?<!to )(?<!to the )\bsenders?(?:'s)?\b|return[ -]path|reverse[ -]path|\bmail ?from\b|envelope[ -]from|\bhelo\b|\behlo\b"
    r"|client (?:host|name|ip)\b|your (?:domain|host|server|ip|hostname|account|mail ?server|own|e?-?mail (?:address|account)|address)\b"
)
_FOR_OUR_SIDE = re.compile(
    r"^(?: \S+)? (?:in|for|of|from) (?:the |your )?(?:helo|ehlo|sender|mail from|client|your ip)\b"
)
_WE_SEND = re.compile(r"you are (?:sending(?! to)|using)|(?:sending|sent) from")
_THING = re.compile(r"\b(?:attachment|file|header|message-id|certificate|parameter|argument|command|charset)s?\b")
_UNKNOWN_THING = re.compile(r"^ (?:error|reason|response|command|problem|failure|cause|status|option|parameter|type)\b")
_MAY_BE = re.compile(r"\b(?:may|might)(?: or may)? not exist")
_CLAUSE = re.compile(r"[.;:] | -+ ")
_MAILBOX_BLOCKED = re.compile(
    r"(?:user|mailbox|account|recipient|address)(?: \S+){0,3} blocked|blocked (?:user|mailbox|account)"
)


def doubted(decided: Classification, wording: str, family: phrases.Family) -> Classification:
    """What is left of a verdict by words that say "dead", seen with what stands around them; others stay as they are."""
    if decided.bounce_class is not BounceClass.HARD:
        return decided
    category = _other_subject(wording, family)
    if category:
        return _instead(decided, category, "of_sender" if category is Category.SENDER else "of_something")
    if codes.meaning_of(decided.status) not in WHILE_TEMPORARY and _is_block_beside(wording):
        return _instead(decided, Category.REPUTATION, "blocked")
    if codes.contradicts_death(decided.status):
        return _instead(decided, codes.meaning_of(decided.status) or Category.UNKNOWN, "by_code")
    return for_now(decided, wording)


def for_now(decided: Classification, wording: str) -> Classification:
    """The verdict, unless the answer says that it is one for now."""
    return softened(decided) if len(wording) < SHORT and _FOR_NOW.search(wording) else decided


def softened(decided: Classification) -> Classification:
    """What "dead" means in an answer that is temporary."""
    if decided.bounce_class is not BounceClass.HARD:
        return decided
    return _instead(decided, WHILE_TEMPORARY[decided.category], "for_now", Confidence.LIKELY)


def _other_subject(wording: str, family: phrases.Family) -> Category | None:
    """Of whom or what the words speak, where none of them can be about the recipient."""
    found: Category | None = None
    for number, match in enumerate(family.pattern.finditer(wording)):
        other = _subject_of(wording, match)
        if other is None or number >= MAX_MATCHES:
            return None
        found = found or other
    return found


def _subject_of(wording: str, match: re.Match[str]) -> Category | None:
    before = _CLAUSE.split(wording[max(0, match.start() - _BESIDE) : match.start()])[-1] + " ".join(
        match.group().split(" ")[:2]
    )
    behind = wording[match.end() : match.end() + _BESIDE]
    return next((category for is_it, category in _SUBJECTS if is_it(before, match.group(), behind)), None)


_SUBJECTS: tuple[tuple[Callable[[str, str, str], object], Category], ...] = (
    (lambda before, within, behind: _OUR_SIDE.search(before), Category.SENDER),
    (lambda before, within, behind: _FOR_OUR_SIDE.match(behind), Category.SENDER),
    (lambda before, within, behind: _WE_SEND.search(within), Category.SENDER),
    (lambda before, within, behind: _THING.search(before), Category.PROTOCOL),
    (lambda before, within, behind: within.endswith("unknown") and _UNKNOWN_THING.match(behind), Category.UNKNOWN),
    (lambda before, within, behind: _MAY_BE.search(within), Category.UNKNOWN),
)


def _is_block_beside(wording: str) -> bool:
    family = phrases.find_family(wording, phrases.WEAK[:2])
    return len(wording) < SHORT and family is not None and not _MAILBOX_BLOCKED.search(wording)


def _instead(
    decided: Classification, category: Category, why: str, confidence: Confidence = Confidence.CERTAIN
) -> Classification:
    return Classification(
        bounce_class=CLASS_OF[category],
        category=category,
        rule=f"{decided.rule}.{why}",
        confidence=confidence,
        status=decided.status,
    )
