"""Whatever bytes arrive: no exception, and an answer in bounded time.

The default is a short run. `BOUNCE_MUTATIONS=20000 pytest tests/inbound/test_mutations.py` is the full one.
"""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from newsletter.inbound import MAX_BYTES, Report, understand
from tests.inbound.scoring import CORPUS

SAMPLES = Path(__file__).parent / "samples"
COUNT = int(os.environ.get("BOUNCE_MUTATIONS", "600"))
SEED = 20260303
# Far above what a mail of this size needs (some milliseconds), far below what a runaway pattern takes.
LIMIT_SECONDS = 10.0

SPLICES = (
    b"\x00",
    b"\xff\xfe",
    b"\r",
    b"\n\n",
    b"\x1b$B",
    b"=?utf-8?B?////?=",
    b"=?x?Q?=ZZ?=",
    b'Content-Type: multipart/report; boundary="',
    b"Content-Type: message/rfc822\n\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Final-Recipient: ;;;@@\n",
    b"Status: 9.9.9.9\n",
    b"charset=no-such-set",
    b"\xe2\x80\xae",
    b'{"notificationType":',
    b"@" * 50,
    b"<" * 50,
    b"-" * 200,
    b"user " * 200,
)


def mutated(raw: bytes, dice: random.Random) -> bytes:
    """The mail with a few cuts, copies, splices, flips and swapped lines."""
    content = bytearray(raw)
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(content) + 1)
        until = min(len(content), at + dice.randint(1, 300))
        act = dice.randrange(5)
        if act == 0:
            del content[at:until]
        elif act == 1:
            content[at:at] = content[at:until] * dice.randint(1, 4)
        elif act == 2:
            content[at:at] = dice.choice(SPLICES)
        elif act == 3 and until > at:
            content[dice.randrange(at, until)] = dice.randrange(256)
        else:
            lines = bytes(content).split(b"\n")
            dice.shuffle(lines) if dice.random() < 0.1 else lines.reverse() if dice.random() < 0.05 else None
            content = bytearray(b"\n".join(lines))
    return bytes(content)


@pytest.mark.timeout(max(120, COUNT // 20))
def test_no_mutated_mail_raises_or_hangs() -> None:
    corpus = CORPUS.rglob("*.eml") if CORPUS.is_dir() else ()
    mails = [path.read_bytes() for path in sorted([*SAMPLES.glob("*.eml"), *corpus])]
    dice = random.Random(SEED)
    slowest, unreadable = 0.0, 0
    for _ in range(COUNT):
        started = time.process_time()
        report = understand(mutated(dice.choice(mails), dice))
        assert isinstance(report, Report)
        unreadable += not report.is_readable
        slowest = max(slowest, time.process_time() - started)
    assert slowest < LIMIT_SECONDS
    # The guard around the parser is for the parser's faults; a fault of ours would show here as hundreds.
    assert unreadable <= COUNT / 1000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\x00" * 1000,
        b"From ",
        b"Subject",
        b":" * 1000,
        b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\nContent-Type: multipart/mixed; boundary=a\n\n" * 2000,
        b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (depth, depth) for depth in range(3000)),
        b"Content-Type: message/rfc822\n\n" * 3000,
        b"Subject: " + b"=?utf-8?q?a?= " * 10_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"<a@example.org>: " * 15_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"<a@example.org>:\n550 no\n\n" * 8_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"mailbox " * 30_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\n\nThese failed:\n"
        + b"\n".join(b", ".join(b"a%dx%d@example.org" % (line, one) for one in range(60)) for line in range(70)),
        b"From: MAILER-DAEMON\nSubject: failure notice\n\n" + b"@" * 250_000,
        b"From: MAILER-DAEMON\nSubject: failure notice\nContent-Type: text/html\n\n" + b"<style " * 30_000,
        b"From: a@example.org\nX-Failed-Recipients: " + b"a@example.org, " * 16_000,
        b'From: a@example.org\n\n{"notificationType":' + b"[" * 100_000,
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_a_mail_made_to_hurt_is_answered_in_time(raw: bytes) -> None:
    started = time.process_time()
    understand(raw)
    assert time.process_time() - started < LIMIT_SECONDS


def test_a_very_large_mail_is_read_no_further_than_its_first_part() -> None:
    head = (SAMPLES / "dsn-user-unknown.eml").read_bytes()
    filler = b"x" * 70 + b"\n"
    assert understand(head + filler * 500_000) == understand((head + filler * 500_000)[:MAX_BYTES])
