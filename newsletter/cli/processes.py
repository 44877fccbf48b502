"""Commands that run processes: serve (all in one tree), web, worker, beat."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from newsletter.cli.supervisor import Supervisor
from newsletter.logs import configure_logs
from newsletter.settings import Settings, load_settings

DEFAULT_PORT = 8000

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")]
Concurrency = Annotated[int, typer.Option(min=1, max=64, help="How many batches are sent at the same time.")]


def register(app: typer.Typer) -> None:
    """Add the process commands to the command line."""
    app.command()(serve)
    app.command()(web)
    app.command()(worker)
    app.command()(beat)


def serve(host: Host = "127.0.0.1", port: Port = DEFAULT_PORT, concurrency: Concurrency = 2) -> None:
    """Run everything in one process tree: web, worker and beat.

    Example: newsletter serve --port 8000
    """
    settings = load_settings()
    settings.signing_key()
    configure_logs(settings.log_format)
    print(f"Serving on http://{host}:{port} — stop with Ctrl-C", file=sys.stderr)
    with process_tree(settings, host=host, port=port, concurrency=concurrency) as tree:
        tree.run()


def web(host: Host = "127.0.0.1", port: Port = DEFAULT_PORT) -> None:
    """Run the web process: console, public pages, health checks.

    Example: newsletter web --host 0.0.0.0 --port 8000
    """
    import uvicorn

    settings = load_settings()
    settings.signing_key()
    configure_logs(settings.log_format)
    uvicorn.run(
        "newsletter.web.app:make_app",
        factory=True,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )


def worker(
    concurrency: Concurrency = 2,
    pool: Annotated[str, typer.Option(help="auto, threads, prefork or solo.")] = "auto",
) -> None:
    """Run a Celery worker that sends mail.

    Example: newsletter worker --concurrency 4
    """
    _become("workers", "worker", f"--concurrency={concurrency}", f"--pool={pool}")


def beat() -> None:
    """Run the scheduler that ticks every few seconds. Two at once do no harm.

    Example: newsletter beat
    """
    _become("workers", "beat")


def process_tree(settings: Settings, *, host: str, port: int, concurrency: int) -> Supervisor:
    """Web, worker and beat as children of this process."""
    return Supervisor(
        {
            "web": ["newsletter", "web", f"--host={host}", f"--port={port}"],
            **background_processes(concurrency),
        },
        environment=os.environ,
        folder=str(Path.cwd()),
    )


def background_processes(concurrency: int) -> dict[str, list[str]]:
    """The module and arguments of the worker and of beat."""
    return {"worker": ["workers", "worker", f"--concurrency={concurrency}"], "beat": ["workers", "beat"]}


def _become(*arguments: str) -> None:
    """Replace this process: the command line and the workers do not import each other."""
    load_settings().signing_key()
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", *arguments])
