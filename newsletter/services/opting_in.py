"""Opting in: what the link in a confirmation mail does for whoever follows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter.db.models import Subscriber
from newsletter.services import subscribers, suppressions

SOURCE = "opt-in"


def confirm_opt_in(
    session: Session,
    *,
    email: str,
    list_slug: str,
    evidence: str,
    address_key: Callable[[str], bytes],
    now: datetime,
) -> Subscriber:
    """Put the owner of an address on a list, who has confirmed by a link that was mailed there; twice is as once.

    Their new wish outweighs every suppression, also their own erasure and complaint, here and at the provider.
    `evidence` says how they confirmed, and is kept with the consent. Conflict for whom an admin has disabled.
    """
    suppressions.lift_on_consent(session, address=email, address_key=address_key, now=now, source=SOURCE)
    return subscribers.add_subscriber(
        session,
        email=email,
        list_slug=list_slug,
        confirmed=True,
        consent_source=SOURCE,
        consent_evidence=evidence,
        address_key=address_key,
        now=now,
    )
