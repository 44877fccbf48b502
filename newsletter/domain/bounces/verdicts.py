"""What can be said about a mail that came back: kinds of report, classes, categories, and the values that carry them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class ReportKind(StrEnum):
    """What a mail that reached one of our return addresses is."""

    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    AUTOREPLY = "autoreply"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    CHALLENGE = "challenge"
    OTHER = "other"


class BounceClass(StrEnum):
    """Whose trouble a bounce is: the address is dead, something passes, or we are the ones who are refused."""

    HARD = "hard"
    SOFT = "soft"
    BLOCK = "block"


class Category(StrEnum):
    """Why a mail came back, in one word; `CLASS_OF` says which class a category belongs to."""

    MAILBOX_UNKNOWN = "mailbox_unknown"
    MAILBOX_DISABLED = "mailbox_disabled"
    MAILBOX_MOVED = "mailbox_moved"
    DOMAIN = "domain"
    MAILBOX_FULL = "mailbox_full"
    TOO_LARGE = "too_large"
    THROTTLE = "throttle"
    TRANSIENT = "transient"
    NETWORK = "network"
    EXPIRED = "expired"
    LOOP = "loop"
    SYSTEM = "system"
    PROTOCOL = "protocol"
    FILTERED = "filtered"
    UNKNOWN = "unknown"
    REPUTATION = "reputation"
    REVERSE_DNS = "reverse_dns"
    AUTH = "auth"
    SENDER = "sender"
    RELAY = "relay"
    POLICY = "policy"
    CONTENT = "content"
    VIRUS = "virus"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    AUTOREPLY = "autoreply"
    CHALLENGE = "challenge"
    DELIVERED = "delivered"


class Confidence(StrEnum):
    """How sure a rule is: CERTAIN by a code or words that mean one thing, LIKELY by custom, GUESS by default."""

    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


CLASS_OF: dict[Category, BounceClass | None] = (
    dict.fromkeys(
        (Category.MAILBOX_UNKNOWN, Category.MAILBOX_DISABLED, Category.MAILBOX_MOVED, Category.DOMAIN), BounceClass.HARD
    )
    | dict.fromkeys(
        (
            Category.MAILBOX_FULL,
            Category.TOO_LARGE,
            Category.THROTTLE,
            Category.TRANSIENT,
            Category.NETWORK,
            Category.EXPIRED,
            Category.LOOP,
            Category.SYSTEM,
            Category.PROTOCOL,
            Category.FILTERED,
            Category.UNKNOWN,
        ),
        BounceClass.SOFT,
    )
    | dict.fromkeys(
        (
            Category.REPUTATION,
            Category.REVERSE_DNS,
            Category.AUTH,
            Category.SENDER,
            Category.RELAY,
            Category.POLICY,
            Category.CONTENT,
            Category.VIRUS,
        ),
        BounceClass.BLOCK,
    )
    | dict.fromkeys(
        (
            Category.COMPLAINT,
            Category.UNSUBSCRIBE,
            Category.AUTOREPLY,
            Category.CHALLENGE,
            Category.DELIVERED,
        ),
        None,
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Classification:
    """What one refusal means. `rule` is the stable id of the rule that decided; `status` the code it went by, or ""."""

    bounce_class: BounceClass | None
    category: Category
    rule: str
    confidence: Confidence
    status: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What a report says about one recipient.

    `address` is lower case and may be "" where the report hides it. `final_recipient` is filled where the mail had
    been forwarded: never suppress that one. `diagnostic` is one line of at most 300 characters.
    """

    address: str
    bounce_class: BounceClass | None
    category: Category
    status: str
    rule: str
    confidence: Confidence
    diagnostic: str = ""
    final_recipient: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Traces:
    """What a report returns of the mail that we sent. Nothing here is checked: a stranger may have written it.

    `tokens` are candidates of the form of a delivery token, the strongest first: from the address the report came
    to, the envelope id, an `X-…-Token` header, the Message-ID. `message_ids` come without angle brackets.
    """

    original_envelope_id: str = ""
    message_ids: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    arrived_for: tuple[str, ...] = ()
    original_recipients: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What one inbound mail is, whom it is about, and which of our mails it answers.

    `is_readable` is False for bytes that no parser could take apart; such a report is `other` and names nobody.
    """

    kind: ReportKind
    recipients: tuple[Verdict, ...] = ()
    reporter: str = ""
    subject: str = ""
    feedback_type: str = ""
    traces: Traces = field(default_factory=Traces)
    is_readable: bool = True
