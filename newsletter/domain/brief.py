"""A brief: the content of one day, and the table of its life."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum


@dataclass(frozen=True, kw_only=True, slots=True)
class Story:
    """One story. `number` counts from 1 through the whole brief; `url` is None where the source gave only a title.

    `language` is the BCP 47 tag of the headline ("en", "zh-Hans", "zh-Hant", "ja", "ko").
    """

    number: int
    headline: str
    source: str
    date: date | None
    summary: str
    why_it_matters: str
    link_title: str
    url: str | None = None
    language: str = "en"


@dataclass(frozen=True, kw_only=True, slots=True)
class Section:
    """A titled run of stories, in reading order."""

    title: str
    stories: tuple[Story, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Brief:
    """The content of one day: at least one section with at least one story.

    `posted_at` is the wall-clock time that the source names, without a zone, or None.
    `preheader` is the line that mail programs show after the subject.
    """

    title: str
    date: date
    posted_at: datetime | None = None
    preheader: str = ""
    language: str = "en"
    sections: tuple[Section, ...]

    @property
    def stories(self) -> Iterator[Story]:
        """All stories in reading order."""
        return (story for section in self.sections for story in section.stories)


class BriefStatus(StrEnum):
    """Where a brief is on its way to being sendable."""

    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"


# An edit voids whatever had been decided: what is approved is what was seen.
TRANSITIONS: dict[tuple[BriefStatus, str], BriefStatus] = {
    (BriefStatus.DRAFT, "edit"): BriefStatus.DRAFT,
    (BriefStatus.DRAFT, "submit"): BriefStatus.IN_REVIEW,
    (BriefStatus.IN_REVIEW, "edit"): BriefStatus.DRAFT,
    (BriefStatus.IN_REVIEW, "approve"): BriefStatus.APPROVED,
    (BriefStatus.IN_REVIEW, "request_changes"): BriefStatus.CHANGES_REQUESTED,
    (BriefStatus.CHANGES_REQUESTED, "edit"): BriefStatus.DRAFT,
    (BriefStatus.CHANGES_REQUESTED, "submit"): BriefStatus.IN_REVIEW,
    (BriefStatus.APPROVED, "edit"): BriefStatus.DRAFT,
    (BriefStatus.APPROVED, "request_changes"): BriefStatus.CHANGES_REQUESTED,
}
