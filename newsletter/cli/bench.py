"""`newsletter bench …`: repeatable benchmarks, each in databases and processes of its own."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Annotated

import typer

from newsletter.bench import chaos as chaos_bench
from newsletter.bench import events as events_bench
from newsletter.bench import imports as import_bench
from newsletter.bench import rate as rate_bench
from newsletter.bench import send as send_bench
from newsletter.bench import smtp as smtp_bench
from newsletter.bench.site import fresh_database
from newsletter.cli.output import AsJson, print_result
from newsletter.errors import Conflict, InvalidInput
from newsletter.settings import ProviderName, Settings

Recipients = Annotated[
    int, typer.Option("--recipients", "--size", min=1, help="How many subscribers are made and mailed.")
]
Provider = Annotated[str, typer.Option(help="smtp or sendgrid.")]
Workers = Annotated[int, typer.Option(min=1, max=64, help="How many worker processes.")]
Database = Annotated[
    str, typer.Option(metavar="URL", help="A Postgres to make a database on, dropped afterwards; else an SQLite file.")
]
Broker = Annotated[str, typer.Option(metavar="URL", help="A Redis database of its own; else the embedded broker.")]
SMTP_BATCH_SIZE: int = Settings.model_fields["smtp_batch_size"].default
Minutes = Annotated[float, typer.Option(min=0.1, help="Longest time, in minutes.")]


def register(app: typer.Typer) -> None:
    """Add `newsletter bench …`."""
    group = typer.Typer(no_args_is_help=True, help="Repeatable benchmarks; they touch no data of yours.")
    group.callback()(_end_in_order)
    group.command("send")(send)
    group.command("smtp")(smtp)
    group.command("chaos")(chaos)
    group.command("import")(import_rows)
    group.command("rate")(rate)
    group.command("events")(events)
    app.add_typer(group, name="bench")


def _end_in_order() -> None:
    """Repeatable benchmarks; they touch no data of yours."""
    # Processes and the database of a benchmark go with it, also when it is asked to stop.
    signal.signal(signal.SIGTERM, _leave)


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


def send(
    recipients: Recipients = 20_000,
    provider: Provider = "sendgrid",
    workers: Workers = 2,
    database: Database = "",
    broker: Broker = "",
    sink: Annotated[str, typer.Option(metavar="HOST:PORT", help="Another SMTP sink than our own.")] = "",
    minutes: Minutes = 10,
    as_json: AsJson = False,
) -> None:
    """Send an issue as fast as it goes, and say where the time goes.

    Example: newsletter bench send --recipients 20000 --provider sendgrid --json
    """
    result = send_bench.run(
        database,
        broker,
        recipients=recipients,
        provider=_known(provider),
        workers=workers,
        sink_address=sink,
        seconds=minutes * 60,
    )
    print_result(result, as_json=as_json)


def smtp(
    mails: Annotated[int, typer.Option(min=5, help="How many mails go our way.")] = 20_000,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Parallel SMTP connections.")] = 8,
    batch: Annotated[int, typer.Option(min=1, help="Recipients handed to the provider at once.")] = SMTP_BATCH_SIZE,
    plain_mails: Annotated[int, typer.Option(min=5, help="How many go by EmailMessage and smtplib.")] = 200,
    server: Annotated[
        str, typer.Option("--smtp", metavar="HOST:PORT", help="An SMTP server that takes all mail; else our own sink.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Send whole mails as fast as one process can, and the same ones by EmailMessage and smtplib; without a ledger.

    Example: newsletter bench smtp --mails 20000 --smtp 127.0.0.1:2525 --json
    """
    result = smtp_bench.run(
        mails=mails, connections=connections, batch_size=batch, plain_mails=plain_mails, smtp_address=_address(server)
    )
    print_result(result, as_json=as_json)


