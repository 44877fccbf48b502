"""`newsletter demo`: the main job from nothing, on the embedded defaults, with a real Celery worker."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from newsletter import samples
from newsletter.cli.output import print_json
from newsletter.cli.processes import background_processes
from newsletter.cli.setup import prepare_data_dir
from newsletter.cli.supervisor import Supervisor
from newsletter.domain.issue import FINAL_STATUSES, IssueStatus, Tally
from newsletter.domain.people import Role
from newsletter.errors import Conflict, NewsletterError
from newsletter.runtime import Runtime
from newsletter.services import briefs, importing, issues, lists, newsletters, users
from newsletter.settings import Settings

DEFAULT_DIR = Path("var/demo")
DEFAULT_PORT = 8025
MARKER = ".newsletter-demo"
LOG_NAME = "demo.log"
LIST_SLUG = "morning-readers"
ADMIN = "admin@harbour.example"
SEND_TIMEOUT_SECONDS = 300.0

console = Console(stderr=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class DemoResult:
    """What the demo did, with the keys of the contract."""

    brief_id: int
    issue_id: int
    audience: int
    accepted: int
    failed: int
    outbox: str
    seconds: float


def register(app: typer.Typer) -> None:
    """Add the demo to the command line."""
    app.command()(demo)


def demo(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the console.")] = DEFAULT_PORT,
    once: Annotated[bool, typer.Option("--once", help="Stop after the send; serve nothing.")] = False,
    folder: Annotated[Path, typer.Option("--dir", help="Where the demo keeps its files.")] = DEFAULT_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Send a sample brief to sample subscribers and show the mails: from nothing, nothing needed.

    Example: newsletter demo --once --json
    """
    started = time.monotonic()
    settings = _demo_settings(folder.absolute(), port)
    if not once and _is_open(port):
        raise Conflict(f"port {port} is taken: name another with --port")
    _start_afresh(settings.data_dir)
    prepare_data_dir(settings)
    runtime = Runtime.from_settings(settings)
    environment = _environment(settings)
    try:
        brief_id, issue_id = _prepare(runtime)
        processes = dict(background_processes(2))
        if not once:
            processes["web"] = ["newsletter", "web", f"--port={port}"]
        place, log_path = str(settings.data_dir), settings.data_dir / LOG_NAME
        with Supervisor(processes, environment=environment, folder=place, log_path=log_path) as tree:
            tally = _send_and_watch(runtime, issue_id, tree)
            result = DemoResult(
                brief_id=brief_id,
                issue_id=issue_id,
                audience=tally.audience,
                accepted=tally.accepted,
                failed=tally.failed,
                outbox=str(settings.outbox_dir),
                seconds=round(time.monotonic() - started, 2),
            )
            if as_json:
                print_json(asdict(result))
            _show_summary(runtime, result, settings, is_serving=not once)
            if not once:
                tree.run()
    finally:
        runtime.close()


def _demo_settings(folder: Path, port: int) -> Settings:
    """The embedded defaults whatever the environment says: a demo must not touch a real installation."""
    defaults: dict[str, Any] = {name: field.default for name, field in Settings.model_fields.items()}
    defaults |= {"data_dir": folder, "base_url": f"http://localhost:{port}", "tick_seconds": 1}
    return Settings(_env_file=None, **defaults)


def _environment(settings: Settings) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith("NEWSLETTER_")}
    return kept | {
        "NEWSLETTER_DATA_DIR": str(settings.data_dir),
        "NEWSLETTER_BASE_URL": settings.base_url,
        "NEWSLETTER_TICK_SECONDS": str(settings.tick_seconds),
    }


