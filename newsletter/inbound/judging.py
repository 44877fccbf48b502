"""From what a report says of a recipient to a verdict: the best evidence first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from newsletter.domain.bounces import BounceClass, Category, Classification, Confidence, Verdict, classify, phrases
from newsletter.domain.bounces.classify import command_in
from newsletter.domain.bounces.wording import plain_wording
from newsletter.inbound.findings import Finding

Classifier = Callable[..., Classification]

MAX_DIAGNOSTIC = 300
_RANK = {Confidence.CERTAIN: 0, Confidence.LIKELY: 1, Confidence.GUESS: 2}


def judge(finding: Finding, *, surroundings: str, classify: Classifier = classify) -> Verdict:
    """Classify one recipient: by its own fields, else by what stands beside it, else by `surroundings`.

    `surroundings` is the rest of the report, and "" where it speaks of several recipients. `classify` may be one that
    remembers its answers: recipients of one report often share their words.
    """
    evidence = [text for text in (finding.diagnostic, finding.context, surroundings) if text.strip()] or [""]
    command = next(filter(None, map(command_in, (finding.context, surroundings))), "")
    judged = [(text, _classified(finding, text, command=command, classify=classify)) for text in evidence]
    decided = best_of(classification for _, classification in judged)
    if decided.bounce_class is BounceClass.HARD:
        decided = next((told for text, told in judged[1:] if _is_only_full(told, text)), decided)
    return Verdict(
        address=finding.address,
        bounce_class=decided.bounce_class,
        category=decided.category,
        status=decided.status,
        rule=decided.rule,
        confidence=decided.confidence,
        diagnostic=" ".join(evidence[0].split())[:MAX_DIAGNOSTIC],
        final_recipient=finding.final_recipient,
    )


def remark(address: str, category: Category, *, rule: str) -> Verdict:
    """A verdict that counts nothing: complaints, replies, deliveries."""
    return Verdict(
        address=address, bounce_class=None, category=category, status="", rule=rule, confidence=Confidence.CERTAIN
    )


def best_of(candidates: Iterable[Classification]) -> Classification:
    """The first of those that are the surest."""
    return min(candidates, key=lambda decided: _RANK[decided.confidence])


def _is_only_full(told: Classification, text: str) -> bool:
    """Whether words for people speak of a full mailbox and not of a dead one: then it is full, whatever the code says."""
    return told.category is Category.MAILBOX_FULL and not phrases.says_dead(plain_wording(text))


def _classified(finding: Finding, text: str, *, command: str, classify: Classifier) -> Classification:
    return classify(
        action=finding.action or "failed",
        status=finding.status,
        diagnostic=text,
        remote_mta=finding.remote_mta,
        command=command,
    )
