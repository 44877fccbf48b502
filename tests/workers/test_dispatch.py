"""Facts about the dispatch loop, in this process, against a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy.orm import Session

from newsletter.domain.issue import IssueStatus
from newsletter.runtime import Runtime
from newsletter.services import issues, lists, sending, suppressions
from newsletter.services.users import OPERATOR
from newsletter.settings import ProviderName, Settings
from tests.factories import add_people, make_issue
from tests.fakes.smtp_server import SmtpServer
from workers.dispatch import Dispatcher
from workers.journal import FOLDER


@pytest.fixture
def smtp(tmp_path: Path) -> Iterator[SmtpServer]:
    """An SMTP server with moods."""
    with SmtpServer(tmp_path / "mails.jsonl") as server:
        yield server


@pytest.fixture
def mailer(settings: Settings, smtp: SmtpServer) -> Iterator[Runtime]:
    """The runtime of a worker that sends to that server."""
    changed = {"provider": ProviderName.SMTP, "smtp_url": smtp.url, "smtp_connections": 2, "smtp_batch_size": 10}
    kept = settings.model_dump(exclude=set(changed))
    with closing(Runtime.from_settings(Settings(_env_file=None, **kept | changed))) as runtime:
        yield runtime


def send_all(mailer: Runtime, issue_id: int) -> IssueStatus:
    with mailer.transaction() as session:
        issues.send_issue(session, issue_id, actor=OPERATOR, provider="smtp", batch_size=10, now=mailer.now())
    Dispatcher(mailer, worker="test", should_stop=lambda: False).run(issue_id)
    with mailer.reading() as session:
        return IssueStatus(issues.find_issue(session, issue_id).status)


def is_suppressed(session: Session, mailer: Runtime, address: str) -> bool:
    return suppressions.is_suppressed(session, address=address, address_key=mailer.links.address_key)


def test_an_address_that_the_server_says_does_not_exist_is_never_mailed_again(
    mailer: Runtime, smtp: SmtpServer
) -> None:
    with mailer.transaction() as session:
        issue, _ = make_issue(session, people=25)
        add_people(session, lists.find_list(session, "readers"), 1, prefix="refused5xx")
        add_people(session, lists.find_list(session, "readers"), 1, prefix="refusedatend")
    assert send_all(mailer, issue.id) is IssueStatus.SENT
    with mailer.transaction() as session:
        tally = issues.tally_of(session, issue.id)
        assert (tally.accepted, tally.failed) == (25, 2)
        assert is_suppressed(session, mailer, "refused5xx000000@example.org")
        # "Content rejected" is about our mail, not about the reader.
        assert not is_suppressed(session, mailer, "refusedatend000000@example.org")
        again = issues.create_issue(
            session, brief_id=issue.brief_id, list_slugs=["readers"], actor=OPERATOR, now=mailer.now(), again=True
        )
        assert issues.audience_estimate(session, again.id) == 26
    assert len(smtp.accepted()) == 25


def test_a_settled_batch_leaves_no_journal_behind(mailer: Runtime) -> None:
    with mailer.transaction() as session:
        issue, _ = make_issue(session, people=25)
    assert send_all(mailer, issue.id) is IssueStatus.SENT
    assert list((mailer.settings.data_dir / FOLDER).iterdir()) == []


def test_a_lifted_pause_of_the_provider_lets_the_rest_of_a_batch_go_at_once(mailer: Runtime, smtp: SmtpServer) -> None:
    with mailer.transaction() as session:
        issue, _ = make_issue(session, people=10)
    smtp.set(greeting="421 4.3.2 down for repairs")
    assert send_all(mailer, issue.id) is IssueStatus.SENDING
    smtp.set(greeting="")
    with mailer.transaction() as session:
        sending.resume_provider(session, "smtp", now=mailer.now())
    Dispatcher(mailer, worker="test", should_stop=lambda: False).run(issue.id)
    assert len(smtp.accepted()) == 10
