"""What mail servers say, in the words of many of them, and what it means for the address."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import pytest

from newsletter.domain.bounces import CLASS_OF, BounceClass, Category, Confidence, classify

with (Path(__file__).parent / "bounce_replies.tsv").open(encoding="utf-8", newline="") as _file:
    REPLIES = [tuple(row.values()) for row in csv.DictReader(_file, delimiter="\t", quoting=csv.QUOTE_NONE)]


@pytest.mark.parametrize(("bounce_class", "category", "reply"), REPLIES, ids=[reply[:60] for *_, reply in REPLIES])
def test_a_reply_means(bounce_class: str, category: str, reply: str) -> None:
    decided = classify(diagnostic=reply)
    assert decided.bounce_class == bounce_class, decided
    assert not category or decided.category == category, decided


def test_a_status_alone_decides_where_it_says_something() -> None:
    assert classify(status="5.1.1").bounce_class is BounceClass.HARD
    assert classify(status="5.2.2").category is Category.MAILBOX_FULL
    assert classify(status="5.7.25").category is Category.REVERSE_DNS


@pytest.mark.parametrize("status", ["5.0.0", "5.1.0", "5.2.0", "5.3.0", "5.5.0", ""])
def test_a_status_that_says_nothing_never_kills_an_address(status: str) -> None:
    decided = classify(status=status)
    assert decided.bounce_class is BounceClass.SOFT
    assert decided.confidence is Confidence.GUESS


def test_words_beat_a_wrong_code() -> None:
    assert classify(status="5.1.1", diagnostic="552 mailbox is over quota").category is Category.MAILBOX_FULL
    assert classify(status="5.7.1", diagnostic="550 5.7.1 user unknown").bounce_class is BounceClass.HARD


def test_the_code_of_the_refusing_server_beats_the_giving_up_of_the_reporting_one() -> None:
    decided = classify(status="4.4.7", diagnostic="450 4.7.25 name lookup failed")
    assert (decided.bounce_class, decided.status) == (BounceClass.BLOCK, "4.7.25")


def test_an_address_that_is_doubted_only_for_now_is_not_dead() -> None:
    decided = classify(diagnostic="450 4.1.1 user unknown")
    assert decided.bounce_class is BounceClass.SOFT


def test_what_does_not_exist_at_mail_from_is_our_own_domain() -> None:
    decided = classify(diagnostic="553 5.1.0 news.example.com does not exist", command="MAIL")
    assert (decided.bounce_class, decided.category) == (BounceClass.BLOCK, Category.SENDER)


def test_an_address_or_a_link_cannot_speak_for_the_server() -> None:
    assert classify(diagnostic="550 <user-unknown@example.org>: see https://example.org/user-unknown").category is (
        Category.UNKNOWN
    )


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("550 5.7.1 your domain does not exist", "of_sender"),
        ("550 the certificate name is unknown", "of_something"),
        ("550 5.2.2 user unknown", "by_code"),
        ("550 temporarily unknown user", "for_now"),
        ("550 user unknown, mail from here is blocked", "blocked"),
    ],
)
def test_a_doubt_about_a_dead_address_is_told_by_its_rule(reply: str, reason: str) -> None:
    decided = classify(diagnostic=reply)
    assert decided.bounce_class is not BounceClass.HARD
    assert decided.rule.endswith(f".{reason}"), decided.rule


def test_an_unknown_error_does_not_hide_an_unknown_user() -> None:
    assert classify(diagnostic="550 mail server unknown error").bounce_class is BounceClass.SOFT
    assert classify(diagnostic="550 mail server unknown error, host unknown").bounce_class is BounceClass.HARD


def test_the_address_of_a_host_is_not_a_code() -> None:
    assert classify(diagnostic="host 5.1.1.7 said: no").status == ""


@pytest.mark.parametrize(
    ("action", "category"), [("delivered", "delivered"), ("relayed", "delivered"), ("delayed", "network")]
)
def test_what_has_not_failed_has_no_class(action: str, category: str) -> None:
    decided = classify(action=action, status="4.4.1", diagnostic="connection timed out")
    assert (decided.bounce_class, decided.category) == (None, category)


def test_every_category_has_its_class() -> None:
    assert set(CLASS_OF) == set(Category)


WORDS = (
    "user recipient mailbox is not the your quota over full sender host domain delivery account "
    "to no unknown a postfach ящик メール 用户 @"
)


@pytest.mark.parametrize(
    "text",
    [
        *((word + " ") * 2000 for word in WORDS.split()),
        *(word * 2000 for word in WORDS.split()),
        f"{WORDS} " * 200,
        "-" * 9000,
    ],
)
def test_no_wording_makes_the_classifier_slow(text: str) -> None:
    started = time.process_time()
    classify(diagnostic=text)
    assert time.process_time() - started < 5.0
