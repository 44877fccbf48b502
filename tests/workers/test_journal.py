"""Facts about the journal of a batch."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from newsletter.domain.last_words import LastWords
from newsletter.domain.mail import Outcome, OutcomeKind
from tests.providers.mails import make_mailing, make_recipients
from workers.journal import FOLDER, Lease, LeaseLost, forget_journals, open_journal, read_last_words

NOW = datetime(2026, 6, 22, tzinfo=UTC)
NOBODY = LastWords(accepted=frozenset(), refused=frozenset(), unanswered=frozenset(), in_doubt=frozenset())


def make_lease(seconds: float = 60) -> Lease:
    return Lease(now=lambda: NOW, length=timedelta(seconds=seconds))


def test_it_tells_the_accepted_from_the_mail_in_flight_and_says_nothing_of_the_rest(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, "claim")
    mailing = journal.watch(make_mailing(), make_lease())
    for recipient, kind in zip(make_recipients(5), [*OutcomeKind, None], strict=True):
        mailing.compose(recipient)
        if kind is not None:
            journal.note(Outcome(subscriber_id=recipient.subscriber_id, kind=kind))
    # ACCEPTED 1, REFUSED 2, DEFERRED 3, UNKNOWN 4; 5 was being handed over; a sixth was never touched.
    assert read_last_words(tmp_path, "claim") == LastWords(
        accepted=frozenset({1}), refused=frozenset({2}), unanswered=frozenset({4}), in_doubt=frozenset({5})
    )


def test_a_mail_that_was_not_handed_over_after_all_is_not_in_doubt(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, "claim")
    mailing = journal.watch(make_mailing(), make_lease())
    first, second = make_recipients(2)
    mailing.compose(first)
    mailing.watch.spared([first])
    mailing.watch.spared([second])
    assert read_last_words(tmp_path, "claim") == NOBODY
    mailing.compose(first)
    assert read_last_words(tmp_path, "claim").in_doubt == {1}


def test_a_mail_composed_again_is_in_doubt_again(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, "claim")
    mailing = journal.watch(make_mailing(), make_lease())
    (recipient,) = make_recipients(1)
    mailing.compose(recipient)
    journal.note(Outcome(subscriber_id=1, kind=OutcomeKind.DEFERRED))
    mailing.compose(recipient)
    assert read_last_words(tmp_path, "claim").in_doubt == {1}


def test_no_mail_leaves_after_the_lease_and_the_journal_has_it_as_doubt(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, "claim")
    mailing = journal.watch(make_mailing(), make_lease(seconds=0))
    with pytest.raises(LeaseLost):
        mailing.compose(make_recipients(1)[0])
    assert read_last_words(tmp_path, "claim").in_doubt == {1}


def test_of_a_request_all_are_in_doubt_until_its_answer_and_none_where_it_was_refused(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, "claim")
    watch = journal.watch(make_mailing(), make_lease()).watch
    one, two, three, four = make_recipients(4)
    watch.begins([one, two])
    journal.note(*(Outcome(recipient.subscriber_id, OutcomeKind.ACCEPTED) for recipient in (one, two)))
    watch.begins([three, four])
    assert read_last_words(tmp_path, "claim").in_doubt == {3, 4}
    watch.spared([three, four])
    watch.begins([four])
    assert read_last_words(tmp_path, "claim") == replace(NOBODY, accepted=frozenset({1, 2}), in_doubt=frozenset({4}))


def test_a_request_that_the_lease_forbids_leaves_nobody_in_doubt(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, "claim")
    watch = journal.watch(make_mailing(), make_lease(seconds=0)).watch
    with pytest.raises(LeaseLost):
        watch.begins(make_recipients(2))
    assert read_last_words(tmp_path, "claim") == NOBODY


def test_a_clock_that_is_set_forward_ends_the_lease() -> None:
    times = [NOW, NOW + timedelta(hours=1)]
    lease = Lease(now=lambda: times.pop(0), length=timedelta(minutes=1))
    with pytest.raises(LeaseLost):
        lease.check()


def test_a_journal_of_another_boot_counts_for_nothing(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, "claim")
    journal.watch(make_mailing(), make_lease()).compose(make_recipients(1)[0])
    path = tmp_path / FOLDER / "claim"
    path.write_bytes(b"Banother-boot\n" + path.read_bytes().partition(b"\n")[2])
    assert read_last_words(tmp_path, "claim") is None


def test_a_torn_last_line_is_left_out(tmp_path: Path) -> None:
    open_journal(tmp_path, "claim").note(Outcome(subscriber_id=1, kind=OutcomeKind.ACCEPTED))
    with (tmp_path / FOLDER / "claim").open("ab") as file:
        file.write(b"A12")
    assert read_last_words(tmp_path, "claim") == replace(NOBODY, accepted=frozenset({1}))


def test_a_journal_goes_when_all_is_written_and_old_ones_are_forgotten(tmp_path: Path) -> None:
    open_journal(tmp_path, "settled").close(is_settled=True)
    open_journal(tmp_path, "left").close(is_settled=False)
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["left"]
    # What is listed and gone when it is looked at: its worker was done with it in between.
    (tmp_path / FOLDER / "done meanwhile").symlink_to("nowhere")
    forget_journals(tmp_path, now=datetime.now(UTC))
    assert read_last_words(tmp_path, "left") is not None
    forget_journals(tmp_path, now=datetime.now(UTC) + timedelta(days=3))
    assert read_last_words(tmp_path, "left") is None


def test_a_full_disk_means_no_journal_and_leaves_no_file_open(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "full").symlink_to("/dev/full")
    assert open_journal(tmp_path, "full") is None
    assert "/dev/full" not in {os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()}
