"""Seven ways in which a well-known mailing program loses, doubles or wrongly mails people, replayed against ours.

Each was seen there when run: a killed or stopped program, a short list, a mail server that is down, a short outage, a
rate that sleeps, two instances on one database, people who are disabled.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.db.models import Attempt, Delivery, Subscriber
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, IssueStatus
from newsletter.domain.subscriber import SubscriberStatus
from newsletter.services import issues
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings
from tests.e2e.sending_site import SendingSite, open_sending_site
from tests.processes import Processes

PEOPLE = 240
BATCH_SIZE = 20
CONNECTIONS = 2
RATE = 100
LEASE_SECONDS = 3
IN_FLIGHT = 2 * CONNECTIONS

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def site(postgres_url: str, redis_url: str, tmp_path: Path, processes: Processes) -> Iterator[SendingSite]:
    settings = Settings(
        _env_file=None, data_dir=tmp_path / "data", database_url=postgres_url, secret_key="a secret of tests"
    )
    with open_sending_site(
        settings,
        processes,
        folder=tmp_path,
        broker_url=redis_url,
        smtp_connections=CONNECTIONS,
        smtp_batch_size=BATCH_SIZE,
        rate_per_second=RATE,
        claim_lease_seconds=LEASE_SECONDS,
    ) as site:
        yield site


def assert_clean(site: SendingSite, issue_id: int, *, in_flight: int = 0) -> None:
    """Nobody missing, nobody doubled, the figures right, and no more in doubt than what a killed worker had in hand."""
    tally = site.tally(issue_id)
    mails = site.mails()
    with site.runtime.reading() as session:
        rows = session.execute(select(Delivery.subscriber_id, Delivery.status)).all()
    accepted = {site.message_id(issue_id, person) for person, status in rows if status == DeliveryStatus.ACCEPTED}
    unknown = {site.message_id(issue_id, person) for person, status in rows if status == DeliveryStatus.UNKNOWN}
    assert set(mails.values()) == {1}, "somebody got two"
    assert accepted <= set(mails) <= accepted | unknown, "the ledger says something else than the mail server"
    assert len(accepted) + len(unknown) == len(rows) == tally.audience, "somebody is missing"
    assert (tally.accepted, tally.unknown) == (len(accepted), len(unknown))
    assert len(unknown) <= in_flight
    assert site.status(issue_id) is (IssueStatus.INCOMPLETE if unknown else IssueStatus.SENT)


def kill_all(site: SendingSite) -> None:
    while site.workers:
        site.workers.pop().kill_tree()


def test_1_killed_and_stopped_in_mid_send_and_started_again(site: SendingSite) -> None:
    issue_id = site.make_issue(PEOPLE)
    site.start(workers=1)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, PEOPLE // 4)
    kill_all(site)
    site.start_worker()
    site.wait_until_accepted(issue_id, PEOPLE // 2)
    assert site.workers.pop().terminate() == 0
    assert site.tally(issue_id).pending > 0
    site.start_worker()
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id, in_flight=IN_FLIGHT)


def test_2_a_list_of_800_killed_two_seconds_into_sending(site: SendingSite) -> None:
    issue_id = site.make_issue(800)
    site.start(workers=1)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, 1)
    time.sleep(2)
    kill_all(site)
    assert site.tally(issue_id).pending > 0
    site.start_worker()
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id, in_flight=IN_FLIGHT)


def test_3_a_mail_server_that_refuses_us_at_the_start_pauses_and_a_resume_sends_to_everybody(site: SendingSite) -> None:
    issue_id = site.make_issue(PEOPLE)
    site.smtp.set(mail_reply="530 5.7.0 authentication required")
    site.start(workers=1)
    site.send(issue_id)
    site.wait_for_status(issue_id, IssueStatus.PAUSED)
    assert site.tally(issue_id).pending == PEOPLE
    site.smtp.set(mail_reply="")
    assert site.start_process("issue", "resume", str(issue_id)).wait() == 0
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id)


def test_4_an_outage_of_a_second_loses_nobody(site: SendingSite) -> None:
    issue_id = site.make_issue(PEOPLE)
    site.start(workers=1)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, PEOPLE // 4)
    site.smtp.set(mail_reply="421 4.3.2 shutting down", greeting="421 4.3.2 down for repairs")
    time.sleep(1)
    site.smtp.set(mail_reply="", greeting="")
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id)


def test_5_killed_and_then_paused_and_restarted_while_the_rate_sleeps(site: SendingSite) -> None:
    issue_id = site.make_issue(PEOPLE)
    site.start(workers=1)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, PEOPLE // 4)
    kill_all(site)
    site.start_worker()
    site.wait_until_accepted(issue_id, PEOPLE // 2)
    with site.runtime.transaction() as session:
        issues.pause_issue(session, issue_id, actor=OPERATOR, now=site.runtime.now())
    assert site.workers.pop().terminate() == 0
    assert site.tally(issue_id).pending > 0
    site.start_worker()
    with site.runtime.transaction() as session:
        issues.resume_issue(session, issue_id, actor=OPERATOR, now=site.runtime.now())
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id, in_flight=IN_FLIGHT)


def test_6_two_instances_on_one_database_started_together(site: SendingSite, tmp_path: Path) -> None:
    issue_id = site.make_issue(PEOPLE)
    site.send(issue_id)
    elsewhere = site.environment | {"NEWSLETTER_DATA_DIR": str(tmp_path / "elsewhere")}
    for environment in (site.environment, elsewhere):
        for name in ("worker", "beat"):
            site.start_process(name, environment=environment)
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id)
    with site.runtime.reading() as session:
        workers = set(session.scalars(select(Attempt.worker).where(Attempt.issue_id == issue_id)))
    assert len(workers) > 1, "one instance did all the work: it shows nothing"


def test_7_disabled_people_are_never_mailed(site: SendingSite) -> None:
    issue_id = site.make_issue(PEOPLE)
    with site.runtime.transaction() as session:
        people = session.scalars(select(Subscriber).order_by(Subscriber.id)).all()
        early, late = people[0], people[-1]
        early.status = int(SubscriberStatus.DISABLED)
    site.start(workers=1)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, 1)
    with site.runtime.transaction() as session:
        session.get_one(Subscriber, late.id).status = int(SubscriberStatus.DISABLED)
    assert site.wait_until_final(issue_id) is IssueStatus.SENT
    tally = site.tally(issue_id)
    assert (tally.audience, tally.accepted, tally.suppressed) == (PEOPLE - 1, PEOPLE - 2, 1)
    assert not {site.message_id(issue_id, person.id) for person in (early, late)} & set(site.mails())
    with site.runtime.reading() as session:
        reason = session.scalar(select(Delivery.reason).where(Delivery.subscriber_id == late.id))
    assert reason == DeliveryReason.DISABLED
