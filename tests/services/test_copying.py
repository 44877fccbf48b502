"""Facts about our suppressions at SendGrid: each goes there once, none comes back as something else, a lift wins."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from newsletter.db.models import ProviderCopy, ProviderRetry, ProviderSync, Subscription, Suppression
from newsletter.db.queries import freezes, provider_copies
from newsletter.domain.exchange import PAGE_SIZE, PUSH_PATIENCE, PUSHES, ProviderList, parse_pushed_reasons
from newsletter.domain.reacting import SOFT_RUN_ISSUES
from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import InvalidInput, ServiceUnavailable
from newsletter.providers.sendgrid_suppressions import SendGridSuppressions
from newsletter.runtime import Runtime
from newsletter.services import suppressions, syncing
from tests.factories import NOW
from tests.fakes.sendgrid_lists import API_KEY, SendGridLists, client_of, sendgrid_lists
from tests.services.loop_site import HARD, SOFT, LoopSite

ALL = parse_pushed_reasons("all")
SECOND = int(NOW.timestamp())
DAY = timedelta(days=1)
REASONS = [reason for reason in SuppressionReason if reason is not SuppressionReason.ERASED]


@pytest.fixture
def theirs() -> Iterator[SendGridLists]:
    with sendgrid_lists() as server:
        server.clock = NOW.timestamp
        yield server
        assert server.faults == []


@pytest.fixture
def lists(theirs: SendGridLists) -> Iterator[SendGridSuppressions]:
    with client_of(theirs) as client:
        yield client


def sync(
    runtime: Runtime, lists: SendGridSuppressions, *, reasons=ALL, now: datetime = NOW, is_forced: bool = True
) -> dict[str, dict[str, int]]:
    key = runtime.links.address_key
    return syncing.exchange(
        runtime.transaction, lists, address_key=key, pushed_reasons=reasons, now=now, is_forced=is_forced
    )


def suppress(runtime: Runtime, *addresses: str, reason: SuppressionReason = SuppressionReason.MANUAL) -> None:
    with runtime.transaction() as session:
        rows = [(address, reason, "test") for address in addresses]
        suppressions.suppress_each(session, rows, address_key=runtime.links.address_key, now=NOW)


def lift(runtime: Runtime, address: str, *, now: datetime = NOW) -> None:
    with runtime.transaction() as session:
        suppressions.lift(session, address=address, address_key=runtime.links.address_key, now=now)


def ours(runtime: Runtime) -> dict[str | None, str]:
    with runtime.reading() as session:
        return {row.address: row.reason for row in session.scalars(select(Suppression))}


def there(theirs: SendGridLists) -> set[str]:
    return {row["email"] for row in theirs.entries["unsubscribes"]}


def posts(theirs: SendGridLists) -> int:
    return sum(call.startswith("POST") for call in theirs.calls)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        (" Manual , bounced,", {"manual", "bounced"}),
        ("all", set(map(str, REASONS))),
    ],
)
def test_the_setting_names_reasons(text: str, expected: set[str]) -> None:
    assert set(map(str, parse_pushed_reasons(text))) == expected


@pytest.mark.parametrize("text", ["erased", "all,bounced", "everything"])
def test_other_words_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is no reason to push"):
        parse_pushed_reasons(text)


def test_what_is_suppressed_here_goes_there_once_and_keeps_its_reason_when_it_is_read_back(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    for reason in REASONS:
        suppress(runtime, f"{reason}@example.org", reason=reason)
    with runtime.transaction() as session:
        suppressions.mark_erased(session, address="e@example.org", address_key=runtime.links.address_key, now=NOW)
    before = ours(runtime)
    assert sync(runtime, lists)[PUSHES] == {"pushed": 5}
    assert there(theirs) == {f"{reason}@example.org" for reason in REASONS}
    again = sync(runtime, lists, now=NOW + DAY)
    assert (again[PUSHES], again["unsubscribes"]["own"], again["unsubscribes"]["created"]) == ({"pushed": 0}, 5, 0)
    assert ours(runtime) == before
    assert posts(theirs) == 1


def test_only_the_reasons_that_are_wanted_go_there_and_only_what_they_do_not_know(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, "left@example.org", reason=SuppressionReason.UNSUBSCRIBED)
    suppress(runtime, "angry@example.org", "known@example.org", reason=SuppressionReason.COMPLAINED)
    theirs.add("spam_reports", "known@example.org", created=SECOND)
    wanted = parse_pushed_reasons("complained,bounced")
    assert sync(runtime, lists, reasons=wanted)[PUSHES] == {"pushed": 1}
    assert there(theirs) == {"angry@example.org"}
    assert PUSHES not in sync(runtime, lists, reasons=(), now=NOW + DAY)


def test_a_round_that_breaks_off_goes_on_with_the_page_where_it_stopped(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, *(f"reader{number:04}@example.org" for number in range(PAGE_SIZE + 3)))
    sync(runtime, lists, reasons=())
    theirs.before_adding = lambda: theirs.answers.extend([429, 500, 503])
    with pytest.raises(ServiceUnavailable, match="HTTP status 503"):
        sync(runtime, lists, is_forced=False)
    theirs.before_adding = lambda: None
    assert len(there(theirs)) == PAGE_SIZE
    with runtime.reading() as session:
        assert session.get_one(ProviderSync, PUSHES).position > 0
        assert syncing.is_due(session, pushed_reasons=ALL, now=NOW + timedelta(hours=1))
    assert sync(runtime, lists, now=NOW + timedelta(hours=1), is_forced=False)[PUSHES] == {"pushed": 3}
    assert len(there(theirs)) == PAGE_SIZE + 3
    with runtime.reading() as session:
        assert not syncing.is_due(session, pushed_reasons=ALL, now=NOW + timedelta(hours=2))


def test_an_address_that_they_refuse_or_overlook_holds_up_nobody_and_is_tried_again(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, *(f"reader{number}@example.org" for number in range(9)))
    theirs.refuses, theirs.overlooks = {"reader4@example.org"}, {"reader7@example.org"}
    assert sync(runtime, lists)[PUSHES] == {"pushed": 7}
    theirs.refuses, theirs.overlooks = set(), set()
    assert sync(runtime, lists, now=NOW + DAY)[PUSHES] == {"pushed": 2}
    assert len(there(theirs)) == 9


def test_a_lift_during_a_push_comes_after_it_whoever_pushes_the_lift(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, "back@example.org", "stays@example.org")
    other = SendGridSuppressions(API_KEY, api_url=theirs.url, timeout_seconds=5)

    def meanwhile() -> None:
        theirs.before_adding = lambda: None
        lift(runtime, "back@example.org")
        assert sync(runtime, other, reasons=(), is_forced=False)["lifts"] == {"pushed": 0}

    theirs.before_adding = meanwhile
    done = sync(runtime, lists)
    other.close()
    assert (done["lifts"], there(theirs)) == ({"pushed": 1}, {"stays@example.org"})
    sync(runtime, lists, now=NOW + DAY)
    assert ours(runtime) == {"stays@example.org": "manual"}
    with runtime.reading() as session:
        assert list(session.scalars(select(ProviderCopy.address))) == ["stays@example.org"]


def test_a_push_of_which_nobody_heard_again_is_not_believed_when_it_is_read_back(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    """The worker died, or the answer was lost; then the reader came back, and only then did the copy appear there."""
    suppress(runtime, "back@example.org")
    with runtime.transaction() as session:
        provider_copies.begin_copies(session, after_id=0, reasons=ALL, limit=PAGE_SIZE, now=NOW)
    lift(runtime, "back@example.org", now=NOW + timedelta(seconds=1))
    assert sync(runtime, lists, now=NOW + timedelta(seconds=2), is_forced=False)["lifts"] == {"pushed": 0}
    theirs.add("unsubscribes", "back@example.org", created=SECOND + 60)
    later = NOW + timedelta(minutes=2)
    counts = syncing.read_list(
        runtime.transaction,
        lists,
        ProviderList.UNSUBSCRIBES,
        address_key=runtime.links.address_key,
        now=later,
    )
    assert (counts.read, counts.own, ours(runtime)) == (1, 1, {})
    done = sync(runtime, lists, now=NOW + PUSH_PATIENCE + timedelta(minutes=1), is_forced=False)
    assert (done["lifts"], there(theirs), ours(runtime)) == ({"pushed": 1}, set(), {})


def test_who_is_suppressed_again_before_the_lift_went_out_stays_there(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, "undecided@example.org")
    sync(runtime, lists)
    lift(runtime, "undecided@example.org")
    suppress(runtime, "undecided@example.org", reason=SuppressionReason.COMPLAINED)
    sync(runtime, lists, now=NOW + DAY)
    assert there(theirs) == {"undecided@example.org"}
    assert sync(runtime, lists, now=NOW + 2 * DAY)["lifts"] == {"pushed": 0}
    assert ours(runtime) == {"undecided@example.org": "complained"}


def test_an_erasure_leaves_no_address_among_the_copies(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, "gone@example.org")
    sync(runtime, lists)
    with runtime.transaction() as session:
        suppressions.ask_provider_to_retry(session, ["gone@example.org"], issue_id=1, now=NOW)
        suppressions.mark_erased(session, address="gone@example.org", address_key=runtime.links.address_key, now=NOW)
    assert sync(runtime, lists, now=NOW + DAY)["unsubscribes"]["unchanged"] == 1
    with runtime.reading() as session:
        assert session.scalars(select(ProviderCopy)).all() == []
        assert session.scalars(select(ProviderRetry)).all() == []
    assert ours(runtime) == {None: "erased"}


def test_bounces_at_a_frozen_domain_wait_and_complaints_do_not(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, "unknown@example.org", "elsewhere@example.net", reason=SuppressionReason.BOUNCED)
    suppress(runtime, "angry@example.org", reason=SuppressionReason.COMPLAINED)
    with runtime.transaction() as session:
        freezes.add_freeze(session, domain="example.org", evidence="", now=NOW)
    sync(runtime, lists)
    assert there(theirs) == {"elsewhere@example.net", "angry@example.org"}


def test_a_preview_counts_what_would_be_pushed_and_pushes_nothing(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, "one@example.org", "two@example.org")
    key = runtime.links.address_key
    found = syncing.preview(runtime.transaction, lists, address_key=key, pushed_reasons=ALL, now=NOW)
    assert (found[PUSHES], posts(theirs)) == ({"pushed": 2}, 0)


@pytest.mark.parametrize("said", ["Bounced Address", "Unsubscribed Address", "Spam Reporting Address", "Invalid"])
def test_a_drop_says_nothing_new_of_a_reader_who_was_lifted(runtime: Runtime, said: str) -> None:
    """SendGrid's lists had not heard of the lift, or tell of it late."""
    site = LoopSite(runtime, 2)
    issue_id = site.send()
    back, stranger = (f"reader{person}@example.org" for person in site.people)
    suppress(runtime, back)
    lift(runtime, back)
    site.tell(issue_id, site.people, "dropped", reason=said)
    assert set(site.suppressed()) == {stranger}


