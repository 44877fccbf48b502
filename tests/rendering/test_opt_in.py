"""Facts about the mails of the public door: each language has all its words, and nothing typed becomes markup."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from string import Formatter

import pytest
from playwright.sync_api import Browser

from newsletter.domain.opt_in import AnswerKind
from newsletter.rendering import OPT_IN_WORDINGS, Rendered, RenderingError, opt_in_wording_for, render_opt_in
from tests.rendering.editions import NEWSLETTER
from tests.rendering.test_look import CONTRASTS

LINK = "https://news.example.org/confirm/" + "0a" * 18


def mail(kind: AnswerKind = AnswerKind.CONFIRM, *, language: str = "en", email: str = "ann@example.org") -> Rendered:
    return render_opt_in(
        NEWSLETTER,
        kind=kind,
        language=language,
        email=email,
        target_url=LINK,
        form_url="https://news.example.org/subscribe/brief",
        list_names=["Daily", "Weekend <b>edition</b>"],
    )


def _places(phrase: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(phrase) if name}


def test_every_language_fills_the_same_places_in_every_phrase() -> None:
    english = OPT_IN_WORDINGS[0]
    for words in OPT_IN_WORDINGS:
        for name in (field.name for field in fields(words)):
            phrase, model = getattr(words, name), getattr(english, name)
            places, expected = (_places("".join(text)) for text in (phrase, model))
            assert places == expected, f"{words.language}: {name}"
            assert phrase, f"{words.language}: {name}"


def test_a_language_that_there_is_not_is_english() -> None:
    assert opt_in_wording_for("tlh").language == "en"
    assert opt_in_wording_for("zh-Hant-TW").language == "zh-Hant"


@pytest.mark.parametrize("kind", list(AnswerKind))
def test_the_mail_is_small_the_same_each_time_and_holds_nothing_that_was_typed_as_markup(kind: AnswerKind) -> None:
    address = "a&b'{newsletter}`+x@example.org"
    rendered = mail(kind, email=address)
    assert rendered == mail(kind, email=address)
    assert len(rendered.html.encode()) < 20_000
    assert address in rendered.text
    assert "a&amp;b&#39;{newsletter}`+x@example.org" in rendered.html
    assert "<b>edition" not in rendered.html
    assert LINK in rendered.html and LINK in rendered.text.split("\n")


def test_a_link_that_no_reader_can_follow_becomes_no_mail() -> None:
    with pytest.raises(RenderingError):
        render_opt_in(
            replace(NEWSLETTER, theme={}),
            kind=AnswerKind.CONFIRM,
            language="en",
            email="ann@example.org",
            target_url="javascript:alert(1)",
            form_url="https://news.example.org/subscribe/brief",
        )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_mail_fits_the_screen_and_can_be_read_in_every_language(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    file = tmp_path / "mail.html"
    for language, width in (("en", 320), ("zh-Hans", 375), ("en", 700)):
        file.write_text(mail(language=language, email="a" * 64 + "@example.org").html, encoding="utf-8")
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(file.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRASTS) == []
        page.close()
