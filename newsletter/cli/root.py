"""The root of the command line: which command is in which module, and how errors leave it.

Loading SQLAlchemy and Celery takes most of a second: `newsletter --help` shows a table instead of loading them.
"""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from newsletter import __version__
from newsletter.errors import NewsletterError

if TYPE_CHECKING:
    from typer._click import Command, Context, HelpFormatter


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """Where a command lives, under which heading it is shown, and the first sentence of its help."""

    module: str
    panel: str
    summary: str


def _entries(panel: str, *rows: tuple[str, str, str]) -> dict[str, Entry]:
    return {name: Entry(module=module, panel=panel, summary=summary) for name, module, summary in rows}


COMMANDS: dict[str, Entry] = (
    _entries(
        "Start",
        ("demo", "demo", "Send a sample brief to sample subscribers and show the mails: from nothing, nothing needed."),
        ("init", "setup", "Create the data folder, secret key, tables, a first newsletter and a first admin."),
        ("settings", "setup", "Show every setting with its value, unit and origin; secrets are masked."),
        ("doctor", "doctor", "Check settings, key, database, broker and provider, and say how to repair each."),
        ("db", "setup", "The database: bring it to the newest schema, or look how far it is."),
    )
    | _entries(
        "Content",
        ("newsletter", "newsletters", "Newsletters: who a mail is from, and how it looks."),
        ("publication", "newsletters", "The same as `newsletter newsletter`."),
        ("brief", "briefs", "Briefs: from a text on paper to bytes that somebody approved."),
        ("test-send", "trial", "Send a brief to any address, marked as a test and never counted."),
    )
    | _entries(
        "People",
        ("list", "lists", "Mailing lists of a newsletter."),
        ("subscriber", "subscribers", "Subscribers: import, look at, export, erase."),
        ("suppression", "suppressions", "Addresses that must not be mailed, and why."),
        ("user", "users", "Users of the console and what they may do."),
    )
    | _entries(
        "Sending",
        ("issue", "issues", "Issues: an approved brief on its way to its audience."),
        ("flow", "flow", "Flow: how fast mail goes to whom, and what waits for its turn."),
        ("delivery", "deliveries", "One issue to one subscriber: what happened to it."),
        ("event", "events", "Events: what providers tell about deliveries."),
        ("bounce", "bounces", "Mail that comes back: bounces, complaints, replies."),
        ("alert", "alerts", "Alerts: what happened that a person should look at."),
        ("stats", "stats", "What became of mail, in rates with what they are of: issue by issue, or one by mailbox."),
    )
    | _entries(
        "Processes",
        ("serve", "processes", "Run everything in one process tree: web, worker and beat."),
        ("web", "processes", "Run the web process: console, public pages, health checks."),
        ("worker", "processes", "Run a Celery worker that sends mail."),
        ("beat", "processes", "Run the scheduler that ticks every few seconds. Two at once do no harm."),
        ("bench", "bench", "Repeatable benchmarks; they touch no data of yours."),
    )
)


class RootGroup(TyperGroup):
    """Knows each command by name and summary, and loads its module when it is run or asked for help."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for name, entry in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=entry.summary)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        """The command of this name, with its module loaded."""
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Context, formatter: HelpFormatter) -> None:
        """List the commands under their headings, without loading them."""
        width = max(map(len, COMMANDS))
        for panel in dict.fromkeys(entry.panel for entry in COMMANDS.values()):
            with formatter.section(panel):
                rows = [(name.ljust(width), entry.summary) for name, entry in COMMANDS.items() if entry.panel == panel]
                formatter.write_dl(rows)

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run a command; what a person can understand and act on leaves as one line and exit code 1."""
        try:
            return super().main(*arguments, **options)
        except NewsletterError as error:
            _leave(error)
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            _leave(error)


def load_command(name: str) -> Command:
    """The command or group of this name, from its module."""
    part = typer.Typer(rich_markup_mode=None)
    import_module(f"newsletter.cli.{COMMANDS[name].module}").register(part)
    return typer.main.get_group(part).commands[name]


def _leave(error: NewsletterError | OSError) -> None:
    from newsletter.cli.output import print_error

    print_error(error)
    sys.exit(1)


app = typer.Typer(
    cls=RootGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    # Plain help: it takes half the time, and what it shows can be copied whole.
    rich_markup_mode=None,
    context_settings={"max_content_width": 120},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"newsletter {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Newsletters for newsrooms: the bytes sent are the bytes approved, and every recipient is accounted for.

    Example: newsletter init --admin you@example.org
    """
