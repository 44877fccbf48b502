"""Where the time of a send goes: the steps of a worker, one after the other in this process, each with its floor."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from newsletter.bench.site import Site
from newsletter.db.models import Batch
from newsletter.db.queries import batches
from newsletter.db.queries.batches import ClaimedBatch
from newsletter.domain.mail import Mailing, Recipient
from newsletter.providers.sendgrid_body import BodyBuilder
from newsletter.services import sending
from newsletter.services.mailings import MailingFactory

# Microseconds per recipient of the fastest way that was measured for each step; see docs/benchmarks.md.
FLOORS = {
    "sendgrid": {"claim": 2.8, "members": 3.0, "merge": 2.0, "body": 1.8, "post": 0.4, "record": 5.7},
    "smtp": {"claim": 28.0, "members": 3.0, "merge": 2.0, "body": 23.0, "post": 39.0, "record": 5.7},
}
_LEASE = timedelta(minutes=5)

T = TypeVar("T")


class Clock:
    """Seconds spent under each name."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    def time(self, name: str, step: Callable[[], T]) -> T:
        """Run one step and add its time."""
        started = time.perf_counter()
        result = step()
        self.seconds[name] += time.perf_counter() - started
        return result


def profile(site: Site, *, recipients: int) -> list[dict[str, Any]]:
    """Stage, µs per recipient and floor, over about this many recipients of a new issue for the same people."""
    with site.runtime.reading() as session:
        newest = session.query(Batch.issue_id).order_by(Batch.issue_id.desc()).limit(1).scalar()
    site.close()
    issue_id = site.another_issue(newest or 1)
    site.send(issue_id)
    clock = Clock()
    count = 0
    while count < recipients and (people := _one_batch(site, issue_id, clock)):
        count += people
    seconds = clock.seconds
    seconds["claim"] -= seconds["members"]
    seconds["post"] -= seconds["body"]
    floors = FLOORS[site.runtime.provider.name]
    return [
        {"stage": name, "us": round(seconds[name] / max(count, 1) * 1e6, 2), "floor_us": floor}
        for name, floor in floors.items()
    ]


def _one_batch(site: Site, issue_id: int, clock: Clock) -> int:
    runtime = site.runtime
    claim = clock.time("claim", lambda: _claim(site, issue_id))
    if claim is None:
        return 0
    with runtime.reading() as session:
        _, rendered = sending.load_approved(session, issue_id)
        row = session.get_one(Batch, claim.batch_id)
        batch = ClaimedBatch._make(getattr(row, name) for name in ClaimedBatch._fields)
        clock.time("members", lambda: batches.mailable_of_batch(session, batch))
    factory = MailingFactory(rendered, issue_id=issue_id, links=runtime.links, bounce_domain="", date=claim.planned_at)
    people = clock.time("merge", lambda: factory.recipients(claim.addressees))
    clock.time("body", lambda: _compose(runtime.provider.name, factory.mailing, people))
    outcomes = clock.time("post", lambda: list(runtime.provider.send(factory.mailing, people)))

    def record() -> None:
        now = runtime.now()
        with runtime.transaction() as session:
            sending.record_outcomes(session, claim, outcomes, source="bench", now=now, lease=_LEASE)
        with runtime.transaction() as session:
            sending.finish_claim(session, claim, outcome="done", now=now)

    clock.time("record", record)
    return len(people)


def _claim(site: Site, issue_id: int) -> sending.Claim | None:
    runtime = site.runtime
    with runtime.transaction() as session:
        return sending.claim_batch(
            session, issue_id, worker="bench", provider=runtime.provider.name, now=runtime.now(), lease=_LEASE
        )


def _compose(provider: str, mailing: Mailing, people: list[Recipient]) -> None:
    if provider == "sendgrid":
        BodyBuilder(mailing).body(people)
        return
    for person in people:
        mailing.compose(person)
