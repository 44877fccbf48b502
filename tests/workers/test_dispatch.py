"""Facts about the dispatch loop, in this process, against a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session

from newsletter.db.models import ProviderState
from newsletter.domain.issue import IssueStatus, Tally
from newsletter.domain.retrying import PROBE_SIZE
from newsletter.runtime import Runtime
from newsletter.services import flow, issues, lists, sending, suppressions
from newsletter.services.users import OPERATOR
from newsletter.settings import ProviderName, Settings
from tests.factories import add_people, make_issue
from tests.fakes.sendgrid_server import API_KEY, SendGridServer
from tests.fakes.smtp_server import SmtpServer
from workers import tasks
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


def send_all(mailer: Runtime, issue_id: int, *, batch_size: int = 10) -> IssueStatus:
    with mailer.transaction() as session:
        name = mailer.provider.name
        issues.send_issue(session, issue_id, actor=OPERATOR, provider=name, batch_size=batch_size, now=mailer.now())
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


def test_a_sendgrid_that_asks_to_slow_down_is_left_alone_and_then_gets_half(settings: Settings, tmp_path: Path) -> None:
    with SendGridServer(tmp_path / "taken.jsonl") as server:
        given = {
            "provider": ProviderName.SENDGRID,
            "sendgrid_api_url": server.url,
            "sendgrid_api_key": type(settings.sendgrid_api_key)(API_KEY),
            "rate_per_second": 400.0,
        }
        server.answer("202", {"kind": "429", "form": "epoch", "seconds": 42})
        with closing(Runtime(settings.model_copy(update=given), announce=lambda _: None)) as runtime:
            with runtime.transaction() as session:
                issue, _ = make_issue(session, people=20)
            assert send_all(runtime, issue.id, batch_size=5) is IssueStatus.SENDING
            with runtime.reading() as session:
                state = session.get_one(ProviderState, "sendgrid")
                standing = flow.standing_of(session, "sendgrid", "", plan=runtime.flow_plan, now=runtime.now())
        assert (state.is_paused, len(server.accepted())) == (True, 5)
        assert (standing["per_second"], "slow down" in str(standing["reason"])) == (200.0, True)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"provider": ProviderName.SENDGRID}, "NEWSLETTER_SENDGRID_API_KEY"),
        ({"provider": ProviderName.SMTP, "smtp_url": SecretStr("http://mail.example.org")}, "NEWSLETTER_SMTP_URL"),
    ],
)
def test_settings_that_cannot_be_used_pause_the_issue_and_say_which(
    settings: Settings, given: dict[str, object], named: str
) -> None:
    with closing(Runtime(settings.model_copy(update=given), announce=lambda _: None)) as runtime:
        with runtime.transaction() as session:
            issue, _ = make_issue(session, people=2)
            provider = str(given["provider"])
            issues.send_issue(session, issue.id, actor=OPERATOR, provider=provider, batch_size=5, now=runtime.now())
        assert tasks.dispatch(runtime, issue.id, should_stop=lambda: False) == 0
        with runtime.reading() as session:
            found = issues.find_issue(session, issue.id)
            assert (found.status, named in found.status_reason) == ("paused", True)


def test_a_sendgrid_that_asked_to_slow_down_gets_fewer_requests_not_smaller_ones(
    settings: Settings, tmp_path: Path
) -> None:
    with SendGridServer(tmp_path / "taken.jsonl") as server:
        given = {
            "provider": ProviderName.SENDGRID,
            "sendgrid_api_url": server.url,
            "sendgrid_api_key": type(settings.sendgrid_api_key)(API_KEY),
        }
        with closing(Runtime(settings.model_copy(update=given), announce=lambda _: None)) as runtime:
            with runtime.transaction() as session:
                issue, _ = make_issue(session, people=30)
                wait, now = timedelta(), runtime.now()
                flow.slow_down(session, "sendgrid", wait=wait, batch_size=20, reason="429", now=now)
            assert send_all(runtime, issue.id, batch_size=10) is IssueStatus.SENT
        # Ten mails a second: each batch has a second of its own, and stays one request.
        assert len(server.seen()["requests"]) == 3
        assert runtime.now() - now > timedelta(seconds=2)


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


def test_after_a_pause_a_few_mails_try_the_provider_before_anything_else_goes(
    settings: Settings, tmp_path: Path
) -> None:
    with SendGridServer(tmp_path / "sendgrid.jsonl") as server:
        given = {
            "provider": ProviderName.SENDGRID,
            "sendgrid_api_key": type(settings.sendgrid_api_key)(API_KEY),
            "sendgrid_api_url": server.url,
        }
        server.answer("503", "503")
        with closing(Runtime(settings.model_copy(update=given), announce=lambda _: None)) as runtime:

            def wake_and_run() -> Tally:
                with runtime.transaction() as session:
                    later = runtime.now() + timedelta(minutes=5)
                    assert sending.wake_providers(session, now=later) == 1
                for worker in ("first", "second"):
                    Dispatcher(runtime, worker=worker, should_stop=lambda: False).run(issue.id)
                with runtime.reading() as session:
                    return issues.tally_of(session, issue.id)

            with runtime.transaction() as session:
                issue, _ = make_issue(session, people=60)
            send_all(runtime, issue.id, batch_size=20)
            with runtime.reading() as session:
                until = session.get_one(ProviderState, "sendgrid").until
            # One request without an answer does not hold up an issue for long.
            assert until is not None and until - runtime.now() < timedelta(seconds=7)
            # Ten more are in doubt, not one more batch for each worker; the rest of that batch waits.
            tried = wake_and_run()
            assert (tried.unknown, tried.accepted, tried.pending) == (20 + PROBE_SIZE, 0, 40 - PROBE_SIZE)
            found = wake_and_run()
        assert (found.unknown, found.accepted) == (20 + PROBE_SIZE, 40 - PROBE_SIZE)
