"""Render: a brief and its newsletter become one mail, the same bytes each time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from markupsafe import Markup

from newsletter.domain.brief import Brief
from newsletter.domain.checks import names_the_date
from newsletter.domain.newsletter import Newsletter
from newsletter.rendering.colours import CARD_DARK, palette_of
from newsletter.rendering.edition import Edition, edition_of, one_line
from newsletter.rendering.guards import check_output, check_text
from newsletter.rendering.rendered import Rendered
from newsletter.rendering.slots import name_tokens, nonce_of, used_tokens
from newsletter.rendering.templates import TemplateFolder, own_templates
from newsletter.rendering.wrapping import LINE_COLUMNS

# Georgia has no ideographs: without a Chinese serif behind it, some programs mix in a bitmap font.
SERIF = Markup("Georgia, 'Times New Roman', 'Songti SC', 'Noto Serif CJK KR', serif")


def render(brief: Brief, newsletter: Newsletter, *, templates: TemplateFolder | None = None) -> Rendered:
    """The whole mail but for its recipients' values. Pure: the same brief and newsletter give the same bytes.

    RenderingError, in one sentence, for a text, link, colour or template that cannot become a mail.
    """
    folder = templates or own_templates()
    edition = edition_of(brief, newsletter)
    source = _source_of(brief, newsletter)
    html_slots, text_slots = (name_tokens(nonce_of(source), part=part, texts=[source.decode()]) for part in "ht")
    context = _context(edition, newsletter)
    html = _html(folder, context | {"slot": html_slots, "is_web": False}, slots=html_slots)
    text = folder.text("brief.txt", **context, slot=text_slots)
    return Rendered(
        subject=subject_of(brief),
        preheader=edition.preheader,
        html=html,
        text=text,
        web_html=_html(folder, context | {"slot": {}, "is_web": True}, slots={}),
        html_slots=used_tokens(html, html_slots),
        text_slots=used_tokens(text, text_slots),
        from_name=one_line(newsletter.from_name or newsletter.name),
        from_email=newsletter.from_email.strip(),
        reply_to=newsletter.reply_to.strip(),
        newsletter_slug=newsletter.slug,
        newsletter_name=edition.newsletter_name,
        language=brief.language,
    )


def subject_of(brief: Brief) -> str:
    """The brief's title; its date follows where the title does not name it: Gmail hides mails of one subject."""
    title = one_line(check_text(brief.title, what="the title"))
    if not title or names_the_date(title, brief.date):
        return title
    return f"{title} — {brief.date.isoformat()}"


def _html(folder: TemplateFolder, context: Mapping[str, object], *, slots: Mapping[str, str]) -> str:
    document = folder.html("brief.mjml", **context)
    check_output(document, slots=frozenset(slots.values()))
    return document


def _context(edition: Edition, newsletter: Newsletter) -> dict[str, object]:
    return {
        "edition": edition,
        "palette": palette_of(newsletter.theme),
        "dark": {"card": CARD_DARK},
        "serif": SERIF,
        "rule": "-" * LINE_COLUMNS,
    }


def _source_of(brief: Brief, newsletter: Newsletter) -> bytes:
    content = [asdict(brief), asdict(newsletter) | {"theme": dict(newsletter.theme)}]
    return json.dumps(content, default=str, ensure_ascii=True, sort_keys=True).encode()
