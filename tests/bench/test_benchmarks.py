"""Benchmarks in miniature: what their figures must say, whatever the machine. No times: those are for people."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator

import orjson
import pytest

from newsletter.bench import chaos, imports, rate, send, smtp
from newsletter.bench.site import Sink
from newsletter.errors import InvalidInput

pytestmark = pytest.mark.timeout(480)
PEOPLE_IN_CHAOS = 1_000
PEOPLE_WITHOUT_EVENTS = 300
KILLS = 6


@pytest.fixture
def sendgrid_sink() -> Iterator[Sink]:
    sink = Sink("sendgrid")
    yield sink
    sink.close()


def post(sink: Sink, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=60)
    try:
        connection.request("POST", "/v3/mail/send", body=body)
        return connection.getresponse().status
    finally:
        connection.close()


def body_for(*tokens: str) -> bytes:
    people = [{"to": [{"email": f"{token}@example.org"}], "custom_args": {"nl_delivery": token}} for token in tokens]
    return json.dumps({"personalizations": people}).encode()


@pytest.mark.parametrize("provider", ["smtp", "sendgrid"])
def test_a_send_is_accounted_for_on_both_sides(provider: str) -> None:
    figures = send.run("", "", recipients=120, provider=provider, workers=1, sink_address="", seconds=240)
    assert figures["is_accounted_for"]
    assert figures["sink"] == {"accepted": 120, "people": 120, "doubled": 0}
    assert figures["ledger"] == {"accepted": 120, "failed": 0, "unknown": 0}
    stages = ["claim", "members", "sign", "merge", "body", "post", "record"]
    assert [row["stage"] for row in figures["stages"]] == stages


def test_chaos_on_sendgrid_ends_with_everybody_accounted_for_by_itself(redis_url: str, postgres: object) -> None:
    """A Postgres of its own that crashes once, an emptied Redis, web processes killed too; events, and a log that fails
    as often as the rest. (`postgres`: can be had.)"""
    verdict = chaos.run(
        "",
        redis_url,
        recipients=PEOPLE_IN_CHAOS,
        provider="sendgrid",
        workers=2,
        kills=KILLS,
        seed=2,
        minutes=1.5,
        webhook=True,
        log=True,
        unknown_wait=6,
        own_postgres=True,
        # Rarely enough that the log does not fail five times for a doubt that only it can settle.
        fault_share=0.1,
    )
    assert verdict["is_clean"], json.dumps(verdict)
    assert verdict["doubts"].keys() <= {"event", "answer", "silence", "log"}, json.dumps(verdict)
    assert (verdict["missing"], verdict["doubled"], verdict["wrong"], verdict["unknown"]) == (0, 0, 0, 0)
    assert verdict["accepted"] == verdict["at_provider"] == PEOPLE_IN_CHAOS - verdict["failed"]
    assert (verdict["broker_flush"], verdict["postgres_restart"]) == ("done", "done")
    assert (verdict["kills"], sum(verdict["faults"].values()) > 0) == (KILLS, True)


@pytest.mark.parametrize(("log", "unknown_wait"), [(False, 0), (True, 1)])
def test_chaos_on_sendgrid_without_events_leaves_in_doubt_what_was_in_flight_unless_the_log_settles_it(
    log: bool, unknown_wait: float
) -> None:
    verdict = chaos.run(
        "",
        "",
        recipients=PEOPLE_WITHOUT_EVENTS,
        provider="sendgrid",
        workers=1,
        kills=1,
        seed=1227,
        minutes=1,
        fault_share=0.2,
        log=log,
        unknown_wait=unknown_wait,
    )
    assert verdict["is_clean"], json.dumps(verdict)
    assert verdict["accepted"] + verdict["failed"] + verdict["unknown"] == PEOPLE_WITHOUT_EVENTS
    assert (verdict["missing"], verdict["doubled"], verdict["wrong"], verdict["stray"]) == (0, 0, 0, 0)
    # A log that fails each time that it is asked leaves the rest to a person: "open". A worker that is slower than its
    # lease still hears an answer: then that settles what the tick had given up.
    assert verdict["doubts"].keys() <= {"answer", "log", "open"}, json.dumps(verdict)
    assert ("log" in verdict["doubts"], "open" in verdict["doubts"]) == (log, verdict["unknown"] > 0), json.dumps(
        verdict
    )


def test_chaos_on_smtp_leaves_in_doubt_no_more_than_was_in_flight() -> None:
    verdict = chaos.run(
        "", "", recipients=PEOPLE_IN_CHAOS, provider="smtp", workers=2, kills=KILLS, seed=3, minutes=1.5
    )
    assert verdict["is_clean"], json.dumps(verdict)
    assert verdict["accepted"] + verdict["failed"] + verdict["unknown"] == PEOPLE_IN_CHAOS
    assert (verdict["kills"], sum(verdict["faults"].values()) > 0) == (KILLS, True)


def test_only_sendgrid_tells_events() -> None:
    with pytest.raises(InvalidInput, match="only SendGrid tells"):
        chaos.run("", "", recipients=1, provider="smtp", workers=1, kills=0, seed=1, minutes=1, webhook=True)


def test_every_mail_of_a_rated_send_arrives_once() -> None:
    figures = rate.run("", "", per_second=50, seconds=3, workers=1)
    assert figures["mails"] == 150


def test_a_rated_send_on_a_machine_that_stood_still_has_figures() -> None:
    assert rate.evenness([10, 0, 12], least=25) == {"gap_seconds": 3, "min": 0, "mean": 0.0, "max": 0}
    assert rate.evenness([50, 10, 0, 12, 48, 52], least=25) == {"gap_seconds": 3, "min": 48, "mean": 50.0, "max": 52}


def test_a_second_import_of_the_same_file_creates_nobody() -> None:
    figures = imports.run("", rows=500)
    assert (figures["created"], figures["created_again"]) == (500, 0)


def test_the_sink_notices_who_got_two(sendgrid_sink: Sink) -> None:
    assert [post(sendgrid_sink, body_for("a", "b")), post(sendgrid_sink, body_for("b"))] == [202, 202]
    report = sendgrid_sink.ask()
    assert (report["accepted"], report["people"], report["doubled"]) == (3, 2, 1)


def test_the_sink_refuses_what_is_no_request(sendgrid_sink: Sink) -> None:
    assert [post(sendgrid_sink, b"{not json"), post(sendgrid_sink, b'{"personalizations": []}')] == [400, 400]
    assert sendgrid_sink.ask()["accepted"] == 0


def test_both_ways_of_sending_by_smtp_have_the_same_content_and_reach_the_sink() -> None:
    figures = smtp.run(mails=40, connections=2, batch_size=10, plain_mails=10, smtp_address="")
    assert figures["is_same_content"]
    assert (figures["ours"]["mails"], figures["plain"]["mails"], figures["taken_by_sink"]) == (40, 10, 50)
    assert [row["stage"] for row in figures["stages"]] == ["recipient", "compose", "send"]


def test_bodies_on_a_kept_connection_are_counted_and_refused_like_the_first(sendgrid_sink: Sink) -> None:
    first, second = "0" * 30, "1" * 30
    two_in_a_row = orjson.loads(body_for(first))
    two_in_a_row["personalizations"][0]["to"] *= 2
    bodies = [
        body_for(first, second),
        orjson.dumps(orjson.loads(body_for(first, second))),
        orjson.dumps(two_in_a_row),
        body_for(second)[:-1],
        orjson.dumps(orjson.loads(body_for(second))),
    ]
    link = http.client.HTTPConnection("127.0.0.1", sendgrid_sink.port, timeout=60)
    statuses = []
    for body in bodies:
        link.request("POST", "/v3/mail/send", body=body)
        with link.getresponse() as answer:
            statuses.append(answer.status)
            answer.read()
    link.close()
    assert statuses == [202, 202, 400, 400, 202]
    report = sendgrid_sink.ask()
    assert (report["accepted"], report["people"], report["doubled"]) == (5, 2, 2)
