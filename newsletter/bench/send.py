"""How fast an issue goes out, from "send" to the last acceptance in the ledger, by real workers."""

from __future__ import annotations

import os
import time
from typing import Any

from sqlalchemy import func, text

from newsletter.bench import baselines, stages
from newsletter.bench.processes import Usage
from newsletter.bench.site import Sink, Site, open_site, provider_settings
from newsletter.db.models import Attempt, Issue

STAGE_RECIPIENTS = 10_000


def run(
    database_url: str,
    broker_url: str,
    *,
    recipients: int,
    provider: str,
    workers: int,
    sink_address: str,
    seconds: float,
) -> dict[str, Any]:
    """Figures of one send. `sink_address` (HOST:PORT) is somebody else's sink, whose count is not ours to read."""
    sink = Sink(provider)
    host, port = _address(sink_address) if sink_address else ("127.0.0.1", sink.port)
    try:
        with open_site(database_url, broker_url, **provider_settings(provider, port, host=host)) as site:
            figures = _measure(site, sink, recipients=recipients, workers=workers, seconds=seconds)
            if sink_address:
                figures["sink"] = None
            table = stages.profile(site, recipients=min(recipients, STAGE_RECIPIENTS))
            us = baselines.measure(provider, host, port)
        ours = sum(row["us"] for row in table)
        baseline = {
            "us_per_recipient": round(us, 1),
            "ours_us_per_recipient": round(ours, 1),
            "times": round(us / ours, 1),
        }
        return figures | {"stages": table, "baseline": baseline}
    finally:
        sink.close()


def _measure(site: Site, sink: Sink, *, recipients: int, workers: int, seconds: float) -> dict[str, Any]:
    issue_id = site.make_issue(recipients)
    site.start(workers)
    site.wait_until_idle()  # the workers' start is not what is measured
    before = site.database_usage()
    idle = [child.usage() for child in site.workers]
    started = time.monotonic()
    site.send(issue_id)
    frozen = time.monotonic()
    site.wait(issue_id, seconds=seconds)
    took = _seconds_to_last_acceptance(site, issue_id)
    usages = [child.usage() for child in site.workers]
    database = site.database_usage()
    tally = site.tally(issue_id)
    taken = sink.ask()
    cpu_seconds = {
        "workers": _cpu(usages) - _cpu(idle),
        "postgres": database.cpu_seconds - before.cpu_seconds,
        "sink": sink.usage().cpu_seconds,
    }
    return {
        "recipients": recipients,
        "workers": workers,
        "seconds": round(took, 2),
        "seconds_of_snapshot": round(frozen - started, 2),
        "recipients_per_second": round(tally.accepted / took),
        "worker_peak_mb": round(max(usage.peak_mb for usage in usages), 1),
        "cpu_seconds": _rounded(cpu_seconds),
        "cpu_us_per_recipient": _rounded({name: used / recipients * 1e6 for name, used in cpu_seconds.items()}),
        # How long it takes at least where nobody else uses the machine: snapshot included, all cores busy.
        "seconds_if_cores_were_free": round(sum(cpu_seconds.values()) / (os.cpu_count() or 1), 2),
        "ledger_bytes_per_recipient": _ledger_bytes(site, recipients),
        "ledger": {"accepted": tally.accepted, "failed": tally.failed, "unknown": tally.unknown},
        "sink": {name: taken[name] for name in ("accepted", "people", "doubled")},
        "is_accounted_for": taken["accepted"] == taken["people"] == tally.accepted == recipients,
    }


def _seconds_to_last_acceptance(site: Site, issue_id: int) -> float:
    """From "send" to the end of the last attempt: that the tick closes the issue later is no part of it."""
    with site.runtime.reading() as session:
        issue = session.get(Issue, issue_id)
        last = session.query(func.max(Attempt.finished_at)).filter(Attempt.issue_id == issue_id).scalar()
    assert issue is not None and issue.started_at is not None and last is not None
    seconds: float = (last - issue.started_at).total_seconds()
    return seconds


def _rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(figure, 2) for name, figure in figures.items()}


def _cpu(usages: list[Usage]) -> float:
    return sum(usage.cpu_seconds for usage in usages)


def _ledger_bytes(site: Site, recipients: int) -> float | None:
    with site.runtime.reading() as session:
        if session.get_bind().dialect.name != "postgresql":
            return None
        size: int = session.execute(text("SELECT pg_total_relation_size('deliveries')")).scalar_one()
    return round(size / recipients, 1)


def _address(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host or "127.0.0.1", int(port)
