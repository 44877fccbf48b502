"""What cannot be read is refused whole, with every fault and its line, in bounded time."""

from __future__ import annotations

import json

import pytest

from newsletter.domain.reading import MAX_BYTES, BriefFormat, brief_as_dict, read_brief
from newsletter.errors import Fault, UnreadableBrief
from tests.domain import reading_forms


def _faults(source: str | bytes, *, brief_format: BriefFormat = BriefFormat.AUTO) -> tuple[Fault, ...]:
    with pytest.raises(UnreadableBrief) as caught:
        read_brief(source, format=brief_format)
    return caught.value.faults


def test_every_fault_is_named_with_its_line() -> None:
    faults = _faults(
        "Brief\n\n"  # 1: no date
        f"1. {'A' * 1001}\n• X · 06/07/2026\n• URL: javascript:alert(1)\n\n"  # 3: headline too long
        f"2. B\n• Y · 2026-01-01\n• Summary: {'s' * 20_001}\n\n"  # 9: summary too long
        f"3. C\n• Z · 2026-01-01\n• Summary: s\n• URL: {'t' * 1001}\n"  # 14: link title too long
    )
    assert [fault.line for fault in faults] == [1, 3, 9, 14]
    assert "the brief has no date" in faults[0].message
    assert all("characters long" in fault.message for fault in faults[1:])


_DAMAGED = reading_forms.TEXT.encode()[:150] + b"\xe8\xbf" + reading_forms.TEXT.encode()[150:] + "中文".encode() * 9
_NO_BRIEF: dict[str, tuple[str | bytes, str]] = {
    "nothing": ("", "is empty"),
    "blanks": ("\ufeff \n\u3000\t\n", "is empty"),
    "no bytes": (b"", "is empty"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x01\x00", "is binary"),
    "few bytes": (b"\x00\x01\x02\xff", "is binary"),
    "all bytes": (bytes(range(1, 256)) * 20, "is binary"),
    "a zero": ("text with a \x00 in it", "is binary"),
    "archive": (b"PK\x03\x04" + bytes(1000), "is binary"),
    "five megabytes": ("a" * 5_000_000, "4.8 MB large"),
    "five megabytes of bytes": (b"a" * 5_000_000, "4.8 MB large"),
    "a megabyte of Chinese": ("国" * (MAX_BYTES // 3 + 1), "1.0 MB large"),
    "many lines": ("x\n" * 30_000, "has 30001 lines"),
    "half a character": ("Brief \ud800 — 2026-06-22", "half a character"),
    "damaged UTF-8": (_DAMAGED, "broken UTF-8"),
}


@pytest.mark.parametrize(("source", "words"), _NO_BRIEF.values(), ids=_NO_BRIEF.keys())
def test_what_is_no_brief_at_all_is_one_clear_fault(source: str | bytes, words: str) -> None:
    (fault,) = _faults(source)
    assert words in fault.message


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("Tidewater Digest — 2026-03-04", "Tidewater Digest\nDate: 30 February 2026"), 2, "not a day of the calendar"),
        (("Tidewater Digest — 2026-03-04", "Tidewater Digest\nDate: soon"), 2, "“soon” is not a date"),
        (("Tidewater Digest — 2026-03-04", "Tidewater Digest\nDate: 06/07/2026"), 2, "could be two days"),
        (("A Crane That Whispers", "A" * 1001), 16, "the headline of story 2 is 1001 characters long"),
    ],
)
def test_one_thing_wrong_is_one_fault_on_its_line(change: tuple[str, str], line: int, words: str) -> None:
    assert change[0] in reading_forms.TEXT
    (fault,) = _faults(reading_forms.TEXT.replace(*change))
    assert fault.line == line
    assert words in fault.message


def test_a_brief_without_a_story_says_how_one_begins() -> None:
    assert any("“1. Headline”" in fault.message for fault in _faults("Daily — 2026-06-22\n\nNothing happened.\n"))


def test_a_brief_without_a_heading_has_no_title() -> None:
    text = reading_forms.TEXT[reading_forms.TEXT.index("1. Lock") :]
    assert any("no title" in fault.message for fault in _faults(text))


def test_json_that_is_none_names_line_and_column() -> None:
    (fault,) = _faults('{"title": "A",\n "date": }')
    assert (fault.line, "column 10" in fault.message) == (2, True)


