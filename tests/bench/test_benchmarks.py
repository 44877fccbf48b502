"""Benchmarks in miniature: what their figures must say, whatever the machine. No times: those are for people."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator

import orjson
import pytest

from newsletter.bench import chaos, imports, rate, send
from newsletter.bench.site import Sink

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def sendgrid_sink() -> Iterator[Sink]:
    sink = Sink("sendgrid")
    yield sink
    sink.close()


def post(sink: Sink, body: bytes) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=10)
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
    figures = send.run("", "", recipients=120, provider=provider, workers=1, sink_address="", seconds=90)
    assert figures["is_accounted_for"]
    assert figures["sink"] == {"accepted": 120, "people": 120, "doubled": 0}
    assert figures["ledger"] == {"accepted": 120, "failed": 0, "unknown": 0}
    stages = ["claim", "members", "sign", "merge", "body", "post", "record"]
    assert [row["stage"] for row in figures["stages"]] == stages


def test_kills_and_faults_leave_nobody_missing_and_nobody_with_two() -> None:
    verdict = chaos.run("", "", recipients=120, provider="smtp", workers=2, kills=2, seed=3, minutes=1.5)
    assert (verdict["audience"], verdict["missing"], verdict["doubled"], verdict["wrong"]) == (120, 0, 0, 0)
    assert verdict["kills"] == 2
    assert verdict["accepted"] + verdict["failed"] + verdict["unknown"] == 120


def test_every_mail_of_a_rated_send_arrives_once() -> None:
    figures = rate.run("", "", per_second=50, seconds=3, workers=1)
    assert figures["mails"] == 150


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


def test_the_same_seed_gives_the_same_faults() -> None:
    def faults(seed: int) -> dict[str, int]:
        sink = Sink("smtp", fault_share=0.5, seed=seed)
        try:
            for _ in range(40):
                with socket.create_connection(("127.0.0.1", sink.port), timeout=10) as link:
                    link.recv(100)
                    link.sendall(b"MAIL FROM:<>\r\n")
                    link.recv(100)
            found: dict[str, int] = sink.ask()["faults"]
            return found
        finally:
            sink.close()

    first = faults(5)
    assert first == faults(5)
    assert first != faults(6)
    assert sum(first.values()) > 5


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
    link = http.client.HTTPConnection("127.0.0.1", sendgrid_sink.port, timeout=10)
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
