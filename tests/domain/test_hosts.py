"""Facts about hosts."""

from __future__ import annotations

import pytest

from newsletter.domain.hosts import is_loopback


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1"])
def test_this_machine_goes_by_several_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["", "localhost.example.org", "10.0.0.1", "fe80::1", "127.0.0.1.example.org", "0.0.0.0"]
)
def test_every_other_host_is_somewhere_else(host: str) -> None:
    assert not is_loopback(host)
