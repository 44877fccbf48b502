"""What the ledger says of every person against what the provider has, after a run of chaos."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import text

from newsletter.bench.faulty import ServerProcess
from newsletter.bench.site import Site
from newsletter.db.models import Doubt, Event
from newsletter.domain.doubt import DoubtStatus
from newsletter.domain.issue import DeliveryReason, DeliveryStatus

_LEDGER = """
SELECT deliveries.subscriber_id, deliveries.status, deliveries.reason, EXISTS (
    SELECT 1 FROM batches JOIN attempts ON attempts.batch_id = batches.id
    WHERE batches.issue_id = deliveries.issue_id AND batches.cohort = deliveries.cohort
    AND deliveries.subscriber_id BETWEEN batches.first_id AND batches.last_id AND attempts.outcome = 'lost'
) AS is_lost
FROM deliveries WHERE issue_id = :issue
"""
_LOST = "SELECT count(*) FROM attempts WHERE issue_id = :issue AND outcome = 'lost'"


def judge(site: Site, provider: ServerProcess, issue_id: int, *, connections: int | None) -> dict[str, Any]:
    """The figures, by person.

    missing: neither accepted nor failed, suppressed or unknown. wrong: accepted in the ledger and not at the provider,
    or at the provider while the ledger says neither accepted nor unknown. stray: unknown without having been in flight,
    that is: the provider did not leave its request in doubt, and no worker died that held the batch. beyond_in_flight:
    what dead workers left in doubt above one mail for each of the `connections` that they had (None: a request is one
    batch, and the provider says what it got). unknown_not_begun: what dead workers left in doubt though the provider
    never got its request. doubts: how many there were, by what settled each (`settled_by`).
    """
    account = _account(site, provider, issue_id)
    taken, doubted = account["taken"], account["doubted"]
    with site.runtime.reading() as session:
        rows = session.execute(text(_LEDGER), {"issue": issue_id}).all()
        lost: int = session.execute(text(_LOST), {"issue": issue_id}).scalar_one()
    by_status: dict[DeliveryStatus, set[int]] = {status: set() for status in DeliveryStatus}
    for subscriber_id, status, _, _ in rows:
        by_status[DeliveryStatus(status)].add(subscriber_id)
    accepted, unknown = by_status[DeliveryStatus.ACCEPTED], by_status[DeliveryStatus.UNKNOWN]
    missing = len(by_status[DeliveryStatus.PENDING])
    doubled = sum(count > 1 for count in taken.values())
    wrong = len(accepted - taken.keys()) + len(taken.keys() - accepted - unknown)
    in_doubt = [row for row in rows if row.status == DeliveryStatus.UNKNOWN]
    stray = {row.subscriber_id for row in in_doubt if not (row.is_lost or row.subscriber_id in doubted)}
    of_the_dead = {row.subscriber_id for row in in_doubt if row.reason == DeliveryReason.WORKER_DIED}
    beyond = 0 if connections is None else max(0, len(of_the_dead) - lost * connections)
    return {
        "audience": len(rows),
        "accepted": len(accepted),
        "failed": len(by_status[DeliveryStatus.FAILED]),
        "at_provider": len(taken),
        "missing": missing,
        "doubled": doubled,
        "wrong": wrong,
        "unknown": len(unknown),
        "unknown_at_provider": len(unknown & taken.keys()),
        "unknown_of_dead_workers": len(of_the_dead),
        "unknown_not_begun": len(of_the_dead - account["seen"]) if connections is None else None,
        "lost_claims": lost,
        "stray": len(stray),
        "beyond_in_flight": beyond,
        "stray_because": _reasons(site, issue_id, stray),
        "doubts": _doubts(site, issue_id),
        "faults": account["faults"],
        "is_clean": not (missing or doubled or wrong or stray or beyond),
    }


def _account(site: Site, provider: ServerProcess, issue_id: int) -> dict[str, Any]:
    path = Path(site.runtime.settings.data_dir) / "account.json"
    provider.control({"save": str(path)})
    account = json.loads(path.read_text())
    taken = {id_: account["taken"][token] for token, id_ in _people(site, issue_id, account["taken"])}
    doubted, seen = ({id_ for _, id_ in _people(site, issue_id, account[name])} for name in ("doubted", "seen"))
    return {"taken": taken, "doubted": doubted, "seen": seen, "faults": account["faults"]}


def _people(site: Site, issue_id: int, tokens: Iterable[str]) -> list[tuple[str, int]]:
    refs = ((token, site.runtime.links.read_delivery_token(token)) for token in tokens)
    return [(token, ref.subscriber_id) for token, ref in refs if ref is not None and ref.issue_id == issue_id]


def _reasons(site: Site, issue_id: int, people: set[int]) -> dict[str, int]:
    """What our own side wrote down about these doubts."""
    with site.runtime.reading() as session:
        rows = session.query(Event.subscriber_id, Event.detail).filter_by(issue_id=issue_id, kind="unknown").all()
    return dict(Counter(str((detail or {}).get("response")) for person, detail in rows if person in people))


def settled_by(status: DoubtStatus, history: Sequence[Mapping[str, Any]]) -> str:
    """What settled a doubt: event, answer, silence, log, policy or person; "open" where nothing has."""
    if status is DoubtStatus.OPEN:
        return "open"
    if status is DoubtStatus.SETTLED:
        return "event"  # of its mails one by one
    detail = next(entry["detail"] for entry in reversed(history) if entry["kind"] == status.name.lower())
    if status is DoubtStatus.ACCEPTED:
        return next(proof for proof in ("event", "answer", "log") if proof in detail)
    return str(detail["by"])


def _doubts(site: Site, issue_id: int) -> dict[str, int]:
    with site.runtime.reading() as session:
        rows = session.query(Doubt.status, Doubt.history).filter_by(issue_id=issue_id).all()
    return dict(Counter(settled_by(DoubtStatus(status), history) for status, history in rows))
