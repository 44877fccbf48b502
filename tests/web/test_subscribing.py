"""Facts about the public door as pages: the same answer for everybody, clear faults, and links that GET cannot use."""

from __future__ import annotations

import re
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import func, select

from newsletter.db.models import OptInRequest, Subscriber
from newsletter.domain.subscriber import OptIn, SubscriberStatus, SuppressionReason
from newsletter.runtime import Runtime
from newsletter.services import lists, newsletters, subscribers, suppressions
from newsletter.web.headers import PAGE_POLICY
from newsletter.web.subscribing import TRAP_FIELD
from tests.web.conftest import add_issue, said

DOOR = "/subscribe/harbour-morning-brief"
ANN = "ann@example.org"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Pages are the same on both databases: what they ask of them is tested on both in tests/services."""
    return sqlite_url


def ask(anybody: TestClient, email: str = ANN, **values: Any) -> Any:
    return anybody.post(DOOR, data={"email": email} | values)


def requests(runtime: Runtime) -> list[OptInRequest]:
    with runtime.reading() as session:
        return list(session.scalars(select(OptInRequest).order_by(OptInRequest.id)))


def link(runtime: Runtime) -> str:
    """The link in the mail that answers the latest request."""
    last = requests(runtime)[-1]
    return "/confirm/" + runtime.links.opt_in_token(last.id, int(last.requested_at.timestamp()))


def add_lists(runtime: Runtime) -> None:
    """A second public list, and a private one."""
    with runtime.transaction() as session:
        newsletter_id = newsletters.find_newsletter(session).id
        for name, is_public in (("Weekend", True), ("Board", False)):
            lists.create_list(
                session,
                name=name,
                newsletter_id=newsletter_id,
                opt_in=OptIn.DOUBLE,
                is_public=is_public,
                now=runtime.now(),
            )


def test_the_form_says_what_it_is_and_shows_what_was_sent_and_asks_for_nothing_but_an_address(
    anybody: TestClient, runtime: Runtime
) -> None:
    with runtime.transaction() as session:
        newsletters.edit_newsletter(
            session, "harbour-morning-brief", about="Ports and ships, every weekday.", now=runtime.now()
        )
    add_issue(runtime, started=True)
    page = anybody.get(DOOR)
    assert page.status_code == 200
    assert "Ports and ships, every weekday." in said(page)
    assert 'href="/archive/harbour-morning-brief/1"' in page.text
    shown = re.findall(r'<input[^>]* name="([^"]+)"', page.text)
    assert shown == ["lang", TRAP_FIELD, "email"]
    assert DOOR in anybody.get("/archive/harbour-morning-brief").text
    assert DOOR in anybody.get("/").text


def test_known_suppressed_disabled_and_unknown_addresses_get_the_same_answer(
    anybody: TestClient, runtime: Runtime
) -> None:
    emails = [f"{name}@example.org" for name in ("nobody", "member", "banned", "gripes", "erased")]
    key = runtime.links.address_key
    with runtime.transaction() as session:
        for email in emails[1:]:
            subscribers.add_subscriber(
                session, email=email, list_slug="readers", confirmed=True, address_key=key, now=runtime.now()
            )
        subscribers.set_status(session, emails[2], status=SubscriberStatus.DISABLED, now=runtime.now())
        suppressions.suppress(
            session, address=emails[3], reason=SuppressionReason.COMPLAINED, address_key=key, now=runtime.now()
        )
        subscribers.erase_subscriber(session, emails[4], address_key=key, now=runtime.now())
    answers = [ask(anybody, email) for email in (*emails, *emails)]
    texts = {answer.text.replace(email, "X") for answer, email in zip(answers, (*emails, *emails), strict=True)}
    assert len(texts) == 1, "the second time too, when no mail is sent"
    assert {answer.status_code for answer in answers} == {200}
    assert "set-cookie" not in answers[0].headers
    assert "Look into your inbox" in said(answers[0])
    assert len(requests(runtime)) == len(emails)


FAULTY = {
    "": "Type your email address",
    "ann@example": "needs the form name@example.org",
    "<script>alert(1)</script>@x": "needs the form name@example.org",
    "ann@example.org, bob@example.org": "needs the form name@example.org",
    "ann@example.org\r\nBcc: bob@example.org": "needs the form name@example.org",
    "a" * 5000 + "@example.org": "needs the form name@example.org",
}


def test_what_is_no_address_comes_back_to_be_corrected(anybody: TestClient, runtime: Runtime) -> None:
    for typed, says in FAULTY.items():
        page = ask(anybody, typed)
        assert (page.status_code, says in said(page)) == (422, True), typed
        assert 'role="alert"' in page.text and 'href="#email"' in page.text and 'aria-invalid="true"' in page.text
        assert "<script>alert" not in page.text
    assert 'value="ann@example"' in ask(anybody, "ann@example").text
    assert requests(runtime) == []


def test_an_address_in_another_script_is_taken_with_its_domain_as_dns_knows_it(
    anybody: TestClient, runtime: Runtime
) -> None:
    assert ask(anybody, "Ann@bücher.example").status_code == 200
    (request,) = requests(runtime)
    assert (request.email, request.address) == ("Ann@bücher.example", "ann@xn--bcher-kva.example")


def test_of_several_lists_at_least_one_is_chosen_and_private_ones_are_never_shown(
    anybody: TestClient, runtime: Runtime
) -> None:
    add_lists(runtime)
    page = anybody.get(DOOR)
    assert re.findall(r'type="checkbox" name="list" value="([^"]+)"( checked)?', page.text) == [
        ("readers", ""),
        ("weekend", ""),
    ]
    refused = ask(anybody)
    assert (refused.status_code, "Choose at least one" in said(refused)) == (422, True)
    assert ask(anybody, list="board").status_code == 422
    assert f'value="{ANN}"' in refused.text
    assert ask(anybody, list=["weekend", "board"]).status_code == 200
    with runtime.reading() as session:
        assert requests(runtime)[0].list_ids == [lists.find_list(session, "weekend").id]


def test_a_newsletter_without_public_lists_says_so_and_an_unknown_one_is_not_there(
    anybody: TestClient, runtime: Runtime
) -> None:
    with runtime.transaction() as session:
        lists.find_list(session, "readers").is_public = False
    assert "cannot be subscribed to here" in said(anybody.get(DOOR))
    assert ask(anybody).status_code == 422
    assert DOOR not in anybody.get("/archive/harbour-morning-brief").text
    for path in ("/subscribe/nothing", "/subscribe/%00", "/subscribe/Ä"):
        assert anybody.get(path).status_code == 404
        assert anybody.post(path, data={"email": ANN}).status_code == 404
    assert requests(runtime) == []


def test_a_program_that_fills_in_every_field_hears_the_same_and_nothing_is_done(
    anybody: TestClient, runtime: Runtime
) -> None:
    trapped = ask(anybody, **{TRAP_FIELD: "https://pills.example"})
    assert requests(runtime) == []
    assert trapped.text == ask(anybody).text


def test_a_client_who_asks_too_much_is_told_to_wait_and_keeps_what_was_typed(
    anybody: TestClient, runtime: Runtime
) -> None:
    for number in range(20):
        assert ask(anybody, f"a{number}@example.org").status_code == 200
    page = ask(anybody, "late@example.org")
    assert (page.status_code, page.headers["retry-after"]) == (429, "3600")
    assert "Wait an hour" in said(page) and 'value="late@example.org"' in page.text
    assert len(requests(runtime)) == 20


def test_no_browser_keeps_a_page_and_no_other_site_may_frame_it_but_any_may_hold_the_form(
    anybody: TestClient, runtime: Runtime
) -> None:
    for page in (anybody.get(DOOR), anybody.get("/confirm/x"), ask(anybody)):
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["content-security-policy"] == PAGE_POLICY
    foreign = {"origin": "https://blog.example", "sec-fetch-site": "cross-site"}
    assert anybody.post(DOOR, data={"email": "bob@example.org"}, headers=foreign).status_code == 200
    assert len(requests(runtime)) == 2


def test_a_body_that_is_too_large_or_broken_is_refused(anybody: TestClient, runtime: Runtime) -> None:
    assert ask(anybody, "a" * 20_000).status_code == 413
    broken = anybody.post(DOOR, content=b"\x00", headers={"content-type": "multipart/form-data; boundary=b"})
    assert broken.status_code == 422
    assert requests(runtime) == []


def test_the_door_speaks_the_newsletters_language_or_the_one_that_was_asked_for(
    anybody: TestClient, runtime: Runtime
) -> None:
    assert '<html lang="zh-Hans">' in anybody.get(f"{DOOR}?lang=zh-CN").text
    assert '<html lang="en">' in anybody.get(f"{DOOR}?lang=tlh").text
    assert "请查看您的收件箱" in said(ask(anybody, lang="zh-Hans"))
    (request,) = requests(runtime)
    assert request.language == "zh-Hans"
    assert request.consent.startswith("点击“订阅”，即表示我同意通过电子邮件接收《Harbour Morning Brief》")
    assert '<html lang="zh-Hans">' in anybody.get(link(runtime)).text
    with runtime.transaction() as session:
        newsletters.edit_newsletter(session, "harbour-morning-brief", language="zh-TW", now=runtime.now())
    assert '<html lang="zh-Hant">' in anybody.get(DOOR).text


def test_a_link_shows_a_button_and_only_the_button_subscribes(anybody: TestClient, runtime: Runtime) -> None:
    ask(anybody)
    path = link(runtime)
    for _ in range(2):
        page = anybody.get(path)
        anybody.head(path)
        assert (page.status_code, "One last step" in said(page)) == (200, True)
        assert ANN not in page.text and "a…n" in page.text.replace("\u2060", "")
    with runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscriber)) == 0
    first, second = anybody.post(path), anybody.post(path)
    assert first.status_code == 200
    assert first.text == second.text == anybody.get(path).text
    assert "You are subscribed to Harbour Morning Brief" in said(first)
    assert 'href="/archive/harbour-morning-brief"' in first.text
    with runtime.reading() as session:
        places = subscribers.subscriber_profile(session, ANN)["subscriptions"]
    assert [place["status"] for place in places] == ["confirmed"]
    assert "testclient" in places[0]["consent_evidence"]


def test_links_that_are_cut_used_or_of_somebody_shut_out_say_what_to_do(anybody: TestClient, runtime: Runtime) -> None:
    ask(anybody)
    path = link(runtime)
    for answer in (anybody.get(path[:-1]), anybody.post(path[:-1]), anybody.get("/confirm/%00")):
        assert answer.status_code == 404
        assert "This link is not complete" in said(answer) and DOOR in answer.text
    with runtime.transaction() as session:
        key = runtime.links.address_key
        subscribers.add_subscriber(session, email=ANN, list_slug="readers", address_key=key, now=runtime.now())
        subscribers.set_status(session, ANN, status=SubscriberStatus.DISABLED, now=runtime.now())
    refused = anybody.post(path)
    assert refused.status_code == 409
    assert "Write to editors@harbour.example" in said(refused) and "disabled" not in refused.text
    with runtime.transaction() as session:
        subscribers.set_status(session, ANN, status=SubscriberStatus.ENABLED, now=runtime.now())
    assert anybody.post(path).status_code == 200
    with runtime.transaction() as session:
        person = subscribers.find_subscriber(session, ANN)
        subscribers.unsubscribe(session, subscriber_id=person.id, newsletter_id=1, source="link", now=runtime.now())
    for answer in (anybody.get(path), anybody.post(path)):
        assert answer.status_code == 410
        assert "This link has done its work" in said(answer)
