"""The ledger read backwards: everything that is known about one delivery, in order of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from newsletter.db.models import Attempt, Batch, Delivery, Event, Issue
from newsletter.db.queries import deliveries as queries
from newsletter.domain.issue import BatchStatus, DeliveryReason, DeliveryStatus, Mark
from newsletter.errors import NotFound
from newsletter.links import Links
from newsletter.services import doubts, issues, subscribers

# What was decided reads differently from what happened to the mail.
_DOUBT_KINDS = {
    "accepted": "doubt_accepted",
    "resent": "doubt_sent_again",
    "skipped": "doubt_left_out",
    "expired": "doubt_too_late",
    "cancelled": "doubt_cancelled",
    "held": "doubt_held",
    "doubled": "doubt_out_twice",
    "log_asked": "doubt_log_asked",
}


def delivery_timeline(session: Session, issue_id: int, email: str, *, links: Links) -> dict[str, Any]:
    """One delivery as it stands, and what led there; NotFound where this person was not in the audience.

    Keys: issue_id, subscriber_id, email, token, status, reason, marks, batch, timeline. The timeline's entries have
    at, kind, source and detail. An attempt is made for a whole batch: it is listed for each delivery of the batch.
    """
    issue = issues.find_issue(session, issue_id)
    person = subscribers.find_subscriber(session, email)
    row = queries.delivery(session, issue_id, person.id)
    if row is None:
        raise NotFound(f"{person.email} is not in the audience of issue {issue_id}: see `newsletter subscriber show`")
    batch = queries.batch_of(session, issue_id, person.id)
    attempts = queries.attempts_of_batch(session, batch.id) if batch else []
    entries = [
        *_snapshot_entries(issue, attempts),
        *(entry for attempt in attempts for entry in _attempt_entries(attempt)),
        *(_event_entry(event) for event in queries.events_of(session, issue_id, person.id)),
        *(_doubt_entries(session, batch, person.id) if batch else ()),
    ]
    return {
        "issue_id": issue_id,
        "subscriber_id": person.id,
        "email": person.email,
        "token": links.delivery_token(issue_id, person.id),
        "status": delivery_status(row, batch),
        "reason": reason_name(row),
        "marks": [mark.name.lower() for mark in Mark if row.marks & mark],
        "batch": _batch_as_dict(batch),
        # The sort is stable: what happened at the same instant stays in the order of cause and effect.
        "timeline": sorted(entries, key=lambda entry: entry["at"]),
    }


def delivery_status(row: Delivery, batch: Batch | None) -> str:
    """The word for a delivery's status; a pending one whose batch a worker holds is claimed."""
    status = DeliveryStatus(row.status)
    is_held = batch is not None and batch.status == BatchStatus.CLAIMED
    return "claimed" if status is DeliveryStatus.PENDING and is_held else status.name.lower()


def reason_name(row: Delivery) -> str:
    """Why a delivery was not accepted, in one word; empty where there is nothing to explain."""
    reason = DeliveryReason(row.reason)
    return "" if reason is DeliveryReason.NONE else reason.name.lower()


def _snapshot_entries(issue: Issue, attempts: Sequence[Attempt]) -> Iterator[dict[str, Any]]:
    if issue.started_at:
        # A retry begins the issue anew, but nobody joins its audience then.
        at = min([issue.started_at, *(attempt.started_at for attempt in attempts)])
        yield _entry(at, "queued", "newsletter", {"audience": issue.audience, "sha256": issue.sha256})


def _attempt_entries(attempt: Attempt) -> Iterator[dict[str, Any]]:
    number = {"attempt": attempt.number}
    yield _entry(attempt.started_at, "batch_claimed", attempt.provider, number | {"worker": attempt.worker})
    if attempt.finished_at:
        answer = {
            "outcome": attempt.outcome,
            "response": attempt.response,
            "provider_message_id": attempt.provider_message_id,
        }
        known = {name: value for name, value in answer.items() if value}
        yield _entry(attempt.finished_at, "batch_finished", attempt.provider, number | known)


def _doubt_entries(session: Session, batch: Batch, subscriber_id: int) -> Iterator[dict[str, Any]]:
    for doubt, entry in doubts.history_of(session, batch.id, subscriber_id):
        detail = {"doubt": doubt.id, **{name: value for name, value in entry["detail"].items() if value is not None}}
        yield _entry(entry["at"], _DOUBT_KINDS.get(entry["kind"], entry["kind"]), "doubt", detail)


def _event_entry(event: Event) -> dict[str, Any]:
    return _entry(event.at, event.kind, event.source, event.detail or {})


def _entry(at: datetime, kind: str, source: str, detail: dict[str, Any]) -> dict[str, Any]:
    return {"at": at, "kind": kind, "source": source, "detail": detail}


def _batch_as_dict(batch: Batch | None) -> dict[str, Any] | None:
    if batch is None:
        return None
    return {
        "batch_id": batch.id,
        "status": BatchStatus(batch.status).name.lower(),
        "attempts": batch.attempts,
        "due_at": batch.due_at,
    }
