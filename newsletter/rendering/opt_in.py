"""The mails of the public door: one asks to confirm, the other says that nothing is to be done."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.domain.newsletter import Newsletter
from newsletter.domain.opt_in import KEPT, LINK_LIFETIME, AnswerKind
from newsletter.rendering.colours import CARD_DARK, palette_of
from newsletter.rendering.edition import one_line
from newsletter.rendering.guards import check_output, check_text, check_url
from newsletter.rendering.opt_in_wording import OptInWording, opt_in_wording_for
from newsletter.rendering.render import SERIF
from newsletter.rendering.rendered import Rendered
from newsletter.rendering.templates import TemplateFolder, own_templates
from newsletter.rendering.wrapping import LINE_COLUMNS


def render_opt_in(
    newsletter: Newsletter,
    *,
    kind: AnswerKind,
    language: str,
    email: str,
    target_url: str,
    form_url: str,
    list_names: Sequence[str] = (),
    templates: TemplateFolder | None = None,
) -> Rendered:
    """The whole mail to one address, without slots. `target_url` is where its button leads.

    RenderingError for a name, a link or a colour that cannot be in a mail. What strangers typed is in it as the
    address alone, which was checked.
    """
    folder = templates or own_templates()
    words = opt_in_wording_for(language)
    facts = _facts(newsletter, email=email, form_url=form_url, list_names=list_names)
    said = {place: phrase.format(**facts) for place, phrase in _phrases(words, kind).items()}
    context = _look(newsletter) | {
        "language": words.language,
        "newsletter_name": facts["newsletter"],
        "said": said,
        "has_lists": bool(list_names) and "lists" in said,
        "is_confirming": kind is AnswerKind.CONFIRM,
        "target_url": check_url(target_url, what="the mail"),
    }
    html = folder.html("opt_in.mjml", **context)
    check_output(html, slots=frozenset())
    return Rendered(
        subject=said["subject"],
        preheader=said["preheader"],
        html=html,
        text=folder.text("opt_in.txt", **context),
        web_html="",
        html_slots={},
        text_slots={},
        from_name=one_line(newsletter.from_name or newsletter.name),
        from_email=newsletter.from_email.strip(),
        reply_to=newsletter.reply_to.strip(),
        newsletter_slug=newsletter.slug,
        newsletter_name=facts["newsletter"],
        language=words.language,
    )


def _facts(newsletter: Newsletter, *, email: str, form_url: str, list_names: Sequence[str]) -> dict[str, str]:
    """What is filled into the phrases."""
    return {
        "newsletter": _line(newsletter.name, "the newsletter’s name"),
        "email": _line(email, "the address"),
        "lists": " · ".join(_line(title, "the list’s name") for title in list_names),
        "days": str(LINK_LIFETIME.days),
        "kept": str(KEPT.days),
        "sender": newsletter.from_email.strip(),
        "url": form_url,
    }


def _look(newsletter: Newsletter) -> dict[str, object]:
    """Who publishes it and in which colours."""
    return {
        "publisher": _line(newsletter.from_name or newsletter.name, "the From name"),
        "postal_address": _line(newsletter.postal_address, "the postal address"),
        "palette": palette_of(newsletter.theme),
        "dark": {"card": CARD_DARK},
        "serif": SERIF,
        "rule": "-" * LINE_COLUMNS,
    }


def _phrases(words: OptInWording, kind: AnswerKind) -> dict[str, str]:
    """The phrases of one mail by their place in it."""
    reason = {"reason": words.mail_reason}
    if kind is AnswerKind.KNOWN:
        return reason | {
            "subject": words.known_subject,
            "preheader": words.known_preheader,
            "heading": words.known_heading,
            "intro": words.known_intro,
            "button": words.read_archive,
            "note": words.known_help,
            "not_you": words.known_not_you,
        }
    return reason | {
        "subject": words.mail_subject,
        "preheader": words.mail_preheader,
        "heading": words.mail_heading,
        "intro": words.mail_intro,
        "lists": words.mail_lists,
        "button": words.confirm_button,
        "note": words.mail_validity,
        "by_hand": words.mail_by_hand,
        "not_you": words.mail_not_you,
    }


def _line(text: str, what: str) -> str:
    return one_line(check_text(text, what=what))
