"""Preflight: what there is to say about a rendered mail before somebody approves it.

Codes are stable: programs and pages refer to them. A blocker stops a submission, a warning must be seen.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from newsletter.domain.brief import Brief
from newsletter.domain.findings import Finding, Level
from newsletter.domain.newsletter import PLACEHOLDER_POSTAL_ADDRESS, Newsletter
from newsletter.domain.reading.dates import date_in
from newsletter.domain.subscriber import normalise_address
from newsletter.errors import InvalidInput

# Gmail cuts a message near 102 KB of HTML, and with it the footer; addresses and tracked links still come on top.
HTML_WARNING_BYTES = 90_000
HTML_LIMIT_BYTES = 100_000
SUBJECT_LONGEST = 78  # what one header line holds (RFC 5322, 2.1.1), and more than any mail program shows
PREHEADER_LONGEST = 140
_REQUIRED_SLOT = "unsubscribe_url"

_SLOT_TOKEN = re.compile(r"zq[0-9a-f]{8,64}[a-z]_[a-z_]+_qz")
_TEMPLATE_SYNTAX = re.compile(
    r"\{\{[^{}\n]{0,80}\}\}|\{%[^{}\n]{0,80}%\}|%%[A-Za-z_][\w .-]{0,60}%%|\*\|[A-Z_][A-Z0-9_:]{0,60}\|\*"
    r"|\[\[[A-Za-z_]\w{0,60}\]\]|<%[^<>\n]{0,80}%>"
)
_PLACEHOLDER = re.compile(
    r"\[\s*(?:TODO|TBD|TK|FIXME|XXX|INSERT[^\]]{0,60}|PLACEHOLDER)\s*\]|\bTKTK\b|\blorem ipsum\b", re.IGNORECASE
)


def preflight(
    *,
    brief: Brief,
    subject: str,
    html: str,
    text: str,
    html_slots: Mapping[str, str],
    text_slots: Mapping[str, str],
    newsletter: Newsletter,
    findings_from_reading: Iterable[Finding] = (),
) -> list[Finding]:
    """Every remark on this mail: those of the reader of the brief, then our own; blockers first, otherwise in order."""
    known = list(findings_from_reading)
    found = [
        *_slots(html, html_slots, part="HTML"),
        *_slots(text, text_slots, part="text"),
        *_sender(newsletter),
        *_subject(subject, brief),
        *_size(html),
        *_left_over(brief, subject),
        *_incomplete(brief, known),
        *_links(brief, known),
        *_duplicates(brief, known),
        *_preheader(brief),
    ]
    order = list(Level)
    return sorted([*known, *found], key=lambda finding: order.index(finding.level))


def names_the_date(title: str, day: date) -> bool:
    """Whether a reader finds this day in the title; the year may be left out."""
    return date_in(title, near=day) == day


def _slots(document: str, slots: Mapping[str, str], *, part: str) -> Iterator[Finding]:
    if slots.get(_REQUIRED_SLOT, "\0") not in document:
        yield _blocker("unsubscribe-missing", f"the {part} part has no unsubscribe link: put one into its template")
    unknown = set(_SLOT_TOKEN.findall(document)) - set(slots.values())
    if unknown:
        yield _blocker("slot-unknown", f"the {part} part has {len(unknown)} slots that nothing fills: render it again")


def _sender(newsletter: Newsletter) -> Iterator[Finding]:
    edit = f"`newsletter newsletter edit {newsletter.slug}`"
    if not newsletter.postal_address.strip():
        yield _blocker("postal-address-missing", f"the footer needs a postal address by law: set one with {edit}")
    elif newsletter.postal_address == PLACEHOLDER_POSTAL_ADDRESS:
        yield _warning(
            "postal-address-placeholder",
            f"the footer shows a placeholder where the law wants a postal address: set it with {edit}",
        )
    if not newsletter.from_email.strip():
        yield _blocker("from-missing", f"the newsletter has no From address: set one with {edit}")
    elif not _is_address(newsletter.from_email):
        yield _blocker(
            "from-invalid", f"the From address “{newsletter.from_email}” cannot be used: correct it with {edit}"
        )
    if newsletter.reply_to.strip() and not _is_address(newsletter.reply_to):
        yield _blocker(
            "reply-to-invalid", f"the Reply-To address “{newsletter.reply_to}” cannot be used: correct it with {edit}"
        )
    if not (newsletter.from_name or newsletter.name).strip():
        yield _warning("from-name-missing", f"readers see an address instead of a name: set a From name with {edit}")


def _subject(subject: str, brief: Brief) -> Iterator[Finding]:
    if not subject.strip():
        yield _blocker("subject-empty", "the subject is empty: give the brief a title")
        return
    if len(subject) > SUBJECT_LONGEST:
        yield _warning(
            "subject-long", f"the subject has {len(subject)} characters, mail programs show 40 to {SUBJECT_LONGEST}"
        )
    letters = [character for character in subject if character.upper() != character.lower()]
    if len(letters) >= 8 and all(character.isupper() for character in letters):
        yield _warning("subject-capitals", "the subject is all capitals, which reads as spam: use sentence case")
    if not names_the_date(subject, brief.date):
        yield _warning(
            "subject-undated", "the subject does not name the date: mail programs fold equal subjects together"
        )


def _size(html: str) -> Iterator[Finding]:
    size = len(html.encode("utf-8", "replace"))
    if size >= HTML_LIMIT_BYTES:
        yield _blocker(
            "html-too-large", f"the HTML has {size:,} bytes and Gmail cuts it near 102,000: shorten the brief"
        )
    elif size >= HTML_WARNING_BYTES:
        yield _warning("html-too-large", f"the HTML has {size:,} bytes, close to the 102,000 where Gmail cuts it")


def _left_over(brief: Brief, subject: str) -> Iterator[Finding]:
    for where, content in _contents(brief, subject):
        if found := _TEMPLATE_SYNTAX.search(content):
            yield _blocker("template-syntax", f"{where} holds “{found[0]}”, which nothing will fill: replace it")
        if found := _PLACEHOLDER.search(content):
            yield _warning("placeholder-text", f"{where} holds “{found[0]}”: was something to come here?")


def _contents(brief: Brief, subject: str) -> Iterator[tuple[str, str]]:
    yield "the subject", subject
    yield "the preheader", brief.preheader
    for section in brief.sections:
        yield "a section title", section.title
    for story in brief.stories:
        parts = (story.headline, story.source, story.summary, story.why_it_matters, story.link_title, story.url or "")
        yield f"story {story.number}", "\n".join(parts)


def _incomplete(brief: Brief, known: Sequence[Finding]) -> Iterator[Finding]:
    """A blocker for each story without headline or summary, unless the reader of the brief gave them already."""
    for field in ("headline", "summary"):
        code = f"{field}-missing"
        if any(finding.code == code for finding in known):
            continue
        for story in brief.stories:
            if not getattr(story, field).strip():
                yield _blocker(code, f"story {story.number} has no {field}: give it one or take the story out")


def _links(brief: Brief, known: Sequence[Finding]) -> Iterator[Finding]:
    """One warning per link without an address, unless the reader of the brief gave them already, with their lines."""
    if any(finding.code in ("link-missing", "link-invalid") for finding in known):
        return
    for story in brief.stories:
        if not story.url:
            yield _warning(
                "link-missing", f"story {story.number} has no address for its link: readers get its title only"
            )


def _duplicates(brief: Brief, known: Sequence[Finding]) -> Iterator[Finding]:
    if any(finding.code == "duplicate-story" for finding in known):
        return
    headlines = Counter(_folded(story.headline) for story in brief.stories)
    for story in brief.stories:
        if headlines[_folded(story.headline)] > 1:
            yield _warning("duplicate-story", f"story {story.number} has the headline of another story: keep one")


def _preheader(brief: Brief) -> Iterator[Finding]:
    if not brief.preheader.strip():
        yield _note(
            "preheader-missing", "there is no preheader: mail programs show the first headline after the subject"
        )
    elif len(brief.preheader) > PREHEADER_LONGEST:
        yield _note(
            "preheader-long", f"the preheader has {len(brief.preheader)} characters, few programs show over 100"
        )


def _folded(headline: str) -> str:
    return " ".join(headline.casefold().split())


def _is_address(email: str) -> bool:
    try:
        normalise_address(email)
    except InvalidInput:
        return False
    return True


def _blocker(code: str, message: str) -> Finding:
    return Finding(level=Level.BLOCKER, code=code, message=message)


def _warning(code: str, message: str) -> Finding:
    return Finding(level=Level.WARNING, code=code, message=message)


def _note(code: str, message: str) -> Finding:
    return Finding(level=Level.NOTE, code=code, message=message)
