"""Sending under fire: processes killed at random, broker and database shaken, a provider that misbehaves.

Played out in three acts: kills while mail goes out; calm until nothing moves any more; and, where the provider tells us
its events, what is still in doubt is sent again, since whatever was taken has been told by then. With a short wait for
events, doubts settle by themselves before that: by events, by silence, by the provider's log.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from newsletter.bench.chaos_verdict import judge
from newsletter.bench.faulty import ServerProcess
from newsletter.bench.postgres import OwnPostgres
from newsletter.bench.sendgrid_server import API_KEY
from newsletter.bench.site import Site, open_site, provider_settings
from newsletter.errors import ConfigurationError, InvalidInput, ServiceUnavailable

FAULT_SHARE = 0.05
LEASE_SECONDS = 5
TIMEOUT_SECONDS = 3.0
BATCH_SIZE = {"smtp": 50, "sendgrid": 20}
SMTP_CONNECTIONS = 2
# Somebody is killed at least this often, however slowly the mail goes.
_LONGEST_PEACE_SECONDS = 8.0
_POLL_SECONDS = 0.2
_LAST_ACT_SECONDS = 180.0
_DATABASE_SECONDS = 60.0
_RESENDS = 5
_MODULES = {"smtp": "newsletter.bench.smtp_server", "sendgrid": "newsletter.bench.sendgrid_server"}

T = TypeVar("T")


@dataclass(kw_only=True, slots=True)
class Fire:
    """Everything that a run shakes."""

    site: Site
    provider: ServerProcess
    postgres: OwnPostgres | None
    chance: random.Random
    tells: bool
    settles: bool
    fault_share: float
    issue_id: int = 0

    def patiently(self, call: Callable[[], T]) -> T:
        """What `call` returns; while the database is being restarted, it is called again."""
        until = time.monotonic() + _DATABASE_SECONDS
        while True:
            try:
                return call()
            except ServiceUnavailable:
                if time.monotonic() > until:
                    raise
                time.sleep(_POLL_SECONDS)


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
    webhook: bool = False,
    log: bool = False,
    unknown_wait: float = 0.0,
    own_postgres: bool = False,
    fault_share: float = FAULT_SHARE,
) -> dict[str, Any]:
    """The verdict (`chaos_verdict.judge`), with what was done: kills by process, restarts, seconds.

    `webhook`: the provider tells its events to a real web process; `log`: it has a log that can be asked (both SendGrid
    only). `unknown_wait`: seconds after which doubts settle by themselves; 0 leaves them to the operator of the end.
    `own_postgres`: a Postgres is made for this run and restarted once as after a crash; otherwise that part is left
    out, and the verdict says so.
    """
    if (webhook or log or unknown_wait) and provider != "sendgrid":
        raise InvalidInput("only SendGrid tells its events or has a log: use --provider sendgrid, or leave those out")
    with ExitStack() as stack:
        postgres = OwnPostgres() if own_postgres else None
        if postgres is not None:
            stack.callback(postgres.close)
        server = stack.enter_context(ServerProcess(_MODULES[provider], *(["--with-log"] if log else [])))
        settings = _settings(provider, server, recipients=recipients, kills=kills)
        if unknown_wait:
            settings |= {"unknown_wait_seconds": unknown_wait}
        site = stack.enter_context(open_site(postgres.url if postgres else database_url, broker_url, **settings))
        fire = Fire(
            site=site,
            provider=server,
            postgres=postgres,
            chance=random.Random(seed),
            tells=webhook,
            settles=unknown_wait > 0,
            fault_share=fault_share,
        )
        return _play(fire, recipients=recipients, workers=workers, kills=kills, seed=seed, seconds=minutes * 60)


def _settings(provider: str, server: ServerProcess, *, recipients: int, kills: int) -> dict[str, Any]:
    return provider_settings(provider, server.port) | {
        "claim_lease_seconds": LEASE_SECONDS,
        "sendgrid_api_key": API_KEY,
        "sendgrid_timeout_seconds": TIMEOUT_SECONDS,
        "sendgrid_webhook_public_keys": server.ready.get("public_key", ""),
        "sendgrid_batch_size": BATCH_SIZE["sendgrid"],
        "smtp_timeout_seconds": TIMEOUT_SECONDS,
        "smtp_batch_size": BATCH_SIZE["smtp"],
        "smtp_connections": SMTP_CONNECTIONS,
        "tick_seconds": 0.5,
        # Slow enough that there is something left to kill, up to the last kill.
        "rate_per_second": max(200, recipients / max(kills, 1)),
    }


def _play(fire: Fire, *, recipients: int, workers: int, kills: int, seed: int, seconds: float) -> dict[str, Any]:
    site = fire.site
    fire.issue_id = site.make_issue(recipients)
    site.start(workers)
    if fire.tells:
        site.start_web()
        fire.provider.control({"webhook": f"{site.web_url}/webhooks/sendgrid", "seed": seed})
    chance = {"share": fire.fault_share, "seed": seed}
    fire.provider.control({"chance": chance, "patience_seconds": 2 * TIMEOUT_SECONDS, "keeps_requests": False})
    fire.provider.control({"log": {"chance": chance, "slow_seconds": 2 * TIMEOUT_SECONDS, "reset": "1"}})
    site.send(fire.issue_id)
    started = time.monotonic()
    until = started + seconds
    killed = _kill(fire, recipients=recipients, kills=kills, until=until)
    until = max(until, time.monotonic() + _LAST_ACT_SECONDS)
    _calm(fire, until=until)
    verdict = judge(site, fire.provider, fire.issue_id, connections=SMTP_CONNECTIONS if _is_smtp(fire) else None)
    if fire.tells:
        verdict = _resend_untold(fire, verdict, until=until)
    return {
        "seed": seed,
        "recipients": recipients,
        "provider": site.runtime.provider.name,
        "webhook": fire.tells,
        "unknown_wait": site.runtime.settings.unknown_wait_seconds,
        "kills": sum(killed.values()),
        "killed": killed,
        "broker_flush": "done" if site.runtime.settings.broker_url else "skipped: the embedded broker is files",
        "postgres_restart": "done" if fire.postgres else "skipped: give --own-postgres",
        "seconds": round(time.monotonic() - started, 1),
    } | verdict


def _is_smtp(fire: Fire) -> bool:
    return fire.site.runtime.provider.name == "smtp"


def _kill(fire: Fire, *, recipients: int, kills: int, until: float) -> dict[str, int]:
    """Kill spread over the whole send, by its progress; returns how many of each kind of process."""
    killed = {"worker": 0, "beat": 0, "web": 0}
    for number in range(kills):
        share = (number + 1) / (kills + 2)
        peace = time.monotonic() + _LONGEST_PEACE_SECONDS
        while fire.patiently(lambda: fire.site.tally(fire.issue_id)).done < share * recipients:
            _play_operator(fire)
            if time.monotonic() > min(peace, until):
                break
            time.sleep(_POLL_SECONDS)
        if time.monotonic() > until:
            break
        time.sleep(fire.chance.uniform(0, _POLL_SECONDS))
        killed[_kill_one(fire)] += 1
        _shake(fire, number, kills)
    return killed


def _kill_one(fire: Fire) -> str:
    site = fire.site
    names = ["worker"] * len(site.workers) + ["beat"] + (["web"] if fire.tells else [])
    name = fire.chance.choice(names)
    if name == "worker":
        site.workers.pop(fire.chance.randrange(len(site.workers))).kill()
        site.start_worker()
    elif name == "beat":
        assert site.beat is not None
        site.beat.kill()
        site.start_beat()
    else:
        assert site.web is not None
        site.web.kill()
        site.start_web()
    return name


def _shake(fire: Fire, number: int, kills: int) -> None:
    """The broker forgets everything after a third of the kills, the database crashes after two thirds."""
    if number == kills // 3 and fire.site.runtime.settings.broker_url:
        empty_broker(fire.site.runtime.settings.broker_url)
    if number == 2 * kills // 3 and fire.postgres is not None:
        fire.postgres.restart()


def _calm(fire: Fire, *, until: float) -> None:
    """Until nothing moves any more: the issue is at rest, all events were told and taken in, and doubts are settled."""
    while time.monotonic() < until:
        if _is_settled(fire) and _is_told(fire):
            return
        _play_operator(fire)
        time.sleep(_POLL_SECONDS)


def _is_settled(fire: Fire) -> bool:
    """Whether the issue is at rest, and nothing that is in doubt will be settled by itself soon."""
    if fire.settles and fire.patiently(lambda: fire.site.has_doubts_on_the_way(fire.issue_id)):
        return False
    return fire.patiently(lambda: fire.site.is_final(fire.issue_id))


def _is_told(fire: Fire) -> bool:
    if not fire.tells:
        return True
    return bool(fire.provider.control({})["is_told"]) and not fire.patiently(fire.site.has_waiting_posts)


def _play_operator(fire: Fire) -> None:
    """Somebody who resumes at once, and to whom each wait is too long: else the pauses would last for hours."""
    fire.patiently(lambda: fire.site.go_on(fire.issue_id))


def _resend_untold(fire: Fire, verdict: dict[str, Any], *, until: float) -> dict[str, Any]:
    """All events are in, so what is still unknown was never taken: send it again, by a provider that behaves."""
    faults = verdict["faults"]
    fire.provider.control({"chance": {"share": 0.0, "seed": 1}})
    resent = 0
    while verdict["unknown"] and not verdict["unknown_at_provider"] and resent < _RESENDS:
        resent += 1
        fire.patiently(lambda: fire.site.resend_unknown(fire.issue_id))
        _calm(fire, until=until)
        later = judge(fire.site, fire.provider, fire.issue_id, connections=None)
        verdict = later | {"unknown_before_resend": verdict.get("unknown_before_resend", verdict["unknown"])}
    settled = verdict["unknown"] == 0
    return verdict | {"faults": faults, "resent": resent, "is_clean": verdict["is_clean"] and settled}


def empty_broker(broker_url: str) -> None:
    """Forget everything in the broker's own database (FLUSHDB: what others keep on the same server stays)."""
    url = urlsplit(broker_url)
    if url.password or url.scheme != "redis":
        raise ConfigurationError("the chaos benchmark needs a Redis of its own: redis://host:port/number")
    number = url.path.strip("/") or "0"
    with socket.create_connection((url.hostname or "127.0.0.1", url.port or 6379), timeout=30) as link:
        link.sendall(f"SELECT {number}\r\nFLUSHDB\r\nQUIT\r\n".encode())
        while link.recv(4096):
            pass
