"""Facts about briefs in the console: from a pasted text to approved bytes."""

from __future__ import annotations

import re

from newsletter import samples
from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import briefs, newsletters
from tests.web.conftest import Person, SignIn, add_brief, said

FAULTY = "Harbour Morning Brief\n\n1. <b>A story</b> with a “quote”\n\n  • Wire · 2026-06-22\n"


def test_a_pasted_brief_shows_what_was_understood(sign_in: SignIn) -> None:
    editor = sign_in(Role.EDITOR)
    answer = editor.post("/admin/briefs/new", {"source": samples.brief_text().replace("\n", "\r\n"), "format": "auto"})
    assert answer.status_code == 303
    page = said(editor.get(answer.headers["location"]))
    assert "Harbour Morning Brief — 2026-06-22" in page
    assert "Monday, 22 June 2026" in page
    assert "10 in 1 section" in page
    assert "Port of Marrow Bay Hands Night Berthing to Its Own Pilot Software" in page
    assert "line 28" in page
    assert re.search(r"sha256 [0-9a-f]{12}", page)


def test_an_uploaded_file_is_taken_instead_of_the_text(sign_in: SignIn, runtime: Runtime) -> None:
    files = {"file": ("brief.txt", samples.brief_text().encode("utf-16"), "text/plain")}
    answer = sign_in(Role.EDITOR).post("/admin/briefs/new", {"source": "ignored"}, files=files)
    assert answer.status_code == 303
    with runtime.reading() as session:
        assert len(list(briefs.content_of(session, briefs.find_brief(session, 1)).stories)) == 10


def test_faults_come_back_with_their_lines_and_what_was_typed(sign_in: SignIn, runtime: Runtime) -> None:
    answer = sign_in(Role.EDITOR).post("/admin/briefs/new", {"source": FAULTY})
    assert answer.status_code == 422
    page = said(answer)
    assert "Line 1:" in page
    assert "no date" in page
    assert "Nothing was stored" in page
    assert "&lt;b&gt;A story&lt;/b&gt; with a “quote”" in answer.text
    with runtime.reading() as session:
        assert briefs.recent_briefs(session) == []


def test_a_brief_of_five_megabytes_is_one_clear_sentence(sign_in: SignIn) -> None:
    files = {"file": ("brief.txt", b"a long line of words\n" * 250_000, "text/plain")}
    answer = sign_in(Role.EDITOR).post("/admin/briefs/new", files=files)
    assert answer.status_code == 422
    assert "1 MiB" in said(answer) or "1 MB" in said(answer) or "larg" in said(answer)


def test_a_hostile_brief_is_shown_as_text(sign_in: SignIn) -> None:
    editor = sign_in(Role.EDITOR)
    hostile = samples.brief_text().replace("Port of Marrow Bay", '<script>alert(1)</script>"><img src=x onerror=y>', 1)
    location = editor.post("/admin/briefs/new", {"source": hostile, "format": "text"}).headers["location"]
    for path in (location, location + "/edit", location + "?view=text", location + "/mail", "/admin/briefs", "/admin"):
        text = editor.get(path).text
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path


def test_an_edit_is_refused_where_somebody_else_was_faster_and_keeps_what_was_typed(
    sign_in: SignIn, runtime: Runtime
) -> None:
    editor, brief_id = sign_in(Role.EDITOR), add_brief(runtime)
    path = f"/admin/briefs/{brief_id}/edit"
    assert 'name="version" value="1"' in editor.get(path).text
    mine = samples.brief_text().replace("Lantern Foundry Opens", "Lantern Foundry Publishes")
    theirs = samples.brief_text().replace("Lantern Foundry Opens", "Lantern Foundry Shows")
    assert editor.post(path, {"source": theirs, "version": "1"}).status_code == 303
    answer = editor.post(path, {"source": mine, "version": "1"})
    assert answer.status_code == 409
    assert "somebody else edited this brief" in said(answer).lower()
    assert "Lantern Foundry Publishes" in answer.text
    assert "Lantern Foundry Shows" in editor.get(f"/admin/briefs/{brief_id}").text


def test_saving_without_a_change_keeps_the_approval(admin: Person, runtime: Runtime) -> None:
    brief_id = add_brief(runtime, submitted=True)
    source = {"source": samples.brief_text().replace("\n", "\r\n"), "version": "1"}
    answer = admin.post(f"/admin/briefs/{brief_id}/edit", source)
    assert answer.headers["location"].endswith("done=brief-unchanged")
    with runtime.reading() as session:
        assert briefs.find_brief(session, brief_id).status == "in_review"


def test_a_brief_goes_from_draft_over_review_to_approved(sign_in: SignIn, runtime: Runtime) -> None:
    editor, approver, brief_id = sign_in(Role.EDITOR), sign_in(Role.APPROVER), add_brief(runtime)
    here = f"/admin/briefs/{brief_id}"
    assert f'action="{here}/submit"' in editor.get(here).text
    assert f'action="{here}/approve"' not in approver.get(here).text
    assert editor.post(f"{here}/submit").status_code == 303
    page = approver.get(here).text
    seen = re.findall(r'name="sha256" value="([0-9a-f]{64})"', page)
    assert len(seen) == 1
    assert f'action="{here}/approve"' not in editor.get(here).text
    assert approver.post(f"{here}/approve", {"sha256": seen[0]}).status_code == 303
    history = said(approver.get(here))
    assert "Submitted by editor0@harbour.example" in history
    assert "Approved by approver1@harbour.example" in history
    assert "Make an issue" in history


