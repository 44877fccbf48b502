"""Facts about lists, subscribers, imports and suppressions in the console."""

from __future__ import annotations

import os
import re

import pytest

from newsletter import samples
from newsletter.domain.subscriber import OptIn
from newsletter.errors import NotFound
from newsletter.runtime import Runtime
from newsletter.services import lists, newsletters, subscribers, suppressions
from tests import factories
from tests.web.conftest import Answer, Person, said

HOSTILE = "<script>alert(1)</script>"


def _import(admin: Person, table: bytes, **data: str) -> Answer:
    files = {"file": ("people <b>.csv", table, "text/csv")}
    return admin.post("/admin/subscribers/import", {"list": "readers"} | data, files=files)


def _id_of(runtime: Runtime, email: str) -> int:
    with runtime.reading() as session:
        return subscribers.find_subscriber(session, email).id


def test_an_imported_file_is_counted_and_its_people_are_found(admin: Person) -> None:
    answer = _import(admin, samples.subscribers_path().read_bytes())
    assert answer.status_code == 200
    assert "created 40 updated 0 unchanged 0 suppressed 0 invalid 0 rows 40" in _numbers(answer)
    assert "people &lt;b&gt;.csv" in answer.text
    page = said(admin.get("/admin/subscribers?q=chen.yuting&list=readers"))
    assert "陈雨婷" in page
    assert "ada.lindqvist" not in page
    assert "unchanged 40" in _numbers(_import(admin, samples.subscribers_path().read_bytes()))


def _numbers(answer: Answer) -> str:
    pairs = re.findall(r"<dt>(\w+)</dt><dd>([^<]*)</dd>", answer.text)
    return " ".join(f"{name} {number}" for name, number in pairs)


def test_faulty_lines_can_be_downloaded_with_their_reasons(admin: Person, runtime: Runtime) -> None:
    answer = _import(admin, b"email,name\ngood@example.org,Good\nbad address,Bad\n")
    path = re.findall(r'href="(/admin/subscribers/import/[0-9a-f]{32})"', answer.text)[0]
    download = admin.get(path)
    assert "bad address" in download.text
    assert "attachment" in download.headers["content-disposition"]
    old = runtime.settings.data_dir / "imports" / (path.rpartition("/")[2] + ".csv")
    os.utime(old, (0, 0))
    _import(admin, b"email\ngood@example.org\n")
    assert admin.get(path).status_code == 404


@pytest.mark.parametrize("name", ["..%2f..%2fsecret.key", "secret", "0" * 32])
def test_only_lists_of_faulty_lines_can_be_downloaded(admin: Person, name: str) -> None:
    assert admin.get(f"/admin/subscribers/import/{name}").status_code == 404


def test_a_dry_run_counts_and_changes_nothing(admin: Person) -> None:
    answer = _import(admin, samples.subscribers_path().read_bytes(), dry_run="yes")
    assert "created 40" in _numbers(answer)
    assert "nothing has been changed" in said(answer)
    assert "No subscriber yet" in said(admin.get("/admin/subscribers"))


def test_a_file_that_is_no_table_of_people_is_refused_on_the_form(admin: Person) -> None:
    for table in (b"colour,size\nred,9\n", b"", b"\x00\x01\x02" * 100):
        answer = _import(admin, table)
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text
    assert "Choose a CSV file" in said(admin.post("/admin/subscribers/import", {"list": "readers"}))


def test_that_people_have_confirmed_is_asked_only_where_a_list_needs_it(admin: Person, runtime: Runtime) -> None:
    assert "They have confirmed" not in admin.get("/admin/subscribers/import").text
    with runtime.transaction() as session:
        newsletter_id = newsletters.find_newsletter(session).id
        lists.create_list(session, name="Double", newsletter_id=newsletter_id, opt_in=OptIn.DOUBLE, now=runtime.now())
    assert "They have confirmed" in admin.get("/admin/subscribers/import").text


