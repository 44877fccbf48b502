"""Two thousand mails over real SMTP by real Celery workers, in peace and under fire."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from sqlalchemy import select

from newsletter.db.models import Delivery
from newsletter.domain.issue import DeliveryStatus, IssueStatus
from newsletter.services import issues, lists, subscribers
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings
from tests.e2e.sending_site import SendingSite, broker_for, open_sending_site
from tests.factories import add_people
from tests.processes import Processes

PEOPLE = 2_000
BATCH_SIZE = 50
KILLS = 10
LEASE_SECONDS = 3
WORKER_SLOTS = 2
CONNECTIONS = 2

pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def site(
    settings: Settings, request: pytest.FixtureRequest, tmp_path: Path, processes: Processes
) -> Iterator[SendingSite]:
    """Postgres comes with Redis as broker, SQLite with the embedded one."""
    with open_sending_site(
        settings,
        processes,
        folder=tmp_path,
        broker_url=broker_for(settings, request),
        smtp_connections=CONNECTIONS,
        smtp_batch_size=BATCH_SIZE,
        claim_lease_seconds=LEASE_SECONDS,
    ) as site:
        yield site


def test_every_member_of_the_audience_gets_exactly_one_mail(site: SendingSite) -> None:
    issue_id = site.make_issue(PEOPLE)
    site.start()
    site.send(issue_id)
    assert site.wait_until_final(issue_id) is IssueStatus.SENT
    tally = site.tally(issue_id)
    assert (tally.audience, tally.accepted) == (PEOPLE, PEOPLE)
    mails = site.mails()
    assert len(mails) == PEOPLE
    assert set(mails.values()) == {1}


def test_killed_workers_and_a_flushed_broker_lose_nobody_and_double_nobody(site: SendingSite) -> None:
    chance = random.Random(20260622)
    site.smtp.control({"set": {"delay_seconds": 0.01}})
    issue_id = site.make_issue(PEOPLE)
    site.start()
    site.send(issue_id)
    for round_ in range(KILLS):
        site.wait_until_accepted(issue_id, 1 + round_ * PEOPLE // (2 * KILLS))
        time.sleep(chance.random() * 0.2)
        site.kill_a_worker(chance)
        if round_ == KILLS // 2 and site.runtime.settings.broker_url:
            with redis.Redis.from_url(site.runtime.settings.broker_url) as broker:
                broker.flushdb()
    site.wait_until_final(issue_id)
    tally = site.tally(issue_id)
    mails = site.mails()
    with site.runtime.reading() as session:
        rows = session.execute(select(Delivery.subscriber_id, Delivery.status)).all()
    accepted = {site.message_id(issue_id, id_) for id_, status in rows if status == DeliveryStatus.ACCEPTED}
    unknown = {site.message_id(issue_id, id_) for id_, status in rows if status == DeliveryStatus.UNKNOWN}
    assert max(mails.values()) == 1, "somebody got two"
    assert accepted <= set(mails), "the ledger calls a mail accepted that nobody took"
    assert set(mails) <= accepted | unknown, "somebody got a mail that the ledger knows nothing of"
    assert len(accepted) + len(unknown) == PEOPLE == tally.audience, "somebody is missing"
    # A killed worker has two slots with a batch of fifty each, and two connections in each: four mails in flight.
    assert tally.unknown <= KILLS * WORKER_SLOTS * CONNECTIONS


def test_who_leaves_in_mid_send_gets_nothing_more(site: SendingSite) -> None:
    issue_id = site.make_issue(400)
    # Slow enough for a middle, however busy the machine.
    site.smtp.set(delay_seconds=0.5)
    site.start(workers=1)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, 1)
    with site.runtime.transaction() as session:
        newsletter_id = issues.find_issue(session, issue_id).newsletter_id
        last = session.scalars(select(Delivery.subscriber_id).order_by(Delivery.subscriber_id.desc()).limit(40)).all()
        for subscriber_id in last:
            subscribers.unsubscribe(
                session, subscriber_id=subscriber_id, newsletter_id=newsletter_id, source="test", now=site.runtime.now()
            )
    site.smtp.set(delay_seconds=0)
    site.wait_until_final(issue_id)
    mails = site.mails()
    assert site.tally(issue_id).suppressed == 40
    assert not {site.message_id(issue_id, subscriber_id) for subscriber_id in last} & set(mails)
    assert len(mails) == 360


def test_a_pause_holds_the_rest_within_seconds_and_a_resume_sends_it(site: SendingSite) -> None:
    issue_id = site.make_issue(300)
    site.smtp.control({"set": {"delay_seconds": 0.03}})
    site.start(workers=1)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, 1)
    with site.runtime.transaction() as session:
        issues.pause_issue(session, issue_id, actor=OPERATOR, now=site.runtime.now())
    site.wait_until_nothing_is_claimed(issue_id)
    held = len(site.mails())
    assert held < 300
    time.sleep(1)
    assert len(site.mails()) == held
    assert site.tally(issue_id).claimed == 0
    with site.runtime.transaction() as session:
        issues.resume_issue(session, issue_id, actor=OPERATOR, now=site.runtime.now())
    assert site.wait_until_final(issue_id) is IssueStatus.SENT
    assert set(site.mails().values()) == {1}
    assert len(site.mails()) == 300


def test_a_stopped_worker_hands_back_what_it_has_not_sent(site: SendingSite) -> None:
    issue_id = site.make_issue(200)
    site.smtp.control({"set": {"delay_seconds": 0.05}})
    site.start(workers=1)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, 1)
    site.workers.pop().terminate()
    tally = site.tally(issue_id)
    assert (tally.claimed, tally.unknown) == (0, 0)
    assert tally.pending > 0
    site.start_worker()
    assert site.wait_until_final(issue_id) is IssueStatus.SENT
    assert set(site.mails().values()) == {1}


def test_a_server_that_is_down_costs_time_and_nobody(site: SendingSite) -> None:
    issue_id = site.make_issue(60)
    site.smtp.control({"set": {"greeting": "421 4.3.2 down for repairs"}})
    site.start(workers=1)
    site.send(issue_id)
    time.sleep(3)
    assert site.tally(issue_id).accepted == 0
    site.smtp.control({"set": {"greeting": ""}})
    assert site.wait_until_final(issue_id) is IssueStatus.SENT
    assert len(site.mails()) == 60
    assert set(site.mails().values()) == {1}


def test_a_server_that_dies_after_the_final_dot_leaves_doubt_and_no_second_mail(site: SendingSite) -> None:
    issue_id = site.make_issue(30)
    with site.runtime.transaction() as session:
        readers = lists.find_list(session, "readers")
        doubtful = add_people(session, readers, 3, prefix="diesafterdot")
    site.start(workers=1)
    site.send(issue_id)
    assert site.wait_until_final(issue_id) is IssueStatus.INCOMPLETE
    tally = site.tally(issue_id)
    assert (tally.audience, tally.accepted, tally.unknown) == (33, 30, 3)
    mails = site.mails()
    assert set(mails.values()) == {1}
    assert {site.message_id(issue_id, subscriber_id) for subscriber_id in doubtful} <= set(mails)
