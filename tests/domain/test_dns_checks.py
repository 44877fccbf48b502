"""Facts about DNS records: which of them let mail through, and what each lacks."""

from __future__ import annotations

from base64 import b64encode

import pytest

from newsletter.domain import dns_checks
from newsletter.domain.dns_checks import Health

OK, WARNING, FAILED = Health.OK, Health.WARNING, Health.FAILED
RSA_2048 = b64encode(bytes(294)).decode()
RSA_1024 = b64encode(bytes(162)).decode()
RSA_512 = b64encode(bytes(94)).decode()


@pytest.mark.parametrize(
    ("texts", "lookups", "status", "words"),
    [
        (["v=spf1 ip4:192.0.2.1 -all"], 0, OK, "ip4"),
        (["other", "v=spf1 include:a.example ~all"], 1, OK, "include"),
        (["v=spf1 redirect=a.example"], 1, OK, "redirect"),
        (["v=spf1 ip4:192.0.2.1 ~all exp=why.example"], 0, OK, "exp"),
        ([], 0, FAILED, "no SPF record"),
        (["v=spf10 -all"], 0, FAILED, "no SPF record"),
        (["v=spf1 -all", "v=spf1 ~all"], 0, FAILED, "2 SPF records"),
        (["v=spf1 include:a.example -all"], 11, FAILED, "11 times"),
        (["v=spf1 +all"], 0, FAILED, "everybody"),
        (["v=spf1 all"], 0, FAILED, "everybody"),
        (["v=spf1 ptr -all"], 1, WARNING, "ptr"),
        (["v=spf1 ip4:192.0.2.1"], 0, WARNING, "others"),
        (["v=spf1 ip4:192.0.2.1 ?all"], 0, WARNING, "others"),
    ],
)
def test_spf_must_say_who_sends_and_who_does_not(texts: list[str], lookups: int, status: Health, words: str) -> None:
    check = dns_checks.judge_spf("example.org", texts, lookups=lookups)
    assert (check.status, words in check.message) == (status, True), check


@pytest.mark.parametrize(
    ("texts", "expected", "status", "words"),
    [
        ([f"v=DKIM1; k=rsa; p={RSA_2048}"], "", OK, "has a key"),
        ([f"v=DKIM1; k=rsa; p={RSA_2048}"], f"v=DKIM1; k=rsa; p={RSA_2048}", OK, "it is ours"),
        ([f"p={RSA_2048[:100]} {RSA_2048[100:]}"], "", OK, "has a key"),
        ([], "", FAILED, "no key"),
        ([f"p={RSA_2048}", f"p={RSA_1024}"], "", FAILED, "2 keys"),
        (["v=DKIM1; p="], "", FAILED, "revoked"),
        ([f"p={RSA_2048}"], "p=other", FAILED, "not the one"),
        ([f"h=sha1; p={RSA_2048}"], "", FAILED, "sha256"),
        (["p=***"], "", FAILED, "base64"),
        ([f"p={RSA_512}"], "", FAILED, "1024"),
        ([f"p={RSA_1024}"], "", WARNING, "2048"),
        ([f"k=ed25519; p={b64encode(bytes(32)).decode()}"], "", WARNING, "Ed25519"),
        ([f"k=ed25519; p={b64encode(bytes(31)).decode()}"], "", FAILED, "Ed25519"),
        ([f"t=y; p={RSA_2048}"], "", WARNING, "tested"),
    ],
)
def test_a_dkim_key_must_be_one_that_mailboxes_accept(
    texts: list[str], expected: str, status: Health, words: str
) -> None:
    check = dns_checks.judge_dkim("s1._domainkey.example.org", texts, expected=expected)
    assert (check.status, words in check.message) == (status, True), check


@pytest.mark.parametrize(
    ("texts", "found_at", "status", "words"),
    [
        (["v=DMARC1; p=none; rua=mailto:d@example.org"], "_dmarc.news.example.org", OK, "policy none"),
        (["v=DMARC1; p=none; sp=reject; rua=mailto:d@example.org"], "_dmarc.example.org", OK, "policy reject"),
        (["v=DMARC1; p=quarantine; t=y; rua=mailto:d@example.org"], "", OK, "for testing"),
        ([], "", FAILED, "no DMARC record"),
        (["v=DMARC1; p=none", "v=DMARC1; p=none"], "", FAILED, "2 DMARC records"),
        (["v=DMARC1; p=maybe"], "", FAILED, "no policy"),
        (["v=DMARC1; p=none; pct=50; rua=mailto:d@example.org"], "", WARNING, "pct"),
        (["v=DMARC1; p=none"], "", WARNING, "reports"),
    ],
)
def test_dmarc_needs_one_policy_that_can_be_understood(
    texts: list[str], found_at: str, status: Health, words: str
) -> None:
    check = dns_checks.judge_dmarc("news.example.org", texts, found_at=found_at)
    assert (check.status, words in check.message) == (status, True), check
    assert "pct=" not in check.repair


def test_dmarc_is_looked_for_from_the_domain_upwards() -> None:
    assert dns_checks.dmarc_names("a.news.example.org") == [
        "_dmarc.a.news.example.org",
        "_dmarc.news.example.org",
        "_dmarc.example.org",
    ]
    deep = ".".join("abcdefghijk") + ".example.org"
    names = dns_checks.dmarc_names(deep)
    assert (names[0], len(names)) == (f"_dmarc.{deep}", 8 - 1)


@pytest.mark.parametrize(
    ("hosts", "bounce_domain", "status"),
    [
        (["mx.example.org"], "bounces.example.org", OK),
        (["mx.example.org"], "example.org", OK),
        (["mx.other.example"], "bounces.other.example", WARNING),
        ([], "bounces.example.org", FAILED),
        (["."], "bounces.example.org", FAILED),
    ],
)
def test_bounces_need_a_server_that_takes_them(hosts: list[str], bounce_domain: str, status: Health) -> None:
    assert dns_checks.judge_bounce_domain("example.org", bounce_domain, hosts).status is status


@pytest.mark.parametrize(
    ("names", "status"),
    [
        ({"9.9.9.9": {"mail.example.org": ["9.9.9.9"]}}, OK),
        ({"2001:db8::1": {"mail.example.org": ["2001:0db8:0::1"]}}, OK),
        ({"9.9.9.9": {}}, FAILED),
        ({"9.9.9.9": {"mail.example.org": ["9.9.9.10"]}}, FAILED),
        ({}, WARNING),
    ],
)
def test_the_name_of_a_sending_address_leads_back_to_it(names: dict[str, dict[str, list[str]]], status: Health) -> None:
    assert dns_checks.judge_ptr(names).status is status


@pytest.mark.parametrize(
    ("signing_domain", "status"),
    [
        ("example.org", OK),
        ("news.example.org", OK),
        ("mail.example.org", WARNING),
        ("example.com", FAILED),
    ],
)
def test_a_signature_speaks_for_the_domain_it_shares_an_owner_with(signing_domain: str, status: Health) -> None:
    assert dns_checks.judge_alignment("news.example.org", signing_domain).status is status
