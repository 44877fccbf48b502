"""How fast provider events are taken in: in sets, and row by row through the ORM for comparison."""

from __future__ import annotations

import itertools
import random
import resource
import sys
import time
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.orm import Session

from newsletter import samples
from newsletter.bench import webhook
from newsletter.bench.processes import usage_of
from newsletter.db import migrate
from newsletter.db.models import Delivery, Event, Subscriber, Subscription
from newsletter.domain.issue import DeliveryStatus
from newsletter.domain.subscriber import SubscriptionStatus
from newsletter.jobs import Job
from newsletter.links import Links
from newsletter.providers.sendgrid_events import ToldEvent, parse_events
from newsletter.runtime import Runtime
from newsletter.services import briefs, events, issues, lists, newsletters
from newsletter.services.users import OPERATOR
from newsletter.settings import Settings

_NOW = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)
_BASELINE_EVENTS = 2_000
_PEOPLE_AT_ONCE = 5_000
_REPEATED_SHARE = 0.02
_BODIES_OF_ENDPOINT = 10


def run(
    database_url: str, posts: int = 100, events_per_post: int = 1_000, *, endpoint_posts: int = 600
) -> dict[str, Any]:
    """Events per second of the drain on this database, and of the row-by-row baseline on the same events.

    Keys: events, new, duplicate, seconds, events_per_second, us_per_event, cpu_us_per_event (ours),
    database_cpu_us_per_event (the server's processes for this database, where it runs on this machine),
    orm_events_per_second, times_orm, memory_growth_mb, and those of the endpoint (see `webhook`). Makes a newsletter,
    an issue and subscribers of its own, so give it an empty database.
    """
    migrate.upgrade(database_url)
    settings = Settings(_env_file=None, database_url=database_url, secret_key="a key of benchmarks")  # noqa: S106
    runtime = Runtime(settings, announce=_stay_silent)
    try:
        people = max(posts * events_per_post // 3, 1)
        with runtime.transaction() as session:
            issue_id, ids = _make_issue(session, people)
        bodies = list(_make_posts(runtime.links, issue_id, ids, posts=posts, events_per_post=events_per_post))
        _store(runtime, bodies)
        before = _memory_mb()
        backends = _backends(runtime)
        cpu_before = time.process_time(), usage_of(backends).cpu_seconds
        counts, seconds = _drain(runtime)
        cpu = time.process_time() - cpu_before[0]
        database_cpu = usage_of(backends).cpu_seconds - cpu_before[1]
        growth = _memory_mb() - before
        orm = _baseline(runtime, bodies)
        endpoint = webhook.run(
            database_url, bodies[:_BODIES_OF_ENDPOINT], backends=lambda: _backends(runtime), posts=endpoint_posts
        )
    finally:
        runtime.close()
    speed = counts.received / seconds
    return {
        "events": counts.received,
        "new": counts.new,
        "duplicate": counts.duplicate,
        "seconds": round(seconds, 3),
        "events_per_second": round(speed),
        "us_per_event": round(1e6 / speed, 1),
        "cpu_us_per_event": round(1e6 * cpu / counts.received, 1),
        "database_cpu_us_per_event": round(1e6 * database_cpu / counts.received, 1),
        "orm_events_per_second": round(orm),
        "times_orm": round(speed / orm, 1),
        "memory_growth_mb": round(growth, 1),
        **endpoint,
    }


def _backends(runtime: Runtime) -> list[int]:
    """The processes of a Postgres that work for this database; none for SQLite, which works in ours."""
    with runtime.reading() as session:
        if session.get_bind().dialect.name != "postgresql":
            return []
        return list(session.scalars(text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")))


def _stay_silent(job: Job) -> None:
    """The benchmark drains by itself."""


def _make_issue(session: Session, people: int) -> tuple[int, list[int]]:
    newsletter = newsletters.create_newsletter(session, **(samples.NEWSLETTER | {"slug": "bench-events"}), now=_NOW)
    readers = lists.create_list(
        session, name="Bench events", slug="bench-events", newsletter_id=newsletter.id, now=_NOW
    )
    ids: list[int] = []
    for start in range(0, people, _PEOPLE_AT_ONCE):
        rows = [_person(number) for number in range(start, min(start + _PEOPLE_AT_ONCE, people))]
        ids += session.scalars(Subscriber.__table__.insert().returning(Subscriber.id), rows)  # type: ignore[attr-defined]
    places = [{"list_id": readers.id, "subscriber_id": id_, "status": int(SubscriptionStatus.CONFIRMED)} for id_ in ids]
    session.execute(Subscription.__table__.insert(), [row | {"consent_source": "bench"} for row in places])  # type: ignore[attr-defined]
    brief = briefs.import_brief(session, samples.brief_text(), actor=OPERATOR, now=_NOW)
    briefs.submit_brief(session, brief.id, actor=OPERATOR, now=_NOW)
    briefs.approve_brief(session, brief.id, actor=OPERATOR, now=_NOW)
    issue = issues.create_issue(session, brief_id=brief.id, list_slugs=["bench-events"], actor=OPERATOR, now=_NOW)
    issues.send_issue(session, issue.id, actor=OPERATOR, provider="sendgrid", batch_size=500, now=_NOW)
    accepted = Delivery.__table__.update().values(status=int(DeliveryStatus.ACCEPTED))  # type: ignore[attr-defined]
    session.execute(accepted)
    return issue.id, ids


def _person(number: int) -> dict[str, Any]:
    address = f"bench{number:07}@example.org"
    return {"email": address, "address": address, "name": "", "language": "", "time_zone": "", "status": 0} | {
        "created_at": _NOW,
        "updated_at": _NOW,
    }


def _make_posts(links: Links, issue_id: int, ids: list[int], *, posts: int, events_per_post: int) -> Any:
    """Posts as SendGrid sends them: three events a reader, near each other but mixed, a few told twice."""
    chance = random.Random(1)
    told = _tell_all(links, issue_id, ids, chance)
    recent: list[dict[str, Any]] = []
    for _ in range(posts):
        fresh = list(itertools.islice(told, events_per_post - int(len(recent) * _REPEATED_SHARE)))
        repeated = chance.sample(recent, min(len(recent), events_per_post - len(fresh)))
        post = fresh + repeated
        chance.shuffle(post)
        recent = fresh
        yield orjson.dumps(post)


def _tell_all(links: Links, issue_id: int, ids: list[int], chance: random.Random) -> Any:
    number = itertools.count()
    for subscriber_id in itertools.cycle(ids):
        came_back = chance.random() < 0.01
        third = [("bounce", _BOUNCE)] if came_back else [("delivered", _DELIVERED), ("open", _OPEN)]
        for name, fields in [("processed", {}), *third]:
            count = next(number)
            yield {
                "email": f"bench{subscriber_id:07}@example.org",
                "timestamp": int(_NOW.timestamp()) + count // 1000,
                "event": name,
                "sg_event_id": f"{name}-{count:020}",
                "sg_message_id": f"14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.{count}",
                "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
                "category": ["bench-events"],
                "nl_delivery": links.delivery_token(issue_id, subscriber_id),
                "nl_issue": str(issue_id),
                **fields,
            }


_BOUNCE = {"type": "bounce", "status": "5.1.1", "reason": "550 5.1.1 no such user", "tls": 1}
_DELIVERED = {"response": "250 2.0.0 OK 1782108000 a1-20020a05gsmtp", "ip": "192.0.2.1", "tls": 1}
_OPEN = {"useragent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko (via ggpht.com GoogleImageProxy)", "ip": "192.0.2.1"}


def _store(runtime: Runtime, bodies: list[bytes]) -> None:
    for body in bodies:
        with runtime.transaction() as session:
            events.store_post(session, body, source=events.SENDGRID, now=_NOW)


def _drain(runtime: Runtime) -> tuple[events.EventCounts, float]:
    total = events.EventCounts()
    began = time.perf_counter()
    while True:
        with runtime.transaction() as session:
            counts = events.drain_posts(session, links=runtime.links, now=_NOW)
        if not counts.posts:
            return total, time.perf_counter() - began
        total += counts


def _baseline(runtime: Runtime, bodies: list[bytes]) -> float:
    """Events per second of the obvious way: look, then add an object and change another, commit after each post."""
    told = [event for body in bodies for event in parse_events(body)][:_BASELINE_EVENTS]
    began = time.perf_counter()
    for start in range(0, len(told), 1_000):
        with runtime.transaction() as session:
            for event in told[start : start + 1_000]:
                _add_one(session, runtime.links, event)
    return len(told) / (time.perf_counter() - began)


def _add_one(session: Session, links: Links, event: ToldEvent) -> None:
    ref = links.read_delivery_token(event.token)
    assert ref is not None
    key = f"baseline:{ref.issue_id}:{ref.subscriber_id}:{event.key}"
    if session.query(Event).filter_by(natural_key=key).first() is not None:
        return
    delivery = session.get_one(Delivery, (ref.issue_id, ref.subscriber_id))
    delivery.marks |= event.meaning.marks
    row = Event(
        natural_key=key,
        issue_id=ref.issue_id,
        subscriber_id=ref.subscriber_id,
        kind=str(event.meaning.kind),
        at=datetime.fromtimestamp(event.seconds, UTC),
        source="baseline",
    )
    row.detail = event.detail
    session.add(row)
    session.flush()


def _memory_mb() -> float:
    """The most memory that this process has ever had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)
