"""Facts about `newsletter doctor --domain`, asked of a real DNS server on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from newsletter.rendering import DkimSigner
from tests.cli.conftest import CommandLine
from tests.fakes.dns_server import Zone, dns_server, text

ADDRESS = "9.9.9.9"
ORDINARY = {"settings", "data folder", "secret key", "database", "broker", "provider", "content"}


@pytest.fixture(scope="module")
def key_pem() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def zone(record: str) -> dict[tuple[str, str], list[str]]:
    """All that mail from news.example.org needs."""
    return {
        ("news.example.org", "TXT"): [text("v=spf1 include:spf.example.net ip4:9.9.9.9 -all"), text("other=1")],
        ("spf.example.net", "TXT"): [text("v=spf1 a mx -all")],
        ("s1._domainkey.news.example.org", "TXT"): [text(record)],
        ("_dmarc.example.org", "TXT"): [text("v=DMARC1; p=quarantine; rua=mailto:dmarc@example.org")],
        ("bounces.news.example.org", "MX"): ["10 mx.example.org."],
        ("bounces.news.example.org", "TXT"): [text("v=spf1 ip4:9.9.9.9 -all")],
        ("9.9.9.9.in-addr.arpa", "PTR"): ["mail.example.org."],
        ("mail.example.org", "A"): [ADDRESS],
    }


@pytest.fixture
def signed(ready: CommandLine, key_pem: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A set-up system that signs for news.example.org; the record that belongs to its key."""
    path = tmp_path / "dkim.pem"
    path.write_bytes(key_pem)
    for name, value in {
        "DKIM_DOMAIN": "news.example.org",
        "DKIM_SELECTOR": "s1",
        "DKIM_KEY_FILE": str(path),
        "BOUNCE_DOMAIN": "bounces.news.example.org",
    }.items():
        monkeypatch.setenv(f"NEWSLETTER_{name}", value)
    return DkimSigner(key_pem, "news.example.org", "s1").record


def asked(cli: CommandLine, zone: Zone, *options: str, silent: tuple[str, ...] = ()) -> dict[str, dict[str, Any]]:
    """What the doctor says of DNS, by the name of the check."""
    with dns_server(zone, silent=silent) as server:
        answer = cli("doctor", "--domain", "News.Example.org", "--resolver", server, *options, "--json")
    checks = answer.json["checks"]
    assert answer.exit_code == (1 if any(check["status"] == "failed" for check in checks) else 0)
    return {check["name"]: check for check in checks if check["name"] not in ORDINARY}


def test_a_domain_where_all_is_right_passes_every_check(ready: CommandLine, signed: str) -> None:
    found = asked(ready, zone(signed))
    assert {name: check["status"] for name, check in found.items()} == dict.fromkeys(
        ("SPF", "DKIM domain", "DKIM", "DMARC", "bounce domain", "bounce SPF", "PTR"), "ok"
    )
    assert "it is ours" in found["DKIM"]["message"]
    assert all(not check["repair"] for check in found.values())


def test_each_thing_that_lacks_fails_with_its_repair(ready: CommandLine, signed: str) -> None:
    found = asked(ready, {("news.example.org", "TXT"): [text("nothing")]})
    assert {name: check["status"] for name, check in found.items()} == {
        "SPF": "failed",
        "DKIM domain": "ok",
        "DKIM": "failed",
        "DMARC": "failed",
        "bounce domain": "failed",
        "bounce SPF": "failed",
        "PTR": "warning",
    }
    assert signed in found["DKIM"]["repair"]
    assert "v=DMARC1; p=none; rua=" in found["DMARC"]["repair"]
    assert "pct" not in found["DMARC"]["repair"]


def test_includes_of_includes_count_as_questions(ready: CommandLine, signed: str) -> None:
    records = zone(signed)
    records["spf.example.net", "TXT"] = [text("v=spf1 include:more.example.net a mx ptr exists:x.example.net -all")]
    records["more.example.net", "TXT"] = [text("v=spf1 " + "a:h.example.net " * 6 + "include:spf.example.net -all")]
    assert "13 times" in asked(ready, records)["SPF"]["message"]


def test_a_selector_may_be_named_where_a_mail_server_signs(ready: CommandLine, signed: str) -> None:
    records = zone(signed)
    records["other._domainkey.news.example.org", "TXT"] = [text(signed)]
    assert asked(ready, records, "--selector", "other")["DKIM"]["status"] == "ok"


def test_a_domain_that_does_not_exist_and_a_server_that_is_silent_are_one_line(ready: CommandLine) -> None:
    assert asked(ready, {("example.com", "A"): [ADDRESS]})["DNS"]["message"] == "news.example.org does not exist in DNS"
    found = asked(ready, zone("p="), silent=("_dmarc.news.example.org",))
    assert found["DMARC"]["status"] == "failed"
    assert "no answer in time" in found["DMARC"]["message"]


@pytest.mark.parametrize(
    "options", [("--domain", "not a domain"), ("--domain", "example.org", "--resolver", "dns.example.org")]
)
def test_what_cannot_be_asked_is_refused_in_one_line(ready: CommandLine, options: tuple[str, ...]) -> None:
    answer = ready("doctor", *options)
    assert (answer.exit_code, len(answer.error_lines)) == (1, 1)
