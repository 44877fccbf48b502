"""Sending under fire: workers and beat killed at random, the broker emptied, a provider that misbehaves."""

from __future__ import annotations

import random
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson
from sqlalchemy import text

from newsletter.bench.site import Sink, Site, open_site, provider_settings
from newsletter.domain.issue import DeliveryStatus
from newsletter.errors import ConfigurationError
from newsletter.services import sending

FAULT_SHARE = 0.05
LEASE_SECONDS = 5
_TIMEOUT_SECONDS = 2
_BATCH_SIZE = 50
_LAST_LEASES_SECONDS = 60


def run(
    database_url: str,
    broker_url: str,
    *,
    recipients: int,
    provider: str,
    workers: int,
    kills: int,
    seed: int,
    minutes: float,
) -> dict[str, Any]:
    """The verdict: for every person, what the ledger says against what the provider has.

    missing: neither accepted nor failed, suppressed or unknown. wrong: accepted in the ledger and not at the provider,
    or at the provider while the ledger says neither accepted nor unknown.
    """
    chance = random.Random(seed)
    sink = Sink(provider, fault_share=FAULT_SHARE, seed=seed)
    settings = provider_settings(provider, sink.port) | {
        "claim_lease_seconds": LEASE_SECONDS,
        "sendgrid_timeout_seconds": _TIMEOUT_SECONDS,
        "smtp_timeout_seconds": _TIMEOUT_SECONDS,
        "sendgrid_batch_size": _BATCH_SIZE,
        "tick_seconds": 0.5,
        # Slow enough that there is something left to kill, up to the last kill.
        "rate_per_second": max(50, recipients / max(kills, 1)),
    }
    try:
        with open_site(database_url, broker_url, **settings) as site:
            issue_id = site.make_issue(recipients)
            site.start(workers)
            site.send(issue_id)
            started = time.monotonic()
            done = _shoot(site, issue_id, chance, kills=kills, until=started + minutes * 60)
            _settle(site, issue_id, until=max(started + minutes * 60, time.monotonic() + _LAST_LEASES_SECONDS))
            took = time.monotonic() - started
            verdict = _verdict(site, sink, issue_id)
    finally:
        sink.close()
    return {
        "seed": seed,
        "recipients": recipients,
        "provider": provider,
        "kills": done,
        "seconds": round(took, 1),
    } | verdict


def _shoot(site: Site, issue_id: int, chance: random.Random, *, kills: int, until: float) -> int:
    done = 0
    while done < kills and time.monotonic() < until and not site.is_final(issue_id):
        time.sleep(chance.uniform(0.3, 1.7))
        _lift_pauses(site)
        _kill_one(site, chance)
        done += 1
        if done == kills // 2 and site.runtime.settings.broker_url:
            empty_broker(site.runtime.settings.broker_url)
    return done


def _kill_one(site: Site, chance: random.Random) -> None:
    victim = chance.randrange(len(site.workers) + 1)
    if victim == len(site.workers):
        assert site.beat is not None
        site.beat.kill()
        site.start_beat()
    else:
        site.workers.pop(victim).kill()
        site.start_worker()


def _settle(site: Site, issue_id: int, *, until: float) -> None:
    while not site.is_final(issue_id) and time.monotonic() < until:
        _lift_pauses(site)
        time.sleep(0.5)


def _lift_pauses(site: Site) -> None:
    """An operator who presses "resume" at once: a minute's pause after each doubt would make this last for hours."""
    with site.runtime.transaction() as session:
        sending.resume_provider(session, site.runtime.provider.name, now=site.runtime.now())


def empty_broker(broker_url: str) -> None:
    """Forget everything in the broker's own database (FLUSHDB: what others keep on the same server stays)."""
    url = urlsplit(broker_url)
    if url.password or url.scheme != "redis":
        raise ConfigurationError("the chaos benchmark needs a Redis of its own: redis://host:port/number")
    number = url.path.strip("/") or "0"
    with socket.create_connection((url.hostname or "127.0.0.1", url.port or 6379), timeout=5) as link:
        link.sendall(f"SELECT {number}\r\nFLUSHDB\r\nQUIT\r\n".encode())
        while link.recv(4096):
            pass


def _verdict(site: Site, sink: Sink, issue_id: int) -> dict[str, Any]:
    path = Path(site.runtime.settings.data_dir) / "taken.json"
    report = sink.ask(f"save {path}")
    refs = (
        (site.runtime.links.read_delivery_token(token), count)
        for token, count in orjson.loads(path.read_bytes()).items()
    )
    taken = {ref.subscriber_id: count for ref, count in refs if ref is not None and ref.issue_id == issue_id}
    with site.runtime.reading() as session:
        rows = session.execute(
            text("SELECT subscriber_id, status FROM deliveries WHERE issue_id = :issue"), {"issue": issue_id}
        ).all()
    by_status: dict[DeliveryStatus, set[int]] = {status: set() for status in DeliveryStatus}
    for subscriber_id, status in rows:
        by_status[DeliveryStatus(status)].add(subscriber_id)
    accepted, unknown = by_status[DeliveryStatus.ACCEPTED], by_status[DeliveryStatus.UNKNOWN]
    missing = len(by_status[DeliveryStatus.PENDING])
    doubled = sum(count > 1 for count in taken.values())
    wrong = len(accepted - taken.keys()) + len(taken.keys() - accepted - unknown)
    return {
        "audience": len(rows),
        "accepted": len(accepted),
        "failed": len(by_status[DeliveryStatus.FAILED]),
        "at_provider": len(taken),
        "missing": missing,
        "doubled": doubled,
        "wrong": wrong,
        "unknown": len(unknown),
        "unknown_at_provider": len(unknown & taken.keys()),
        "faults": report["faults"],
        "is_clean": not (missing or doubled or wrong),
    }
