"""Ports of the loopback interface for servers that must be told theirs before they start."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import sys
from pathlib import Path

_HANDED_OUT = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _USUAL_END = 10_240, 32_768
_FEWEST = 1_000
# Spreads the processes over the range, so that they seldom try each other's.
_STEP = 131
_turns = itertools.count()


def free_port() -> int:
    """A port that nobody listens on now, and that nobody else who asks here gets while this process lives.

    It lies below those that the system hands out by itself: of them it may give any to somebody's connection, between
    this moment and the one when the server takes it; and who knocks there may, with that very port, answer themselves.
    """
    ports = range(_LOWEST, _end())
    for turn in itertools.islice(_turns, len(ports)):
        port = ports[(os.getpid() * _STEP + turn) % len(ports)]
        if _is_free(port) and _reserve(port):
            return port
    raise RuntimeError(f"no port between {ports.start} and {ports.stop} is free")


def _end() -> int:
    """Where the ports begin that the system hands out; where that leaves too few, we take from among them."""
    try:
        end = int(_HANDED_OUT.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return _USUAL_END
    return end if end >= _LOWEST + _FEWEST else _USUAL_END


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reserve(port: int) -> bool:
    """Take a name that only one process of this machine can have, until it ends; everybody may where there are none."""
    if sys.platform != "linux":
        return True
    mark = socket.socket(socket.AF_UNIX)
    try:
        mark.bind(f"\0newsletter-port-{port}")
    except OSError as error:
        mark.close()
        return error.errno != errno.EADDRINUSE
    mark.detach()  # kept by its number alone, until the process ends
    return True
