"""How fast subscribers come in from a CSV file."""

from __future__ import annotations

import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from newsletter import samples
from newsletter.bench.site import open_site
from newsletter.services import importing, lists, newsletters


def run(database_url: str, *, rows: int) -> dict[str, Any]:
    """Seconds, rows per second and memory of one import into an empty database, and of the same file once more."""
    with open_site(database_url, "") as site, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "readers.csv"
        _write_csv(path, rows)
        runtime = site.runtime
        with runtime.transaction() as session:
            newsletter = newsletters.create_newsletter(session, **samples.NEWSLETTER, now=runtime.now())
            lists.create_list(session, name="Readers", newsletter_id=newsletter.id, now=runtime.now())
        before = _peak_mb()
        seconds: list[float] = []
        created: list[int] = []
        for _ in range(2):
            started = time.monotonic()
            result = importing.import_subscribers(
                runtime.transaction,
                path,
                list_slug="readers",
                file_name=path.name,
                now=runtime.now(),
                address_key=runtime.links.address_key,
                errors_path=Path(folder) / "errors.csv",
            )
            seconds.append(time.monotonic() - started)
            created.append(result.created)
    return {
        "rows": rows,
        "created": created[0],
        "seconds": round(seconds[0], 2),
        "rows_per_second": round(rows / seconds[0]),
        "created_again": created[1],
        "seconds_again": round(seconds[1], 2),
        "memory_growth_mb": round(_peak_mb() - before, 1),
    }


def _write_csv(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("email,name,language,time_zone,city\n")
        for number in range(rows):
            # A step that shares no factor with the count of rows puts them out of order, as in real files.
            file.write(f"reader{number * 7_919 % rows}.{number}@example.org,Reader {number},en,Europe/Berlin,Hamburg\n")


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
