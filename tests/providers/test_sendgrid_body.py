"""Facts about the bodies that a real issue makes, judged by SendGrid's own document where that is present."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from newsletter.bench.sendgrid_moods import faults_of
from newsletter.bench.sendgrid_server import load_oracle
from newsletter.links import Links
from newsletter.providers.sendgrid_body import BodyBuilder
from newsletter.rendering import render
from newsletter.services.mailings import MailingFactory
from tests.fakes.sendgrid_server import ORACLE
from tests.rendering.editions import NEWSLETTER, sample_brief

PEOPLE = [
    (1, "anna@example.org", ""),
    (2, "O'Brien+news@Example.org", 'Seán <O\'Brien> & "sons"'),
    (3, "li@b\u00fccher.example", "李\r\nBcc: x@example.org"),
    (4, "x" * 64 + "@example.org", "名" * 300),
]


@pytest.fixture(scope="module")
def factory() -> MailingFactory:
    return MailingFactory(
        render(sample_brief(), NEWSLETTER),
        issue_id=7,
        links=Links(base_url="https://news.example.org", key=b"k" * 32),
        bounce_domain="",
        date=datetime(2026, 6, 22, tzinfo=UTC),
    )


@pytest.fixture(scope="module")
def body(factory: MailingFactory) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(BodyBuilder(factory.mailing).body(factory.recipients(PEOPLE)))
    return found


def test_a_body_breaks_no_rule_of_sendgrid_whoever_the_readers_are(body: dict[str, Any]) -> None:
    assert faults_of(body) == []
    if not ORACLE.is_file():
        pytest.skip(f"SendGrid's document is not at {ORACLE.parent}: the body was checked by our own rules only")
    assert load_oracle(ORACLE)(body) == []


def test_each_reader_has_a_row_of_their_own_in_order_and_no_address_comes_twice(body: dict[str, Any]) -> None:
    rows = body["personalizations"]
    addresses = [row["to"][0]["email"] for row in rows]
    assert [len(row["to"]) for row in rows] == [1, 1, 1, 1]
    assert addresses[:3] == ["anna@example.org", "O'Brien+news@Example.org", "li@xn--bcher-kva.example"]
    assert len({address.lower() for address in addresses}) == len(PEOPLE)
    assert len({row["custom_args"]["nl_delivery"] for row in rows}) == len(PEOPLE)


def test_what_a_reader_is_called_cannot_leave_its_place(body: dict[str, Any]) -> None:
    second, third = body["personalizations"][1], body["personalizations"][2]
    html = [value for token, value in second["substitutions"].items() if "h_greeting" in token]
    assert html == ["Hello Se\u00e1n &lt;O&#x27;Brien&gt; &amp; &quot;sons&quot;,"]
    assert not any("\n" in value or "\r" in value for value in third["substitutions"].values())
    assert "\n" not in third["to"][0]["name"] and "\r" not in third["to"][0]["name"]
    assert "x@example.org" not in str(third["headers"])


def test_only_the_mail_by_which_somebody_comes_back_passes_sendgrids_own_lists(
    body: dict[str, Any], factory: MailingFactory
) -> None:
    assert "mail_settings" not in body
    builder = BodyBuilder(replace(factory.mailing, passes_suppressions=True))
    found: dict[str, Any] = orjson.loads(builder.body(factory.recipients(PEOPLE[:1])))
    assert set(found["mail_settings"]) == {f"bypass_{kind}_management" for kind in ("bounce", "spam", "unsubscribe")}
    assert faults_of(found) == []
    if ORACLE.is_file():
        assert load_oracle(ORACLE)(found) == []
