"""How many posts a second the event webhook takes: a real web process, signed posts over kept connections."""

from __future__ import annotations

import base64
import http.client
import os
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from newsletter.bench.ports import free_port
from newsletter.bench.processes import Child, usage_of
from newsletter.errors import ServiceUnavailable
from newsletter.providers.sendgrid_events import SIGNATURE_HEADER, TIMESTAMP_HEADER

PATH = "/webhooks/sendgrid"
_START_SECONDS = 60.0
_TIMESTAMP = "1782108000"
_BUSY = 0.85

Signed = tuple[bytes, dict[str, str]]
Backends = Callable[[], list[int]]


def run(
    database_url: str, bodies: Sequence[bytes], *, backends: Backends, posts: int = 600, clients: int = 4
) -> dict[str, Any]:
    """Posts a second that are answered with 202, each committed before; what it cost, and what bounds it.

    Keys: endpoint_posts, endpoint_posts_per_second, endpoint_web_cpu_ms, endpoint_database_cpu_ms and
    endpoint_client_cpu_ms (each per post; `backends` names the database's processes), endpoint_bound_by. The posts
    differ only by blanks, so that each is new to the web process without as much memory.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    signed = [_signed(key, bodies[number % len(bodies)] + b" " * (number // len(bodies))) for number in range(posts)]
    with tempfile.TemporaryDirectory(prefix="newsletter-bench-") as folder:
        port = free_port()
        web = Child(
            "newsletter",
            "web",
            f"--port={port}",
            environment=_environment(folder, database_url, key),
            log=Path(folder) / "web.log",
        )
        try:
            _wait_for(port)
            # As many connections as will be used, so that each has its database process before the count begins.
            _post_at_once(port, signed[:clients], clients=clients)
            return _measure(web, port, signed[clients:], backends=backends(), clients=clients)
        finally:
            web.stop()


def _measure(
    web: Child, port: int, signed: Sequence[Signed], *, backends: Sequence[int], clients: int
) -> dict[str, Any]:
    web_before, database_before, client_before = web.usage(), usage_of(backends), time.process_time()
    began = time.perf_counter()
    _post_at_once(port, signed, clients=clients)
    seconds = time.perf_counter() - began
    spent = {
        "web": web.usage().cpu_seconds - web_before.cpu_seconds,
        "database": usage_of(backends).cpu_seconds - database_before.cpu_seconds,
        "client": time.process_time() - client_before,
    }
    return {
        "endpoint_posts": len(signed),
        "endpoint_posts_per_second": round(len(signed) / seconds, 1),
        **{f"endpoint_{name}_cpu_ms": round(1000 * cpu / len(signed), 2) for name, cpu in spent.items()},
        "endpoint_bound_by": _bound_by(spent, seconds),
    }


def _bound_by(spent: dict[str, float], seconds: float) -> str:
    cores = os.cpu_count() or 1
    if spent["web"] / seconds >= _BUSY:
        return "the one core of the web process"
    if sum(spent.values()) / seconds >= _BUSY * cores or os.getloadavg()[0] > cores:
        return "the cores of this machine, which others use too"
    return "waiting for commits"


def _post_at_once(port: int, signed: Sequence[Signed], *, clients: int) -> None:
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda number: _post_all(port, signed[number::clients]), range(clients)))


def _post_all(port: int, signed: Sequence[Signed]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for body, headers in signed:
        connection.request("POST", PATH, body=body, headers=headers)
        answer = connection.getresponse()
        words = answer.read()
        if answer.status != http.client.ACCEPTED:
            raise ServiceUnavailable(f"the webhook answered {answer.status}: {words[:200].decode(errors='replace')}")
    connection.close()


def _signed(key: ec.EllipticCurvePrivateKey, body: bytes) -> Signed:
    signature = key.sign(_TIMESTAMP.encode() + body, ec.ECDSA(SHA256()))
    return body, {SIGNATURE_HEADER: base64.b64encode(signature).decode(), TIMESTAMP_HEADER: _TIMESTAMP}


def _environment(folder: str, database_url: str, key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    values = {
        "DATA_DIR": folder,
        "DATABASE_URL": database_url,
        "SECRET_KEY": uuid.uuid4().hex,
        "SENDGRID_WEBHOOK_PUBLIC_KEYS": base64.b64encode(spki).decode(),
    }
    environment = {f"NEWSLETTER_{name}": value for name, value in values.items()}
    return environment | {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}


def _wait_for(port: int) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise ServiceUnavailable("the web process of the benchmark did not start: try again on a quieter machine")
