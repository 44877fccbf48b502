"""Alerts: what a person should look at. One cause, told by its kind and its subject, has one open alert."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class AlertKind(StrEnum):
    """What happened."""

    BOUNCE_RATE = "bounce_rate"
    BLOCK_RATE = "block_rate"
    COMPLAINT_RATE = "complaint_rate"
    MAILBOX_BLOCKS = "mailbox_blocks"
    MAILBOX_THROTTLES = "mailbox_throttles"
    BOUNCE_BURST = "bounce_burst"
    PROVIDER_STOPPED = "provider_stopped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Wording:
    """How a person reads a kind of alert: what it is, and what to do about it."""

    title: str
    repair: str


WORDING: dict[AlertKind, Wording] = {
    AlertKind.BOUNCE_RATE: Wording(
        title="Too many addresses that do not exist",
        repair="Look where these addresses come from, then resume the issue.",
    ),
    AlertKind.BLOCK_RATE: Wording(
        title="Too many mails refused for what we are or say",
        repair="Look at the refusals in the timeline of some deliveries, repair the cause, then resume the issue.",
    ),
    AlertKind.COMPLAINT_RATE: Wording(
        title="Too many complaints",
        repair="Ask whether these readers wanted the newsletter, then resume the issue.",
    ),
    AlertKind.MAILBOX_BLOCKS: Wording(
        title="A mailbox provider refuses us",
        repair="Readers are untouched. Check SPF, DKIM, DMARC and reputation (`newsletter doctor --domain …`).",
    ),
    AlertKind.MAILBOX_THROTTLES: Wording(
        title="A mailbox provider slows us down",
        repair="Readers are untouched. Send more slowly to these mailboxes.",
    ),
    AlertKind.BOUNCE_BURST: Wording(
        title="A domain suddenly knows none of its addresses",
        repair="Nobody there is suppressed until an admin decides, on the page Suppressions or by"
        " `newsletter suppression release DOMAIN --decision …`.",
    ),
    AlertKind.PROVIDER_STOPPED: Wording(
        title="The provider says that the account may not send",
        repair="Look at the provider's console, then resume.",
    ),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cause:
    """What an alert is about. `subject` reads kind:name, as issue:7, mailbox:gmail, domain:example.org."""

    kind: AlertKind
    subject: str
