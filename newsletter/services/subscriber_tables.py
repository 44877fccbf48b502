"""Reading a table of subscribers: a CSV file of any size becomes people sorted by address, each of them once.

The file is read to its end before the first person comes out, so that a file which cannot be read changes
nothing. What does not fit into memory is sorted in runs on disk, and the runs are merged.
"""

from __future__ import annotations

import csv
import heapq
import io
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TextIO
from zoneinfo import available_timezones

import orjson

from newsletter.db.queries.imports import StagedRow
from newsletter.domain.csv_columns import Columns, ParsedRow, columns_of, parse_row
from newsletter.domain.csv_table import (
    Record,
    detect_dialect,
    detect_encoding,
    guard_cell,
    read_records,
)
from newsletter.errors import InvalidInput, NotFound

_SAMPLE_BYTES = 262_144
_HEAD_BYTES = 65_536
_LONGEST_LINE = 1_000_000
_RUN_LINES = 50_000
_PROGRESS_ROWS = 5_000

Progress = Callable[[int, int | None], None]


class FaultFile:
    """A CSV file of the lines that could not be used, made when the first one is written.

    UTF-8 with a byte order mark, so that Excel opens it; cells that a spreadsheet would calculate are marked as
    text. Columns: line, reason, then those of the table; corrected, it can be imported as it is.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: tuple[str, ...] = ()
        self._stream: TextIO | None = None
        self._write_row: Callable[[Iterable[object]], object] | None = None

    def write(self, record: Record, reason: str) -> None:
        """Add a line; InvalidInput where the file cannot be written."""
        try:
            write_row = self._write_row or self._begin()
            write_row([record.line, reason, *map(guard_cell, record.cells)])
        except OSError as error:
            raise InvalidInput(f"cannot write the list of faulty lines to {self.path}: {error.strerror}") from None

    @property
    def written_path(self) -> Path | None:
        """Where the faults are; None where there were none."""
        return self.path if self._stream is not None else None

    def close(self) -> None:
        """Finish the file."""
        if self._stream is not None:
            self._stream.close()

    def _begin(self) -> Callable[[Iterable[object]], object]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._stream = self.path.open("w", encoding="utf-8-sig", newline="")
        # It holds what people sent us about others: for the owner's eyes only.
        self.path.chmod(0o600)
        self._write_row = csv.writer(self._stream).writerow
        self._write_row(["line", "reason", *map(guard_cell, self.header)])
        return self._write_row


class SubscriberTable:
    """The people of one CSV file in the order of its lines; `rows` and `invalid` count as it is read."""

    def __init__(
        self,
        stream: BinaryIO,
        *,
        faults: FaultFile,
        on_progress: Progress | None = None,
    ) -> None:
        self.rows = 0
        self.invalid = 0
        self._stream = stream
        self._faults = faults
        self._on_progress = on_progress

    def __iter__(self) -> Iterator[ParsedRow]:
        records = read_file(self._stream)
        first = next(records, None)
        if first is None:
            raise InvalidInput("the file is empty: it needs a line with column names and a line for each person")
        if first.fault:
            raise InvalidInput(f"the first line of the file cannot be used: {first.fault}")
        columns = columns_of(first.cells, time_zones=_time_zones())
        self._faults.header = columns.header
        if not columns.has_header:
            yield from self._parsed([first], columns)
        yield from self._parsed(records, columns)

    def _parsed(self, records: Iterable[Record], columns: Columns) -> Iterator[ParsedRow]:
        for record in records:
            self.rows += 1
            if self._on_progress and self.rows % _PROGRESS_ROWS == 0:
                self._on_progress(self.rows, None)
            try:
                row, note = parse_row(record, columns)
            except InvalidInput as fault:
                self.invalid += 1
                self._faults.write(record, str(fault))
                continue
            if note:
                self._faults.write(record, f"imported, but {note}")
            yield row


def read_file(stream: BinaryIO) -> Iterator[Record]:
    """The records of a CSV file in whatever encoding and with whatever delimiter; the stream stays open."""
    start = stream.tell()
    sample = _sample_of(stream)
    stream.seek(start)
    encoding = detect_encoding(sample)
    head = sample[:_HEAD_BYTES].decode(encoding, "replace")
    text = io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")
    try:
        # A file without line ends comes in pieces, not into memory as a whole.
        lines = iter(partial(text.readline, _LONGEST_LINE), "")
        yield from read_records(lines, dialect=detect_dialect(head), encoding=encoding)
    finally:
        # Closing the wrapper would close the caller's stream.
        if not stream.closed:
            text.detach()


def _sample_of(stream: BinaryIO) -> bytes:
    """The beginning of a file; where that is all ASCII, also the first part that is not."""
    sample = block = stream.read(_SAMPLE_BYTES)
    while block and block.isascii():
        block = stream.read(_SAMPLE_BYTES)
    return sample if block is sample else sample + block


@contextmanager
def opened(source: BinaryIO | Path) -> Iterator[BinaryIO]:
    """A seekable stream of a file or of a stream such as a pipe; NotFound in a sentence where it cannot be opened."""
    if isinstance(source, Path):
        try:
            file = source.open("rb")
        except OSError as error:
            raise NotFound(f"cannot read {source}: {error.strerror}") from None
        with file:
            yield file
    elif source.seekable():
        yield source
    else:
        with tempfile.TemporaryFile() as copy:
            shutil.copyfileobj(source, copy)
            copy.seek(0)
            yield copy


def people_of(rows: Iterable[ParsedRow]) -> Generator[StagedRow]:
    """People sorted by address, each once: of rows with the same address, what a later line gives wins."""
    person: StagedRow | None = None
    for line in sorted_lines(map(_as_line, rows)):
        row = _staged(line)
        if person is None or person.address != row.address:
            if person is not None:
                yield person
            person = row
        else:
            person = _overwritten(person, row)
    if person is not None:
        yield person


def _as_line(row: ParsedRow) -> str:
    # A tab sorts before all characters of an address, and no value holds one: attributes are JSON, which escapes it.
    attributes = orjson.dumps(row.attributes).decode() if row.attributes else ""
    return (
        f"{row.address}\t{row.line:012}\t{row.email}\t{row.name}\t{row.language}\t{row.time_zone}"
        f"\t{row.has_left:d}\t{attributes}\n"
    )


def _staged(line: str) -> StagedRow:
    address, _, email, name, language, time_zone, has_left, attributes = line[:-1].split("\t")
    return StagedRow(address, email, name, language, time_zone, attributes or None, None, int(has_left))


def _overwritten(earlier: StagedRow, later: StagedRow) -> StagedRow:
    attributes = orjson.loads(earlier.attributes or "{}") | orjson.loads(later.attributes or "{}")
    return earlier._replace(
        name=later.name or earlier.name,
        language=later.language or earlier.language,
        time_zone=later.time_zone or earlier.time_zone,
        attributes=orjson.dumps(attributes).decode() if attributes else None,
        has_left=later.has_left,
    )


def sorted_lines(lines: Iterable[str]) -> Iterator[str]:
    """All lines in order of their characters, with no more than a few runs' worth of them in memory."""
    remaining = iter(lines)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as files:
        runs: list[TextIO] = []
        while run := sorted(islice(remaining, _RUN_LINES)):
            if len(run) < _RUN_LINES and not runs:
                yield from run
                return
            path = Path(folder, str(len(runs)))
            spill = files.enter_context(path.open("w+", encoding="utf-8", newline="\n"))
            spill.writelines(run)
            spill.seek(0)
            runs.append(spill)
            del run
        yield from heapq.merge(*runs)


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
