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


HABITS: tuple[Habit, ...] = (
    Habit(
        # 5.2.1 is "disabled" in the registry; Gmail also says it of a mailbox that gets mail too fast.
        rule="provider.gmail.rate",
        category=Category.THROTTLE,
        words=re.compile(r"receiving mail (?:at a rate|too quickly)"),
    ),
    Habit(
        # Directory-based edge blocking of Exchange Online: there is no such recipient.
        rule="provider.microsoft.edge_blocking",
        category=Category.MAILBOX_UNKNOWN,
        status=re.compile(r"5\.4\.1$"),
        words=re.compile(r"recipient address rejected: access denied"),
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
        words=re.compile(r"null ?mx|does not accept mail|no mail"),
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
