from __future__ import annotations

import io
from itertools import product

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from newsletter.db.models import AuditEntry, Suppression
from newsletter.domain.subscriber import SuppressionReason
from newsletter.domain.suppression import STRENGTH
from newsletter.errors import InvalidInput, NotFound
from newsletter.runtime import Runtime
from newsletter.services import suppression_files, suppressions
from newsletter.services.suppressions import SuppressionCounts
from tests.factories import NOW

CHOOSABLE = [reason for reason in SuppressionReason if reason is not SuppressionReason.ERASED]


def suppress(
    session: Session,
    runtime: Runtime,
    address: str,
    reason: SuppressionReason = SuppressionReason.MANUAL,
    *,
    evidence: str = "",
) -> bool:
    return suppressions.suppress(
        session, address=address, reason=reason, evidence=evidence, address_key=runtime.links.address_key, now=NOW
    )


def find(session: Session, runtime: Runtime, address: str) -> Suppression | None:
    return suppressions.find_suppression(session, address=address, address_key=runtime.links.address_key)


def test_an_address_is_suppressed_in_whatever_spelling(session: Session, runtime: Runtime) -> None:
    assert suppress(session, runtime, " Anna@Example.ORG ", evidence="asked by phone")
    found = find(session, runtime, "anna@example.org")
    assert found is not None
    assert (found.address, found.reason, found.evidence) == ("anna@example.org", "manual", "asked by phone")
    assert suppressions.is_suppressed(session, address="ANNA@example.org", address_key=runtime.links.address_key)
    assert not suppressions.is_suppressed(session, address="bob@example.org", address_key=runtime.links.address_key)


def test_suppressing_twice_changes_nothing(session: Session, runtime: Runtime) -> None:
    assert suppress(session, runtime, "anna@example.org", evidence="first")
    assert not suppress(session, runtime, "anna@example.org", evidence="second")
    assert [row.evidence for row in session.scalars(select(Suppression))] == ["first"]


def test_the_stronger_reason_stays(session: Session, runtime: Runtime) -> None:
    for first, second in product(CHOOSABLE, CHOOSABLE):
        address = f"{first}-{second}@example.org"
        suppress(session, runtime, address, first, evidence="1")
        changed = suppress(session, runtime, address, second, evidence="2")
        is_stronger = STRENGTH[second] > STRENGTH[first]
        found = find(session, runtime, address)
        assert found is not None
        expected = (str(second), "2") if is_stronger else (str(first), "1")
        assert (changed, found.reason, found.evidence) == (is_stronger, *expected), address


def test_each_reason_has_its_strength() -> None:
    assert set(STRENGTH) == set(SuppressionReason)
    assert len(set(STRENGTH.values())) == len(STRENGTH)


def test_an_erased_address_is_recognised_but_never_written_down_again(session: Session, runtime: Runtime) -> None:
    key = runtime.links.address_key
    suppress(session, runtime, "anna@example.org", SuppressionReason.BOUNCED, evidence="550 anna@example.org unknown")
    suppressions.mark_erased(session, address="anna@example.org", address_key=key, now=NOW)
    assert not suppress(session, runtime, "anna@example.org", SuppressionReason.COMPLAINED, evidence="anna@example.org")
    found = find(session, runtime, "anna@example.org")
    assert found is not None
    assert (found.address, found.reason, found.evidence) == (None, "erased", "")


def test_erased_is_not_a_reason_to_choose(session: Session, runtime: Runtime) -> None:
    with pytest.raises(InvalidInput, match="erase the subscriber instead"):
        suppress(session, runtime, "anna@example.org", SuppressionReason.ERASED)


def test_lifting_lets_an_address_be_mailed_again(session: Session, runtime: Runtime) -> None:
    suppress(session, runtime, "anna@example.org")
    suppressions.lift(session, address="Anna@example.org", address_key=runtime.links.address_key, now=NOW)
    assert find(session, runtime, "anna@example.org") is None
    with pytest.raises(NotFound, match=r"anna@example\.org is not suppressed"):
        suppressions.lift(session, address="anna@example.org", address_key=runtime.links.address_key, now=NOW)


def test_what_is_done_to_suppressions_is_in_the_audit_log_without_addresses(session: Session, runtime: Runtime) -> None:
    suppress(session, runtime, "anna@example.org")
    suppressions.lift(session, address="anna@example.org", address_key=runtime.links.address_key, now=NOW)
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == ["suppression.create", "suppression.delete"]
    assert all("anna" not in str(entry.detail) for entry in entries)


