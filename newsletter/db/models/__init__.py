"""The tables, by theme: people, content, sending, flow, inbound, watching, opting in."""

from __future__ import annotations

from newsletter.db.models.base import Base
from newsletter.db.models.content import BriefRow, BriefVersion, Decision, NewsletterRow, Rendering
from newsletter.db.models.doubts import Doubt, HeardRequest
from newsletter.db.models.flow import DayVolume, GroupState, ProviderState, RateWindow, SlotRun
from newsletter.db.models.inbound import InboxPost, KnownEvent
from newsletter.db.models.inbound_mail import InboundMail
from newsletter.db.models.opting_in import OptInRequest, RequestCount
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
from newsletter.db.models.sending import Attempt, Batch, Delivery, Event, Issue, IssueList
from newsletter.db.models.watching import (
    Alert,
    Freeze,
    HeldBounce,
    ProviderCopy,
    ProviderLift,
    ProviderRetry,
    ProviderSync,
)

__all__ = [
    "Alert",
    "Attempt",
    "AuditEntry",
    "Base",
    "Batch",
    "BriefRow",
    "BriefVersion",
    "DayVolume",
    "Decision",
    "Delivery",
    "Doubt",
    "Event",
    "Freeze",
    "GroupState",
    "HeardRequest",
    "HeldBounce",
    "InboundMail",
    "InboxPost",
    "Issue",
    "IssueList",
    "KnownEvent",
    "MailingList",
    "NewsletterRow",
    "OptInRequest",
    "ProviderCopy",
    "ProviderLift",
    "ProviderRetry",
    "ProviderState",
    "ProviderSync",
    "RateWindow",
    "Rendering",
    "RequestCount",
    "SignInLink",
    "SlotRun",
    "Subscriber",
    "Subscription",
    "Suppression",
    "User",
    "UserSession",
]
