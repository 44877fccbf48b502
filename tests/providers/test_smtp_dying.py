"""A server that dies, and one that misbehaves at random: nobody is lost, nobody gets two, and little is in doubt."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

import pytest

from newsletter.domain.mail import UNWATCHED, Mailing, Outcome, OutcomeKind, Recipient
from newsletter.providers import ProviderUnavailable
from newsletter.providers.smtp import SmtpProvider
from tests.fakes.odd_smtp_server import CLOSE, OddSmtpServer, Session
from tests.providers.mails import addresses, gather, kinds, ready_mailing, short_recipients

ACCEPTED, DEFERRED, UNKNOWN = (OutcomeKind.ACCEPTED, OutcomeKind.DEFERRED, OutcomeKind.UNKNOWN)
Make = Callable[..., SmtpProvider]


def check_account(server: OddSmtpServer, outcomes: Sequence[Outcome], *, people: int) -> None:
    """What holds whenever a connection dies: one outcome each, none wrong, at most one in doubt, nobody twice."""
    kinds(outcomes)
    assert len(outcomes) == people
    assert all(count == 1 for count in server.counted().values())
    taken = set(server.counted())
    unknown = addresses(outcomes, UNKNOWN)
    assert addresses(outcomes, ACCEPTED) <= taken <= addresses(outcomes, ACCEPTED) | unknown
    assert len(unknown) <= 1
    assert len(addresses(outcomes, DEFERRED)) <= 1


class Hands:
    """Whose mail is in hand: composed, and neither spared nor told of. What a worker that dies now leaves in doubt."""

    def __init__(self) -> None:
        self.holding: set[int] = set()
        self.most = 0

    def mailing(self) -> Mailing:
        ready = ready_mailing()

        def compose(recipient: Recipient) -> bytes:
            self.holding.add(recipient.subscriber_id)
            self.most = max(self.most, len(self.holding))
            return ready.compose(recipient)

        def spared(recipients: Sequence[Recipient]) -> None:
            self.holding.difference_update(recipient.subscriber_id for recipient in recipients)

        return replace(ready, compose=compose, watch=UNWATCHED._replace(spared=spared))

    def watch(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """The outcomes, each of which takes a mail out of hand."""
        for outcome in outcomes:
            self.holding.discard(outcome.subscriber_id)
            yield outcome


def bytes_of_three_mails(make_smtp: Make) -> dict[str, range]:
    """Which bytes of a session the server hears, and which it says, once the connection is open."""
    begins: dict[str, int] = {}

    def note(session: Session, verb: str) -> None:
        if verb == "EHLO":
            begins["dies_hearing"] = session.heard
        if verb == "MAIL":
            begins.setdefault("dies_saying", session.said)

    with OddSmtpServer(note) as server:
        provider = make_smtp(server.url)
        assert len(list(provider.send(ready_mailing(), short_recipients(3)))) == 3
        provider.close()
        while not server.longest_said:
            time.sleep(0.001)
    return {
        "dies_hearing": range(begins["dies_hearing"], server.longest_heard - len("QUIT\r\n")),
        "dies_saying": range(begins["dies_saying"], server.longest_said - len("221 2.0.0 bye\r\n")),
    }


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize("side", ["dies_hearing", "dies_saying"])
def test_a_server_that_dies_at_any_byte_leaves_at_most_one_mail_in_doubt(
    make_smtp: Make, side: str, resets: bool
) -> None:
    positions = bytes_of_three_mails(make_smtp)[side]
    doubts = 0
    for position in positions:
        with OddSmtpServer(**{side: position}, resets=resets) as server:
            hands = Hands()
            found, error = gather(hands.watch(make_smtp(server.url).send(hands.mailing(), short_recipients(3))))
            assert error is None, position
            assert (hands.most, hands.holding) == (1, set()), position
            check_account(server, found, people=3)
            doubts += bool(addresses(found, UNKNOWN))
    # In doubt are only deaths between a final dot and the reply to it: that both were tried can be seen here.
    assert 0 < doubts < len(positions)


MISBEHAVIOUR = (
    b"421 4.3.2 closing\r\n",
    b"450 4.2.0 later\r\n",
    b"550 5.1.1 nobody here\r\n",
    b"250-2.0.0 well\r\n250 2.0.0 yes\r\n",
    b"354 go on\r\n",
    b"gibberish\r\n",
    CLOSE,
)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_several_connections_meet_nobody_is_lost_or_mailed_twice(make_smtp: Make, seed: int) -> None:
    chance = random.Random(seed)

    def misbehave(session: Session, verb: str) -> bytes | None:
        # A refused sender would end the sending: that is told elsewhere.
        if verb not in ("RCPT", "DATA", "DOT") or chance.random() >= 0.05:
            return None
        return chance.choice(MISBEHAVIOUR)

    waiting = {recipient.subscriber_id: recipient for recipient in short_recipients(300)}
    told: dict[int, OutcomeKind] = {}
    hands = Hands()
    with OddSmtpServer(misbehave, resets=bool(seed % 2)) as server:
        provider = make_smtp(server.url, connections=4, timeout_seconds=0.3)
        for _ in range(500):  # five losses in a row are a reason to come back later; a busy machine makes more of them
            if not waiting:
                break
            found, error = gather(hands.watch(provider.send(hands.mailing(), list(waiting.values()))))
            assert not hands.holding
            assert error is None or isinstance(error, ProviderUnavailable)
            for number, kind in kinds(found).items():
                del waiting[number]
                told[number] = kind
    taken = server.counted()
    assert not waiting
    assert hands.most <= 4
    assert set(taken.values()) == {1}
    accepted, unknown = ({f"r{n}@x.example" for n, k in told.items() if k is kind} for kind in (ACCEPTED, UNKNOWN))
    assert accepted <= set(taken) <= accepted | unknown
    assert 100 < len(accepted) < 300


def test_a_mail_that_was_announced_to_a_server_that_goes_away_is_in_nobodys_hands(make_smtp: Make) -> None:
    def leave(session: Session, verb: str) -> bytes | None:
        if session.number > 1:
            return b"421 4.3.2 closing\r\n"
        return CLOSE if verb == "MAIL" and session.counts["MAIL"] > 1 else None

    hands = Hands()
    with OddSmtpServer(leave) as server:
        provider = make_smtp(server.url)
        assert [outcome.kind for outcome in provider.send(ready_mailing(), short_recipients(1))] == [ACCEPTED]
        found, error = gather(hands.watch(provider.send(hands.mailing(), short_recipients(2))))
    assert (found, hands.most, hands.holding) == ([], 1, set())
    assert isinstance(error, ProviderUnavailable)
