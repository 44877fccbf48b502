"""Reading a brief: text, Markdown, HTML or JSON in; a Brief out, or every fault with its line.

Each format turns its source into lines, `assembling` sorts these into a draft, and `judging` makes the draft a
Brief with findings. JSON makes the draft itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from newsletter.domain.brief import Brief
from newsletter.domain.findings import Finding
from newsletter.domain.reading.decoding import MAX_BYTES, decoded
from newsletter.domain.reading.drafts import BriefDraft
from newsletter.domain.reading.formats import BriefFormat, detected_format
from newsletter.domain.reading.html_format import draft_of_html
from newsletter.domain.reading.json_format import brief_as_dict, brief_from_dict, draft_of_json
from newsletter.domain.reading.judging import judged
from newsletter.domain.reading.language import language_of
from newsletter.domain.reading.markdown_format import draft_of_markdown
from newsletter.domain.reading.text_format import draft_of_text
from newsletter.domain.reading.writing import brief_as_markdown, brief_as_text

__all__ = [
    "MAX_BYTES",
    "BriefFormat",
    "ReadBrief",
    "brief_as_dict",
    "brief_as_markdown",
    "brief_as_text",
    "brief_from_dict",
    "language_of",
    "read_brief",
]

_DRAFT_OF: Mapping[BriefFormat, Callable[[str], BriefDraft]] = {
    BriefFormat.TEXT: draft_of_text,
    BriefFormat.MARKDOWN: draft_of_markdown,
    BriefFormat.HTML: draft_of_html,
    BriefFormat.JSON: draft_of_json,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadBrief:
    """A brief as understood, what there is to remark, and the text it was read from.

    `format` is the one that was used, never `auto`; `source_text` has `\\n` as line break and no control characters.
    """

    brief: Brief
    findings: tuple[Finding, ...]
    format: BriefFormat
    source_text: str


def read_brief(source: str | bytes, *, format: BriefFormat = BriefFormat.AUTO) -> ReadBrief:  # noqa: A002 - the word of the command line
    """Read a brief whole; UnreadableBrief names every fault with its line.

    Bytes may be UTF-8, UTF-16, GB 18030 or Windows-1252, at most 1 MiB of them.
    """
    clean = decoded(source)
    chosen = detected_format(clean.text) if format is BriefFormat.AUTO else format
    result = judged(_DRAFT_OF[chosen](clean.text))
    return ReadBrief(
        brief=result.brief,
        findings=(*clean.findings, *result.findings),
        format=chosen,
        source_text=clean.text,
    )
