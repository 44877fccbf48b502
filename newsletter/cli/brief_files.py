"""A brief as files: the mail of a neutral reader, composed the way that real mail is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from newsletter.links import Links
from newsletter.rendering import fill_html, fill_text
from newsletter.services import briefs
from newsletter.services.mailings import MailingFactory
from newsletter.services.trial import TEST_ISSUE_ID

NEUTRAL_READER = "reader@newsletter.example"


@dataclass(frozen=True, kw_only=True, slots=True)
class BriefFiles:
    """The two parts in UTF-8, the whole message (RFC 5322), and the hash of what they were made from."""

    html: bytes
    text: bytes
    message: bytes
    sha256: str


def brief_files(session: Session, brief_id: int, *, links: Links, bounce_domain: str, now: datetime) -> BriefFiles:
    """The mail that a reader of this brief would get; of a submitted brief, from the bytes that were submitted."""
    rendered = briefs.shown_preview(session, brief_id).rendered
    factory = MailingFactory(rendered, issue_id=TEST_ISSUE_ID, links=links, bounce_domain=bounce_domain, date=now)
    reader = factory.recipient(subscriber_id=0, email=NEUTRAL_READER, name="")
    return BriefFiles(
        html=fill_html(rendered, reader.values).encode(),
        text=fill_text(rendered, reader.values).encode(),
        message=factory.mailing.compose(reader),
        sha256=rendered.sha256,
    )


def write_files(files: BriefFiles, folder: Path) -> list[Path]:
    """Write brief.html, brief.txt and brief.eml; returns where they are."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {"brief.html": files.html, "brief.txt": files.text, "brief.eml": files.message}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return [folder / name for name in contents]