def test_a_drop_because_of_our_own_copy_is_no_unsubscribe(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    site = LoopSite(runtime, 1)
    issue_id = site.send()
    (address,) = (f"reader{person}@example.org" for person in site.people)
    suppress(runtime, address)
    sync(runtime, lists)
    site.tell(issue_id, site.people, "dropped", reason="Unsubscribed Address")
    assert site.suppressed() == {address: "manual"}
    site.tell(issue_id, site.people, "dropped", reason="Spam Reporting Address")
    assert site.suppressed() == {address: "complained"}


def test_an_answer_that_comes_too_late_is_asked_for_again(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    suppress(runtime, "slow@example.org")
    hasty = SendGridSuppressions(API_KEY, api_url=theirs.url, timeout_seconds=0.05, max_wait_seconds=0.01)
    with runtime.transaction() as session:
        # Read already, so that only the push meets the slowness.
        session.add_all(ProviderSync(name=str(list_), finished_at=NOW) for list_ in ProviderList)
    may_answer = threading.Event()
    theirs.before_adding = lambda: may_answer.wait(60)
    with pytest.raises(ServiceUnavailable, match="does not answer"):
        sync(runtime, hasty, is_forced=False)
    hasty.close()
    may_answer.set()
    assert sync(runtime, lists, is_forced=False)[PUSHES] == {"pushed": 1}
    assert there(theirs) == {"slow@example.org"}


def test_a_burst_that_freezes_a_domain_takes_our_copies_back_too(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    site = LoopSite(runtime, 60)
    site.send(at=NOW - DAY)
    issue_id = site.send()
    site.tell(issue_id, site.people[:1], "bounce", **HARD)
    sync(runtime, lists)
    assert len(there(theirs)) == 1
    site.tell(issue_id, site.people[1:], "bounce", **HARD)
    assert site.suppressed() == {}
    assert sync(runtime, lists, now=NOW + DAY)["lifts"] == {"pushed": 1}
    assert there(theirs) == set()


def test_a_bounce_that_is_no_reason_for_us_is_forgotten_there_until_it_is_one(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    """SendGrid stops mailing a full mailbox at its first bounce; its drop in the next issue must not end it either."""
    site = LoopSite(runtime, 1)
    (address,) = (f"reader{person}@example.org" for person in site.people)
    theirs.add("unsubscribes", "other@example.org", created=SECOND)
    for number in range(SOFT_RUN_ISSUES):
        at = NOW + timedelta(weeks=number)
        assert site.suppressed().keys() <= {"other@example.org"}
        issue_id = site.send(at=at)
        if number:
            site.tell(issue_id, site.people, "dropped", reason="Bounced Address", at=at)
            assert site.suppressed().keys() <= {"other@example.org"}
        theirs.add("bounces", address, created=int(at.timestamp()), status=SOFT["status"], reason=SOFT["reason"])
        site.tell(issue_id, site.people, "bounce", at=at + timedelta(hours=1), **SOFT)
        if number < SOFT_RUN_ISSUES - 1:
            assert sync(runtime, lists, reasons=(), now=at + timedelta(hours=2), is_forced=False)["retries"] == {
                "pushed": 1
            }
            assert theirs.listed(address) == set()
    assert site.suppressed()[address] == "bounced"
    assert "retries" not in sync(runtime, lists, reasons=(), now=at + timedelta(hours=2), is_forced=False)
    assert theirs.listed(address) == {"bounces"}


def test_a_drop_of_the_same_issue_is_believed_whichever_came_first(runtime: Runtime) -> None:
    site = LoopSite(runtime, 2)
    issue_id = site.send()
    site.tell(issue_id, site.people[:1], "bounce", **SOFT)
    site.tell(issue_id, site.people, "dropped", reason="Bounced Address")
    site.tell(issue_id, site.people[1:], "bounce", **SOFT)
    assert list(site.suppressed().values()) == ["bounced", "bounced"]


@pytest.mark.parametrize(("name", "fields"), [("spamreport", {}), ("bounce", HARD), ("unsubscribe", {})])
def test_what_happened_before_a_lift_and_is_told_after_it_has_no_effect(
    runtime: Runtime, name: str, fields: dict[str, str]
) -> None:
    site = LoopSite(runtime, 2)
    issue_id = site.send()
    back, other = (f"reader{person}@example.org" for person in site.people)
    suppress(runtime, back)
    lift(runtime, back, now=NOW + timedelta(hours=2))
    site.tell(issue_id, site.people, name, at=NOW + timedelta(hours=1), **fields)
    assert set(site.suppressed()) == {other}
    with runtime.reading() as session:
        left = session.scalars(select(Subscription.subscriber_id).where(Subscription.unsubscribed_at.is_not(None)))
        assert set(left) <= set(site.people[1:])
    site.tell(issue_id, site.people, name, at=NOW + timedelta(hours=3), **fields)
    assert set(site.suppressed()) == {back, other}
