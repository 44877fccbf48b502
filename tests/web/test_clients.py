"""Facts about who a request comes from: only our own proxies are believed."""

from __future__ import annotations

import pytest
from fastapi import Request

from newsletter.errors import ConfigurationError
from newsletter.settings import load_settings, networks_of
from newsletter.web.clients import client_of

PROXIES = networks_of("127.0.0.1, ::1, 10.0.0.0/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["192.0.2.1"], "203.0.113.9"),
        ("127.0.0.1", ["192.0.2.1"], "192.0.2.1"),
        ("::1", ["2001:db8::5"], "2001:db8::5"),
        ("127.0.0.1", ["198.51.100.1, 192.0.2.1"], "192.0.2.1"),
        ("10.1.1.1", ["198.51.100.1, 192.0.2.1, 10.2.2.2"], "192.0.2.1"),
        ("127.0.0.1", ["198.51.100.1", "192.0.2.1"], "192.0.2.1"),
        ("127.0.0.1", ["<script>"], "127.0.0.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("10.1.1.1", ["10.3.3.3"], "10.3.3.3"),
    ],
)
def test_the_client_is_the_last_one_that_no_proxy_of_ours_stands_for(
    peer: str, forwarded: list[str], client: str
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    assert client_of(request, proxies=PROXIES) == client


def test_proxies_that_cannot_be_read_are_named_at_the_start() -> None:
    with pytest.raises(ConfigurationError, match="TRUSTED_PROXIES"):
        load_settings(_env_file=None, trusted_proxies="my-proxy")
