"""What single providers mean by words and codes that mean something else everywhere else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.domain.bounces.verdicts import Category


@dataclass(frozen=True, kw_only=True, slots=True)
class Habit:
    """A provider's own use: all patterns given must match. `words` see plain wording, `remote_mta` a host name."""

    rule: str
    category: Category
    words: re.Pattern[str]
    status: re.Pattern[str] = re.compile("")
    remote_mta: re.Pattern[str] = re.compile("")
    command: re.Pattern[str] = re.compile("")


def _codes(provider: str, category: Category, words: str) -> Habit:
    """A provider's own codes, which it puts into its answers."""
    return Habit(rule=f"provider.{provider}", category=category, words=re.compile(words))


# What PowerMTA calls the reason, in a field of its own (see `inbound.delivery_status`).
_POWERMTA: dict[str, Category] = {
    "bad-mailbox": Category.MAILBOX_UNKNOWN,
    "inactive-mailbox": Category.MAILBOX_DISABLED,
    "bad-domain": Category.DOMAIN,
    "quota-issues": Category.MAILBOX_FULL,
    "message-expired": Category.EXPIRED,
    "no-answer-from-host": Category.NETWORK,
    "bad-connection": Category.NETWORK,
    "routing-errors": Category.NETWORK,
    "bad-configuration": Category.SYSTEM,
    "protocol-errors": Category.PROTOCOL,
    "spam-related": Category.CONTENT,
    "content-related": Category.CONTENT,
    "virus-related": Category.VIRUS,
    "policy-related": Category.POLICY,
    "relaying-issues": Category.RELAY,
    "invalid-sender": Category.SENDER,
}

HABITS: tuple[Habit, ...] = (
    # AOL's codes in round brackets are about the sending host and the mail; with them comes any enhanced code.
    _codes("aol.codes", Category.REPUTATION, r"\((?:rly|dyn|con|hvu|rtr|dns|urh|pol|spf|dkim):\w{1,3}\)"),
    # NetEase (163.com, 126.com): about the host or the mail, or about how much of it.
    _codes(
        "netease.refused",
        Category.REPUTATION,
        r"\b(?:hl:(?:rep|ihu|ipb)|mi:(?:spb|spf|fus|fas|imf)|wm:bl[iu]|dt:rbl)\b",
    ),
    _codes("netease.rate", Category.THROTTLE, r"\b(?:hl:(?:icc|itc|ifc|mep)|mi:(?:dmc|cel|ccl|drc|mrc)|rp:[a-z]{3})\b"),
    # Facebook: P1 is an address that does not exist, the others are what its owner wants or what we did.
    _codes("facebook.unknown", Category.MAILBOX_UNKNOWN, r"\brcp-p1\b"),
    _codes("facebook.preferences", Category.FILTERED, r"\brcp-p[23]\b"),
    _codes("facebook.policy", Category.POLICY, r"\b(?:pol|dns)-[pt]\d\b"),
    _codes("amazonses.permanent", Category.MAILBOX_UNKNOWN, r"\bbouncetype permanent (?:general|noemail)\b"),
    _codes("amazonses.full", Category.MAILBOX_FULL, r"\bbouncetype \w+ mailboxfull\b"),
    _codes("amazonses.content", Category.CONTENT, r"\bbouncetype \w+ (?:content|attachment)rejected\b"),
    *(_codes(f"powermta.{word}", category, rf"\bbouncecategory {word}\b") for word, category in _POWERMTA.items()),
    Habit(
        # 5.2.1 is "disabled" in the registry; Gmail also says it of a mailbox that gets mail too fast.
        rule="provider.gmail.rate",
        category=Category.THROTTLE,
        words=re.compile(r"receiving mail (?:at a rate|too quickly)"),
    ),
    Habit(
        # Malformed words alone are a matter of protocol; with this code they are about this address.
        rule="code.1.3",
        category=Category.MAILBOX_UNKNOWN,
        status=re.compile(r"5\.1\.3$"),
        words=re.compile(r"syntax|malformed|format"),
    ),
    Habit(
        rule="code.1.7",
        category=Category.SENDER,
        status=re.compile(r"5\.1\.[78]$"),
        words=re.compile(r"syntax|malformed|format"),
    ),
    Habit(
        # The answer to DATA after each RCPT was refused; why it was is told elsewhere, if at all.
        rule="code.5.1",
        category=Category.PROTOCOL,
        status=re.compile(r"5\.5\.[124]$"),
        words=re.compile(r"need rcpt|no valid recipients"),
    ),
    Habit(
        # Directory-based edge blocking of Exchange Online: there is no such recipient.
        rule="provider.microsoft.edge_blocking",
        category=Category.MAILBOX_UNKNOWN,
        status=re.compile(r"5\.4\.1$"),
        words=re.compile(r"recipient address(?:es)? rejected ?: access denied"),
    ),
    Habit(
        rule="provider.microsoft.unavailable",
        category=Category.MAILBOX_UNKNOWN,
        status=re.compile(r"5\.5\.0$"),
        words=re.compile(r"mailbox unavailable"),
    ),
    Habit(
        # Registered by RFC 7505 for a null MX, used by Gmail for SPF: only these words tell them apart.
        rule="provider.null_mx",
        category=Category.DOMAIN,
        status=re.compile(r"5\.(?:1\.10|7\.27)$"),
        words=re.compile(r"^(?!.*\bsender\b).*(?:null ?mx|does not accept mail|no mail)"),
    ),
    Habit(
        # In any language: the group is closed to us or gone, and the notice does not say which.
        rule="provider.google_groups",
        category=Category.SENDER,
        words=re.compile(r"google (?:groups|グループ|groepen|gruppen)"),
    ),
    Habit(
        # After the text of the mail, this carrier says "unknown user" of mail that its own user filters.
        rule="provider.docomo.filter",
        category=Category.SENDER,
        remote_mta=re.compile(r"(?:^|\.)docomo\.(?:\w+\.)?ne\.jp$"),
        command=re.compile(r"DATA|END"),
        words=re.compile(r"unknown user"),
    ),
)


def find_habit(wording: str, *, status: str, remote_mta: str, command: str) -> Habit | None:
    """The first habit that fits this refusal; None where the provider means what everybody means."""
    fitting = (habit for habit in HABITS if habit.words.search(wording) and habit.status.match(status))
    return next(
        (habit for habit in fitting if habit.remote_mta.search(remote_mta) and habit.command.search(command)), None
    )
