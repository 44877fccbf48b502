"""Bounces and complaints: what a refusal means. Tables and decisions only; reading mail is `newsletter.inbound`."""

from __future__ import annotations

from newsletter.domain.bounces.classify import classify
from newsletter.domain.bounces.verdicts import (
    CLASS_OF,
    BounceClass,
    Category,
    Classification,
    Confidence,
    Report,
    ReportKind,
    Traces,
    Verdict,
)

__all__ = [
    "CLASS_OF",
    "BounceClass",
    "Category",
    "Classification",
    "Confidence",
    "Report",
    "ReportKind",
    "Traces",
    "Verdict",
    "classify",
]
