"""Facts about SendGrid's log: what is believed of it, and how it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.domain.doubt import LogAnswer, LogQuestion, LogReport
from newsletter.providers.sendgrid_logs import SendGridLog
from tests.fakes.sendgrid_log import API_KEY, SendGridLogServer

NOW = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)
SINCE, UNTIL = NOW - timedelta(minutes=5), NOW + timedelta(minutes=5)
TAG = "7:1-500"
QUESTIONS = [
    LogQuestion(subscriber_id=number, email=f"reader{number}@example.org", token=f"{number:030x}") for number in (1, 2)
]


@pytest.fixture(scope="module")
def process() -> Iterator[SendGridLogServer]:
    with SendGridLogServer() as server:
        yield server


@pytest.fixture
def server(process: SendGridLogServer) -> SendGridLogServer:
    process.control({"forget": True})
    return process


@pytest.fixture
def log(server: SendGridLogServer) -> Iterator[SendGridLog]:
    found = SendGridLog(API_KEY, api_url=server.url, timeout_seconds=60)
    yield found
    found.close()


@pytest.fixture
def hasty_log(server: SendGridLogServer) -> Iterator[SendGridLog]:
    """One that does not wait for a log that is slow."""
    found = SendGridLog(API_KEY, api_url=server.url, timeout_seconds=0.5)
    yield found
    found.close()


def entry(email: str, *, at: datetime = NOW, message: str = "", **args: str) -> dict[str, Any]:
    return {
        "to_email": email,
        "sg_message_id": message or f"m-{email}/{at:%H%M}",
        "created_at": at.isoformat(),
        "custom_args": args,
    }


UNCLEAR = ["202", "204", "301", "400", "401", "403", "404", "405", "429", "500", "502", "503", "504"]
UNCLEAR += ["closed", "html", "no-messages", "unfiltered"]
OURS = entry("reader2@example.org", nl_delivery=QUESTIONS[1].token, nl_attempt=TAG)
OTHERS = entry("somebody@example.org", nl_delivery="f" * 30)


def ask(log: SendGridLog) -> LogReport:
    return log.report(QUESTIONS, since=SINCE, until=UNTIL)


def test_a_mail_is_found_by_its_address_and_known_by_its_arguments(log: SendGridLog, server: SendGridLogServer) -> None:
    server.control({"entries": [OTHERS, OURS]})
    report = ask(log)
    assert (report.answer, report.found) == (LogAnswer.FOUND, ((2, TAG),))
    asked = server.asked()
    assert [request["method"] for request in asked] == ["POST", "POST", "GET"]
    assert asked[0]["query"] == (
        "to_email = 'reader1@example.org'"
        ' AND sg_message_id_created_at >= TIMESTAMP "2026-06-22T05:55:00Z"'
        ' AND sg_message_id_created_at <= TIMESTAMP "2026-06-22T06:05:00Z"'
    )
    assert asked[2]["path"] == "/v3/logs/m-reader2%40example.org%2F0600"


def test_a_mail_is_absent_where_the_log_has_others_of_that_time(log: SendGridLog, server: SendGridLogServer) -> None:
    server.control({"entries": [OTHERS]})
    assert ask(log).answer is LogAnswer.ABSENT


def test_another_mail_to_the_same_person_is_not_ours(log: SendGridLog, server: SendGridLogServer) -> None:
    yesterday = entry("reader2@example.org", nl_delivery="e" * 30, nl_attempt="6:1-500")
    foreign = entry("reader1@example.org")
    server.control({"entries": [yesterday, foreign, OTHERS]})
    assert ask(log).answer is LogAnswer.ABSENT


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [entry("somebody@example.org", at=NOW - timedelta(hours=2))],
        [entry("reader1@example.org")],
    ],
)
def test_an_empty_log_proves_nothing(
    log: SendGridLog, server: SendGridLogServer, entries: list[dict[str, Any]]
) -> None:
    server.control({"entries": entries})
    assert ask(log).answer is LogAnswer.UNCLEAR


@pytest.mark.parametrize(
    "mood",
    UNCLEAR,
)
@pytest.mark.parametrize("plan", [1, 2, 3])
def test_whatever_is_no_clear_answer_is_unclear(
    log: SendGridLog, server: SendGridLogServer, mood: str, plan: int
) -> None:
    """At the first question, the second, or the one whether the log has others of that time."""
    if (mood, plan) == ("unfiltered", 3):
        return
    server.control({"entries": [OTHERS], "plan": [""] * (plan - 1) + [mood]})
    report = ask(log)
    assert (report.answer, bool(report.words)) == (LogAnswer.UNCLEAR, True)
    assert report.retry_after_seconds == (600 if mood == "429" else None)


@pytest.mark.parametrize("plan", [1, 2, 3])
def test_a_log_that_takes_too_long_is_unclear(hasty_log: SendGridLog, server: SendGridLogServer, plan: int) -> None:
    server.control({"entries": [OTHERS], "plan": [""] * (plan - 1) + ["slow"], "slow_seconds": 3600})
    report = ask(hasty_log)
    assert (report.answer, report.words) == (LogAnswer.UNCLEAR, "the log does not answer (no answer in time)")


@pytest.mark.parametrize("mood", ["no-detail", "other-detail", "html", "429", "closed"])
def test_a_message_that_is_listed_and_not_told_is_unclear(
    log: SendGridLog, server: SendGridLogServer, mood: str
) -> None:
    server.control({"entries": [OTHERS, OURS], "plan": ["", "", mood]})
    assert ask(log).answer is LogAnswer.UNCLEAR


def test_a_list_that_is_full_of_others_is_unclear(log: SendGridLog, server: SendGridLogServer) -> None:
    server.control({"entries": [entry("reader1@example.org"), OTHERS], "mood": "full"})
    assert ask(log).answer is LogAnswer.UNCLEAR


def test_what_was_found_counts_though_the_next_question_fails(log: SendGridLog, server: SendGridLogServer) -> None:
    ours = entry("reader1@example.org", nl_delivery=QUESTIONS[0].token, nl_attempt=TAG)
    server.control({"entries": [ours], "plan": ["", "", "500"]})
    assert ask(log).found == ((1, TAG),)


def test_an_address_that_would_change_the_query_is_not_asked_about(log: SendGridLog, server: SendGridLogServer) -> None:
    question = LogQuestion(subscriber_id=1, email="o'brien@example.org", token="0" * 30)
    assert log.report([question], since=SINCE, until=UNTIL).answer is LogAnswer.UNCLEAR
    assert server.asked() == []


def test_an_unreachable_log_is_unclear_and_the_key_is_never_shown() -> None:
    log = SendGridLog(API_KEY, api_url="http://127.0.0.1:9", timeout_seconds=0.5)
    assert ask(log).answer is LogAnswer.UNCLEAR
    assert API_KEY not in repr(log)
