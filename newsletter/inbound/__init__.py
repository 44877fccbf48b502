"""Mail that comes back to us: bytes in, a report out. Pure: no network, no database, no clock."""

from __future__ import annotations

from newsletter.domain.bounces import Report, ReportKind, Verdict
from newsletter.inbound.mail import MAX_BYTES
from newsletter.inbound.understanding import understand

__all__ = ["MAX_BYTES", "Report", "ReportKind", "Verdict", "understand"]
