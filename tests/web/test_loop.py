"""Facts about alerts, frozen domains, lists of suppressions and statistics in the console."""

from __future__ import annotations

import re

import pytest

from newsletter.db.queries import freezes
from newsletter.domain.alerts import AlertKind, Cause
from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import alerts, suppressions
from tests.factories import NOW
from tests.web.conftest import Person, SignIn, add_issue, said

HOSTILE = "<script>alert(1)</script>"


def raise_alerts(runtime: Runtime, issue_id: int) -> None:
    with runtime.transaction() as session:
        blocks = Cause(kind=AlertKind.MAILBOX_BLOCKS, subject="mailbox:gmail")
        alerts.add_alert(session, blocks, evidence=HOSTILE, more=7, now=NOW)
        rate = Cause(kind=AlertKind.BOUNCE_RATE, subject=f"issue:{issue_id}")
        alerts.set_alert(session, rate, evidence="too many", count=9, now=NOW)


def test_alerts_are_on_the_dashboard_until_somebody_has_looked(
    admin: Person, sign_in: SignIn, runtime: Runtime
) -> None:
    issue_id, _ = add_issue(runtime)
    raise_alerts(runtime, issue_id)
    dashboard = admin.get("/admin")
    assert "2\u00a0alerts" in dashboard.text
    assert HOSTILE not in dashboard.text
    page = admin.get("/admin/alerts")
    assert "A mailbox provider refuses us 7 × mailbox:gmail" in said(page)
    assert f'href="/admin/issues/{issue_id}"' in page.text
    with runtime.reading() as session:
        ids = [alert.id for alert in alerts.open_alerts(session)]
    assert sign_in(Role.VIEWER).post(f"/admin/alerts/{ids[0]}/close").status_code == 403
    for alert_id in ids:
        assert admin.post(f"/admin/alerts/{alert_id}/close").headers["location"] == "/admin/alerts?done=alert-closed"
    assert "Nothing to look at" in said(admin.get("/admin/alerts"))
    assert "alerts" not in said(admin.get("/admin")).split("Dashboard What")[-1]
    assert admin.post("/admin/alerts/999/close").status_code == 404


def test_a_storm_of_alerts_says_how_many_more_there_are(admin: Person, runtime: Runtime) -> None:
    with runtime.transaction() as session:
        for number in range(102):
            cause = Cause(kind=AlertKind.MAILBOX_BLOCKS, subject=f"mailbox:{number}")
            alerts.add_alert(session, cause, evidence="421", now=NOW)
    page = admin.get("/admin/alerts")
    assert page.text.count("I have looked at it") == 100
    assert "The latest 100 of 102 alerts" in said(page).replace("\u00a0", " ")


def test_older_suppressions_are_reached_from_a_refused_form_too(admin: Person, runtime: Runtime) -> None:
    with runtime.transaction() as session:
        addresses = [f"former{number}@example.org" for number in range(51)]
        key = runtime.links.address_key
        suppressions.suppress_addresses(session, addresses, address_key=key, now=NOW)
    refused = admin.post("/admin/suppressions/add", {"email": "nobody"})
    assert refused.status_code == 422
    more = re.search(r'href="([^"]*after=\d+)"', refused.text)
    assert more is not None
    assert more.group(1).startswith("/admin/suppressions?q=")


@pytest.mark.parametrize("decision", ["real", "outage"])
def test_an_admin_decides_about_a_frozen_domain(
    admin: Person, sign_in: SignIn, runtime: Runtime, decision: str
) -> None:
    _, people = add_issue(runtime)
    with runtime.transaction() as session:
        freezes.add_freeze(session, domain="example.org", evidence="60 addresses unknown", now=NOW)
        frozen = freezes.open_freeze(session, "example.org")
        assert frozen is not None
        freezes.hold_people(session, frozen.id, people, evidence="issue 1", now=NOW)
    assert "example.org is frozen" in said(admin.get("/admin/suppressions"))
    form = {"domain": "example.org", "decision": decision}
    assert sign_in(Role.APPROVER).post("/admin/suppressions/release", form).status_code == 403
    assert "Say whether" in said(admin.post("/admin/suppressions/release", form | {"decision": "maybe"}))
    assert admin.post("/admin/suppressions/release", form).status_code == 303
    assert "is frozen" not in said(admin.get("/admin/suppressions"))
    with runtime.reading() as session:
        assert len(suppressions.list_suppressions(session)) == (3 if decision == "real" else 0)
    assert "Example.org is not frozen" in said(admin.post("/admin/suppressions/release", form))


def test_a_list_of_suppressions_goes_in_and_comes_out(admin: Person, sign_in: SignIn) -> None:
    table = "email,reason,evidence\nann@example.org,complained,=cmd|calc\nben@example.org,,\nnobody,,\n"
    files = {"file": ("former.csv", table.encode("utf-8-sig"), "text/csv")}
    answer = admin.post("/admin/suppressions/import", {"reason": "invalid"}, files=files)
    assert "Of 3 rows, 2 are suppressed now, 0 were before" in said(answer).replace("\u00a0", " ")
    assert "1 row holds no address and was left out" in said(answer).replace("\u00a0", " ")
    again = admin.post("/admin/suppressions/import", {"reason": "invalid"}, files=files)
    assert "Of 3 rows, 0 are suppressed now, 2 were before" in said(again).replace("\u00a0", " ")
    rows = admin.get("/admin/suppressions/export").text.splitlines()
    assert [row.rsplit(",", 1)[0] for row in rows] == [
        "email,reason,evidence",
        "ann@example.org,complained,'=cmd|calc",
        "ben@example.org,invalid,file former.csv",
    ]
    assert "Choose a file" in said(admin.post("/admin/suppressions/import"))
    forged = admin.post("/admin/suppressions/import", {"reason": "erased"}, files=files)
    assert "rased is not a reason to choose" in said(forged)
    assert sign_in(Role.VIEWER).get("/admin/suppressions/export").status_code == 403


def test_statistics_show_each_rate_with_what_it_is_of(admin: Person, runtime: Runtime) -> None:
    assert "No issue has gone out yet" in said(admin.get("/admin/statistics"))
    issue_id, _ = add_issue(runtime, started=True)
    page = admin.get("/admin/statistics")
    assert f'href="/admin/statistics/{issue_id}"' in page.text
    by_mailbox = admin.get(f"/admin/statistics/{issue_id}")
    assert "all others 3 0" in said(by_mailbox)
    assert "all readers 3 0" in said(by_mailbox)
    assert by_mailbox.text.count('<th scope="row"') == 2
    assert admin.get("/admin/statistics/999").status_code == 404
