"""Real mails that came back, from a public corpus beside the checkout; where it is missing, these are skipped."""

from __future__ import annotations

import csv

import pytest

from newsletter.inbound import understand
from tests.inbound.scoring import CORPUS, Score, score

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real bounces is not beside the checkout")


@pytest.fixture(scope="module")
def real_score(request: pytest.FixtureRequest) -> Score:
    """The score of the corpus, printed once: `pytest -s tests/inbound/test_corpus.py`."""
    result = score(CORPUS)
    print(f"\n{result.table()}")
    return result


def test_ninety_seven_of_a_hundred_recipients_are_found(real_score: Score) -> None:
    assert real_score.share("found", "of_told") >= 0.97, real_score.table()


def test_who_is_called_hard_is_hard_in_ninety_eight_of_a_hundred_cases(real_score: Score) -> None:
    assert real_score.share("rightly_hard", "of_called_hard") >= 0.98, real_score.table()


def test_ninety_two_of_a_hundred_dead_addresses_are_known(real_score: Score) -> None:
    assert real_score.share("hard_found", "of_hard") >= 0.92, real_score.table()


def test_at_most_one_block_in_a_hundred_costs_a_reader_the_newsletter(real_score: Score) -> None:
    assert real_score.share("block_called_hard", "of_block") <= 0.01, real_score.table()


def test_nine_blocks_in_ten_are_shown_to_the_operator(real_score: Score) -> None:
    assert real_score.share("block_found", "of_block") >= 0.9, real_score.table()


def test_all_complaints_but_one_are_heard(real_score: Score) -> None:
    assert real_score.counts["of_complaint"] - real_score.counts["complaints_found"] <= 1, real_score.table()


def test_at_most_one_mail_that_is_no_bounce_counts_as_one(real_score: Score) -> None:
    assert real_score.counts["wrongly_bounced"] <= 1, real_score.table()


def test_a_delay_is_not_a_bounce(real_score: Score) -> None:
    assert real_score.counts["delays_found"] == real_score.counts["of_delayed"], real_score.table()


def test_real_mails_with_other_newlines_are_understood_the_same() -> None:
    with (CORPUS / "newline-variants.tsv").open(encoding="utf-8", newline="") as file:
        pairs = [(row["file"], row["same_mail_as"]) for row in csv.DictReader(file, delimiter="\t")]
    reports = [
        (name, understand((CORPUS / name).read_bytes()), understand((CORPUS / same).read_bytes()))
        for name, same in pairs
    ]
    assert len(reports) > 20
    assert [name for name, variant, plain in reports if variant != plain] == []
