"""Plain text in lines of at most 72 columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from newsletter.rendering.wrapping import LINE_COLUMNS, columns, heading, wrap

words = st.text(st.sampled_from("abcdefgé渡轮，。“”（）é👍"), min_size=1, max_size=12)


def test_an_ideograph_takes_two_columns_and_an_accent_none() -> None:
    assert columns("渡轮") == 4
    assert columns("cafe\u0301") == 4


def test_a_chinese_paragraph_is_broken_between_characters() -> None:
    lines = wrap("港务局购入两艘电动渡轮" * 10).split("\n")
    assert len(lines) > 1
    assert all(columns(line) <= LINE_COLUMNS for line in lines)


def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one() -> None:
    lines = wrap("他说（“渡轮很安静”），大家都同意。" * 12).split("\n")
    assert not any(line[0] in "，。”）" for line in lines)
    assert not any(line[-1] in "（“" for line in lines)


def test_an_address_stays_whole() -> None:
    address = "https://gazette.example/" + "a" * 100
    assert address in wrap(f"See {address} for more").split("\n")


def test_further_lines_are_indented() -> None:
    lines = wrap("word " * 40, "    ", first=" 1. ").split("\n")
    assert lines[0].startswith(" 1. word")
    assert all(line.startswith("    word") for line in lines[1:])


def test_a_heading_is_underlined_as_wide_as_it_is() -> None:
    assert heading("On land") == "ON LAND\n-------"
    assert heading("今日要闻") == "今日要闻\n--------"


@given(parts=st.lists(words, max_size=40))
def test_wrapping_loses_nothing(parts: list[str]) -> None:
    text = " ".join(parts)
    assert wrap(text).replace("\n", "").replace(" ", "") == text.replace(" ", "")
