"""The journal of a batch: one line for each mail before it is handed over and one after, in a file under DATA_DIR.

A process that is killed leaves its journal behind. The tick reads it and knows of each mail whether it was accepted,
was just being handed over, or had not been touched: only the second is in doubt. What makes this safe is an order:
a worker writes the line first and looks at its lease then; the tick reads only after the lease is over. A worker that
was asleep for longer than its lease finds that out before the mail leaves. The lines of mails that leave in one request
are written together.

The journal survives its process, not a crash of the machine (it is not synced to disk, which would cost more than
sending). It therefore names the boot of the machine, and counts for nothing after another.
"""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from newsletter.domain.last_words import LastWords, last_words_of
from newsletter.domain.mail import HandOverWatch, Mailing, Outcome, OutcomeKind, Recipient

log = logging.getLogger(__name__)

FOLDER = "journal"
FORGET_AFTER = timedelta(days=2)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_LETTERS = {
    OutcomeKind.ACCEPTED: b"A",
    OutcomeKind.REFUSED: b"F",
    OutcomeKind.DEFERRED: b"D",
    OutcomeKind.UNKNOWN: b"U",
}


class LeaseLost(Exception):
    """The lease ran out before the next mail was handed over: the batch belongs to the tick now."""


class Lease:
    """Until when a batch is ours, by the clock on the wall and by one that nobody can set."""

    def __init__(self, *, now: Callable[[], datetime], length: timedelta) -> None:
        self._now = now
        self._length = length
        self.renew(now())

    def renew(self, since: datetime) -> None:
        """Begin anew at `since`, the moment that was written into the database."""
        self._until = since + self._length
        self._until_monotonic = time.monotonic() + self._length.total_seconds()

    def check(self) -> None:
        """Raise LeaseLost where it is over by either clock."""
        if self._now() >= self._until or time.monotonic() >= self._until_monotonic:
            raise LeaseLost


class Journal:
    """The journal of one claim. Safe to write from several threads: each line is one append."""

    def __init__(self, folder: Path, claim: str, *, boot: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / claim
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            self._write(b"B%s\n" % boot)
        except OSError:
            os.close(self._file)
            raise

    def watch(self, mailing: Mailing, lease: Lease) -> Mailing:
        """The same mailing, which notes who is about to be handed over, or not after all, and stops without a lease.

        By `compose` where the provider takes each mail by itself, by `watch` where it takes many at once.
        """

        def compose(recipient: Recipient) -> bytes:
            data = mailing.compose(recipient)
            self._write(b"S%d\n" % recipient.subscriber_id)
            lease.check()
            return data

        def begins(recipients: Sequence[Recipient]) -> None:
            self._write(_lines(b"S", recipients))
            try:
                lease.check()
            except LeaseLost:
                spared(recipients)
                raise

        def spared(recipients: Sequence[Recipient]) -> None:
            self._write(_lines(b"N", recipients))

        return replace(mailing, compose=compose, watch=HandOverWatch(begins=begins, spared=spared))

    def note(self, *outcomes: Outcome) -> None:
        """Write down what became of mails."""
        self._write(b"".join([b"%s%d\n" % (_LETTERS[kind], subscriber_id) for subscriber_id, kind, _, _ in outcomes]))

    def _write(self, lines: bytes) -> None:
        if os.write(self._file, lines) != len(lines):
            raise OSError(errno.ENOSPC, "the journal was written in part")

    def close(self, *, is_settled: bool) -> None:
        """Close the file; it is not needed any more once everything is in the database."""
        os.close(self._file)
        if is_settled:
            self._path.unlink(missing_ok=True)


def open_journal(data_dir: Path, claim: str) -> Journal | None:
    """A journal for this claim; None where the machine cannot say which boot it is in, or the disk refuses."""
    boot = _boot()
    if boot is None:
        return None
    try:
        return Journal(data_dir / FOLDER, claim, boot=boot)
    except OSError as error:
        log.warning("journal.not_opened error=%s", type(error).__name__)
        return None


def read_last_words(data_dir: Path, claim: str) -> LastWords | None:
    """What the journal of a claim says; None where there is none on this machine and of this boot."""
    try:
        lines = (data_dir / FOLDER / claim).read_bytes().split(b"\n")
    except OSError:
        return None
    boot = _boot()
    if boot is None or lines[0] != b"B" + boot:
        return None
    # What stands after the last line break was cut short by the end of the worker.
    return last_words_of(_entries(lines[1:-1]))


def forget_journals(data_dir: Path, claim: str | None = None, *, now: datetime) -> None:
    """Remove the journal of a claim that was settled, and any that nobody asked for in two days."""
    folder = data_dir / FOLDER
    if claim is not None:
        (folder / claim).unlink(missing_ok=True)
        return
    for path in folder.glob("*"):
        # Its worker may be done with it at this very moment, and remove it.
        with suppress(FileNotFoundError):
            if now.timestamp() - path.stat().st_mtime > FORGET_AFTER.total_seconds():
                path.unlink()


def _lines(letter: bytes, recipients: Sequence[Recipient]) -> bytes:
    return (letter + b"%d\n") * len(recipients) % tuple(recipient.subscriber_id for recipient in recipients)


def _entries(lines: list[bytes]) -> Iterator[tuple[str, int]]:
    for line in lines:
        if line[1:].isdigit():
            yield line[:1].decode("ascii", "replace"), int(line[1:])


def _boot() -> bytes | None:
    try:
        return _BOOT_ID.read_bytes().strip()
    except OSError:
        return None
