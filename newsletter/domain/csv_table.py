"""Tables as people have them: CSV in whatever encoding and with whatever delimiter their program wrote."""

from __future__ import annotations

import codecs
import csv
import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from newsletter.errors import InvalidInput

DELIMITERS = (",", ";", "\t", "|")

_UNREADABLE = "\ufffd"  # what a decoder with errors="replace" leaves in place of bytes that it cannot read
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_TEXT = (
    (b"PK\x03\x04", "is an Excel or zip file: save it as CSV (UTF-8) and import that"),
    (
        b"\xd0\xcf\x11\xe0",
        "is an old Excel file: save it as CSV (UTF-8) and import that",
    ),
    (b"\x1f\x8b", "is compressed: unpack it and import what is inside"),
    (b"%PDF", "is a PDF: export the table as CSV (UTF-8) and import that"),
)
# A lead and a trail byte of GB 2312, whose characters nearly all Chinese text consists of.
_COMMON_CHINESE = re.compile(rb"[\xa1-\xa9\xb0-\xf7][\xa1-\xfe]")
_HIGH_BYTE = re.compile(rb"[\x80-\xff]")
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)  # Excel's own hint about the delimiter
_LINE_END = re.compile(r"\r\n|\r|\n")
_LONE_ADDRESS = re.compile(r"\s*[^\s,;|]+@[^\s,;|]+\s*")
_LINES_LOOKED_AT = 10
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


class Record(NamedTuple):
    """One record: the line where it begins (from 1), its cells, and why it cannot be read ("" where it can).

    A named tuple, because a million of them are made where a frozen dataclass costs three times as much.
    """

    line: int
    cells: list[str]
    fault: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """How the cells of a table are set apart; `skipped_lines` stand before its first record."""

    delimiter: str
    skipped_lines: int = 0


def detect_encoding(sample: bytes) -> str:
    """The codec that reads this sample: UTF-8, UTF-16, GB18030 or Windows-1252; InvalidInput for what is no text.

    A sample may end inside a character. A few bytes that are wrong do not change the verdict: their lines
    are reported when they are read. Pure ASCII counts as UTF-8.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return encoding
    for start, what in _NOT_TEXT:
        if sample.startswith(start):
            raise InvalidInput(f"the file {what}")
    if sample.count(0) * 20 > len(sample):
        return _utf16_without_mark(sample)
    if _reads_mostly(sample, "utf-8"):
        return "utf-8"
    chinese = 2 * len(_COMMON_CHINESE.findall(sample))
    is_chinese = chinese * 10 >= len(_HIGH_BYTE.findall(sample)) * 7 and _reads_mostly(sample, "gb18030")
    return "gb18030" if is_chinese else "cp1252"


def _utf16_without_mark(sample: bytes) -> str:
    # Of ASCII characters, which every table of addresses holds, one byte in two is NUL: the high one.
    low_first, high_first = sample[1::2].count(0), sample[0::2].count(0)
    encoding = "utf-16-le" if low_first > high_first else "utf-16-be"
    if max(low_first, high_first) < 8 * min(low_first, high_first) or "@" not in sample.decode(encoding, "replace"):
        raise InvalidInput("the file is not text: import a CSV file in UTF-8")
    return encoding


def _reads_mostly(sample: bytes, encoding: str) -> bool:
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample)
    foreign = len(text) - len(text.encode("ascii", "ignore"))
    return 2 * text.count(_UNREADABLE) <= foreign


def detect_dialect(head: str) -> Dialect:
    """The delimiter of a table whose first lines these are: it leaves an address alone in its cell, and cuts best."""
    lines = _LINE_END.split(head)
    skipped = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if said := _SEPARATOR_LINE.fullmatch(lines[skipped]):
        return Dialect(delimiter=said[1], skipped_lines=skipped + 1)
    shown = lines[skipped : skipped + _LINES_LOOKED_AT]
    return Dialect(
        delimiter=max(DELIMITERS, key=lambda delimiter: _merit(shown, delimiter)),
        skipped_lines=skipped,
    )


def _merit(lines: list[str], delimiter: str) -> tuple[bool, int]:
    rows = [next(csv.reader([line], delimiter=delimiter), []) for line in lines]
    return any(_LONE_ADDRESS.fullmatch(cell) for row in rows for cell in row), len(rows[0])


def read_records(lines: Iterable[str], *, dialect: Dialect, encoding: str) -> Iterator[Record]:
    """All records but blank ones, from lines that keep their ends; what cannot be read is a record with its fault.

    A quotation mark that nothing closes spoils its own line only: reading goes on with the next.
    """
    source = _Lines(lines)
    reader = csv.reader(source, delimiter=dialect.delimiter, strict=True)
    line = 1
    while True:
        source.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            source.give_back()
            reader = csv.reader(source, delimiter=dialect.delimiter, strict=True)
            yield Record(
                line,
                source.taken[0].rstrip("\r\n").split(dialect.delimiter),
                _csv_fault(error),
            )
            line += 1
            continue
        if line > dialect.skipped_lines and any(cells) and any(cell.strip() for cell in cells):
            yield Record(line, cells, _text_fault(source.taken, encoding))
        line += len(source.taken)


def _csv_fault(error: csv.Error) -> str:
    if "field larger" in str(error):
        return f"a cell is longer than {csv.field_size_limit():,} characters, or a quotation mark is not closed"
    return "a quotation mark is not closed, or stands inside a cell without being doubled"


def _text_fault(lines: list[str], encoding: str) -> str:
    for line in lines:
        if _UNREADABLE in line:
            return f"it holds bytes that cannot be read as {encoding.removesuffix('-sig').upper()}"
        if "\0" in line:
            return "it holds a NUL character"
    return ""


class _Lines:
    """Lines that can be given back: those taken for a record that came to nothing, all but its first."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = iter(lines)
        self._returned: deque[str] = deque()
        self.taken: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        return line

    def give_back(self) -> None:
        self._returned.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def guard_cell(text: str) -> str:
    """A cell that a spreadsheet shows instead of calculating it: marked as text by an apostrophe where it must be."""
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def unguard_cell(text: str) -> str:
    """What a cell held before guard_cell."""
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA_STARTS) else text
