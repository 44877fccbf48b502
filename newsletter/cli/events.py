"""Commands about events: ingest."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_result
from newsletter.errors import InvalidInput
from newsletter.providers.sendgrid_events import ToldEvent, parse_events
from newsletter.services import events
from newsletter.services.events import EventCounts

_EVENTS_AT_ONCE = 20_000


class EventSource(StrEnum):
    """Who wrote a file of events."""

    SENDGRID = "sendgrid"


def register(app: typer.Typer) -> None:
    """Add `newsletter event …`."""
    group = typer.Typer(no_args_is_help=True, help="Events: what providers tell about deliveries.")
    group.callback()(_group)
    group.command("ingest")(ingest)
    app.add_typer(group, name="event")


def _group() -> None:
    """Events: what providers tell about deliveries."""


def ingest(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A JSON array, or one JSON object or array a line.")],
    provider: Annotated[EventSource, typer.Option(help="Who wrote it.")] = EventSource.SENDGRID,
    as_json: AsJson = False,
) -> None:
    """Take in a file of events, as the webhook would; doing it again changes nothing.

    Example: newsletter event ingest events.json --provider sendgrid
    """
    told = _read_events(file)
    counts = EventCounts()
    with open_runtime() as runtime:
        for start in range(0, len(told), _EVENTS_AT_ONCE):
            with runtime.transaction() as session:
                chunk = told[start : start + _EVENTS_AT_ONCE]
                counts += events.ingest_events(session, chunk, links=runtime.links, now=runtime.now())
    result = {name: number for name, number in asdict(counts).items() if name != "posts"}
    print_result(result, as_json=as_json)


def _read_events(file: Path) -> list[ToldEvent]:
    if not file.exists():
        raise InvalidInput(f"there is no file {file}: check its name")
    if file.is_dir():
        raise InvalidInput(f"{file} is a folder: name one file in it")
    content = file.read_bytes()
    try:
        return parse_events(content)
    except InvalidInput:
        lines = [line for line in content.splitlines() if line.strip()]
    if len(lines) < 2:
        raise InvalidInput(f"{file} is not JSON: give a JSON array of events, or one event a line")
    return [event for number, line in enumerate(lines, 1) for event in _events_of_line(file, line, number)]


def _events_of_line(file: Path, line: bytes, number: int) -> list[ToldEvent]:
    try:
        return parse_events(line)
    except InvalidInput:
        raise InvalidInput(f"line {number} of {file} is not JSON: nothing was taken in") from None
