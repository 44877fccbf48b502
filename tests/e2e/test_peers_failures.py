"""Seven ways in which a well-known mailing program loses, doubles or wrongly mails people, replayed against ours.

Each was seen there when run: a killed or stopped program, a short list, a mail server that is down, a short outage, a
rate that sleeps, two instances on one database, people who are disabled.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import select

from newsletter.db.models import Attempt, BriefRow, Delivery, Subscriber
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, IssueStatus
from newsletter.domain.subscriber import SubscriberStatus
from newsletter.services import issues, newsletters
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings
from tests.conftest import TEMPLATE
from tests.e2e.sending_site import SendingSite, open_sending_site
from tests.factories import add_people, make_approved_brief, make_list, make_newsletter
from tests.processes import Processes
from tests.servers import PostgresServer

ACCEPTED, UNKNOWN = DeliveryStatus.ACCEPTED, DeliveryStatus.UNKNOWN
PEOPLE = 240
BATCH_SIZE = 20
CONNECTIONS = 2
RATE = 100
LEASE_SECONDS = 3
IN_FLIGHT = 2 * CONNECTIONS

pytestmark = pytest.mark.timeout(400)
_numbers = count(1)


@pytest.fixture(scope="module")
def site(
    postgres: PostgresServer, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SendingSite]:
    """One site for all seven, since starting processes is what takes longest; each test mails a list of its own."""
    folder = tmp_path_factory.mktemp("peers")
    database = f"newsletter_peers_{os.getpid()}"
    settings = Settings(
        _env_file=None,
        data_dir=folder / "data",
        database_url=postgres.create_database(database, template=TEMPLATE),
        secret_key="a secret of tests",
    )
    with closing(Processes(folder)) as processes:
        with open_sending_site(
            settings,
            processes,
            folder=folder,
            broker_url=redis_server_url,
            smtp_connections=CONNECTIONS,
            smtp_batch_size=BATCH_SIZE,
            rate_per_second=RATE,
            claim_lease_seconds=LEASE_SECONDS,
        ) as site:
            with site.runtime.transaction() as session:
                make_newsletter(session)
                make_approved_brief(session)
            site.start(workers=1)
            yield site
    postgres.drop_database(database)


def draft_issue(site: SendingSite, people: int) -> int:
    """A draft issue for a new list with this many people."""
    number = next(_numbers)
    with site.runtime.transaction() as session:
        newsletter = newsletters.find_newsletter(session)
        brief_id = session.scalars(select(BriefRow.id)).one()
        mailing_list = make_list(session, newsletter, slug=f"list-{number}")
        add_people(session, mailing_list, people, prefix=f"reader{number}x")
        now = site.runtime.now()
        issue = issues.create_issue(session, brief_id=brief_id, list_slugs=[mailing_list.slug], actor=OPERATOR, now=now)
        return issue.id


def mails_of(site: SendingSite, issue_id: int) -> Counter[str]:
    """How often the mail server took each mail of this issue; a Message-ID begins with the issue's number."""
    beginning = f"<{issue_id:08x}"
    return Counter({name: count for name, count in site.mails().items() if name.startswith(beginning)})


def ledger(site: SendingSite, issue_id: int) -> dict[int, DeliveryStatus]:
    with site.runtime.reading() as session:
        rows = session.execute(
            select(Delivery.subscriber_id, Delivery.status).where(Delivery.issue_id == issue_id)
        ).all()
    return {person: DeliveryStatus(status) for person, status in rows}


def assert_clean(site: SendingSite, issue_id: int, *, in_flight: int = 0) -> None:
    """Nobody missing, nobody doubled, the figures right, and no more in doubt than what a killed worker had in hand."""
    tally, mails, rows = site.tally(issue_id), mails_of(site, issue_id), ledger(site, issue_id)
    accepted = {site.message_id(issue_id, person) for person, status in rows.items() if status is ACCEPTED}
    unknown = {site.message_id(issue_id, person) for person, status in rows.items() if status is UNKNOWN}
    assert set(mails.values()) == {1}, "somebody got two"
    assert accepted <= set(mails) <= accepted | unknown, "the ledger says something else than the mail server"
    assert len(accepted) + len(unknown) == len(rows) == tally.audience, "somebody is missing"
    assert (tally.accepted, tally.unknown) == (len(accepted), len(unknown))
    assert len(unknown) <= in_flight
    assert site.status(issue_id) is (IssueStatus.INCOMPLETE if unknown else IssueStatus.SENT)


def kill_and_restart(site: SendingSite) -> None:
    site.workers.pop().kill_tree()
    site.start_worker()


def stop_and_restart(site: SendingSite, issue_id: int) -> None:
    # Slow enough for a middle, however long the worker takes to hear of it.
    site.smtp.set(delay_seconds=0.5)
    assert site.workers.pop().terminate() == 0
    site.smtp.set(delay_seconds=0)
    assert site.tally(issue_id).pending > 0, "the send was over: it shows nothing"
    site.start_worker()