def test_json_faults_name_their_paths_and_all_of_them() -> None:
    content = json.loads(reading_forms.JSON) | {"extra": 1}
    stories = content["sections"][0]["stories"]
    stories[0]["sumary"] = stories[0].pop("summary")
    stories[1]["date"] = 5
    content["sections"][1]["stories"].append("no story")
    messages = [fault.message for fault in _faults(json.dumps(content))]
    assert len(messages) == 4
    for words in (
        "extra is an unknown key",
        "sections[0].stories[0].sumary is an unknown key",
        "sections[0].stories[1].date must be a text or null",
        "sections[1].stories[1] must be an object",
    ):
        assert any(words in message for message in messages)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("[]", "must be a JSON object"),
        ("{}", "sections is missing"),
        ('{"title": "A", "title": "B", "sections": []}', "the key “title” is given twice"),
        ('{"title": "A", "date": "2026-01-01", "sections": []}', "no section"),
        ("[" * 100_000, "nested too deeply"),
        ('{"brief_id": ' + "9" * 5000 + "}", "huge number"),
        ('{"title": "\\ud800", "sections": []}', "half a character"),
    ],
)
def test_json_of_another_shape_is_refused(source: str, words: str) -> None:
    faults = _faults(source, brief_format=BriefFormat.JSON)
    assert any(words in fault.message for fault in faults)


def test_json_escapes_cannot_smuggle_control_characters() -> None:
    content = brief_as_dict(read_brief(reading_forms.TEXT).brief)
    content["sections"][0]["stories"][1]["headline"] = "A Crane\x00 That\x1b Whispers"
    read = read_brief(json.dumps(content))
    assert [story.headline for story in read.brief.stories][1] == "A Crane That Whispers"
    assert "control-characters-removed" in [finding.code for finding in read.findings]


def test_more_than_five_hundred_stories_are_one_fault() -> None:
    stories = "".join(f"{n}. S{n}\n• AP · 2026-06-22\n• Summary: s\n• URL: t\n\n" for n in range(1, 502))
    (fault,) = _faults("Daily — 2026-06-22\n\n" + stories)
    assert "more than 500 stories" in fault.message


_HEADER = "Daily — 2026-06-22\n\n1. A\n- S · 2026-06-22\n- Why It Matters: w\n- URL: t\n- Summary: "


_HOSTILE_TEXT = (
    "[",
    "](",
    "[x](a",
    "**a ",
    "_a ",
    "`",
    "<",
    "(https://a",
    "\\",
    "> ",
    "- ",
    "Jun 2",
    "x-",
    "&#",
    "国 ",
)
_HOSTILE_HTML = ("<", "<!--", "<![", "<a '", '<a x="', "</", "&#", "<ol><li>", "<b>", "<p>x", "<script>", "<b>summary")
_HOSTILE_JSON = ("[", '{"a":', '"\\u0041",', "[1,", "9")


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", _HOSTILE_TEXT)
@pytest.mark.parametrize("brief_format", [BriefFormat.TEXT, BriefFormat.MARKDOWN])
def test_a_hostile_megabyte_of_text_is_done_with(brief_format: BriefFormat, unit: str) -> None:
    assert _remarks(_HEADER, unit, brief_format) < 10


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["-\n", "\n1.", "\nSummary: x", "\n\nx\n\n2. b", "x-\n", "\n#", "• a\n"])
@pytest.mark.parametrize("brief_format", [BriefFormat.TEXT, BriefFormat.MARKDOWN])
def test_as_many_hostile_lines_as_allowed_are_done_with(brief_format: BriefFormat, unit: str) -> None:
    assert _remarks(_HEADER, unit, brief_format, size=15_000 * len(unit) // unit.count("\n")) < 3000


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", _HOSTILE_HTML)
def test_a_hostile_megabyte_of_html_is_done_with(unit: str) -> None:
    assert _remarks("<h1>Daily — 2026-06-22</h1>", unit, BriefFormat.HTML) < 3000


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", _HOSTILE_JSON)
def test_a_hostile_megabyte_of_json_is_done_with(unit: str) -> None:
    assert _remarks("", unit, BriefFormat.JSON) < 10


def _remarks(head: str, unit: str, brief_format: BriefFormat, *, size: int = MAX_BYTES - 1000) -> int:
    """How many findings or faults come out in the end; a reader in quadratic time would take minutes."""
    try:
        return len(read_brief(head + unit * (size // len(unit.encode())), format=brief_format).findings)
    except UnreadableBrief as refusal:
        return len(refusal.faults)
