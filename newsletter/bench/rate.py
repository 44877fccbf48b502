"""How evenly mails arrive at the provider when a rate is set, with several workers."""

from __future__ import annotations

import time
from statistics import fmean
from typing import Any

from newsletter.bench.site import Sink, open_site, provider_settings


def run(database_url: str, broker_url: str, *, per_second: float, seconds: int, workers: int) -> dict[str, Any]:
    """Arrivals at an SMTP sink in each whole second: least, mean and most; the first and last second do not count."""
    people = round(per_second * seconds)
    sink = Sink("smtp")
    try:
        settings = provider_settings("smtp", sink.port) | {"rate_per_second": per_second}
        with open_site(database_url, broker_url, **settings) as site:
            issue_id = site.make_issue(people)
            site.start(workers)
            time.sleep(4)
            site.send(issue_id)
            site.wait(issue_id, seconds=seconds * 2 + 60)
            arrivals = sink.ask()["per_second"]
    finally:
        sink.close()
    whole = arrivals[1:-1] or arrivals
    return {
        "target_per_second": per_second,
        "workers": workers,
        "mails": sum(arrivals),
        "seconds": len(arrivals),
        "min": min(whole),
        "mean": round(fmean(whole), 1),
        "max": max(whole),
    }
