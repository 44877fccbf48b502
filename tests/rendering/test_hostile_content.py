"""Content that tries to break a mail, or that the engine would corrupt."""

from __future__ import annotations

from pathlib import Path

import pytest

from newsletter.errors import NewsletterError
from newsletter.rendering import RenderingError, Segments, fill_html, fill_text, render
from newsletter.rendering.slots import name_tokens
from newsletter.rendering.templates import TemplateFolder, compile_mjml, own_templates
from tests.rendering.documents import parse
from tests.rendering.editions import NEWSLETTER, VALUES, make_brief, make_story

NASTY = {
    "newline": "one\ntwo",
    "tab": "one\ttwo",
    "backslash": r"C:\new\table\u{41}",
    "quotes": "\"double\" 'single' `back`",
    "no-break space": "100\u00a0km",
    "ideographic space": "上海\u3000北京",
    "family": "👨\u200d👩\u200d👧",
    "heart": "❤\ufe0f",
    "combining accent": "cafe\u0301",
    "Thai": "ภาษาไทย",
    "Hindi": "हिन्दी",
    "Arabic": "العَرَبِيَّة",
    "markup": "<b>bold</b> & <script>alert(1)</script>",
    "entity": "&amp; &#60; &nbsp;",
    "Jinja": "{{ 7 * 7 }} {% raw %} {# note #}",
    "MJML": "<mj-raw></mj-raw></mj-text></mjml>",
    "comment": "<!-- [if mso]> --> ]]>",
}


@pytest.mark.parametrize("said", NASTY.values(), ids=NASTY.keys())
def test_odd_text_reaches_the_reader_as_it_was_written(said: str) -> None:
    story = make_story(headline=said, source=said, summary=said, why_it_matters=said, link_title=said)
    rendered = render(make_brief(story), NEWSLETTER)
    shown = said.replace("\n", " ").replace("\t", " ")
    assert parse(rendered.html).text.count(shown) >= 6
    assert rendered.text.count(shown) >= 6


@pytest.mark.parametrize("said", NASTY.values(), ids=NASTY.keys())
def test_odd_text_survives_in_attributes(said: str) -> None:
    rendered = render(make_brief(title=f"{said} 2026-06-22"), NEWSLETTER)
    labels = [values["aria-label"] for _, values in parse(rendered.html).tags if "aria-label" in values]
    assert labels == [f"{said.replace(chr(10), ' ').replace(chr(9), ' ')} — Monday, June 22, 2026"]


def test_a_link_reaches_the_reader_as_it_was_given() -> None:
    url = "https://gazette.example/路径/a?x=1&copy=2&q=%22a%22#s=\u00e9"
    rendered = render(make_brief(make_story(url=url)), NEWSLETTER)
    assert url in parse(rendered.html).links
    assert url in rendered.text.split("\n")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//gazette.example/x",
        "gazette.example",
        "https://",
        "https:///path",
        "mailto:",
        "https://gazette.example/a b",
        "https://gazette.example/\u0000",
        "https://[::1",
        "https://gazette.example:99999/",
        "https://gazette.example/" + "a" * 2000,
    ],
)
def test_an_address_that_a_reader_should_not_follow_is_refused(url: str) -> None:
    with pytest.raises(RenderingError, match="story 1 has"):
        render(make_brief(make_story(url=url)), NEWSLETTER)


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x1b", "\x7f", "\x9c", "\ufffe", "\uffff", "\ud800"])
def test_a_character_that_no_mail_can_carry_is_refused_with_its_place(control: str) -> None:
    with pytest.raises(RenderingError, match=r"story 3 holds the control character U\+"):
        render(make_brief(make_story(3, summary=f"a{control}b")), NEWSLETTER)


@pytest.mark.parametrize("part", ["html", "text"])
def test_a_story_that_names_a_slot_is_not_filled(part: str) -> None:
    plain = render(make_brief(), NEWSLETTER)
    tokens = plain.html_slots if part == "html" else plain.text_slots
    said = f"{tokens['unsubscribe_url']} %%unsubscribe_url%% {{{{ slot.unsubscribe_url }}}}"
    rendered = render(make_brief(make_story(summary=said)), NEWSLETTER)
    secret = VALUES["unsubscribe_url"]
    assert fill_html(rendered, VALUES).count(secret) == fill_html(plain, VALUES).count(secret)
    assert fill_text(rendered, VALUES).count(secret) == fill_text(plain, VALUES).count(secret)
    assert tokens["unsubscribe_url"] in fill_html(rendered, VALUES)


def test_content_that_holds_the_nonce_is_refused() -> None:
    with pytest.raises(RenderingError, match="change its wording"):
        name_tokens("0123456789abcdef", part="h", texts=["harmless", "zq0123456789ABCDEFh_email_qz"])


