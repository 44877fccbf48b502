"""The one classifier: for delivery status notifications, and for refusals in our own SMTP dialogues."""

from __future__ import annotations

import re

from newsletter.domain.bounces import codes, phrases
from newsletter.domain.bounces.doubts import doubted, for_now, softened
from newsletter.domain.bounces.provider_habits import find_habit
from newsletter.domain.bounces.verdicts import CLASS_OF, BounceClass, Category, Classification, Confidence
from newsletter.domain.bounces.wording import plain_wording

DELIVERED_ACTIONS = frozenset({"delivered", "relayed", "expanded"})

_COMMAND = re.compile(
    r"in reply to (?:the )?(end of data|data|rcpt|mail from|helo|ehlo)|(?:after|>>>) (end of data|data|rcpt|mail|initial connection)\b|(refused to talk to me)",
    re.IGNORECASE,
)
_COMMANDS = {
    "END OF DATA": "END",
    "MAIL FROM": "MAIL",
    "INITIAL CONNECTION": "CONNECT",
    "REFUSED TO TALK TO ME": "CONNECT",
}

# What is refused for good before a recipient was named is refused because of us.
ABOUT_SENDER: dict[str, Category] = {"CONNECT": Category.REPUTATION, "MAIL": Category.SENDER}


def classify(
    *, action: str = "failed", status: str = "", diagnostic: str = "", remote_mta: str = "", command: str = ""
) -> Classification:
    """Decide what one refusal means: whose trouble it is, why, and by which rule.

    `action` is the field of RFC 3464 ("failed", "delayed", "delivered", …); for a refusal in our own dialogue it is
    "failed". `status` is the enhanced code; where the diagnostic has a better one, that one counts. `diagnostic` is
    the reply with its digits ("550 5.1.1 user unknown"), of any length. `command` is what was answered (RCPT, DATA,
    END for the final dot). Only `failed` has a class; hard needs a code or words that say so, else it is soft.
    """
    code = _best_status(codes.read_status(status), diagnostic)
    if action in DELIVERED_ACTIONS:
        return _without_class(Category.DELIVERED, f"action.{action}", code)
    stage = command.upper() or command_in(diagnostic)
    decided = _decide(code, diagnostic, remote_mta=remote_mta.lower(), command=stage)
    if action == "delayed":
        return _without_class(decided.category, decided.rule, code)
    if _is_temporary(code, diagnostic):
        return softened(decided)
    return _about_us(decided) if stage == "MAIL" else decided


def command_in(text: str) -> str:
    """The SMTP command that a diagnostic says was answered: CONNECT, MAIL, RCPT, DATA, END for the final dot, or ""."""
    found = _COMMAND.search(text)
    words = next((group for group in found.groups() if group), "").upper() if found else ""
    return _COMMANDS.get(words, words)


def _best_status(field: str, diagnostic: str) -> str:
    told = codes.find_status(diagnostic)
    if codes.is_specific(told) and _may_overrule(told, field):
        return told
    return field or told


def _may_overrule(told: str, field: str) -> bool:
    # "Gave up" (X.4.7) and vague codes are what the reporting server adds; the refusing server knows better.
    return not codes.is_specific(field) or field.endswith(".4.7") or told[0] == field[0]


def _decide(code: str, diagnostic: str, *, remote_mta: str, command: str) -> Classification:
    wording = plain_wording(diagnostic)
    habit = find_habit(wording, status=code, remote_mta=remote_mta, command=command)
    if habit:
        return _classified(habit.category, habit.rule, code, Confidence.CERTAIN)
    family = phrases.find_family(wording, phrases.STRONG)
    if family:
        return doubted(_classified(family.category, family.rule, code, Confidence.CERTAIN), wording, family)
    meaning = codes.meaning_of(code)
    if meaning:
        return for_now(_classified(meaning, f"code.{code[2:]}", code, Confidence.CERTAIN), wording)
    family = phrases.find_family(wording, phrases.WEAK)
    if family:
        return _classified(family.category, family.rule, code, Confidence.LIKELY)
    reply = codes.find_reply(diagnostic)
    if command in ABOUT_SENDER and (reply or code).startswith("5"):
        return _classified(ABOUT_SENDER[command], f"stage.{command.lower()}", code, Confidence.LIKELY)
    return _by_digits(code, reply)


def _by_digits(code: str, reply: str) -> Classification:
    if reply in codes.REPLIES:
        return _classified(codes.REPLIES[reply], f"reply.{reply}", code, Confidence.LIKELY)
    digit = (reply or code)[:1]
    category = Category.TRANSIENT if digit == "4" else Category.UNKNOWN
    return _classified(category, f"digit.{digit or 'none'}", code, Confidence.GUESS)


def _is_temporary(code: str, diagnostic: str) -> bool:
    reply = codes.find_reply(diagnostic)
    return (reply or code).startswith("4")


def _about_us(decided: Classification) -> Classification:
    """A refusal of MAIL FROM is about the sender: what "does not exist" there is our own domain."""
    if decided.bounce_class is not BounceClass.HARD or decided.category is Category.MAILBOX_DISABLED:
        return decided
    return _classified(Category.SENDER, f"{decided.rule}.at_mail", decided.status, Confidence.LIKELY)


def _classified(category: Category, rule: str, status: str, confidence: Confidence) -> Classification:
    return Classification(
        bounce_class=CLASS_OF[category], category=category, rule=rule, confidence=confidence, status=status
    )


def _without_class(category: Category, rule: str, status: str) -> Classification:
    return Classification(bounce_class=None, category=category, rule=rule, confidence=Confidence.CERTAIN, status=status)
