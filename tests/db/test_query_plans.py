"""Facts about how statements find their rows: what a person waits for walks through no table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event, text
from sqlalchemy.orm import Session

from newsletter.db.dialects import is_postgres
from newsletter.runtime import Runtime
from newsletter.services import ledger
from tests.services.loop_site import HARD, LoopSite


@contextmanager
def statements_of(session: Session) -> Iterator[list[tuple[str, Any]]]:
    """What a session asks the database within the block."""
    asked: list[tuple[str, Any]] = []
    engine = session.get_bind()

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, is_many: bool) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(engine, "before_cursor_execute", note)


def plan_of(session: Session, statement: str, parameters: Any) -> str:
    explain = "EXPLAIN" if is_postgres(session) else "EXPLAIN QUERY PLAN"
    rows = session.connection().exec_driver_sql(f"{explain} {statement}", parameters).all()
    return "\n".join(str(row[-1]) for row in rows)


def test_the_timeline_of_a_delivery_is_found_by_indexes_alone(runtime: Runtime) -> None:
    site = LoopSite(runtime, 3)
    issue_id = site.send()
    site.tell(issue_id, site.people, "bounce", **HARD)
    with runtime.reading() as session:
        if is_postgres(session):
            session.execute(text("SET LOCAL enable_seqscan = off"))  # small tables are walked where that is cheaper
        with statements_of(session) as asked:
            found = ledger.delivery_timeline(
                session, issue_id, f"reader{site.people[1]}@example.org", links=runtime.links
            )
        plans = [plan_of(session, *each) for each in asked if each[0].startswith("SELECT")]
    assert "bounced" in {entry["kind"] for entry in found["timeline"]}
    assert len(plans) == 7
    assert [plan for plan in plans if "SCAN " in plan or "Seq Scan" in plan] == []
