"""Brokers that deliver every message twice: a wire into Redis, and a hand in the folder of the embedded broker."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from newsletter.settings import Settings

QUEUE = b"newsletter"
POLL_SECONDS = 0.002


class Doubler:
    """How many messages were put into the queue a second time so far."""

    def __init__(self) -> None:
        self.copies = 0
        self.is_over = threading.Event()


@contextmanager
def doubled_redis(url: str) -> Iterator[tuple[str, Doubler]]:
    """The URL of a wire into this Redis that repeats each LPUSH to the queue of the workers."""
    parts = urlsplit(url)
    server = (parts.hostname or "127.0.0.1", parts.port or 6379)
    doubler = Doubler()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    link, _ = listener.accept()
                    threading.Thread(target=_wire, args=(link, server, doubler), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        try:
            yield parts._replace(netloc=f"127.0.0.1:{listener.getsockname()[1]}").geturl(), doubler
        finally:
            # Wakes who waits for the next connection: closing alone would leave them, and the port, behind.
            listener.shutdown(socket.SHUT_RDWR)


def _wire(client: socket.socket, server: tuple[str, int], doubler: Doubler) -> None:
    """Pass bytes both ways; an LPUSH to the queue carries its message twice, which still gives one answer."""
    # Either end may be gone at any moment, the server before it was reached too.
    with (
        contextlib.suppress(OSError),
        client,
        socket.create_connection(server) as link,
        client.makefile("rb") as commands,
    ):
        threading.Thread(target=_pass_on, args=(link, client, doubler), daemon=True).start()
        with contextlib.suppress(OSError, ValueError):
            while parts := _read_command(commands):
                if parts[0].upper() == b"LPUSH" and parts[1] == QUEUE:
                    doubler.copies += 1
                    parts += parts[2:]
                words = (b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
                link.sendall(b"*%d\r\n%s" % (len(parts), b"".join(words)))
        with contextlib.suppress(OSError):
            link.shutdown(socket.SHUT_RDWR)


def _read_command(commands: BinaryIO) -> list[bytes]:
    head = commands.readline()
    parts = []
    for _ in range(int(head[1:] or 0)):
        length = int(commands.readline()[1:])
        parts.append(commands.read(length + 2)[:-2])
    return parts


def _pass_on(link: socket.socket, client: socket.socket, doubler: Doubler) -> None:
    with contextlib.suppress(OSError):
        while data := link.recv(65536):
            client.sendall(data)
        client.shutdown(socket.SHUT_RDWR)


@contextmanager
def doubled_files(settings: Settings) -> Iterator[Doubler]:
    """Copies each message that appears in the folder of the embedded broker, until the end of the block."""
    folder = settings.data_dir / "broker" / "queue"
    folder.mkdir(parents=True, exist_ok=True)
    doubler = Doubler()
    thread = threading.Thread(target=_copy_new, args=(folder, doubler), daemon=True)
    thread.start()
    try:
        yield doubler
    finally:
        doubler.is_over.set()
        thread.join()


def _copy_new(folder: Path, doubler: Doubler) -> None:
    known: set[str] = set()
    while not doubler.is_over.wait(POLL_SECONDS):
        for name in set(os.listdir(folder)) - known:
            copy = f"{name.partition('.')[0]}_again.{name.partition('.')[2]}"
            known |= {name, copy}
            # A message that a worker took in between is simply not doubled.
            with contextlib.suppress(OSError):
                os.link(folder / name, folder / copy)
                doubler.copies += 1
