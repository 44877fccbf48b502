"""The public door: the form by which new readers come, and the pages behind the link that is mailed to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from starlette.responses import Response

from newsletter.db.models import NewsletterRow
from newsletter.domain.opt_in import LINK_LIFETIME
from newsletter.domain.subscriber import MAX_ADDRESS_LENGTH, normalise_address
from newsletter.errors import InvalidInput, NewsletterError
from newsletter.rendering import OPT_IN_WORDINGS, OptInWording, opt_in_wording_for
from newsletter.services import archive, newsletters, subscribing
from newsletter.services.subscribing import LinkState, MailedLink, Offer
from newsletter.settings import networks_of
from newsletter.web.clients import client_of
from newsletter.web.forms import plain
from newsletter.web.public import slug_in
from newsletter.web.visits import Visit, Visiting, refused_to

DOOR_BYTES = 16 * 1024
# No person sees this field; programs that fill in every field do.
TRAP_FIELD = "website"

_RECENT_ISSUES = 3
_HOUR_SECONDS = "3600"
_ARGUMENT_LENGTH = 20
_STATUS = {
    LinkState.OPEN: 200,
    LinkState.SUBSCRIBED: 200,
    LinkState.USED: 410,
    LinkState.EXPIRED: 410,
    LinkState.FORGED: 404,
}


class Typed(NamedTuple):
    """What somebody typed into the form, and what is wrong with it by field ("form" for all of it)."""

    email: str
    slugs: Sequence[str]
    faults: Mapping[str, str]


NOTHING_TYPED = Typed("", (), {})


def show_form(visit: Visiting, newsletter: str, lang: str = "") -> Response:
    """What the newsletter is, and the form to get it."""
    offer = subscribing.offer_of(visit.session, slug_in(newsletter))
    return _form_page(visit, offer, words=_words(offer.newsletter, plain(lang)))


def ask(visit: Visiting, newsletter: str) -> Response:
    """Ask for a mail with a link. Whatever is known about an address, the answer is the same."""
    offer = subscribing.offer_of(visit.session, slug_in(newsletter))
    words = _words(offer.newsletter, visit.form.line("lang"))
    email, slugs = visit.form.line("email")[: 2 * MAX_ADDRESS_LENGTH], visit.form.lines("list")
    lists = offer.chosen(slugs)
    faults = _faults(words, email=email, has_choice=bool(lists))
    if not offer.lists or faults:
        return _form_page(visit, offer, words=words, status=422, typed=Typed(email, slugs, faults))
    is_taken_up = bool(visit.form.raw(TRAP_FIELD)) or subscribing.ask(
        visit.session,
        offer,
        email=email,
        lists=lists,
        language=words.language,
        consent=words.consent.format(newsletter=offer.newsletter.name),
        client=_client(visit),
        links=visit.runtime.links,
        now=visit.now,
    )
    if not is_taken_up:
        typed = Typed(email, slugs, {"form": words.too_many})
        page = _form_page(visit, offer, words=words, status=429, typed=typed)
        page.headers["Retry-After"] = _HOUR_SECONDS
        return page
    return visit.page("subscribe_asked.html", words=words, newsletter=offer.newsletter, email=email)


def show_link(visit: Visiting, token: str) -> Response:
    """The page of a mailed link. It changes nothing: programs that look for harm open every link of a mail."""
    return _link_page(
        visit, token, subscribing.find_link(visit.session, token, links=visit.runtime.links, now=visit.now)
    )


def confirm(visit: Visiting, token: str) -> Response:
    """The button of that page: now they are subscribed. Twice is the same as once."""

    def shut_out(fresh: Visit, _: NewsletterError) -> Response:
        link = subscribing.find_link(fresh.session, token, links=fresh.runtime.links, now=fresh.now)
        return _link_page(fresh, token, link, is_refused=True)

    with refused_to(shut_out):
        link = subscribing.confirm(
            visit.session, token, links=visit.runtime.links, client=_client(visit), now=visit.now
        )
    return _link_page(visit, token, link)


def _form_page(
    visit: Visit,
    offer: Offer,
    *,
    words: OptInWording,
    status: int = 200,
    typed: Typed = NOTHING_TYPED,
) -> Response:
    recent = archive.archived_issues(visit.session, offer.newsletter.id, limit=_RECENT_ISSUES)
    return visit.page(
        "subscribe.html",
        status=status,
        words=words,
        languages=OPT_IN_WORDINGS,
        newsletter=offer.newsletter,
        offer=offer,
        recent=recent,
        email=typed.email,
        slugs=typed.slugs,
        faults=typed.faults,
        trap_field=TRAP_FIELD,
    )


def _link_page(visit: Visit, token: str, link: MailedLink, *, is_refused: bool = False) -> Response:
    row = link.newsletter
    words = _words(row, link.language)
    facts = {
        "newsletter": row.name if row else "",
        # A word joiner, so that no line breaks at the ellipsis.
        "email": link.masked_email.replace("…", "…\u2060"),
        "sender": (row.reply_to or row.from_email) if row else "",
        "days": LINK_LIFETIME.days,
        "lists": " · ".join(link.list_names),
    }
    return visit.page(
        "confirm.html",
        status=_STATUS[link.state],
        words=words,
        facts=facts,
        newsletter=row,
        only=_only_newsletter(visit) if row is None else row,
        state="refused" if is_refused else str(link.state),
        token=token,
    )


def _only_newsletter(visit: Visit) -> NewsletterRow | None:
    """The newsletter that a link without a memory must have been about: where there is one alone."""
    rows = newsletters.all_newsletters(visit.session)
    return rows[0] if len(rows) == 1 else None


def _faults(words: OptInWording, *, email: str, has_choice: bool) -> dict[str, str]:
    """What is wrong with the form by the field it is about, in the order of the page."""
    faults = {}
    if not has_choice:
        faults["list"] = words.no_list
    if not email:
        faults["email"] = words.no_address
    elif not _is_address(email):
        faults["email"] = words.bad_address
    return faults


def _is_address(text: str) -> bool:
    try:
        normalise_address(text)
    except InvalidInput:
        return False
    return True


def _words(newsletter: NewsletterRow | None, asked: str) -> OptInWording:
    """In the language that was asked for; else in the newsletter's own."""
    tag = asked[:_ARGUMENT_LENGTH] or (newsletter.language if newsletter else "")
    return opt_in_wording_for(tag)


def _client(visit: Visit) -> str:
    return client_of(visit.request, proxies=networks_of(visit.runtime.settings.trusted_proxies))