def test_the_values_of_a_reader_are_escaped_in_html_and_plain_in_text() -> None:
    rendered = render(make_brief(), NEWSLETTER)
    values = VALUES | {"greeting": 'Hello <b>"Maria" & co</b>,'}
    html = fill_html(rendered, values)
    assert 'Hello <b>"Maria" & co</b>,' in parse(html).text
    assert "Hello <b>" not in html
    assert 'Hello <b>"Maria" & co</b>,' in fill_text(rendered, values)


def test_a_value_that_looks_like_a_slot_is_not_filled_again() -> None:
    rendered = render(make_brief(), NEWSLETTER)
    greeting = rendered.text_slots["unsubscribe_url"]
    assert greeting in fill_text(rendered, VALUES | {"greeting": greeting})


def test_a_missing_value_is_named() -> None:
    segments = Segments.of_html("Hello AA", {"greeting": "AA"})
    with pytest.raises(NewsletterError, match="slot greeting"):
        segments.fill({})


def test_five_thousand_nested_tags_in_a_story_are_only_text() -> None:
    rendered = render(make_brief(make_story(summary="<div>" * 5000)), NEWSLETTER)
    assert "<div>" * 5000 in parse(rendered.html).text


@pytest.mark.parametrize("nested", ["<div>" * 9000, "<mj-wrapper>" * 20_000, "<b>" * 200 + "x" + "</b>" * 200])
def test_a_template_that_would_overflow_the_engine_is_refused(nested: str) -> None:
    mjml = (
        f"<mjml><mj-body><mj-section><mj-column><mj-text>{nested}</mj-text></mj-column></mj-section></mj-body></mjml>"
    )
    with pytest.raises(RenderingError, match="nests tags"):
        compile_mjml(mjml, folder=own_templates())


def test_a_template_that_is_not_well_formed_is_refused_in_a_sentence() -> None:
    with pytest.raises(RenderingError, match="not valid MJML"):
        compile_mjml("<mjml><mj-body><mj-section></mj-body></mjml>", folder=own_templates())


@pytest.mark.parametrize("name", ["../brief.txt", "/etc/passwd", "blocks/../../pages/x", "blocks", "", "brief.mjml\0"])
def test_a_template_outside_of_the_folder_is_not_read(name: str, tmp_path: Path) -> None:
    with pytest.raises(RenderingError, match="there is no template"):
        own_templates().source(name)


def test_an_include_finds_only_what_is_in_the_folder() -> None:
    around = '<mjml><mj-body><mj-include path="{}" /></mj-body></mjml>'
    with pytest.raises(RenderingError):
        compile_mjml(around.format("../../../etc/passwd"), folder=own_templates())


def test_a_link_that_leads_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "email"
    folder.mkdir()
    (folder / "brief.txt").write_text("hello")
    (folder / "leak.txt").symlink_to(tmp_path / "secret.txt")
    assert TemplateFolder(folder).names == {"brief.txt"}


def _folder_with(tmp_path: Path, *, body: str) -> TemplateFolder:
    """Templates whose mail is only this body."""
    mjml = f"<mjml><mj-body><mj-section><mj-column><mj-text>{body}</mj-text></mj-column></mj-section></mj-body></mjml>"
    (tmp_path / "brief.mjml").write_text(mjml)
    (tmp_path / "brief.txt").write_text("{{ edition.title }}")
    return TemplateFolder(tmp_path)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("{{ edition.colour }}", "no attribute 'colour'"),
        ("{{ edition.title.__class__.__mro__ }}", "unsafe|no attribute"),
        ("{% for %}", "cannot be used"),
        ('<a href="javascript:x()">x</a>', "the template has the link"),
        ('<link rel="stylesheet" href="https://fonts.example/x.css" />', "load nothing from elsewhere"),
        ('{% include "missing.mjml" %}', "missing.mjml"),
    ],
)
def test_a_designers_mistake_is_told_in_a_sentence(tmp_path: Path, body: str, complaint: str) -> None:
    with pytest.raises(RenderingError, match=complaint):
        render(make_brief(), NEWSLETTER, templates=_folder_with(tmp_path, body=body))


def test_attributes_over_several_lines_come_out_whole(tmp_path: Path) -> None:
    body = "<p style='color: #111;\n\tfont-family: \"Gill Sans\"' title='a\\b'>x</p>"
    html = render(make_brief(), NEWSLETTER, templates=_folder_with(tmp_path, body=body)).html
    paragraph = next(values for tag, values in parse(html).tags if tag == "p")
    assert paragraph == {"style": 'color: #111;\n\tfont-family: "Gill Sans"', "title": "a\\b"}
