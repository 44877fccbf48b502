"""The tables, by theme: people, content, sending."""

from __future__ import annotations

from newsletter.db.models.base import Base
from newsletter.db.models.content import BriefRow, BriefVersion, Decision, NewsletterRow, Rendering
from newsletter.db.models.doubts import Doubt, HeardRequest
from newsletter.db.models.inbound import InboxPost, KnownEvent
from newsletter.db.models.inbound_mail import InboundMail
from newsletter.db.models.people import (
    AuditEntry,
    MailingList,
    SignInLink,
    Subscriber,
    Subscription,
    Suppression,
    User,
    UserSession,
)
from newsletter.db.models.sending import Attempt, Batch, Delivery, Event, Issue, IssueList, ProviderState, RateWindow

__all__ = [
    "Attempt",
    "AuditEntry",
    "Base",
    "Batch",
    "BriefRow",
    "BriefVersion",
    "Decision",
    "Delivery",
    "Doubt",
    "Event",
    "HeardRequest",
    "InboundMail",
    "InboxPost",
    "Issue",
    "IssueList",
    "KnownEvent",
    "MailingList",
    "NewsletterRow",
    "ProviderState",
    "RateWindow",
    "Rendering",
    "SignInLink",
    "Subscriber",
    "Subscription",
    "Suppression",
    "User",
    "UserSession",
]
