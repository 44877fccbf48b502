"""What is too late: batches that wait and whose news is old by now are given up, with the reason."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from newsletter.db.queries import batches, deliveries
from newsletter.domain.issue import DeliveryReason, DeliveryStatus
from newsletter.domain.retrying import plan_limits

# A tick has little time, and there is another soon.
EXPIRED_AT_ONCE = 200


def expire_late(session: Session, issue_id: int, *, now: datetime, taking: timedelta) -> int:
    """Give up some batches of an issue that wait and are too late; returns how many.

    `taking` is how long the issue takes at the rate that is set: what was never tried may be so much later.
    """
    plans = plan_limits(now, taking=taking)
    found = batches.close_late_batches(session, issue_id, plans=plans, limit=EXPIRED_AT_ONCE)
    for cohort, first_id, last_id in found:
        deliveries.settle_range(
            session,
            issue_id,
            cohort=cohort,
            first_id=first_id,
            last_id=last_id,
            status=DeliveryStatus.FAILED,
            reason=DeliveryReason.EXPIRED,
        )
    return len(found)
