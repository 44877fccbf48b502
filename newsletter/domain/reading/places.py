"""Places: which field a line without a label begins, by where it stands in its story."""

from __future__ import annotations

from newsletter.domain.reading import looks
from newsletter.domain.reading.labels import Field
from newsletter.domain.reading.lines import Line
from newsletter.domain.reading.open_drafts import OpenStory


def field_of_bullet(story: OpenStory, line: Line) -> Field | None:
    """What a bullet without a label gives, or None."""
    is_first = len(story.pieces) == 1
    if Field.SOURCE not in story.pieces and (
        looks.is_dated_source(line.text) or (is_first and not looks.is_prose(line.text))
    ):
        return Field.SOURCE
    if Field.DATE not in story.pieces and looks.is_date(line.text):
        return Field.DATE
    if Field.LINK not in story.pieces and looks.is_link(line):
        return Field.LINK
    if looks.is_prose(line.text):
        unlabelled_why = story.unlabelled == {Field.SUMMARY} and Field.WHY not in story.pieces
        return Field.SUMMARY if Field.SUMMARY not in story.pieces else Field.WHY if unlabelled_why else None
    is_last = Field.WHY in story.unlabelled and not {Field.LINK, Field.LINK_TITLE} & story.pieces.keys()
    return Field.LINK_TITLE if is_last else None


def field_of_paragraph(story: OpenStory, line: Line) -> Field | None:
    """What a paragraph without a label begins, or None where it goes on with what was there."""
    begins = line.after_blank or story.field is Field.SOURCE
    is_apart = line.after_blank or (story.field is Field.LINK and looks.has_separator(line.text))
    if story.field is Field.HEADLINE and story.piece.parts:
        if looks.is_dated_source(line.text):
            return Field.SOURCE
        if line.after_blank:
            return Field.SUMMARY if looks.is_prose(line.text) else Field.SOURCE
        return None
    if is_apart and Field.SOURCE not in story.pieces and looks.is_dated_source(line.text):
        return Field.SOURCE
    if (line.is_link or (begins and looks.is_link(line))) and story.lacks_address():
        return Field.LINK
    if begins and story.piece.parts and Field.SUMMARY not in story.pieces and _could_be_summary(story, line):
        return Field.SUMMARY
    return None


def _could_be_summary(story: OpenStory, line: Line) -> bool:
    """Below a source one short sentence is enough; elsewhere it could as well be a headline."""
    return looks.is_prose(line.text) or (story.field is Field.SOURCE and looks.is_sentence(line.text))
