"""Facts about what the threads of one worker process share."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from operator import attrgetter
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.runtime import Runtime
from newsletter.settings import Settings

THREADS, ROUNDS = 8, 20


@pytest.fixture(autouse=True)
def _eager_switching() -> Iterator[None]:
    """Threads take turns as often as they can, so that two of them meet."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.parametrize("shared", ["provider", "signer", "announcer.app"])
def test_all_threads_of_a_process_share_one(settings: Settings, tmp_path: Path, shared: str) -> None:
    key = tmp_path / "dkim.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key.write_bytes(pem)
    given = {"dkim_domain": "example.org", "dkim_selector": "s", "dkim_key_file": key}
    for _ in range(ROUNDS):
        with closing(Runtime(settings.model_copy(update=given))) as runtime:
            found: list[object] = []
            start = threading.Barrier(THREADS)

            def take(runtime: Runtime = runtime, start: threading.Barrier = start, found: list[object] = found) -> None:
                start.wait()
                found.append(attrgetter(shared)(runtime))

            threads = [threading.Thread(target=take) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(found) == THREADS
            assert len(set(map(id, found))) == 1
