"""Where the time of a send goes: the steps of a worker, one after the other in this process, each with its floor."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from statistics import median
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from newsletter.bench.site import Site
from newsletter.db.models import Batch
from newsletter.db.queries import batches
from newsletter.db.queries.batches import ClaimedBatch
from newsletter.domain.mail import Mailing, Outcome, Recipient
from newsletter.providers.sendgrid_body import BodyBuilder
from newsletter.rendering import Rendered
from newsletter.services import sending
from newsletter.services.mailings import MailingFactory
from newsletter.services.sending import Claim

# Microseconds per recipient of the fastest way that was measured for each step; see docs/benchmarks.md.
FLOORS = {
    "sendgrid": {"claim": 2.8, "members": 3.0, "sign": 1.6, "merge": 0.4, "body": 1.8, "post": 0.4, "record": 5.7},
    "smtp": {"claim": 28.0, "members": 3.0, "sign": 1.6, "merge": 0.4, "body": 23.0, "post": 39.0, "record": 5.7},
}
_LEASE = timedelta(minutes=5)
# Some steps are part of others, where they cannot be stopped and timed by themselves.
_INSIDE = {"members": "claim", "sign": "merge", "body": "post"}

T = TypeVar("T")


class Clock:
    """Microseconds per recipient that each step took, batch by batch: on the wall, and of this process's CPU."""

    def __init__(self) -> None:
        self.wall: defaultdict[str, list[float]] = defaultdict(list)
        self.cpu: defaultdict[str, list[float]] = defaultdict(list)

    def time(self, name: str, people: int, step: Callable[[], T]) -> T:
        """Run one step for so many recipients and write down what it took."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = step()
        self.cpu[name].append((time.process_time() - cpu) / people * 1e6)
        self.wall[name].append((time.perf_counter() - wall) / people * 1e6)
        return result


def profile(site: Site, *, recipients: int) -> list[dict[str, Any]]:
    """Stage, µs per recipient and floor, over about this many recipients of a new issue for the same people.

    Each is the median over the batches: on a busy machine the mean tells more about the others than about us.
    """
    with site.runtime.reading() as session:
        newest = session.query(Batch.issue_id).order_by(Batch.issue_id.desc()).limit(1).scalar()
    site.close()
    issue_id = site.another_issue(newest or 1)
    site.send(issue_id)
    with site.runtime.reading() as session:
        _, rendered = sending.load_approved(session, issue_id)
    clock = Clock()
    count = 0
    with site.runtime.transaction() as session:
        claim = _claim(site, session, issue_id)
    while claim is not None and count < recipients:
        count += len(claim.addressees)
        claim = _one_batch(site, rendered, claim, clock)
    return _table(site.runtime.provider.name, clock)


def _table(provider: str, clock: Clock) -> list[dict[str, Any]]:
    wall, cpu = ({name: median(found) for name, found in times.items()} for times in (clock.wall, clock.cpu))
    for part, whole in _INSIDE.items():
        wall[whole] = max(wall[whole] - wall[part], 0.0)
        cpu[whole] = max(cpu[whole] - cpu[part], 0.0)
    return [
        {"stage": name, "us": round(wall[name], 2), "cpu_us": round(cpu[name], 2), "floor_us": floor}
        for name, floor in FLOORS[provider].items()
    ]


def _one_batch(site: Site, rendered: Rendered, claim: Claim, clock: Clock) -> Claim | None:
    """Hand one batch over, timing each step; returns the claim of the next."""
    runtime = site.runtime
    size = len(claim.addressees)
    with runtime.reading() as session:
        row = session.get_one(Batch, claim.batch_id)
        batch = ClaimedBatch._make(getattr(row, name) for name in ClaimedBatch._fields)
        clock.time("members", size, lambda: batches.mailable_of_batch(session, batch))
    links, issue_id = runtime.links, claim.issue_id
    factory = MailingFactory(rendered, issue_id=issue_id, links=links, bounce_domain="", date=claim.planned_at)
    clock.time("sign", size, lambda: [links.delivery_token(issue_id, id_) for id_, _, _ in claim.addressees])
    people = clock.time("merge", size, lambda: factory.recipients(claim.addressees))
    clock.time("body", size, lambda: _compose(runtime.provider.name, factory.mailing, people))
    outcomes = clock.time("post", size, lambda: list(runtime.provider.send(factory.mailing, people)))
    return _record(site, claim, outcomes, clock)


def _record(site: Site, claim: Claim, outcomes: list[Outcome], clock: Clock) -> Claim | None:
    """Record a batch and claim the next in one transaction, as a worker does; the commit counts as recording."""
    size = len(claim.addressees)
    following: list[Claim | None] = []

    def record_and_claim() -> None:
        now = site.runtime.now()
        with site.runtime.transaction() as session:
            sending.record_last_outcomes(session, claim, outcomes, source="bench", now=now)
            sending.finish_claim(session, claim, outcome="done", now=now)
            following.append(clock.time("claim", size, lambda: _claim(site, session, claim.issue_id)))

    clock.time("record", size, record_and_claim)
    for times in (clock.wall, clock.cpu):
        times["record"][-1] -= times["claim"][-1]
    return following[0]


def _claim(site: Site, session: Session, issue_id: int) -> Claim | None:
    return sending.claim_batch(
        session,
        issue_id,
        worker="bench",
        provider=site.runtime.provider.name,
        now=site.runtime.now(),
        lease=_LEASE,
    )


def _compose(provider: str, mailing: Mailing, people: list[Recipient]) -> None:
    if provider == "sendgrid":
        BodyBuilder(mailing).body(people)
        return
    for person in people:
        mailing.compose(person)