def test_1_killed_and_stopped_in_mid_send_and_started_again(site: SendingSite) -> None:
    issue_id = draft_issue(site, 2 * PEOPLE)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, PEOPLE // 4)
    kill_and_restart(site)
    site.wait_until_accepted(issue_id, PEOPLE // 2)
    stop_and_restart(site, issue_id)
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id, in_flight=IN_FLIGHT)


def test_2_a_list_of_800_killed_two_seconds_into_sending(site: SendingSite) -> None:
    issue_id = draft_issue(site, 800)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, 1)
    time.sleep(2)
    kill_and_restart(site)
    assert site.tally(issue_id).pending > 0, "the send was over: it shows nothing"
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id, in_flight=IN_FLIGHT)


def test_3_a_mail_server_that_refuses_us_at_the_start_pauses_and_a_resume_sends_to_everybody(site: SendingSite) -> None:
    issue_id = draft_issue(site, PEOPLE)
    site.smtp.set(mail_reply="530 5.7.0 authentication required")
    site.send(issue_id)
    site.wait_for_status(issue_id, IssueStatus.PAUSED)
    site.wait_until_pending(issue_id, PEOPLE)
    site.smtp.set(mail_reply="")
    assert site.start_process("issue", "resume", str(issue_id)).wait() == 0
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id)


def test_4_an_outage_of_a_second_loses_nobody(site: SendingSite) -> None:
    issue_id = draft_issue(site, PEOPLE)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, PEOPLE // 4)
    site.smtp.set(mail_reply="421 4.3.2 shutting down", greeting="421 4.3.2 down for repairs")
    time.sleep(1)
    site.smtp.set(mail_reply="", greeting="")
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id)


def test_5_paused_and_restarted_while_the_rate_sleeps(site: SendingSite) -> None:
    issue_id = draft_issue(site, 2 * PEOPLE)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, PEOPLE // 4)
    with site.runtime.transaction() as session:
        issues.pause_issue(session, issue_id, actor=OPERATOR, now=site.runtime.now())
    stop_and_restart(site, issue_id)
    with site.runtime.transaction() as session:
        issues.resume_issue(session, issue_id, actor=OPERATOR, now=site.runtime.now())
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id)


def test_6_two_instances_on_one_database_started_together(site: SendingSite, tmp_path: Path) -> None:
    site.workers.pop().terminate()
    issue_id = draft_issue(site, 2 * PEOPLE)
    # Whoever is up first must not have done all before the other is up.
    site.smtp.set(delay_seconds=0.5)
    site.send(issue_id)
    elsewhere = site.environment | {"NEWSLETTER_DATA_DIR": str(tmp_path / "elsewhere")}
    site.start_worker()
    others = [site.start_process(name, environment=elsewhere) for name in ("worker", "beat")]
    # One instance has two processes that send.
    others[0].wait_until(lambda: senders(site, issue_id) > 2, what="both instances at work")
    site.smtp.set(delay_seconds=0)
    site.wait_until_final(issue_id)
    assert_clean(site, issue_id)
    assert [other.terminate() for other in others] == [0, 0]


def senders(site: SendingSite, issue_id: int) -> int:
    """How many processes have had a batch of this issue in hand."""
    with site.runtime.reading() as session:
        workers = session.scalars(select(Attempt.worker).where(Attempt.issue_id == issue_id)).all()
    return len({worker.split(":")[1] for worker in workers})


def test_7_disabled_people_are_never_mailed(site: SendingSite) -> None:
    issue_id = draft_issue(site, PEOPLE)
    with site.runtime.transaction() as session:
        people = session.scalars(select(Subscriber).order_by(Subscriber.id.desc()).limit(PEOPLE)).all()
        late, early = people[0], people[-1]
        early.status = int(SubscriberStatus.DISABLED)
    site.smtp.set(delay_seconds=0.5)
    site.send(issue_id)
    site.wait_until_accepted(issue_id, 1)
    with site.runtime.transaction() as session:
        session.get_one(Subscriber, late.id).status = int(SubscriberStatus.DISABLED)
    site.smtp.set(delay_seconds=0)
    assert site.wait_until_final(issue_id) is IssueStatus.SENT
    tally = site.tally(issue_id)
    assert (tally.audience, tally.accepted, tally.suppressed) == (PEOPLE - 1, PEOPLE - 2, 1)
    assert not {site.message_id(issue_id, person.id) for person in (early, late)} & set(mails_of(site, issue_id))
    with site.runtime.reading() as session:
        reason = session.scalar(select(Delivery.reason).where(Delivery.subscriber_id == late.id))
    assert reason == DeliveryReason.DISABLED
