"""The worker and beat processes: `python -m workers worker` and `python -m workers beat`."""

from __future__ import annotations

import argparse
import gc
import sys
import warnings
from os import getpid

from newsletter.db.engine import make_engine
from newsletter.errors import NewsletterError
from newsletter.logs import configure_logs
from newsletter.settings import Settings, load_settings
from workers.app import make_worker_app

DEFAULT_CONCURRENCY = 2
# A batch of 500 makes some thousand containers at once and drops them together, none of them in a cycle: looking for
# cycles after every 700 took a tenth of a worker's time (docs/benchmarks.md).
GARBAGE_EVERY = 50_000


def main() -> int:
    """Run one background process until it is told to stop; returns its exit code."""
    arguments = _parse()
    try:
        settings = load_settings()
        configure_logs(settings.log_format)
        app = make_worker_app(settings)
        settings.signing_key()
        # A database that is away is waited for; one that cannot be named never comes.
        make_engine(settings.effective_database_url).dispose()
    except NewsletterError as error:
        print(error, file=sys.stderr)
        return 1
    gc.set_threshold(GARBAGE_EVERY)
    warnings.filterwarnings("ignore", message="You're running the worker with superuser privileges")
    if arguments.process == "beat":
        app.Beat(scheduler="celery.beat:Scheduler", loglevel="WARNING", quiet=True).run()
    else:
        app.worker_main(_worker_arguments(settings, arguments))
    return 0


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    parser.add_argument("process", choices=["worker", "beat"])
    parser.add_argument("--concurrency", type=int, default=DEFAULT_CONCURRENCY)
    parser.add_argument("--pool", choices=["auto", "threads", "prefork", "solo"], default="auto")
    return parser.parse_args()


def _worker_arguments(settings: Settings, arguments: argparse.Namespace) -> list[str]:
    is_sqlite = settings.effective_database_url.startswith("sqlite")
    # SQLite has one writer: threads of one process share it with less waiting than processes do.
    pool = arguments.pool if arguments.pool != "auto" else ("threads" if is_sqlite else "prefork")
    return [
        # Celery's banner goes to standard output, where a command's result belongs.
        "--quiet",
        "worker",
        f"--pool={pool}",
        f"--concurrency={arguments.concurrency}",
        f"--hostname=newsletter-{getpid()}@%h",
        "--loglevel=WARNING",
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    ]


if __name__ == "__main__":
    sys.exit(main())
