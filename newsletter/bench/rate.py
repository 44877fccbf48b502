"""How evenly mails arrive at the provider when a rate is set, with several workers, also while they are restarted."""

from __future__ import annotations

import time
from enum import StrEnum
from statistics import fmean
from typing import Any

from newsletter.bench.site import Sink, Site, open_site, provider_settings

_START_SECONDS, _READY_SECONDS = 4.0, 30.0


class Restart(StrEnum):
    """What happens to the workers in the middle of the send: nothing, one after the other, or all in one moment."""

    NONE = "none"
    ROLLING = "rolling"
    ALL = "all"


def run(
    database_url: str,
    broker_url: str,
    *,
    per_second: float,
    seconds: int,
    workers: int,
    restart: Restart = Restart.NONE,
) -> dict[str, Any]:
    """Arrivals at an SMTP sink in each whole second: least, mean and most; the first and last second do not count.

    Seconds in which all workers are gone, and those in which they stop and begin, are left out and counted apart.
    """
    sink = Sink("smtp")
    try:
        settings = provider_settings("smtp", sink.port) | {"rate_per_second": per_second}
        with open_site(database_url, broker_url, **settings) as site:
            issue_id = site.make_issue(round(per_second * seconds))
            site.start(workers)
            time.sleep(_START_SECONDS)
            site.send(issue_id)
            if restart is not Restart.NONE:
                time.sleep(seconds / 3)
                _RESTARTS[restart](site)
            site.wait(issue_id, seconds=seconds * 3 + 60)
            arrivals, tally = sink.ask()["per_second"], site.tally(issue_id)
    finally:
        sink.close()
    return {
        "target_per_second": per_second,
        "workers": workers,
        "restart": str(restart),
        "mails": sum(arrivals),
        "accepted": tally.accepted,
        "seconds": len(arrivals),
        **evenness(arrivals[1:-1] or arrivals, least=per_second / 2),
    }


def evenness(arrivals: list[int], *, least: float) -> dict[str, Any]:
    """gap_seconds, and min, mean and max of the other seconds; zeros where a busy machine left no other."""
    whole = without_gaps(arrivals, least=least)
    return {
        "gap_seconds": len(arrivals) - len(whole),
        "min": min(whole, default=0),
        "mean": round(fmean(whole), 1) if whole else 0.0,
        "max": max(whole, default=0),
    }


def without_gaps(arrivals: list[int], *, least: float) -> list[int]:
    """The seconds outside gaps: of each run of seconds without a mail, its two neighbours go too if they are poor."""
    poor = [count < least for count in arrivals]
    empty = [count == 0 for count in arrivals]
    is_gap = [poor[index] and any(empty[max(0, index - 1) : index + 2]) for index in range(len(arrivals))]
    return [count for count, gap in zip(arrivals, is_gap, strict=True) if not gap]


def _one_after_the_other(site: Site) -> None:
    """As a deployment does: the new worker sends before the old one is told to stop."""
    for old in list(site.workers):
        before = site.count_senders()
        site.start_worker()
        until = time.monotonic() + _READY_SECONDS
        while site.count_senders() == before and time.monotonic() < until:
            time.sleep(0.2)
        site.workers.remove(old)
        old.stop()


def _all_at_once(site: Site) -> None:
    old, site.workers[:] = list(site.workers), []
    for child in old:
        child.ask_to_stop()
    for child in old:
        child.stop()
    for _ in old:
        site.start_worker()


_RESTARTS = {Restart.ROLLING: _one_after_the_other, Restart.ALL: _all_at_once}