def test_a_list_is_made_and_a_taken_name_is_refused_with_what_was_typed(admin: Person) -> None:
    data = {"name": "Weekend readers", "opt_in": "double", "is_public": "yes"}
    location = admin.post("/admin/lists/new", data).headers["location"].partition("?")[0]
    page = said(admin.get(location))
    assert "weekend-readers · double opt-in · public" in page
    answer = admin.post("/admin/lists/new", data)
    assert answer.status_code == 409
    assert 'value="Weekend readers"' in answer.text


def test_a_subscriber_is_added_disabled_and_enabled(admin: Person, runtime: Runtime) -> None:
    data = {"email": "New@Example.org", "list": "readers", "name": HOSTILE, "consent_evidence": "asked by letter"}
    location = admin.post("/admin/subscribers/new", data).headers["location"].partition("?")[0]
    page = admin.get(location)
    assert "asked by letter" in page.text
    assert HOSTILE not in page.text
    assert HOSTILE not in admin.get("/admin/subscribers").text
    assert admin.post(f"{location}/disable").status_code == 303
    assert "disabled" in said(admin.get(location))
    assert admin.post(f"{location}/enable").status_code == 303
    assert "enabled" in said(admin.get(location))


@pytest.mark.parametrize("email", ["nonsense", "", "a@b"])
def test_an_address_that_is_none_is_refused_with_what_was_typed(admin: Person, email: str) -> None:
    answer = admin.post("/admin/subscribers/new", {"email": email, "list": "readers", "name": "Kept"})
    assert answer.status_code == 422
    assert 'value="Kept"' in answer.text


def test_an_erasure_needs_the_address_once_more_and_is_for_good(admin: Person, runtime: Runtime) -> None:
    with runtime.transaction() as session:
        factories.add_people(session, lists.find_list(session, "readers"), 1)
    person_id = _id_of(runtime, "reader000000@example.org")
    path = f"/admin/subscribers/{person_id}/erase"
    assert admin.post(path, {"email": "other@example.org"}).status_code == 409
    assert _id_of(runtime, "reader000000@example.org") == person_id
    assert admin.post(path, {"email": "Reader000000@example.org"}).status_code == 303
    with runtime.reading() as session, pytest.raises(NotFound):
        subscribers.find_subscriber(session, "reader000000@example.org")
    assert admin.get(f"/admin/subscribers/{person_id}").status_code == 404
    assert "suppressed 1" in _numbers(_import(admin, b"email\nreader000000@example.org\n"))


def test_an_address_is_suppressed_and_lifted(admin: Person, runtime: Runtime) -> None:
    data = {"email": "gone@example.org", "evidence": HOSTILE}
    assert admin.post("/admin/suppressions/add", data).headers["location"].endswith("suppression-added")
    assert admin.post("/admin/suppressions/add", data).headers["location"].endswith("suppression-known")
    page = admin.get("/admin/suppressions?q=gone&reason=manual")
    assert "gone@example.org" in page.text
    assert HOSTILE not in page.text
    assert admin.post("/admin/suppressions/add", {"email": "no"}).status_code == 422
    assert admin.post("/admin/suppressions/remove", {"email": "gone@example.org"}).status_code == 303
    with runtime.reading() as session:
        assert suppressions.count_suppressions(session) == {}
    assert admin.post("/admin/suppressions/remove", {"email": "gone@example.org"}).status_code == 404


def test_a_search_takes_whatever_is_typed(admin: Person) -> None:
    for query in ("%00", "'; drop", "%25_", "é", "x" * 2000):
        assert admin.get(f"/admin/subscribers?q={query}").status_code == 200
        assert admin.get(f"/admin/suppressions?q={query}&reason=nonsense").status_code == 200
    assert admin.get("/admin/subscribers?list=nothing").status_code == 404


def test_long_lists_come_in_pages(admin: Person, runtime: Runtime) -> None:
    with runtime.transaction() as session:
        factories.add_people(session, lists.find_list(session, "readers"), 51)
    first = admin.get("/admin/subscribers").text
    assert first.count("@example.org</a>") == 50
    after = re.findall(r"after=(\d+)", first)[0]
    second = admin.get(f"/admin/subscribers?after={after}").text
    assert second.count("@example.org</a>") == 1
    assert "More people" not in second
