"""Facts about the job that asks the provider's log: from the tick to the ledger, with a log in another process."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from newsletter.domain.mail import OutcomeKind
from newsletter.jobs import ASK_LOG, Job
from newsletter.runtime import Runtime
from newsletter.settings import ProviderName, Settings, UnknownPolicy
from tests.doubtful import WAIT, Doubtful, ids_of, tag_of
from tests.fakes.sendgrid_log import API_KEY, SendGridLogServer
from workers import tasks


class Clocked:
    """A runtime with a clock of the test's own, and the jobs that it announced."""

    def __init__(self, settings: Settings) -> None:
        self.announced: list[Job] = []
        self.runtime = Runtime(settings, announce=self.announced.append, clock=lambda: self.site.now)
        self.site = Doubtful(self.runtime, people=5)

    def tick_and_work(self) -> list[bool]:
        """A tick, and the questions that it asked for."""
        self.announced.clear()
        tasks.tick(self.runtime)
        asked = [job for job in self.announced if job.name == ASK_LOG]
        return [tasks.ask_log(self.runtime, *job.args) for job in asked]


@pytest.fixture
def server() -> Iterator[SendGridLogServer]:
    with SendGridLogServer() as server:
        yield server


@pytest.fixture
def clocked(settings: Settings, server: SendGridLogServer) -> Iterator[Clocked]:
    found = Clocked(
        settings.model_copy(
            update={
                "provider": ProviderName.SENDGRID,
                "sendgrid_api_url": server.url,
                "sendgrid_api_key": type(settings.sendgrid_api_key)(API_KEY),
                "unknown_policy": UnknownPolicy.SKIP,
            }
        )
    )
    yield found
    found.runtime.close()


def entry(site: Doubtful, person: int, tag: str) -> dict[str, object]:
    return {
        "to_email": f"reader{person - site.ids[0]:06}@example.org",
        "sg_message_id": f"m{person}",
        "created_at": site.now.isoformat(),
        "custom_args": {"nl_delivery": site.runtime.links.delivery_token(site.issue_id, person), "nl_attempt": tag},
    }


def test_a_silent_request_that_the_log_has_is_accepted(clocked: Clocked, server: SendGridLogServer) -> None:
    site = clocked.site
    claim = site.hand_over(OutcomeKind.UNKNOWN)
    server.control({"entries": [entry(site, ids_of(claim)[2], tag_of(claim))]})
    assert clocked.tick_and_work() == []
    site.later(WAIT)
    assert clocked.tick_and_work() == [True]
    assert (site.outcomes(), site.tally()) == (["accepted"], {"accepted": 5})


def test_a_log_that_may_not_be_read_is_asked_five_times_and_then_the_policy_decides(
    clocked: Clocked, server: SendGridLogServer
) -> None:
    site = clocked.site
    site.hand_over(OutcomeKind.UNKNOWN)
    server.control({"mood": "403"})
    site.later(WAIT)
    asked: list[bool] = []
    while site.outcomes() == ["open"]:
        asked += clocked.tick_and_work()
        site.later(timedelta(minutes=2))
    assert asked == [True] * 5
    assert len(server.asked()) == 5
    assert (site.outcomes(), site.tally()) == (["skipped"], {"failed": 5})
    assert site.timeline(1)[-1][1]["log"].endswith("(HTTP 403)")


def test_a_job_that_is_told_twice_asks_once(clocked: Clocked, server: SendGridLogServer) -> None:
    site = clocked.site
    site.hand_over(OutcomeKind.UNKNOWN)
    server.control({"mood": "429"})
    site.later(WAIT)
    clocked.tick_and_work()
    assert not tasks.ask_log(clocked.runtime, site.doubts()[0].id)
    assert not tasks.ask_log(clocked.runtime, 99)
    assert len(server.asked()) == 1
