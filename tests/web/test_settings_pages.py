"""Facts about users, newsletters, the audit log and the outbox in the console."""

from __future__ import annotations

import re

from fastapi.testclient import TestClient

from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import newsletters, slots, trial, users
from newsletter.settings import ProviderName
from newsletter.web.app import create_app
from newsletter.web.auth import COOKIE
from tests.web.conftest import Person, SignIn, add_brief, said


def test_a_new_user_gets_a_link_that_is_shown_once_and_works(admin: Person, anybody: TestClient) -> None:
    answer = admin.post("/admin/users", {"email": "new@harbour.example", "role": "approver", "name": "Nora"})
    url = re.findall(r'class="link-box">http://localhost:8000(/login/[^<]+)<', answer.text)[0]
    assert url not in admin.get("/admin/users").text
    assert anybody.post(url).status_code == 303
    assert "Nora" in anybody.get("/admin").text


def test_a_user_who_is_there_already_is_refused_with_what_was_typed(admin: Person) -> None:
    answer = admin.post("/admin/users", {"email": admin.email, "role": "viewer", "name": "<Kept>"})
    assert answer.status_code == 409
    assert 'value="&lt;Kept&gt;"' in answer.text
    assert admin.post("/admin/users", {"email": "x@harbour.example", "role": "king"}).status_code == 422


def test_the_last_admin_cannot_be_taken_away(admin: Person, runtime: Runtime) -> None:
    with runtime.reading() as session:
        user_id = users.find_user(session, admin.email).id
    for form in ({"role": "editor", "is_active": "yes"}, {"role": "admin"}):
        answer = admin.post(f"/admin/users/{user_id}", form)
        assert answer.status_code == 409
        assert "make somebody else an admin first" in said(answer)
    assert admin.get("/admin/users").status_code == 200


def test_a_changed_role_holds_from_the_next_page_on(sign_in: SignIn, runtime: Runtime) -> None:
    admin, person = sign_in(Role.ADMIN), sign_in(Role.VIEWER)
    with runtime.reading() as session:
        user_id = users.find_user(session, person.email).id
    assert person.get("/admin/briefs/new").status_code == 403
    admin.post(f"/admin/users/{user_id}", {"role": "editor", "is_active": "yes"})
    assert person.get("/admin/briefs/new").status_code == 200


def test_a_newsletter_is_edited_and_what_cannot_be_used_is_refused(admin: Person, runtime: Runtime) -> None:
    page = admin.get("/admin/newsletters/1").text
    assert 'value="Harbour Morning Brief"' in page
    data = {
        "name": "Harbour Brief",
        "from_name": "Harbour",
        "from_email": "brief@harbour.example",
        "time_zone": "Asia/Shanghai",
        "language": "en",
        "postal_address": "1 Quay Street\r\nHamburg",
        "accent": "#7a1f3d",
        "requires_four_eyes": "yes",
    }
    assert admin.post("/admin/newsletters/1", data).status_code == 303
    with runtime.reading() as session:
        row = newsletters.find_newsletter(session)
    assert (row.name, row.time_zone, row.requires_four_eyes) == ("Harbour Brief", "Asia/Shanghai", True)
    assert row.postal_address == "1 Quay Street\nHamburg"
    assert row.theme == {"accent": "#7a1f3d"}
    for wrong in ({"time_zone": "Mars/North"}, {"from_email": "nonsense"}, {"name": ""}, {"accent": "red"}):
        answer = admin.post("/admin/newsletters/1", data | {"from_name": "Kept"} | wrong)
        assert answer.status_code == 422, wrong
        assert 'value="Kept"' in answer.text


def test_a_second_newsletter_can_be_made(admin: Person) -> None:
    data = {"name": "Evening", "from_email": "e@harbour.example", "time_zone": "UTC", "language": "zh-Hans"}
    assert admin.post("/admin/newsletters/new", data).status_code == 303
    assert "/archive/evening" in admin.get("/admin/newsletters").text
    assert admin.post("/admin/newsletters/new", data).status_code == 409


def test_every_act_of_the_console_is_in_the_audit_log(admin: Person) -> None:
    admin.post("/admin/lists/new", {"name": "Logged", "opt_in": "single"})
    page = said(admin.get("/admin/audit"))
    assert "list.create" in page
    assert admin.email in page
    assert "UTC" in page


def test_the_outbox_shows_mails_and_their_parts(admin: Person, runtime: Runtime) -> None:
    assert "The outbox is empty" in said(admin.get("/admin/outbox"))
    brief_id = add_brief(runtime)
    with runtime.transaction() as session:
        prepared = trial.prepare_test(
            session,
            brief_id,
            ["one@example.org"],
            like=None,
            links=runtime.links,
            bounce_domain="",
            signer=None,
            actor=users.OPERATOR,
            now=runtime.now(),
        )
    trial.hand_over_test(prepared, runtime.provider)
    page = admin.get("/admin/outbox")
    assert "one@example.org" in page.text
    here = re.findall(r'href="(/admin/outbox/test/[^"]+)"', page.text)[0]
    assert "<iframe sandbox=" in admin.get(here).text
    assert "List-Unsubscribe" in admin.get(f"{here}?view=headers").text
    assert "Port of Marrow Bay" in admin.get(f"{here}?view=text").text
    assert "MIME-Version" in admin.get(f"{here}?view=source").text
    mail = admin.get(f"{here}/html")
    assert "Port of Marrow Bay" in mail.text
    assert mail.headers["content-security-policy"].startswith("sandbox ")
    assert admin.get("/admin/outbox/test/..%2f..%2fsecret.key").status_code == 404
    assert admin.get("/admin/outbox/..%2f/x.eml").status_code == 404


def test_there_is_no_outbox_where_mails_go_to_a_real_provider(admin: Person, runtime: Runtime) -> None:
    real = Runtime.from_settings(runtime.settings.model_copy(update={"provider": ProviderName.SMTP}))
    with TestClient(create_app(real), cookies={COOKIE: admin.client.cookies[COOKIE]}) as client:
        assert client.get("/admin/outbox").status_code == 404
        assert 'href="/admin/outbox"' not in client.get("/admin").text
    real.close()


def test_a_newsletter_gets_a_daily_slot_and_quiet_hours(sign_in: SignIn, runtime: Runtime) -> None:
    admin = sign_in(Role.ADMIN)
    with runtime.reading() as session:
        row = newsletters.find_newsletter(session)
        data = {"name": row.name, "from_email": row.from_email, "time_zone": "Europe/Berlin", "language": "en"}
    data |= {"quiet_hours": "22:00-06:00", "slot_at": "07:00", "slot_lateness_minutes": "90", "slot_lists": "readers"}
    assert admin.post("/admin/newsletters/1", data).status_code == 303
    with runtime.reading() as session:
        slot = slots.slot_of(newsletters.find_newsletter(session))
        assert slot is not None
        assert (f"{slot.at:%H:%M}", slot.lateness_minutes, slot.lists) == ("07:00", 90, ("readers",))
        assert newsletters.find_newsletter(session).quiet_hours == "22:00-06:00"
    assert 'value="07:00"' in admin.get("/admin/newsletters/1").text
    for wrong in ({"slot_lateness_minutes": "soon"}, {"slot_lists": ""}, {"quiet_hours": "at night"}):
        assert admin.post("/admin/newsletters/1", data | wrong).status_code in (404, 422)
    assert admin.post("/admin/newsletters/1", data | {"slot_at": ""}).status_code == 303
    with runtime.reading() as session:
        assert newsletters.find_newsletter(session).daily_slot is None
