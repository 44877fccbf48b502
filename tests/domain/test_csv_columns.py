from __future__ import annotations

import pytest

from newsletter.domain.csv_columns import ALIASES, Columns, ParsedRow, columns_of, parse_row
from newsletter.domain.csv_table import Record
from newsletter.errors import InvalidInput

ZONES = {"Asia/Shanghai", "America/New_York", "UTC"}


def columns(*header: str) -> Columns:
    return columns_of(header, time_zones=ZONES)


def row(header: list[str], *cells: str) -> ParsedRow:
    return parse_row(Record(2, list(cells)), columns(*header))[0]


@pytest.mark.parametrize("field", ["email", "name", "language", "time_zone", "first_name", "last_name"])
def test_each_column_is_known_by_all_its_names(field: str) -> None:
    for alias in ALIASES[field].split():
        found = columns(alias) if field == "email" else columns("email", alias)
        assert getattr(found, field) == (0 if field == "email" else 1), alias


def test_no_name_stands_for_two_columns() -> None:
    every = [alias for aliases in ALIASES.values() for alias in aliases.split()]
    assert len(every) == len(set(every))


@pytest.mark.parametrize(
    "header",
    ["E-Mail", "e-mail address", " EMAIL ", "Email_Address", "Correo electrónico", "邮箱", "電子郵件:", "\ufeffemail"],
)
def test_a_header_is_read_whatever_its_case_and_spacing(header: str) -> None:
    assert columns("Name", header).email == 1


def test_other_columns_become_attributes() -> None:
    found = row(["email", "City", "", "City"], "a@example.com", " Berlin ", "x", "")
    assert found.attributes == {"City": "Berlin", "column_3": "x"}


def test_a_file_without_header_is_read_by_position() -> None:
    found = columns("anna@example.com", "Anna")
    assert not found.has_header
    parsed, note = parse_row(Record(1, ["anna@example.com", "Anna"]), found)
    assert (parsed.address, parsed.name, note) == ("anna@example.com", "Anna", "")
    assert columns("Anna", "anna@example.com").name == 0


def test_a_file_without_addresses_is_refused_naming_its_columns() -> None:
    with pytest.raises(InvalidInput, match=r"“Surname”, “Phone”.*name one of them “email”"):
        columns("Surname", "Phone")


@pytest.mark.parametrize(
    ("header", "cells", "name"),
    [
        (["email", "First Name", "Last Name"], ["Anna", "Schmidt"], "Anna Schmidt"),
        (["email", "First Name", "Last Name"], ["", "Schmidt"], "Schmidt"),
        (["email", "名", "姓"], ["小红", "王"], "王小红"),
        (["email", "Name", "Vorname"], ["Schmidt", "Anna"], "Anna Schmidt"),
        (["email", "Name", "First name"], ["Anna Schmidt", "Anna"], "Anna Schmidt"),
        (["email", "name", "first name"], ["", "Anna"], "Anna"),
    ],
)
def test_names_in_two_columns_are_joined(header: list[str], cells: list[str], name: str) -> None:
    assert row(header, "a@example.com", *cells).name == name


def test_a_name_is_one_line_without_control_characters() -> None:
    assert row(["email", "name"], "a@example.com", " Anna\r\nBcc: x@example.com\u202e\t Y ").name == (
        "Anna Bcc: x@example.com Y"
    )


@pytest.mark.parametrize(
    ("cell", "language"),
    [("EN", "en"), ("zh_cn", "zh-CN"), ("zh-hans-cn", "zh-Hans-CN"), ("中文", "zh"), ("German", "de"), ("", "")],
)
def test_a_language_is_written_in_its_usual_form(cell: str, language: str) -> None:
    assert row(["email", "lang"], "a@example.com", cell).language == language


@pytest.mark.parametrize("cell", ["asia/shanghai", "Asia/Shanghai", " America/new york "])
def test_a_time_zone_is_found_whatever_its_case(cell: str) -> None:
    assert row(["email", "tz"], "a@example.com", cell).time_zone in ZONES


@pytest.mark.parametrize(
    ("header", "cell", "words"),
    [
        ("tz", "Mars/Olympus", "“Mars/Olympus” is not a time zone"),
        ("lang", "??", "language code"),
        ("name", "x" * 201, "200"),
    ],
)
def test_a_value_that_cannot_be_used_is_left_out_and_the_person_kept(header: str, cell: str, words: str) -> None:
    parsed, note = parse_row(Record(2, ["a@example.com", cell]), columns("email", header))
    assert (parsed.name, parsed.language, parsed.time_zone) == ("", "", "")
    assert words in note
    assert "left out" in note


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["", "Anna"], "missing"),
        (["no-address", "Anna"], "name@domain"),
        (["a@example.com"], "1 column, but the first line has 2 columns"),
        (["a@example.com", "Anna", "x"], "3 columns"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(cells: list[str], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_row(Record(2, cells), columns("email", "name"))


def test_empty_cells_past_the_last_column_do_no_harm() -> None:
    assert row(["email", "name"], "a@example.com", "Anna", "", "").name == "Anna"


def test_the_marks_of_a_spreadsheet_are_taken_off() -> None:
    found = row(["email", "name", "code"], "'+anna@example.com", "'=Anna", "'-1")
    assert (found.address, found.name, found.attributes) == ("+anna@example.com", "=Anna", {"code": "-1"})


def test_a_list_of_faults_can_be_corrected_and_imported() -> None:
    assert row(["line", "reason", "email", "city"], "7", "typo", "a@example.com", "Ulm").attributes == {"city": "Ulm"}


@pytest.mark.parametrize(("status", "has_left"), [("unsubscribed", True), ("Suppressed", True), ("confirmed", False)])
def test_an_export_tells_who_has_left(status: str, has_left: bool) -> None:
    found = row(["email", "subscription_status"], "a@example.com", status)
    assert (found.has_left, found.attributes) == (has_left, {})
