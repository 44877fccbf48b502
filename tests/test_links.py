"""Facts about tokens."""

from __future__ import annotations

import pytest

from newsletter.links import TOKEN_LENGTH, DeliveryRef, Links

LINKS = Links(base_url="https://news.example.org/", key=b"a key")


def test_a_token_names_its_delivery() -> None:
    token = LINKS.delivery_token(12, 4_000_000_000)
    assert LINKS.read_delivery_token(token) == DeliveryRef(issue_id=12, subscriber_id=4_000_000_000)


def test_a_token_is_the_same_each_time_and_short_enough_for_a_return_path() -> None:
    token = LINKS.delivery_token(1, 2)
    assert token == LINKS.delivery_token(1, 2)
    assert len(token) == TOKEN_LENGTH
    assert len(f"b-{token}") <= 64


def test_a_token_survives_a_change_of_case() -> None:
    assert LINKS.read_delivery_token(LINKS.delivery_token(1, 2).upper()) == DeliveryRef(issue_id=1, subscriber_id=2)


def test_no_changed_digit_gives_another_valid_token() -> None:
    token = LINKS.delivery_token(7, 9)
    for position in range(TOKEN_LENGTH):
        for digit in "0123456789abcdef":
            forged = token[:position] + digit + token[position + 1 :]
            assert forged == token or LINKS.read_delivery_token(forged) is None


@pytest.mark.parametrize("text", ["", "x", "0" * 29, "0" * 31, "g" * 30, "०" * 30, "../../etc/passwd"])
def test_what_is_no_token_names_nothing(text: str) -> None:
    assert LINKS.read_delivery_token(text) is None


def test_another_key_does_not_know_our_tokens() -> None:
    other = Links(base_url="https://news.example.org", key=b"another key")
    assert other.read_delivery_token(LINKS.delivery_token(1, 2)) is None
    assert other.address_key("a@example.org") != LINKS.address_key("a@example.org")


def test_the_key_is_not_shown() -> None:
    assert "a key" not in repr(LINKS)
