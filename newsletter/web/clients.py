"""Which client a request comes from, also behind reverse proxies."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from fastapi import Request

Networks = Sequence[IPv4Network | IPv6Network]


def client_of(request: Request, *, proxies: Networks) -> str:
    """The address of the client: the peer itself, or whom our own proxies name in X-Forwarded-For.

    Read from the right, because each proxy adds its peer there: what a client wrote stands to the left of it.
    """
    client = request.client.host if request.client else "unknown"
    hops = [hop.strip() for hop in ",".join(request.headers.getlist("x-forwarded-for")).split(",")]
    while hops and _is_within(client, proxies):
        hop = hops.pop()
        if not _is_address(hop):
            break
        client = hop
    return client


def _is_within(client: str, networks: Networks) -> bool:
    return _is_address(client) and any(ip_address(client) in network for network in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
