"""Facts about the exchange of suppressions with SendGrid: both ways, in pieces, and any number of times."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.db.models import ProviderLift, ProviderSync, Suppression
from newsletter.db.queries import freezes
from newsletter.domain.exchange import PAGE_SIZE
from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import ServiceUnavailable
from newsletter.providers.sendgrid_suppressions import SendGridSuppressions
from newsletter.runtime import Runtime
from newsletter.services import suppressions, syncing
from tests.factories import NOW
from tests.fakes.sendgrid_lists import FIELDS, SendGridLists, client_of, sendgrid_lists

DOCUMENT = Path(__file__).resolve().parents[2] / "../shared/sendgrid/tsg_suppressions_v3.json"
SECOND = int(NOW.timestamp())
DAY = timedelta(days=1)
UNKNOWN_USER = {"status": "5.1.1", "reason": "550 5.1.1 user unknown"}


@pytest.fixture
def theirs() -> Iterator[SendGridLists]:
    with sendgrid_lists() as server:
        yield server
        assert server.faults == []


@pytest.fixture
def lists(theirs: SendGridLists) -> Iterator[SendGridSuppressions]:
    with client_of(theirs) as client:
        yield client


def sync(runtime: Runtime, lists: SendGridSuppressions, *, now=NOW, is_forced: bool = True) -> dict[str, dict]:
    return syncing.exchange(
        runtime.transaction,
        lists,
        address_key=runtime.links.address_key,
        pushed_reasons=(),
        now=now,
        is_forced=is_forced,
    )


def ours(runtime: Runtime) -> dict[str | None, str]:
    with runtime.reading() as session:
        return {row.address: row.reason for row in session.scalars(select(Suppression))}


def lift(runtime: Runtime, address: str, *, now=NOW) -> None:
    with runtime.transaction() as session:
        key = runtime.links.address_key
        assert suppressions.lift_on_consent(session, address=address, address_key=key, now=now)


def test_each_list_has_its_reason_and_what_is_not_the_readers_fault_is_spared(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    theirs.add("bounces", "Unknown@Example.org", created=SECOND, **UNKNOWN_USER)
    theirs.add("bounces", "full@example.org", created=SECOND, status="5.2.2", reason="552 5.2.2 mailbox full")
    theirs.add("bounces", "spam@example.org", created=SECOND, status="5.7.1", reason="550 5.7.1 blocked by spamhaus")
    theirs.add("blocks", "blocked@example.org", created=SECOND, status="4.0.0", reason="no route to host")
    theirs.add("invalid_emails", "invalid@example.org", created=SECOND, reason="Mail domain is unknown")
    theirs.add("invalid_emails", "no address", created=SECOND, reason="")
    theirs.add("spam_reports", "angry@example.org", created=SECOND, ip="192.0.2.1")
    theirs.add("unsubscribes", "gone@example.org", created=SECOND)
    done = sync(runtime, lists)
    assert ours(runtime) == {
        "unknown@example.org": "bounced",
        "invalid@example.org": "invalid",
        "angry@example.org": "complained",
        "gone@example.org": "unsubscribed",
    }
    assert (done["bounces"]["read"], done["bounces"]["spared"], done["bounces"]["created"]) == (3, 2, 1)
    assert (done["blocks"]["spared"], done["invalid_emails"]["invalid"]) == (1, 1)
    with runtime.reading() as session:
        evidence = session.scalars(select(Suppression.evidence).where(Suppression.reason == "bounced")).one()
    assert "mailbox_unknown" in evidence
    again = sync(runtime, lists, now=NOW + DAY)
    assert sum(counts.get("created", 0) for counts in again.values()) == 0


def test_pages_are_read_to_the_end_and_the_next_round_reads_what_is_new(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    for number in range(PAGE_SIZE + 3):
        theirs.add("spam_reports", f"old{number}@example.org", created=SECOND - 30 * 86400)
    assert sync(runtime, lists)["spam_reports"]["created"] == PAGE_SIZE + 3
    theirs.add("spam_reports", "late@example.org", created=SECOND - 3600)
    theirs.add("spam_reports", "new@example.org", created=SECOND + 3600)
    counts = sync(runtime, lists, now=NOW + DAY)["spam_reports"]
    assert (counts["read"], counts["created"]) == (2, 2)


def test_haste_and_faults_are_waited_out(runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions) -> None:
    theirs.add("bounces", "unknown@example.org", created=SECOND, **UNKNOWN_USER)
    theirs.answers = [429, 503]
    assert sync(runtime, lists)["bounces"]["created"] == 1


def test_a_round_that_breaks_off_goes_on_where_it_stopped(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    for number in range(PAGE_SIZE * 2 + 1):
        theirs.add("bounces", f"reader{number}@example.org", created=SECOND, **UNKNOWN_USER)
    with runtime.transaction() as session:
        session.add(ProviderSync(name="bounces", since=0, until=SECOND, position=PAGE_SIZE))
    theirs.answers = [500, 500, 500]
    with pytest.raises(ServiceUnavailable, match="HTTP status 500"):
        sync(runtime, lists)
    assert ours(runtime) == {}
    assert sync(runtime, lists, is_forced=False)["bounces"]["created"] == PAGE_SIZE + 1
    with runtime.reading() as session:
        row = session.get_one(ProviderSync, "bounces")
        assert (row.until, row.position, row.finished_at) == (None, 0, NOW)


def test_a_key_without_the_scope_is_one_clear_sentence(theirs: SendGridLists, runtime: Runtime) -> None:
    lists = SendGridSuppressions("SG.other", api_url=theirs.url, timeout_seconds=5)
    with pytest.raises(ServiceUnavailable, match="401 authorization required"):
        sync(runtime, lists)
    lists.close()
    theirs.faults.clear()


def test_a_new_opt_in_lifts_the_suppression_here_and_there(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    theirs.add("bounces", "back+again@example.org", created=SECOND - 60, **UNKNOWN_USER)
    theirs.add("spam_reports", "back+again@example.org", created=SECOND - 60)
    theirs.add("unsubscribes", "back+again@example.org", created=SECOND - 60)
    sync(runtime, lists)
    assert ours(runtime) == {"back+again@example.org": "complained"}
    lift(runtime, "back+again@example.org")
    theirs.answers = [500, 500, 500]
    with pytest.raises(ServiceUnavailable):
        sync(runtime, lists)
    assert sync(runtime, lists, now=NOW + DAY)["lifts"] == {"pushed": 1}
    assert theirs.listed("back+again@example.org") == set()
    assert ours(runtime) == {}
    assert sync(runtime, lists, now=NOW + DAY)["lifts"] == {"pushed": 0}


def test_an_entry_older_than_our_lift_is_not_believed_and_a_newer_one_is(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    with runtime.transaction() as session:
        session.add(ProviderLift(address="back@example.org", lifted_at=NOW, pushed_at=NOW))
    theirs.add("spam_reports", "back@example.org", created=SECOND - 1)
    assert sync(runtime, lists)["spam_reports"]["outdated"] == 1
    assert ours(runtime) == {}
    theirs.add("spam_reports", "back@example.org", created=SECOND + 60)
    sync(runtime, lists, now=NOW + DAY)
    assert ours(runtime) == {"back@example.org": "complained"}


def test_an_erased_address_stays_erased_whatever_the_provider_lists(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    theirs.add("bounces", "gone@example.org", created=SECOND, **UNKNOWN_USER)
    key = runtime.links.address_key
    with runtime.transaction() as session:
        suppressions.ask_provider_to_lift(session, ["gone@example.org"], now=NOW)
        suppressions.mark_erased(session, address="gone@example.org", address_key=key, now=NOW)
    assert sync(runtime, lists)["bounces"]["unchanged"] == 1
    assert ours(runtime) == {None: "erased"}
    assert theirs.listed("gone@example.org") == {"bounces"}


def test_a_frozen_domain_is_not_suppressed_by_this_way_either(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    with runtime.transaction() as session:
        freezes.add_freeze(session, domain="example.org", evidence="", now=NOW)
    theirs.add("bounces", "unknown@example.org", created=SECOND, **UNKNOWN_USER)
    theirs.add("spam_reports", "angry@example.org", created=SECOND)
    assert sync(runtime, lists)["bounces"]["held"] == 1
    assert ours(runtime) == {"angry@example.org": "complained"}


def test_a_preview_tells_the_numbers_and_changes_nothing(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    theirs.add("bounces", "unknown@example.org", created=SECOND, **UNKNOWN_USER)
    theirs.add("unsubscribes", "known@example.org", created=SECOND)
    key = runtime.links.address_key
    with runtime.transaction() as session:
        reason = SuppressionReason.COMPLAINED
        suppressions.suppress(session, address="known@example.org", reason=reason, address_key=key, now=NOW)
        suppressions.ask_provider_to_lift(session, ["back@example.org"], now=NOW)
    found = syncing.preview(runtime.transaction, lists, address_key=key, pushed_reasons=(), now=NOW)
    assert (found["bounces"]["created"], found["unsubscribes"]["unchanged"], found["lifts"]["pushed"]) == (1, 1, 1)
    assert ours(runtime) == {"known@example.org": "complained"}
    assert [call for call in theirs.calls if call.startswith("DELETE")] == []


def test_lists_are_due_once_a_night_and_lifts_at_once(
    runtime: Runtime, theirs: SendGridLists, lists: SendGridSuppressions
) -> None:
    sync(runtime, lists)
    with runtime.transaction() as session:
        assert not syncing.is_due(session, pushed_reasons=(), now=NOW + timedelta(hours=1))
        assert syncing.is_due(session, pushed_reasons=(), now=NOW + DAY)
        suppressions.ask_provider_to_lift(session, ["back@example.org"], now=NOW)
        assert syncing.is_due(session, pushed_reasons=(), now=NOW + timedelta(hours=1))
    calls = len(theirs.calls)
    assert sync(runtime, lists, now=NOW + timedelta(hours=1), is_forced=False) == {"lifts": {"pushed": 1}}
    assert {call.split()[0] for call in theirs.calls[calls:]} == {"DELETE"}


def test_the_stand_in_speaks_as_sendgrids_own_document_says() -> None:
    if not DOCUMENT.is_file():
        pytest.skip(f"SendGrid's document is not there: {DOCUMENT}")
    paths = json.loads(DOCUMENT.read_text())["paths"]
    for name in FIELDS:
        told = {parameter.get("name") for parameter in paths[f"/v3/suppression/{name}"]["get"]["parameters"]}
        assert {"start_time", "end_time"} <= told
        examples = paths[f"/v3/suppression/{name}"]["get"]["responses"]["200"]["content"]["application/json"]
        assert set(examples["examples"]["response"]["value"][0]) == FIELDS[name]
    for path in ("suppression/bounces", "suppression/invalid_emails", "suppression/spam_reports"):
        assert "204" in paths[f"/v3/{path}/{{email}}"]["delete"]["responses"]
    assert "204" in paths["/v3/asm/suppressions/global/{email}"]["delete"]["responses"]
    added = paths["/v3/asm/suppressions/global"]["post"]["responses"]["201"]["content"]["application/json"]
    assert set(added["schema"]["required"]) == {"recipient_emails"}