def chaos(
    recipients: Recipients = 20_000,
    provider: Provider = "smtp",
    workers: Workers = 4,
    kills: Annotated[int, typer.Option(min=0, help="How many processes are killed.")] = 50,
    seed: Annotated[int, typer.Option(help="The same seed gives the same kills and faults.")] = 1,
    fault_share: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the requests or mails at which the provider fails.")
    ] = 0.05,
    minutes: Minutes = 10,
    webhook: Annotated[
        bool, typer.Option(help="SendGrid tells its events to a web process, which is killed like the others.")
    ] = False,
    log: Annotated[
        bool, typer.Option(help="SendGrid has a log that can be asked; it fails at the same share.")
    ] = False,
    unknown_wait: Annotated[
        float,
        typer.Option(min=0, help="Seconds after which doubts settle by themselves; 0 leaves them to an operator."),
    ] = 0,
    own_postgres: Annotated[
        bool, typer.Option(help="Start a Postgres for this run, and restart it once in mid-send, as after a crash.")
    ] = False,
    database: Database = "",
    broker: Broker = "",
    as_json: AsJson = False,
) -> None:
    """Kill processes and let the provider misbehave in mid-send; exit code 1 if anybody is missing, doubled or wrong.

    Example: newsletter bench chaos --provider sendgrid --webhook --own-postgres --recipients 2000 --kills 10 --seed 7
    """
    result = chaos_bench.run(
        database,
        broker,
        recipients=recipients,
        provider=_known(provider),
        workers=workers,
        kills=kills,
        seed=seed,
        minutes=minutes,
        webhook=webhook,
        log=log,
        unknown_wait=unknown_wait,
        own_postgres=own_postgres,
        fault_share=fault_share,
    )
    print_result(result, as_json=as_json)
    if not result["is_clean"]:
        raise Conflict(f"the ledger and the provider disagree: run it again with --seed {seed} and look at the figures")


def import_rows(
    rows: Annotated[int, typer.Option(min=1, help="How many lines the CSV file has.")] = 100_000,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Import subscribers from a CSV file made for it, twice.

    Example: newsletter bench import --rows 1000000
    """
    print_result(import_bench.run(database, rows=rows), as_json=as_json)


def rate(
    per_second: Annotated[float, typer.Option(min=1, help="The rate that is set.")] = 500,
    seconds: Annotated[int, typer.Option(min=3, help="For how long.")] = 60,
    workers: Workers = 4,
    restart: Annotated[
        rate_bench.Restart, typer.Option(help="Restart all workers in the middle: rolling (one by one) or all at once.")
    ] = rate_bench.Restart.NONE,
    database: Database = "",
    broker: Broker = "",
    as_json: AsJson = False,
) -> None:
    """Send at a set rate, and count the mails that arrive in each second.

    Example: newsletter bench rate --per-second 500 --seconds 60 --workers 4 --restart rolling
    """
    result = rate_bench.run(database, broker, per_second=per_second, seconds=seconds, workers=workers, restart=restart)
    print_result(result, as_json=as_json)


def events(
    posts: Annotated[int, typer.Option(min=1, help="How many posts of events come in.")] = 100,
    events_per_post: Annotated[int, typer.Option(min=1, help="Events in each.")] = 1_000,
    database: Database = "",
    as_json: AsJson = False,
) -> None:
    """Take in provider events, in sets and row by row for comparison.

    Example: newsletter bench events --posts 100 --events-per-post 1000
    """
    with fresh_database(database) as url:
        print_result(events_bench.run(url, posts, events_per_post), as_json=as_json)


def _address(address: str) -> str:
    port = address.rpartition(":")[2]
    if address and not (port.isdecimal() and 0 < int(port) < 65_536):
        raise InvalidInput(f"{address} is no address of a server: write HOST:PORT")
    return address


def _known(provider: str) -> str:
    if provider not in (ProviderName.SMTP, ProviderName.SENDGRID):
        raise InvalidInput(f"there is no benchmark for {provider}: use --provider smtp or --provider sendgrid")
    return provider
