"""Our own samples: one mail for each thing that can come back, with what it means."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.inbound import ReportKind, understand
from tests.inbound.scoring import Row, read_rows

SAMPLES = Path(__file__).parent / "samples"
ROWS = read_rows(SAMPLES / "expected.tsv")
TOKEN = "00000007000000190a1b2c3d4e5f60"


def sample(name: str) -> bytes:
    """The bytes of one sample."""
    return (SAMPLES / f"{name}.eml").read_bytes()


@pytest.mark.parametrize(("name", "rows"), ROWS.items(), ids=[name.removesuffix(".eml") for name in ROWS])
def test_a_sample_means_what_its_table_says(name: str, rows: list[Row]) -> None:
    report = understand((SAMPLES / name).read_bytes())
    assert report.kind == rows[0]["kind"]
    found = {verdict.address: (str(verdict.bounce_class or ""), str(verdict.category)) for verdict in report.recipients}
    expected = {row["address"]: (row["class"], row["category"]) for row in rows if row["category"] or row["class"]}
    assert found.keys() == expected.keys()
    for address, (bounce_class, category) in expected.items():
        assert found[address] == (bounce_class, category or found[address][1])


def test_every_kind_of_report_has_a_sample() -> None:
    assert {row["kind"] for rows in ROWS.values() for row in rows} == {str(kind) for kind in ReportKind}


def test_every_sample_has_a_row() -> None:
    assert {path.name for path in SAMPLES.glob("*.eml")} == set(ROWS)


@pytest.mark.parametrize("newline", [b"\r\n", b"\r", b"\r\r\n"], ids=["crlf", "cr", "crcrlf"])
def test_newlines_make_no_difference(newline: bytes) -> None:
    changed = [
        name for name in ROWS if understand(_with_newlines(name, newline)) != understand((SAMPLES / name).read_bytes())
    ]
    assert changed == []


def test_the_line_that_an_mbox_puts_first_makes_no_difference() -> None:
    raw = sample("dsn-user-unknown")
    assert understand(b"From MAILER-DAEMON Tue Mar  3 06:00:00 2026\n" + raw) == understand(raw)


def test_a_bounce_gives_back_the_token_of_its_delivery_wherever_it_survived() -> None:
    whole = sample("dsn-user-unknown")
    for survivor in (b"Delivered-To: b-", b"Original-Envelope-Id: ", b"Message-ID: <", b"<mailto:u-"):
        kept = whole.replace(TOKEN.encode(), b"-").replace(survivor + b"-", survivor + TOKEN.encode())
        assert understand(kept).traces.tokens == (TOKEN,), survivor


def test_a_token_that_a_mail_server_wrote_in_capitals_is_the_same_token() -> None:
    assert TOKEN in understand(sample("dsn-user-unknown").replace(TOKEN.encode(), TOKEN.upper().encode())).traces.tokens


def test_a_report_tells_the_message_id_and_the_envelope_id_of_our_mail() -> None:
    traces = understand(sample("dsn-user-unknown")).traces
    assert traces.original_envelope_id == TOKEN
    assert traces.message_ids == (f"{TOKEN}@example.com",)
    assert f"b-{TOKEN}@bounces.example.com" in traces.arrived_for


def test_a_redacted_complaint_still_names_its_delivery() -> None:
    report = understand(sample("arf-redacted"))
    assert [verdict.address for verdict in report.recipients] == [""]
    assert TOKEN in report.traces.tokens


def test_a_forwarded_mail_is_about_the_address_we_sent_to() -> None:
    (verdict,) = understand(sample("dsn-forwarded")).recipients
    assert (verdict.address, verdict.final_recipient) == ("ada@example.org", "ada.lovelace@forward.example")


def test_only_a_failure_has_a_class() -> None:
    reports = [understand((SAMPLES / name).read_bytes()) for name in ROWS]
    classed = {report.kind for report in reports for verdict in report.recipients if verdict.bounce_class}
    assert classed == {ReportKind.BOUNCE}


def _with_newlines(name: str, newline: bytes) -> bytes:
    return (SAMPLES / name).read_bytes().replace(b"\n", newline)
