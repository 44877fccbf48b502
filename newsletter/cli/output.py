"""What the command line prints: the result on standard output, everything else on standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from newsletter.domain.findings import Finding, Level
from newsletter.errors import NewsletterError, UnreadableBrief

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]

# A pipe has no width; a table that is cut or wrapped there is of no use to the next program.
PIPE_WIDTH = 240

STYLES: Mapping[str, str] = {
    "draft": "yellow",
    "in review": "cyan",
    "changes requested": "magenta",
    "approved": "green",
    "scheduled": "cyan",
    "sending": "cyan",
    "paused": "magenta",
    "sent": "green",
    "incomplete": "red",
    "cancelled": "dim",
    "ok": "green",
    "warning": "yellow",
    "failed": "red",
    "blocker": "red",
    "note": "dim",
}


def stdout() -> Console:
    """Where results for people go: colours only on a terminal, no markup in what others wrote."""
    width = None if sys.stdout.isatty() else PIPE_WIDTH
    return Console(markup=False, highlight=False, emoji=False, width=width)


def stderr() -> Console:
    """Where progress, hints and errors go."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def print_json(value: object) -> None:
    """One JSON document on standard output; times and dates in ISO 8601."""
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    typer.echo(json.dumps(value, ensure_ascii=not is_unicode, indent=2, default=_as_json))


def print_error(error: NewsletterError | OSError) -> None:
    """One line on standard error that says what is wrong; a brief's faults follow, one line each."""
    console = stderr()
    lines = _error_lines(error)
    console.print(Text.assemble(("error: ", "bold red"), visible(lines[0])), soft_wrap=True)
    for line in lines[1:]:
        console.print(Text(f"  {visible(line)}"), soft_wrap=True)


def say(message: str, *, style: str = "") -> None:
    """A remark on standard error that is not part of the result."""
    stderr().print(Text(visible(message), style=style), soft_wrap=True)


def print_line(message: str, *, style: str = "") -> None:
    """One line of a result for people."""
    stdout().print(Text(visible(message), style=style), soft_wrap=True)


def print_next(command: str) -> None:
    """What one would usually do next."""
    stdout().print(Text.assemble(("next: ", "dim"), visible(command)), soft_wrap=True)


def print_table(headers: Sequence[str], rows: Sequence[Sequence[object]], *, nothing: str) -> None:
    """A table with numbers to the right; `nothing` is said where there are no rows."""
    if not rows:
        print_line(nothing, style="dim")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for position, header in enumerate(headers):
        is_number = all(_is_number(row[position]) for row in rows)
        table.add_column(header, justify="right" if is_number else "left", no_wrap=is_number, overflow="fold")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    stdout().print(table)


def print_fields(fields: Mapping[str, object]) -> None:
    """Names and values, one pair a line, numbers under each other."""
    digits = max((len(str(value)) for value in fields.values() if _is_number(value)), default=0)
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in fields.items():
        grid.add_row(name, _cell(f"{value:>{digits}}" if _is_number(value) else value))
    stdout().print(grid)


def print_findings(findings: Sequence[Finding]) -> None:
    """Findings for people, blockers first."""
    for finding in sorted(findings, key=lambda found: list(Level).index(found.level)):
        where = f"line {finding.line}: " if finding.line else ""
        level = str(finding.level)
        stdout().print(
            Text.assemble(
                (f"{level:8}", STYLES.get(level, "")), f" {visible(where + finding.message)} ", (finding.code, "dim")
            ),
            soft_wrap=True,
        )


def print_result(fields: Mapping[str, object], *, as_json: bool) -> None:
    """One result as one JSON document, or as names and values for people."""
    if as_json:
        print_json(fields)
    else:
        print_fields(fields)


def show_time(at: datetime | None, zone: tzinfo) -> str:
    """A moment as people of this zone write it, with the zone; empty for none."""
    return f"{at.astimezone(zone):%Y-%m-%d %H:%M %Z}" if at else ""


def visible(text: str) -> str:
    """The text on one line without control characters: what others wrote must not steer a terminal."""
    return "".join(character if character.isprintable() else " " for character in text)


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgressLine:
    """A progress bar on standard error; it is there only where somebody can see it."""

    progress: Progress
    task: TaskID

    @property
    def is_visible(self) -> bool:
        """Whether somebody sees it."""
        return not self.progress.disable

    def update(self, done: int, total: int | None) -> None:
        """Show how much is done; `total` None where nobody knows yet."""
        self.progress.update(self.task, completed=done, total=total)


@contextmanager
def progress_line(title: str) -> Iterator[ProgressLine]:
    """A progress bar for the time of a block; invisible unless standard error is a terminal."""
    console = stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        yield ProgressLine(progress=progress, task=progress.add_task(title, total=None))


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _cell(value: object) -> Text:
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, datetime):
        return Text(show_time(value, UTC))
    if isinstance(value, list | tuple):
        return Text(", ".join(visible(str(item)) for item in value))
    text = "" if value is None else visible(str(value))
    return Text(text, style=STYLES.get(text, ""))


def _error_lines(error: NewsletterError | OSError) -> list[str]:
    if isinstance(error, UnreadableBrief):
        count = len(error.faults)
        head = f"the brief cannot be read: {count} {'fault' if count == 1 else 'faults'}, correct and import it again"
        return [head, *(str(fault) for fault in error.faults)]
    if isinstance(error, NewsletterError):
        return [str(error)]
    where = f"{error.filename}: " if error.filename else ""
    return [f"{where}{(error.strerror or str(error)).lower()}"]


def _as_json(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    return str(value)
