"""JSON: the shape that `brief show` prints and that briefs are stored in."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from newsletter.domain.brief import Brief, Section, Story
from newsletter.domain.findings import Finding, Level
from newsletter.domain.reading.dates import posted_line
from newsletter.domain.reading.decoding import without_controls
from newsletter.domain.reading.drafts import MAX_STORIES, BriefDraft, Piece, SectionDraft, StoryDraft
from newsletter.domain.reading.labels import Field
from newsletter.domain.reading.lines import join_wrapped
from newsletter.errors import Fault, UnreadableBrief

_TEXT, _OPTIONAL = "a text", "a text or null"
_BRIEF_KEYS = {
    "title": _TEXT,
    "date": _TEXT,
    "posted_at": _OPTIONAL,
    "preheader": _OPTIONAL,
    "language": _OPTIONAL,
    "sections": "a list",
}
_PRINTED_KEYS = frozenset({"brief_id", "status", "sha256"})  # `brief show` adds them; they are no content
_SECTION_KEYS = {"title": _OPTIONAL, "stories": "a list"}
_STORY_KEYS = {
    "number": "a whole number or null",
    "headline": _TEXT,
    "source": _OPTIONAL,
    "date": _OPTIONAL,
    "summary": _TEXT,
    "why_it_matters": _OPTIONAL,
    "link_title": _OPTIONAL,
    "url": _OPTIONAL,
    "language": _OPTIONAL,
}
_STORY_FIELDS = {
    "headline": Field.HEADLINE,
    "source": Field.SOURCE,
    "date": Field.DATE,
    "summary": Field.SUMMARY,
    "why_it_matters": Field.WHY,
    "link_title": Field.LINK_TITLE,
    "url": Field.LINK,
    "language": Field.LANGUAGE,
}
_HEADER_FIELDS = {
    "title": Field.TITLE,
    "date": Field.DATE,
    "posted_at": Field.POSTED,
    "preheader": Field.PREHEADER,
    "language": Field.LANGUAGE,
}


def brief_as_dict(brief: Brief) -> dict[str, Any]:
    """The brief as `brief show` prints it, dates as ISO texts.

    A posting time, where there is one, is kept under "posted_at", so that what is stored can be read back whole.
    """
    posted = {"posted_at": brief.posted_at.isoformat()} if brief.posted_at else {}
    return {
        "title": brief.title,
        "date": brief.date.isoformat(),
        **posted,
        "preheader": brief.preheader,
        "language": brief.language,
        "sections": [
            {"title": section.title, "stories": [_story_as_dict(story) for story in section.stories]}
            for section in brief.sections
        ],
    }


def brief_from_dict(content: Mapping[str, Any]) -> Brief:
    """The inverse of `brief_as_dict`, word for word; UnreadableBrief with every key that is missing or wrong."""
    faults = [*_faults_in(content), *_missing_in(content)]
    if not faults:
        try:
            return _brief(content)
        except ValueError as error:
            faults.append(Fault(line=None, message=f"a date is not written as 2026-06-22: {error}"))
    raise UnreadableBrief(faults)


def draft_of_json(text: str) -> BriefDraft:
    """The draft of a JSON document; UnreadableBrief where it is no JSON or has not the shape."""
    content, findings = _loaded(text)
    faults = tuple(_faults_in(content))
    sections = tuple(_section_draft(section) for section in _objects_at(content, "sections"))
    if not sections or sum(len(section.stories) for section in sections) > MAX_STORIES:
        reason = (
            f"there are more than {MAX_STORIES} stories: split the brief" if sections else "sections has no section"
        )
        raise UnreadableBrief([*faults] or [Fault(line=None, message=reason)])
    return BriefDraft(header=_pieces(content, _HEADER_FIELDS), sections=sections, findings=findings, faults=faults)


def _story_as_dict(story: Story) -> dict[str, Any]:
    return {
        "number": story.number,
        "headline": story.headline,
        "source": story.source,
        "date": story.date.isoformat() if story.date else None,
        "summary": story.summary,
        "why_it_matters": story.why_it_matters,
        "link_title": story.link_title,
        "url": story.url,
        "language": story.language,
    }


def _brief(content: Mapping[str, Any]) -> Brief:
    posted_at = content.get("posted_at")
    return Brief(
        title=content["title"],
        date=date.fromisoformat(content["date"]),
        posted_at=datetime.fromisoformat(posted_at) if posted_at else None,
        preheader=content["preheader"],
        language=content["language"],
        sections=tuple(
            Section(title=section["title"], stories=tuple(_story(story) for story in section["stories"]))
            for section in content["sections"]
        ),
    )


def _story(content: Mapping[str, Any]) -> Story:
    day = content["date"]
    return Story(**{**content, "date": date.fromisoformat(day) if day else None})


def _loaded(text: str) -> tuple[Any, tuple[Finding, ...]]:
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        keys = [key for key, _ in pairs]
        repeated.extend(key for key in set(keys) if len(keys) > len(set(keys)) and keys.count(key) > 1)
        return dict(pairs)

    try:
        content = json.loads(text, object_pairs_hook=unique)
    except json.JSONDecodeError as error:
        message = f"this is not JSON (column {error.colno}): {error.msg}"
        raise UnreadableBrief([Fault(line=error.lineno, message=message)]) from None
    except (RecursionError, ValueError):
        raise UnreadableBrief(
            [Fault(line=None, message="the JSON is nested too deeply or has a huge number")]
        ) from None
    if repeated:
        shown = sorted(set(repeated))[:20]
        raise UnreadableBrief([Fault(line=None, message=f"the key “{key[:60]}” is given twice") for key in shown])
    cleaned = _cleaned(content)
    if cleaned == content:
        return content, ()
    message = "control characters were removed"
    return cleaned, (Finding(level=Level.NOTE, code="control-characters-removed", message=message),)


def _cleaned(value: Any) -> Any:
    """The value with clean texts: JSON's escapes can write what the text of the document may not hold."""
    if isinstance(value, str):
        if any("\ud800" <= char <= "\udfff" for char in value):
            raise UnreadableBrief([Fault(line=None, message="a text has half a character (a lone surrogate)")])
        return without_controls(value.replace("\r\n", "\n").replace("\r", "\n"))
    if isinstance(value, dict):
        return {key: _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value


def _faults_in(content: Any) -> Iterator[Fault]:
    """Every key that is unknown, missing or of the wrong type, with its path."""
    if not isinstance(content, Mapping):
        yield Fault(line=None, message="the document must be a JSON object with title, date and sections")
        return
    known = {key: value for key, value in content.items() if key not in _PRINTED_KEYS}
    yield from _faults_of_object(known, _BRIEF_KEYS, path="", required=("sections",))
    for at, section in enumerate(_list_at(content, "sections")):
        path = f"sections[{at}]"
        yield from _faults_of_object(section, _SECTION_KEYS, path=path, required=("stories",))
        for number, story in enumerate(_list_at(section, "stories")):
            yield from _faults_of_object(story, _STORY_KEYS, path=f"{path}.stories[{number}]", required=())


def _faults_of_object(value: Any, keys: Mapping[str, str], *, path: str, required: tuple[str, ...]) -> Iterator[Fault]:
    if not isinstance(value, Mapping):
        yield Fault(line=None, message=f"{path} must be an object")
        return
    prefix = f"{path}." if path else ""
    for key in value:
        if key not in keys:
            yield Fault(line=None, message=f"{prefix}{str(key)[:60]} is an unknown key: known are {', '.join(keys)}")
        elif not _is_of(value[key], keys[key]):
            yield Fault(line=None, message=f"{prefix}{key} must be {keys[key]}")
    for key in required:
        if key not in value:
            yield Fault(line=None, message=f"{prefix}{key} is missing: it must be {keys[key]}")


def _missing_in(content: Any) -> Iterator[Fault]:
    """What a stored brief lacks; a source may leave these out, what we stored has them all."""
    if not isinstance(content, Mapping):
        return
    yield from _absent(content, _BRIEF_KEYS.keys() - {"sections", "posted_at"}, path="", nullable=())
    for at, section in enumerate(_list_at(content, "sections")):
        yield from _absent(section, {"title"}, path=f"sections[{at}].", nullable=())
        for number, story in enumerate(_list_at(section, "stories")):
            path = f"sections[{at}].stories[{number}]."
            yield from _absent(story, _STORY_KEYS.keys(), path=path, nullable=("date", "url"))


def _absent(value: Any, keys: Any, *, path: str, nullable: tuple[str, ...]) -> Iterator[Fault]:
    if isinstance(value, Mapping):
        for key in sorted(keys):
            if key not in value or (value[key] is None and key not in nullable):
                yield Fault(line=None, message=f"{path}{key} is missing")


def _is_of(value: Any, kind: str) -> bool:
    if kind == "a list":
        return isinstance(value, list)
    if kind.startswith("a whole number"):
        return value is None or (isinstance(value, int) and not isinstance(value, bool))
    return isinstance(value, str) or (kind == _OPTIONAL and value is None)


def _list_at(value: Any, key: str) -> list[Any]:
    found = value.get(key) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []


def _objects_at(value: Any, key: str) -> Iterator[Mapping[str, Any]]:
    return (item for item in _list_at(value, key) if isinstance(item, Mapping))


def _section_draft(content: Mapping[str, Any]) -> SectionDraft:
    title = content.get("title")
    return SectionDraft(
        title=join_wrapped([title]) if isinstance(title, str) else "",
        line=None,
        stories=tuple(_story_draft(story) for story in _objects_at(content, "stories")),
    )


def _story_draft(content: Mapping[str, Any]) -> StoryDraft:
    pieces = _pieces(content, _STORY_FIELDS)
    pieces.setdefault(Field.DATE, Piece(line=None, parts=()))  # else a date would be sought in the source
    ordinal = content.get("number")
    return StoryDraft(line=None, ordinal=ordinal if isinstance(ordinal, int) else None, pieces=pieces)


def _pieces(content: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[Field, Piece]:
    pieces = {
        field: Piece(line=None, parts=(content[key],))
        for key, field in fields.items()
        if isinstance(content.get(key), str)
    }
    if Field.LINK in pieces:
        pieces[Field.LINK] = Piece(line=None, parts=(), url=content["url"].strip())
    if Field.POSTED in pieces:
        pieces[Field.POSTED] = Piece(line=None, parts=(_posted(content["posted_at"]),))
    return pieces


def _posted(text: str) -> str:
    try:
        return posted_line(datetime.fromisoformat(text).replace(tzinfo=None))
    except ValueError:
        raise UnreadableBrief([Fault(line=None, message="posted_at is not a time like 2026-06-22T20:28:00")]) from None