def test_pages_follow_each_other_without_gaps(session: Session, runtime: Runtime) -> None:
    for number in range(7):
        reason = SuppressionReason.BOUNCED if number % 2 else SuppressionReason.MANUAL
        suppress(session, runtime, f"reader{number}@example.org", reason)
    seen: list[str | None] = []
    after = 0
    while page := suppressions.list_suppressions(session, after_id=after, limit=3):
        seen += [row.address for row in page]
        after = page[-1].id
    assert seen == [f"reader{number}@example.org" for number in range(7)]
    bounced = suppressions.list_suppressions(session, reason=SuppressionReason.BOUNCED)
    assert len(bounced) == 3
    assert [row.address for row in suppressions.list_suppressions(session, query="READER3")] == ["reader3@example.org"]
    assert suppressions.list_suppressions(session, query="reader_") == []
    assert suppressions.count_suppressions(session) == {"manual": 4, "bounced": 3}


def test_a_list_of_addresses_is_suppressed_and_counted(session: Session, runtime: Runtime) -> None:
    suppress(session, runtime, "known@example.org")
    lines = [
        "email\n",
        "a@example.org\n",
        "\n",
        "A@example.org\n",
        "<b@example.org>\n",
        "rubbish\n",
        "known@example.org",
    ]
    counts = suppressions.suppress_addresses(session, lines, address_key=runtime.links.address_key, now=NOW)
    assert counts == suppressions.SuppressionCounts(rows=5, created=2, unchanged=2, invalid=1)
    again = suppressions.suppress_addresses(session, lines, address_key=runtime.links.address_key, now=NOW)
    assert (again.created, again.unchanged) == (0, 4)


def test_a_long_list_of_addresses_is_suppressed_in_pieces(session: Session, runtime: Runtime) -> None:
    lines = [f"reader{number}@example.org" for number in range(1_203)]
    counts = suppressions.suppress_addresses(session, lines, address_key=runtime.links.address_key, now=NOW)
    assert counts.created == session.scalar(select(func.count()).select_from(Suppression)) == 1_203


def test_an_export_suppresses_the_same_addresses_elsewhere(session: Session, runtime: Runtime) -> None:
    suppress(session, runtime, "b@example.org", SuppressionReason.COMPLAINED, evidence="=cmd|calc")
    suppress(session, runtime, "a@example.org")
    suppressions.mark_erased(session, address="gone@example.org", address_key=runtime.links.address_key, now=NOW)
    header, *rows = suppressions.export_suppressions(session)
    assert header == ["email", "reason", "evidence", "created_at"]
    assert [row[:3] for row in rows] == [["a@example.org", "manual", ""], ["b@example.org", "complained", "'=cmd|calc"]]
    lines = [",".join(row) for row in (header, *rows)]
    counts = suppressions.suppress_addresses(session, lines, address_key=runtime.links.address_key, now=NOW)
    assert (counts.rows, counts.unchanged) == (2, 2)


@pytest.mark.parametrize(
    ("table", "encoding"),
    [
        ("email\treason\tevidence\na@example.org\tcomplained\tvécu, 来源\n", "utf-16"),
        ("email,reason,evidence\r\na@example.org,complained,旧系统的投诉来源说明\r\n", "gb18030"),
        ("Name;E-Mail-Adresse;Reason;Evidence\nAnn;a@example.org;complained;früher gelöscht\n", "cp1252"),
        ("sep=;\nemail;reason;evidence\na@example.org;complained;x\n", "utf-8-sig"),
        ('email,reason,evidence\na@example.org,complained,"x\n<B@example.org>,complained,"y"\n', "utf-8"),
        ("email,reason,evidence\na@example.org,complained,x\0y\n", "utf-8"),
        ("Reason,Evidence,Address\ncomplained,x,a@example.org\n", "utf-8"),
        ("Address,Reason,Evidence,Email\n1 Quay,complained,x,a@example.org\n", "utf-8"),
    ],
)
def test_a_file_of_suppressions_is_read_in_whatever_form_it_has(
    session: Session, runtime: Runtime, table: str, encoding: str
) -> None:
    counts = import_table(session, runtime, table.encode(encoding))
    assert (counts.created, counts.unchanged, counts.invalid) == (table.count("@"), 0, 0)
    found = suppressions.list_suppressions(session)
    assert {row.reason for row in found} == {"complained"}
    assert all(row.evidence and row.evidence.isprintable() and "�" not in row.evidence for row in found)


def test_a_bare_list_needs_no_header_and_a_spreadsheet_is_refused(session: Session, runtime: Runtime) -> None:
    assert import_table(session, runtime, b"Former readers\na@example.org\nb@example.org\n").created == 2
    assert import_table(session, runtime, b"c@example.org,bounced\n").created == 1
    assert import_table(session, runtime, b"").rows == 0
    with pytest.raises(InvalidInput, match="Excel"):
        import_table(session, runtime, b"PK\x03\x04" + bytes(100))
    with pytest.raises(InvalidInput, match="no column with email addresses"):
        import_table(session, runtime, b"name,reason\nAnn,bounced\n")


def import_table(session: Session, runtime: Runtime, table: bytes) -> SuppressionCounts:
    return suppression_files.import_file(
        session,
        io.BytesIO(table),
        reason=SuppressionReason.MANUAL,
        evidence="file",
        address_key=runtime.links.address_key,
        now=NOW,
        actor_id=None,
    )
