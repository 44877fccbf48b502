"""Facts about alerts: one for each cause, closed by whoever looked or by the act that repairs it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import Alert
from newsletter.domain.alerts import WORDING, AlertKind, Cause
from newsletter.errors import NotFound
from newsletter.runtime import Runtime
from newsletter.services import alerts, issues
from newsletter.services.users import OPERATOR
from tests.factories import NOW
from tests.services.loop_site import BLOCKED, HARD, THROTTLED, LoopSite

GMAIL = Cause(kind=AlertKind.MAILBOX_BLOCKS, subject="mailbox:gmail")
LATER = NOW + timedelta(minutes=5)


def shown(runtime: Runtime) -> dict[tuple[str, str], int]:
    with runtime.reading() as session:
        return {(alert.kind, alert.subject): alert.count for alert in alerts.open_alerts(session)}


def test_a_cause_that_repeats_itself_is_one_alert(session: Session) -> None:
    alerts.add_alert(session, GMAIL, evidence="first", now=NOW)
    alerts.add_alert(session, GMAIL, evidence="second", more=3, now=LATER)
    alerts.add_alert(session, Cause(kind=AlertKind.MAILBOX_THROTTLES, subject="mailbox:gmail"), evidence="", now=NOW)
    latest, other = alerts.open_alerts(session)
    assert (latest.kind, latest.count, latest.evidence) == ("mailbox_blocks", 4, "second")
    assert (latest.since, latest.last_at) == (NOW, LATER)
    assert (other.kind, other.count) == ("mailbox_throttles", 1)


def test_a_closed_alert_stays_closed_and_a_new_cause_opens_another(session: Session) -> None:
    alerts.add_alert(session, GMAIL, evidence="", now=NOW)
    [found] = alerts.open_alerts(session)
    alerts.close_alert(session, found.id, actor_id=7, now=LATER)
    closed = alerts.close_alert(session, found.id, actor_id=8, now=LATER)
    assert (closed.closed_at, closed.closed_by) == (LATER, 7)
    assert alerts.count_open(session) == 0
    alerts.add_alert(session, GMAIL, evidence="", now=LATER)
    assert alerts.count_open(session) == 1
    assert [alert.id for alert in alerts.closed_alerts(session)] == [found.id]
    with pytest.raises(NotFound, match="there is no alert 99"):
        alerts.close_alert(session, 99, actor_id=None, now=NOW)


def test_every_kind_of_alert_is_explained() -> None:
    assert set(WORDING) == set(AlertKind)


def test_blocks_and_throttles_touch_no_reader_and_alert_once_for_each_mailbox_provider(runtime: Runtime) -> None:
    site = LoopSite(runtime, 12)
    site.move(site.people[:6], "gmail.com")
    issue_id = site.send()
    for person in site.people[:4]:
        site.tell(issue_id, [person], "bounce", **BLOCKED)
    site.tell(issue_id, site.people[4:9], "bounce", **THROTTLED)
    assert site.suppressed() == {}
    assert shown(runtime) == {
        ("mailbox_blocks", "mailbox:gmail"): 4,
        ("mailbox_throttles", "mailbox:gmail"): 2,
        ("mailbox_throttles", "mailbox:rest"): 3,
    }


def test_a_breaker_alerts_with_its_count_and_a_resume_closes_the_alert(runtime: Runtime) -> None:
    site = LoopSite(runtime, 110)
    issue_id = site.send()
    site.tell(issue_id, site.people[:7], "bounce", **HARD)
    assert shown(runtime) == {("bounce_rate", f"issue:{issue_id}"): 7}
    assert site.status(issue_id) == "paused"
    with runtime.transaction() as session:
        issues.resume_issue(session, issue_id, actor=OPERATOR, now=LATER)
    assert shown(runtime) == {}
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Alert)) == 1


def test_complaints_after_the_last_mail_are_told_too(runtime: Runtime) -> None:
    site = LoopSite(runtime, 600)
    issue_id = site.send()
    site.tell(issue_id, site.people[:1], "spamreport")
    assert shown(runtime) == {("complaint_rate", f"issue:{issue_id}"): 1}
