"""Whatever a provider does, ours never claims more than is true: each mood of both servers against its account."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from newsletter.bench.chaos_verdict import settled_by
from newsletter.bench.faulty import Chance
from newsletter.bench.sendgrid_moods import MOODS
from newsletter.bench.smtp_moods import FAULTS
from newsletter.bench.telling import EVENTS_PER_POST, Teller
from newsletter.domain.doubt import DoubtStatus, LogAnswer, LogQuestion, LogReport
from newsletter.domain.mail import Outcome, OutcomeKind, Recipient
from newsletter.providers import Provider, ProviderUnavailable
from newsletter.providers.sendgrid import SendGridProvider
from newsletter.providers.sendgrid_events import PostVerifier
from newsletter.providers.sendgrid_logs import SendGridLog
from newsletter.providers.smtp import SmtpProvider
from newsletter.providers.smtp_url import parse_smtp_url
from tests.fakes.sendgrid_server import API_KEY, SendGridServer
from tests.fakes.smtp_server import SmtpServer
from tests.providers.mails import make_mailing, make_recipients

# Only what is silent is waited for until patience ends; whoever is slow for other reasons has the time it needs.
PATIENCE_SECONDS = 60.0
SHORT_PATIENCE_SECONDS = 2.0
PEOPLE = 3
ACCEPTED, UNKNOWN = OutcomeKind.ACCEPTED, OutcomeKind.UNKNOWN


@pytest.fixture(scope="module")
def sendgrid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendGridServer]:
    with SendGridServer(tmp_path_factory.mktemp("sendgrid") / "taken.jsonl") as server:
        yield server


@pytest.fixture(scope="module")
def smtp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmtpServer]:
    with SmtpServer(tmp_path_factory.mktemp("smtp") / "taken.jsonl") as server:
        yield server


def hand_over(provider: Provider) -> dict[str, OutcomeKind]:
    """The outcome of each recipient by address; whoever has none was certainly not handed over."""
    people = {person.subscriber_id: person.email for person in make_recipients(PEOPLE)}
    outcomes: list[Outcome] = []
    try:
        outcomes.extend(provider.send(make_mailing(), make_recipients(PEOPLE)))
    except ProviderUnavailable:
        pass
    finally:
        provider.close()
    return {people[outcome.subscriber_id]: outcome.kind for outcome in outcomes}


@pytest.mark.parametrize("kind", sorted(MOODS))
def test_an_outcome_of_sendgrid_is_true_or_says_that_nobody_knows(sendgrid: SendGridServer, kind: str) -> None:
    sendgrid.forget()
    is_silent = MOODS[kind].how == "slow" and MOODS[kind].doubt
    patience_seconds = SHORT_PATIENCE_SECONDS if is_silent else PATIENCE_SECONDS
    sendgrid.answer({"kind": kind, "seconds": 3600 if is_silent else 0.1})
    provider = SendGridProvider(API_KEY, api_url=sendgrid.url, batch_size=500, timeout_seconds=patience_seconds)
    outcomes = hand_over(provider)
    taken = {row["email"] for row in sendgrid.accepted()}
    if MOODS[kind].doubt:
        assert set(outcomes.values()) == {UNKNOWN}
        assert len(taken) == (PEOPLE if MOODS[kind].is_taken else 0)
    else:
        assert {email for email, outcome in outcomes.items() if outcome is ACCEPTED} == taken
        assert UNKNOWN not in outcomes.values()
    assert sendgrid.seen()["violations"] == []


@pytest.mark.parametrize("kind", sorted(FAULTS))
def test_an_outcome_of_smtp_is_true_or_says_that_nobody_knows(smtp: SmtpServer, kind: str) -> None:
    before = len(smtp.accepted())
    smtp.control({"plan": [kind]})
    patience_seconds = SHORT_PATIENCE_SECONDS if FAULTS[kind].how == "hang" else PATIENCE_SECONDS
    outcomes = hand_over(SmtpProvider(parse_smtp_url(smtp.url), connections=1, timeout_seconds=patience_seconds))
    taken = {mail["rcpt"][0] for mail in smtp.accepted()[before:]}
    accepted = {email for email, outcome in outcomes.items() if outcome is ACCEPTED}
    unknown = {email for email, outcome in outcomes.items() if outcome is UNKNOWN}
    assert accepted <= taken <= accepted | unknown
    assert len(unknown) <= FAULTS[kind].doubt
    assert unknown or not (FAULTS[kind].doubt and FAULTS[kind].is_taken)


def test_the_same_seed_gives_the_same_faults() -> None:
    def row(seed: int) -> list[str]:
        chance = Chance(tuple(FAULTS), share=0.5, seed=seed)
        return [chance.next() for _ in range(100)]

    assert row(5) == row(5) != row(6)
    assert 30 <= sum(map(bool, row(5))) <= 70


class Webhook(HTTPServer):
    """Takes posts, but for the first, which it answers with 503; only posts that are signed."""

    def __init__(self, public_key: str) -> None:
        super().__init__(("127.0.0.1", 0), _Receiver)
        self.verifier = PostVerifier(public_key)
        self.bodies: list[bytes] = []
        self.is_shaken = False


class _Receiver(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        signature = self.headers["X-Twilio-Email-Event-Webhook-Signature"]
        timestamp = self.headers["X-Twilio-Email-Event-Webhook-Timestamp"]
        self.server.verifier.verify(body, signature=signature, timestamp=timestamp)
        if self.server.is_shaken:
            self.server.bodies.append(body)
        self.send_response(204 if self.server.is_shaken else 503)
        self.end_headers()
        self.server.is_shaken = True

    def log_message(self, *args: object) -> None:
        pass


def ask_log(
    server: SendGridServer, people: Sequence[Recipient], *, patience_seconds: float = PATIENCE_SECONDS
) -> LogReport:
    log = SendGridLog(API_KEY, api_url=server.url, timeout_seconds=patience_seconds)
    questions = [LogQuestion(subscriber_id=one.subscriber_id, email=one.email, token=one.token) for one in people]
    now = datetime.now(UTC)
    report = log.report(questions, since=now - timedelta(minutes=1), until=now + timedelta(minutes=1))
    log.close()
    return report


def test_the_log_has_what_was_taken_by_its_request_and_nothing_else(tmp_path: Path) -> None:
    with SendGridServer(tmp_path / "taken.jsonl", "--with-log") as server:
        provider = SendGridProvider(API_KEY, api_url=server.url, batch_size=2, timeout_seconds=PATIENCE_SECONDS)
        people = make_recipients(4)
        server.answer("503-taken", "503")
        for two in (people[:2], people[2:]):
            with pytest.raises(ProviderUnavailable):
                list(provider.send(make_mailing(attempt_id=7), two))
        provider.close()
        assert ask_log(server, people[:2]).found == ((1, "7:1-2"), (2, "7:1-2"))
        assert ask_log(server, people[2:]).answer is LogAnswer.ABSENT
        server.control({"log": {"chance": {"share": 1.0, "seed": 1}, "slow_seconds": 3600}})
        answers = {ask_log(server, people, patience_seconds=0.5).answer for _ in range(12)}
        assert answers == {LogAnswer.UNCLEAR}


def test_an_account_without_a_log_says_so(sendgrid: SendGridServer) -> None:
    report = ask_log(sendgrid, make_recipients(1))
    assert (report.answer, "no log" in report.words) == (LogAnswer.UNCLEAR, True)


@pytest.mark.parametrize(
    ("status", "entries", "by"),
    [
        (DoubtStatus.OPEN, [("log_asked", {"answer": "absent"})], "open"),
        (DoubtStatus.ACCEPTED, [("accepted", {"event": "sendgrid"})], "event"),
        (DoubtStatus.ACCEPTED, [("log_asked", {}), ("accepted", {"log": "sendgrid"})], "log"),
        (DoubtStatus.ACCEPTED, [("accepted", {"answer": "sendgrid"})], "answer"),
        (DoubtStatus.SETTLED, [("in_doubt", {})], "event"),
        (DoubtStatus.RESENT, [("resent", {"by": "silence"}), ("accepted", {"event": "sendgrid"})], "silence"),
        (DoubtStatus.SKIPPED, [("skipped", {"by": "person"})], "person"),
    ],
)
def test_the_verdict_says_what_settled_a_doubt(
    status: DoubtStatus, entries: list[tuple[str, dict[str, str]]], by: str
) -> None:
    assert settled_by(status, [{"kind": kind, "detail": detail} for kind, detail in entries]) == by


def test_events_are_signed_repeated_mixed_and_told_until_somebody_listens() -> None:
    teller = Teller()
    webhook = Webhook(teller.signer.public_key)
    threading.Thread(target=webhook.serve_forever, daemon=True).start()
    teller.listen_at(f"http://127.0.0.1:{webhook.server_port}/webhooks/sendgrid", seed=4)
    people = 2 * EVENTS_PER_POST
    teller.taken([{"to": [{"email": f"{n}@x.org"}], "custom_args": {"nl_delivery": str(n)}} for n in range(people)])
    until = time.monotonic() + 90
    while not teller.is_idle and time.monotonic() < until:
        time.sleep(0.05)
    webhook.shutdown()
    webhook.server_close()
    told = [event for body in webhook.bodies for event in json.loads(body)]
    names = [(event["nl_delivery"], event["event"]) for event in told]
    assert set(names) == {(str(n), name) for n in range(people) for name in ("processed", "delivered")}
    assert len(webhook.bodies) > len(set(webhook.bodies)), "nothing was told twice"
    assert names != sorted(names, key=lambda name: int(name[0])), "nothing was mixed"
    assert teller.refused == 1
