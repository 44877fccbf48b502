"""Briefs: from a text on paper to bytes that somebody approved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from newsletter import rendering
from newsletter.db.models import BriefRow, BriefVersion, Decision, Rendering
from newsletter.db.queries import briefs as queries
from newsletter.domain import checks
from newsletter.domain.brief import TRANSITIONS, Brief, BriefStatus
from newsletter.domain.findings import Finding, Level, blockers
from newsletter.domain.reading import BriefFormat, brief_as_dict, brief_from_dict, read_brief
from newsletter.errors import Conflict, Forbidden, NotFound
from newsletter.services import audit, newsletters
from newsletter.services.users import Actor


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """What a version looks like and what there is to say about it."""

    rendered: rendering.Rendered
    findings: tuple[Finding, ...]


def import_brief(
    session: Session,
    source: str | bytes,
    *,
    brief_format: BriefFormat = BriefFormat.AUTO,
    newsletter_slug: str | None = None,
    actor: Actor,
    now: datetime,
) -> BriefRow:
    """Read a brief and store it as a draft; UnreadableBrief with every fault, and nothing is stored.

    The same source again gives the draft that is there already; once that was submitted, a new draft.
    """
    newsletter = newsletters.find_newsletter(session, newsletter_slug)
    read = read_brief(source, format=brief_format)
    source_text = read.source_text
    same = queries.draft_with_source(session, newsletter.id, source_text)
    if same is not None:
        return same
    row = BriefRow(
        newsletter_id=newsletter.id,
        status=str(BriefStatus.DRAFT),
        title=read.brief.title,
        date=read.brief.date,
        version=1,
        author_id=actor.user_id,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    session.flush()
    _add_version(session, row, read.brief, read.findings, source_text, read.format, actor=actor, now=now)
    audit.record(
        session, action="brief.import", subject_type="brief", subject_id=row.id, actor_id=actor.user_id, now=now
    )
    return row


def edit_brief(
    session: Session,
    brief_id: int,
    source: str | bytes,
    *,
    brief_format: BriefFormat = BriefFormat.AUTO,
    expected_version: int | None = None,
    actor: Actor,
    now: datetime,
) -> BriefRow:
    """Replace the content of a brief. Any edit voids a submission or an approval.

    Conflict where somebody else edited it since `expected_version`.
    """
    row = find_brief(session, brief_id)
    if expected_version is not None and row.version != expected_version:
        raise Conflict("somebody else edited this brief meanwhile: look at their version, then edit again")
    read = read_brief(source, format=brief_format)
    if read.source_text == version_of(session, row).source_text:
        return row
    _move(session, row, "edit", now=now)
    row.version += 1
    row.title, row.date, row.updated_at = read.brief.title, read.brief.date, now
    _add_version(session, row, read.brief, read.findings, read.source_text, read.format, actor=actor, now=now)
    audit.record(
        session,
        action="brief.edit",
        subject_type="brief",
        subject_id=row.id,
        actor_id=actor.user_id,
        detail={"version": row.version},
        now=now,
    )
    return row


def find_brief(session: Session, brief_id: int) -> BriefRow:
    """The brief of this id."""
    row = session.get(BriefRow, brief_id)
    if row is None:
        raise NotFound(f"there is no brief {brief_id}: see `newsletter brief ls`")
    return row


def recent_briefs(session: Session, *, limit: int = 50, before_id: int | None = None) -> Sequence[BriefRow]:
    """Briefs, the newest first."""
    return queries.recent_briefs(session, limit=limit, before_id=before_id)


def version_of(session: Session, row: BriefRow) -> BriefVersion:
    """The current version of a brief."""
    version = queries.brief_version(session, row.id, row.version)
    if version is None:
        raise NotFound(f"version {row.version} of brief {row.id} is missing from the database")
    return version


def content_of(session: Session, row: BriefRow) -> Brief:
    """The current content of a brief."""
    return brief_from_dict(version_of(session, row).content)


def reading_findings(session: Session, row: BriefRow) -> list[Finding]:
    """What the reader remarked when the current version came in."""
    return [
        Finding(level=Level(found["level"]), code=found["code"], message=found["message"], line=found["line"])
        for found in version_of(session, row).findings
    ]


def preview_brief(session: Session, brief_id: int) -> Preview:
    """Render the current version and check it; nothing is stored."""
    row = find_brief(session, brief_id)
    newsletter = newsletters.as_value(newsletters.newsletter_of(session, row.newsletter_id))
    return _checked(session, row, rendering.render(content_of(session, row), newsletter))


def shown_preview(session: Session, brief_id: int) -> Preview:
    """What a reviewer looks at: the stored bytes once the version was submitted, else a fresh rendering."""
    row = find_brief(session, brief_id)
    submitted = queries.latest_decision(session, row.id, version=row.version, decision="submitted")
    if submitted is None or submitted.sha256 is None or BriefStatus(row.status) is BriefStatus.DRAFT:
        return preview_brief(session, brief_id)
    stored = queries.rendering_by_hash(session, row.id, submitted.sha256)
    if stored is None or not is_intact(stored):
        raise Conflict(
            f"the stored rendering of brief {brief_id} is not what was submitted: edit it and submit it again"
        )
    return _checked(session, row, rendering.Rendered.from_bytes(stored.document))


def submit_brief(session: Session, brief_id: int, *, actor: Actor, now: datetime) -> str:
    """Put a brief up for approval; returns the sha256 of what is to be approved. Conflict where a blocker stands."""
    row = find_brief(session, brief_id)
    preview = preview_brief(session, brief_id)
    stopping = blockers(preview.findings)
    if stopping:
        reasons = "; ".join(finding.message for finding in stopping)
        raise Conflict(f"brief {brief_id} cannot be submitted yet: {reasons}")
    _move(session, row, "submit", now=now)
    stored = _store_rendering(session, row, preview.rendered, now=now)
    _decide(session, row, "submitted", stored, actor=actor, now=now)
    return stored.sha256


def approve_brief(
    session: Session, brief_id: int, *, actor: Actor, now: datetime, sha256: str | None = None
) -> Decision:
    """Approve exactly the bytes that were submitted; Conflict where `sha256` names others.

    Where the newsletter requires four eyes, nobody who wrote or submitted the version may approve it.
    """
    row = find_brief(session, brief_id)
    submitted = queries.latest_decision(session, row.id, version=row.version, decision="submitted")
    if submitted is None or submitted.sha256 is None or BriefStatus(row.status) is not BriefStatus.IN_REVIEW:
        raise Conflict(f"brief {brief_id} is {_spoken(row.status)}: it has to be submitted before it can be approved")
    if sha256 is not None and sha256.lower() != submitted.sha256:
        raise Conflict(
            f"brief {brief_id} has changed since you looked: {submitted.sha256[:12]}… is up for approval now"
        )
    _require_second_person(session, row, submitted, actor=actor)
    stored = queries.rendering_by_hash(session, row.id, submitted.sha256)
    if stored is None or not is_intact(stored):
        raise Conflict(f"the stored rendering of brief {brief_id} is not what was submitted: submit it again")
    _move(session, row, "approve", now=now)
    return _decide(session, row, "approved", stored, actor=actor, now=now)


def request_changes(session: Session, brief_id: int, *, note: str, actor: Actor, now: datetime) -> Decision:
    """Send a brief back to its author with a note; a given approval ends with it."""
    row = find_brief(session, brief_id)
    _move(session, row, "request_changes", now=now)
    return _decide(session, row, "changes_requested", None, actor=actor, now=now, note=note)


def decisions_of(session: Session, brief_id: int) -> Sequence[Decision]:
    """What was decided about a brief, in order."""
    return queries.decisions_of(session, brief_id)


def approved_rendering(session: Session, brief_id: int) -> Rendering:
    """The bytes that stand approved now; Conflict with the reason where none do."""
    row = find_brief(session, brief_id)
    approved = queries.latest_decision(session, row.id, version=row.version, decision="approved")
    if BriefStatus(row.status) is not BriefStatus.APPROVED or approved is None or approved.sha256 is None:
        raise Conflict(f"brief {brief_id} is not approved (it is {_spoken(row.status)}): approve it before sending")
    stored = queries.rendering_by_hash(session, row.id, approved.sha256)
    if stored is None or not is_intact(stored):
        raise Conflict(f"the stored bytes of brief {brief_id} are not the bytes that were approved: nothing is sent")
    return stored


def is_intact(stored: Rendering) -> bool:
    """Whether stored bytes still have the hash under which they were stored."""
    return rendering.sha256_of(stored.document) == stored.sha256


def current_sha256(session: Session, row: BriefRow) -> str:
    """The hash of what the current version renders to: of the stored bytes once submitted."""
    submitted = queries.latest_decision(session, row.id, version=row.version, decision="submitted")
    if submitted is not None and submitted.sha256 and BriefStatus(row.status) is not BriefStatus.DRAFT:
        return submitted.sha256
    return preview_brief(session, row.id).rendered.sha256


def _checked(session: Session, row: BriefRow, rendered: rendering.Rendered) -> Preview:
    findings = checks.preflight(
        brief=content_of(session, row),
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        html_slots=rendered.html_slots,
        text_slots=rendered.text_slots,
        newsletter=newsletters.as_value(newsletters.newsletter_of(session, row.newsletter_id)),
        findings_from_reading=reading_findings(session, row),
    )
    return Preview(rendered=rendered, findings=tuple(findings))


def _require_second_person(session: Session, row: BriefRow, submitted: Decision, *, actor: Actor) -> None:
    newsletter = newsletters.newsletter_of(session, row.newsletter_id)
    if not newsletter.requires_four_eyes:
        return
    authors = {version_of(session, row).author_id, submitted.user_id}
    if actor.user_id is None:
        raise Forbidden(f"{newsletter.name} needs a second person: say who approves, with --as EMAIL")
    if actor.user_id in authors:
        raise Forbidden(f"{newsletter.name} needs a second person: who wrote or submitted a brief may not approve it")


def _move(session: Session, row: BriefRow, act: str, *, now: datetime) -> None:
    status = BriefStatus(row.status)
    target = TRANSITIONS.get((status, act))
    if target is None:
        raise Conflict(f"cannot {act.replace('_', ' ')} a brief that is {_spoken(status)}")
    if not queries.move_brief(
        session, row.id, from_status=str(status), version=row.version, to_status=str(target), now=now
    ):
        raise Conflict("somebody else changed this brief meanwhile: look at it again")
    session.refresh(row)


def _add_version(
    session: Session,
    row: BriefRow,
    content: Brief,
    findings: Sequence[Finding],
    source_text: str,
    source_format: BriefFormat,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    session.add(
        BriefVersion(
            brief_id=row.id,
            version=row.version,
            content=brief_as_dict(content),
            findings=[finding.as_dict() for finding in findings],
            source_text=source_text,
            source_format=str(source_format),
            author_id=actor.user_id,
            created_at=now,
        )
    )
    session.flush()


def _store_rendering(session: Session, row: BriefRow, rendered: rendering.Rendered, *, now: datetime) -> Rendering:
    document = rendered.to_bytes()
    sha256 = rendering.sha256_of(document)
    stored = queries.rendering_by_hash(session, row.id, sha256)
    if stored is None:
        stored = Rendering(brief_id=row.id, version=row.version, sha256=sha256, document=document, created_at=now)
        session.add(stored)
        session.flush()
    return stored


def _decide(
    session: Session,
    row: BriefRow,
    decision: str,
    stored: Rendering | None,
    *,
    actor: Actor,
    now: datetime,
    note: str = "",
) -> Decision:
    made = Decision(
        brief_id=row.id,
        version=row.version,
        rendering_id=stored.id if stored else None,
        sha256=stored.sha256 if stored else None,
        decision=decision,
        note=note,
        user_id=actor.user_id,
        at=now,
    )
    session.add(made)
    audit.record(
        session,
        action=f"brief.{decision}",
        subject_type="brief",
        subject_id=row.id,
        actor_id=actor.user_id,
        detail={"sha256": made.sha256, "note": note} if note else {"sha256": made.sha256},
        now=now,
    )
    session.flush()
    return made


def _spoken(status: str) -> str:
    return status.replace("_", " ")