def _start_afresh(folder: Path) -> None:
    """Clear an earlier demo away; refuse a folder that holds anything else."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARKER).exists():
            raise Conflict(f"{folder} is not empty and no demo: name another folder with --dir")
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("Made by `newsletter demo`, which clears this folder at its next start.\n")


@contextmanager
def _step(title: str) -> Iterator[None]:
    with console.status(title):
        yield
    console.print(f"[green]✓[/green] {title}")


def _prepare(runtime: Runtime) -> tuple[int, int]:
    """Newsletter, list, subscribers, brief, approval: what people do before a send. Returns (brief id, issue id)."""
    now = runtime.now()
    with _step("A newsletter, a list and an admin"), runtime.transaction() as session:
        row = newsletters.create_newsletter(session, **samples.NEWSLETTER, now=now)
        lists.create_list(session, name="Morning readers", slug=LIST_SLUG, newsletter_id=row.id, now=now)
        admin = users.actor_of(users.create_user(session, email=ADMIN, role=Role.ADMIN, name="Ada Admin", now=now))
    with _step("40 sample subscribers imported from CSV"):
        source = samples.subscribers_path()
        importing.import_subscribers(
            runtime.transaction,
            source,
            list_slug=LIST_SLUG,
            file_name=source.name,
            now=now,
            address_key=runtime.links.address_key,
            errors_path=runtime.settings.data_dir / "imports" / "errors.csv",
        )
    with _step("The sample brief read, checked and submitted"), runtime.transaction() as session:
        brief = briefs.import_brief(session, samples.brief_text(), actor=admin, now=now)
        sha256 = briefs.submit_brief(session, brief.id, actor=admin, now=now)
    with _step(f"Approved: {sha256[:16]}… are the bytes that may go out"), runtime.transaction() as session:
        briefs.approve_brief(session, brief.id, actor=users.OPERATOR, sha256=sha256, now=now)
        issue = issues.create_issue(session, brief_id=brief.id, list_slugs=[LIST_SLUG], actor=admin, now=now)
    return brief.id, issue.id


def _send_and_watch(runtime: Runtime, issue_id: int, tree: Supervisor) -> Tally:
    settings = runtime.settings
    with runtime.transaction() as session:
        issues.send_issue(
            session,
            issue_id,
            actor=users.OPERATOR,
            provider=str(settings.provider),
            batch_size=settings.batch_size(),
            now=runtime.now(),
        )
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    until = time.monotonic() + SEND_TIMEOUT_SECONDS
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("Sending through a Celery worker")
        while time.monotonic() < until:
            tree.watch()
            with runtime.reading() as session:
                status = IssueStatus(issues.find_issue(session, issue_id).status)
                tally = issues.tally_of(session, issue_id)
            progress.update(task, total=tally.audience, completed=tally.done)
            if status in FINAL_STATUSES:
                return tally
            time.sleep(0.1)
    log_path = settings.data_dir / LOG_NAME
    raise NewsletterError(f"the sample issue was not sent within five minutes: {log_path} says why")


def _show_summary(runtime: Runtime, result: DemoResult, settings: Settings, *, is_serving: bool) -> None:
    lines = [
        f"[bold]{result.accepted} of {result.audience}[/bold] mails accepted, {result.failed} failed,"
        f" in {result.seconds} s.",
        f"Each is an .eml file in {result.outbox}",
    ]
    if is_serving:
        _wait_for_port(int(settings.base_url.rpartition(":")[2]), log_path=settings.data_dir / LOG_NAME)
        with runtime.transaction() as session:
            token = users.make_sign_in_link(session, users.find_user(session, ADMIN), now=runtime.now())
        lines += [
            "",
            "Sign in (one click, once), then look at the mails under “Outbox”:",
            f"  [link]{runtime.links.sign_in_url(token)}[/link]",
            "",
            "Try next: open a mail and follow its unsubscribe link · paste your own brief · make a test send",
            f"Stop with Ctrl-C. What the processes say is in {settings.data_dir / LOG_NAME}",
        ]
    else:
        lines += ["", "Try next: python3 dev.py demo      the same, then the console with the mails to look at"]
    console.print(Panel("\n".join(lines), title="Done", border_style="green", expand=False))


def _wait_for_port(port: int, *, log_path: Path) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if _is_open(port):
            return
        time.sleep(0.1)
    print(f"the console does not answer on port {port}: {log_path} says why; another --port may help", file=sys.stderr)


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