def test_an_approval_of_other_bytes_than_those_up_for_approval_is_refused(sign_in: SignIn, runtime: Runtime) -> None:
    approver, brief_id = sign_in(Role.APPROVER), add_brief(runtime, submitted=True)
    for seen in ("0" * 64, ""):
        answer = approver.post(f"/admin/briefs/{brief_id}/approve", {"sha256": seen})
        assert answer.status_code in (409, 422)
        assert 'role="alert"' in answer.text
    with runtime.reading() as session:
        assert briefs.find_brief(session, brief_id).status == "in_review"


def test_the_reviewer_sees_the_submitted_bytes_even_if_the_newsletter_changed_since(
    sign_in: SignIn, runtime: Runtime
) -> None:
    approver, brief_id = sign_in(Role.APPROVER), add_brief(runtime, submitted=True)
    with runtime.transaction() as session:
        stored = briefs.current_sha256(session, briefs.find_brief(session, brief_id))
        newsletters.edit_newsletter(
            session, "harbour-morning-brief", now=runtime.now(), postal_address="Somewhere else entirely"
        )
    assert f'name="sha256" value="{stored}"' in approver.get(f"/admin/briefs/{brief_id}").text
    assert "Somewhere else entirely" not in approver.get(f"/admin/briefs/{brief_id}/mail").text
    assert approver.post(f"/admin/briefs/{brief_id}/approve", {"sha256": stored}).status_code == 303


def test_changes_are_requested_with_a_note_that_the_author_sees(sign_in: SignIn, runtime: Runtime) -> None:
    approver, brief_id = sign_in(Role.APPROVER), add_brief(runtime, submitted=True)
    here = f"/admin/briefs/{brief_id}"
    assert approver.post(f"{here}/request-changes", {"note": "  "}).status_code == 422
    assert approver.post(f"{here}/request-changes", {"note": "Story 3 <needs> a link"}).status_code == 303
    page = sign_in(Role.EDITOR).get(here)
    assert "Story 3 <needs> a link" in said(page)
    assert "&lt;needs&gt;" in page.text


def test_whoever_wrote_a_brief_may_not_approve_it_under_four_eyes(admin: Person, runtime: Runtime) -> None:
    with runtime.transaction() as session:
        newsletters.edit_newsletter(session, "harbour-morning-brief", now=runtime.now(), requires_four_eyes=True)
    location = admin.post("/admin/briefs/new", {"source": samples.brief_text()}).headers["location"].partition("?")[0]
    admin.post(f"{location}/submit")
    seen = re.findall(r'name="sha256" value="([0-9a-f]{64})"', admin.get(location).text)[0]
    answer = admin.post(f"{location}/approve", {"sha256": seen})
    assert answer.status_code == 403
    assert "needs a second person" in said(answer)


def test_a_preview_is_shown_in_one_scheme_whatever_the_browser_prefers(admin: Person, runtime: Runtime) -> None:
    here = f"/admin/briefs/{add_brief(runtime)}"
    for scheme in ("light", "dark"):
        mail = admin.get(f"{here}/mail?scheme={scheme}").text
        assert "prefers-color-scheme" not in mail
        assert '<base target="_blank">' in mail
    assert admin.get(f"{here}/mail?scheme=dark").text != admin.get(f"{here}/mail?scheme=light").text
    for view in ("desktop", "phone", "dark"):
        assert f'title="The mail, {view}"' in admin.get(f"{here}?view={view}").text
    assert "Port of Marrow Bay" in admin.get(f"{here}?view=text").text
    assert 'title="The mail, desktop"' in admin.get(f"{here}?view=nonsense").text


def test_a_test_send_shows_the_providers_own_answer_for_each_address(sign_in: SignIn, runtime: Runtime) -> None:
    editor, brief_id = sign_in(Role.EDITOR), add_brief(runtime)
    answer = editor.post(f"/admin/briefs/{brief_id}/test-send", {"to": "one@example.org, two@example.org\r\n"})
    assert answer.status_code == 200
    page = said(answer)
    assert "one@example.org" in page
    assert page.count("outbox: written to outbox/test/") == 2
    assert len(list((runtime.settings.outbox_dir / "test").glob("*.eml"))) == 2


def test_a_test_send_to_no_address_is_refused_with_what_was_typed(sign_in: SignIn, runtime: Runtime) -> None:
    editor, brief_id = sign_in(Role.EDITOR), add_brief(runtime)
    answer = editor.post(f"/admin/briefs/{brief_id}/test-send", {"to": "not an <address>"})
    assert answer.status_code == 422
    assert "not an &lt;address&gt;" in answer.text
    assert not runtime.settings.outbox_dir.exists()
