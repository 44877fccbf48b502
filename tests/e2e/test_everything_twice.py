"""Everything happens twice, or changes in mid-send: each member of the audience still gets exactly one mail."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.bench.ports import free_port
from newsletter.db.models import Delivery, Subscriber
from newsletter.domain.issue import DeliveryReason, IssueStatus
from newsletter.services import audit, issues
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings
from tests.e2e.doubling import Doubler, doubled_files, doubled_redis
from tests.e2e.sending_site import SendingSite, broker_for, open_sending_site
from tests.processes import Processes

PEOPLE = 200
BATCH_SIZE = 20
RATE = 100
LEAVERS = 3

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def doubled(
    settings: Settings, request: pytest.FixtureRequest, tmp_path: Path, processes: Processes
) -> Iterator[tuple[SendingSite, Doubler]]:
    """A site whose broker delivers each message twice: Redis with Postgres, files with SQLite."""
    with ExitStack() as stack:
        broker = broker_for(settings, request)
        if broker:
            broker, doubler = stack.enter_context(doubled_redis(broker))
        else:
            doubler = stack.enter_context(doubled_files(settings))
        yield (
            stack.enter_context(
                open_sending_site(settings, processes, folder=tmp_path, broker_url=broker, smtp_batch_size=BATCH_SIZE)
            ),
            doubler,
        )


def scheduled_for_now(site: SendingSite, issue_id: int) -> int:
    """A second issue of the same brief for the same people, whose hour has come."""
    now = site.runtime.now()
    with site.runtime.transaction() as session:
        brief_id = issues.find_issue(session, issue_id).brief_id
        issue = issues.create_issue(
            session, brief_id=brief_id, list_slugs=["readers"], actor=OPERATOR, now=now, send_at=now, again=True
        )
        return issue.id


def refusals(issue_id: int) -> set[str]:
    """Who comes a moment later is told so by the status; who comes at the same moment, by the compare-and-set."""
    return {"error: cannot send an issue that is sending", f"error: issue {issue_id} is being sent already"}


def sends_recorded(site: SendingSite, issue_id: int) -> int:
    with site.runtime.reading() as session:
        return sum(entry.action == "issue.send" for entry in audit.entries_about(session, "issue", subject_id=issue_id))


def test_two_sends_two_schedulers_and_doubled_messages_make_one_mail_each(doubled: tuple[SendingSite, Doubler]) -> None:
    site, doubler = doubled
    site.start()
    site.start_process("beat")
    by_hand = site.make_issue(PEOPLE)
    presses = [site.start_process("issue", "send", str(by_hand)) for _ in range(2)]
    assert sorted(press.wait() for press in presses) == [0, 1]
    loser = next(press for press in presses if press.exit_code() == 1)
    assert loser.output().strip().splitlines()[-1] in refusals(by_hand)
    assert len(loser.output().strip().splitlines()) == 1
    by_clock = scheduled_for_now(site, by_hand)
    for issue_id in (by_hand, by_clock):
        assert site.wait_until_final(issue_id) is IssueStatus.SENT
        tally = site.tally(issue_id)
        assert (tally.audience, tally.accepted) == (PEOPLE, PEOPLE)
        assert sends_recorded(site, issue_id) == 1
    mails = site.mails()
    assert len(mails) == 2 * PEOPLE
    assert set(mails.values()) == {1}
    assert doubler.copies >= 2, "no message was doubled: the test shows nothing"


@pytest.fixture
def site(
    settings: Settings, request: pytest.FixtureRequest, tmp_path: Path, processes: Processes
) -> Iterator[SendingSite]:
    with open_sending_site(
        settings,
        processes,
        folder=tmp_path,
        broker_url=broker_for(settings, request),
        smtp_batch_size=BATCH_SIZE,
        rate_per_second=RATE,
    ) as site:
        yield site


def leave_by_one_click(site: SendingSite, port: int, issue_id: int, subscriber_id: int) -> None:
    token = site.runtime.links.delivery_token(issue_id, subscriber_id)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/u/{token}", data=b"List-Unsubscribe=One-Click")
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert answer.status == 200


def test_who_leaves_or_is_suppressed_in_mid_send_is_mailed_no_more(site: SendingSite) -> None:
    port = free_port()
    web = site.start_process("web", f"--port={port}")
    issue_id = site.make_issue(PEOPLE)
    site.start(workers=1)
    web.wait_for_port(port)
    with site.runtime.reading() as session:
        newest = select(Subscriber.id, Subscriber.address).order_by(Subscriber.id.desc())
        (unwanted, address), *last = session.execute(newest.limit(LEAVERS + 1)).all()
    leavers = [subscriber_id for subscriber_id, _ in last]
    # Slow enough for a middle, however busy the machine.
    site.smtp.control({"set": {"delay_seconds": 0.5}})
    site.send(issue_id)
    site.wait_until_accepted(issue_id, 1)
    for subscriber_id in leavers:
        leave_by_one_click(site, port, issue_id, subscriber_id)
    assert site.start_process("suppression", "add", address).wait() == 0
    assert site.tally(issue_id).pending > LEAVERS + 1, "the send was over before anybody left: it shows nothing"
    site.smtp.control({"set": {"delay_seconds": 0}})
    assert site.wait_until_final(issue_id) is IssueStatus.SENT
    mails = site.mails()
    with site.runtime.reading() as session:
        withheld = session.execute(select(Delivery.subscriber_id, Delivery.reason).where(Delivery.reason > 0)).all()
    assert dict(withheld) == {unwanted: DeliveryReason.SUPPRESSED_ADDRESS} | dict.fromkeys(
        leavers, DeliveryReason.UNSUBSCRIBED
    )
    assert not {site.message_id(issue_id, subscriber_id) for subscriber_id, _ in withheld} & set(mails)
    assert len(mails) == PEOPLE - LEAVERS - 1
    assert set(mails.values()) == {1}
