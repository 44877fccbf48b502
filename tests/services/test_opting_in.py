"""Facts about a new confirmed opt-in: it outweighs whatever was said before."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from newsletter.db.models import AuditEntry, ProviderLift
from newsletter.domain.subscriber import SuppressionReason
from newsletter.runtime import Runtime
from newsletter.services import opting_in, subscribers, suppressions
from tests.factories import NOW, make_list, make_newsletter


def confirm(session: Session, runtime: Runtime) -> None:
    key = runtime.links.address_key
    opting_in.confirm_opt_in(
        session, email="Ann@example.org", list_slug="readers", evidence="link 7", address_key=key, now=NOW
    )


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_it_lifts_every_suppression_here_and_asks_the_provider_to(
    session: Session, runtime: Runtime, reason: SuppressionReason
) -> None:
    make_list(session, make_newsletter(session))
    key = runtime.links.address_key
    if reason is SuppressionReason.ERASED:
        suppressions.mark_erased(session, address="ann@example.org", address_key=key, now=NOW)
    else:
        suppressions.suppress(session, address="ann@example.org", reason=reason, address_key=key, now=NOW)
    confirm(session, runtime)
    confirm(session, runtime)
    profile = subscribers.subscriber_profile(session, "ann@example.org")
    assert profile["suppression"] is None
    assert [(place["status"], place["consent_evidence"]) for place in profile["subscriptions"]] == [
        ("confirmed", "link 7")
    ]
    assert session.scalars(select(ProviderLift.address)).all() == ["ann@example.org"]
    lifted = session.scalars(select(AuditEntry).where(AuditEntry.action == "suppression.lift_on_consent")).one()
    assert lifted.detail == {"reason": str(reason), "source": "opt-in"}


def test_who_has_left_comes_back_by_their_own_wish(session: Session, runtime: Runtime) -> None:
    newsletter = make_newsletter(session)
    make_list(session, newsletter)
    confirm(session, runtime)
    person = subscribers.find_subscriber(session, "ann@example.org")
    subscribers.unsubscribe(session, subscriber_id=person.id, newsletter_id=newsletter.id, source="link", now=NOW)
    confirm(session, runtime)
    assert subscribers.is_subscribed(session, subscriber_id=person.id, newsletter_id=newsletter.id)
    assert session.scalars(select(ProviderLift)).all() == []
