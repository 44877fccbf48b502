from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.domain.csv_table import (
    Dialect,
    Record,
    detect_dialect,
    detect_encoding,
    guard_cell,
    read_records,
    unguard_cell,
)
from newsletter.errors import InvalidInput

CHINESE = "email,姓名,城市\nli@example.com,李明,北京\nwang@example.com,王小红,上海浦东\n"
GERMAN = "email,name,city\njm@example.de,Jörg Müller,Köln\nas@example.de,Änne Groß,Würzburg\n"
PLAIN = "email,name\nanna@example.com,Anna\n"


def records(text: str, delimiter: str = ",", *, skipped_lines: int = 0) -> list[Record]:
    dialect = Dialect(delimiter=delimiter, skipped_lines=skipped_lines)
    return list(read_records(io.StringIO(text, newline=""), dialect=dialect, encoding="utf-8"))


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (PLAIN.encode(), "utf-8"),
        (CHINESE.encode(), "utf-8"),
        (GERMAN.encode(), "utf-8"),
        (codecs.BOM_UTF8 + CHINESE.encode(), "utf-8-sig"),
        (CHINESE.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"), "utf-16"),
        (CHINESE.encode("utf-16-le"), "utf-16-le"),
        (CHINESE.encode("utf-16-be"), "utf-16-be"),
        (PLAIN.encode("utf-16-le"), "utf-16-le"),
        (CHINESE.encode("gb18030"), "gb18030"),
        (CHINESE.encode("gbk"), "gb18030"),
        (GERMAN.encode("cp1252"), "cp1252"),
        ("email,prénom\nrené@example.fr,José Ñandú – “Pepe”\n".encode("cp1252"), "cp1252"),
        ("email,naam\na@example.nl,€ 20\n".encode("cp1252"), "cp1252"),
    ],
)
def test_an_encoding_is_known_by_its_bytes(raw: bytes, encoding: str) -> None:
    assert detect_encoding(raw) == encoding
    assert raw.decode(detect_encoding(raw)).startswith("email,")


@pytest.mark.parametrize(
    ("text", "encoding"), [(CHINESE * 20, "utf-8"), (CHINESE * 20, "gb18030"), (GERMAN * 20, "utf-8")]
)
def test_a_sample_may_end_inside_a_character(text: str, encoding: str) -> None:
    raw = text.encode(encoding)
    assert {detect_encoding(raw[:size]) for size in range(len(raw) - 40, len(raw))} == {encoding}


def test_one_wrong_byte_does_not_change_the_verdict() -> None:
    assert detect_encoding((CHINESE * 5).encode() + b"bad@example.com,\xff\xfe,x\n") == "utf-8"
    assert detect_encoding((CHINESE * 5).encode("gb18030") + b"bad@example.com,\xff,x\n") == "gb18030"


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"PK\x03\x04\x14\x00\x06\x00" + b"\x00" * 50, "Excel"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"%PDF-1.7\n", "PDF"),
        (bytes(range(256)) * 4 + b"\x00" * 400, "not text"),
        (b"\x00" * 1000, "not text"),
    ],
)
def test_what_is_no_text_is_refused_with_advice(raw: bytes, word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        detect_encoding(raw)


@pytest.mark.parametrize(
    ("head", "delimiter"),
    [
        ("email,name\n", ","),
        ("email;name\n", ";"),
        ("email\tname\n", "\t"),
        ("email|name\n", "|"),
        ("email\nanna@example.com\n", ","),
        ('"name, first";email;city\n', ";"),
        ("Müller, Anna;anna@example.org\n", ";"),
        ("\n\nemail;name\n", ";"),
        ('email;"a, b, c, d"\nanna@example.com;x\n', ";"),
    ],
)
def test_the_delimiter_is_the_one_that_leaves_addresses_alone(head: str, delimiter: str) -> None:
    assert detect_dialect(head).delimiter == delimiter


def test_the_hint_that_excel_writes_is_followed_and_skipped() -> None:
    dialect = detect_dialect("sep=;\nemail;name\n")
    assert dialect == Dialect(delimiter=";", skipped_lines=1)
    found = records("sep=;\nemail;name\nanna@example.com;A\n", ";", skipped_lines=1)
    assert [(record.line, record.cells) for record in found] == [
        (2, ["email", "name"]),
        (3, ["anna@example.com", "A"]),
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_each_system_ends_them(end: str) -> None:
    assert [record.cells for record in records(f"a,b{end}c,d{end}e,f")] == [["a", "b"], ["c", "d"], ["e", "f"]]


def test_a_record_is_named_by_the_line_where_it_begins() -> None:
    found = records('email,note\na@example.com,"one\ntwo\nthree"\n\n,\nb@example.com,x\n')
    assert [(record.line, record.cells[0]) for record in found] == [
        (1, "email"),
        (2, "a@example.com"),
        (7, "b@example.com"),
    ]


def test_an_open_quotation_mark_spoils_its_own_line_only() -> None:
    found = records('email,name\na@example.com,"Anna\nb@example.com,"Bob"\nc@example.com,Carl\n')
    assert [(record.line, bool(record.fault)) for record in found] == [(1, False), (2, True), (3, False), (4, False)]
    assert found[2].cells == ["b@example.com", "Bob"]
    assert "quotation mark" in found[1].fault


def test_an_open_quotation_mark_does_not_swallow_the_rest_of_the_file() -> None:
    rest = "".join(f"reader{number}@example.com,R\n" for number in range(20_000))
    found = records(f'email,name\na@example.com,"Anna\n{rest}')
    assert [record.line for record in found if record.fault] == [2]
    assert len(found) == 20_002


def test_a_huge_cell_is_the_fault_of_its_line() -> None:
    found = records(f"email,name\na@example.com,{'x' * 200_000}\nb@example.com,B\n")
    assert [bool(record.fault) for record in found] == [False, True, False]
    assert "longer than 131,072" in found[1].fault


@pytest.mark.parametrize(("cell", "word"), [("A\0nna", "NUL"), ("A\ufffdnna", "UTF-8")])
def test_what_no_database_takes_is_the_fault_of_its_line(cell: str, word: str) -> None:
    found = records(f"email,name\na@example.com,{cell}\nb@example.com,B\n")
    assert [word in record.fault for record in found] == [False, True, False]


@given(st.lists(st.text(st.sampled_from('a,";\n\r\t@ 中\0')), max_size=30))
def test_no_text_stops_the_reading_and_no_line_is_told_twice(lines: list[str]) -> None:
    def each() -> Iterator[str]:
        yield from (line + "\n" for line in lines)

    found = list(read_records(each(), dialect=Dialect(delimiter=","), encoding="utf-8"))
    numbers = [record.line for record in found]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("cell", ["=1+1", "+49 30 1234", "-x", "@cmd", "\tx"])
def test_what_a_spreadsheet_would_calculate_is_marked_as_text(cell: str) -> None:
    assert guard_cell(cell) == "'" + cell


@given(st.text())
def test_a_guarded_cell_is_read_as_what_it_was(text: str) -> None:
    if not (text.startswith("'") and text[1:2] in ("=", "+", "-", "@", "\t", "\r")):
        assert unguard_cell(guard_cell(text)) == text
