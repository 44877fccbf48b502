"""Subscribers in the console: finding, showing, adding, disabling, erasing."""

from __future__ import annotations

from sqlalchemy.orm import Session
from starlette.responses import Response

from newsletter.db.models import Subscriber
from newsletter.domain.subscriber import SubscriberStatus, normalise_address
from newsletter.errors import Conflict, NewsletterError, NotFound
from newsletter.services import lists, subscribers
from newsletter.web.forms import Form, plain
from newsletter.web.visits import Id, Place, Visit, Visiting, refused_to, see

_PEOPLE_PER_PAGE = 50


def show_subscribers(visit: Visiting, q: str = "", list: str = "", after: Place = 0) -> Response:  # noqa: A002
    """People by address, to be searched and narrowed to a list."""
    session = visit.session
    chosen = lists.find_list(session, plain(list)) if plain(list) else None
    found = subscribers.search_subscribers(
        session,
        query=plain(q),
        list_id=chosen.id if chosen else None,
        after_id=after,
        limit=_PEOPLE_PER_PAGE + 1,
    )
    people = found[:_PEOPLE_PER_PAGE]
    return visit.page(
        "subscribers.html",
        people=people,
        lists=lists.list_summaries(session),
        chosen=chosen.slug if chosen else "",
        query=plain(q),
        next_after=people[-1].id if len(found) > _PEOPLE_PER_PAGE else None,
    )


def show_subscriber(visit: Visiting, subscriber_id: Id) -> Response:
    """One person: subscriptions with their consent, suppression, what was sent to them."""
    return _person_page(visit, subscriber_id)


def show_new_subscriber(visit: Visiting, list: str = "") -> Response:  # noqa: A002  the name in the address
    """The form for one more subscriber."""
    return _new_page(visit, typed=Form(), chosen_list=plain(list))


def add_subscriber(visit: Visiting) -> Response:
    """Put one person on a list."""
    form = visit.form
    with refused_to(lambda fresh, error: _new_page(fresh, typed=form, chosen_list=form.line("list"), error=error)):
        person = subscribers.add_subscriber(
            visit.session,
            email=form.line("email"),
            list_slug=form.line("list"),
            name=form.line("name"),
            language=form.line("language"),
            time_zone=form.line("time_zone"),
            confirmed=form.is_checked("confirmed"),
            consent_source="console",
            consent_evidence=form.line("consent_evidence")[:500] or None,
            address_key=visit.runtime.links.address_key,
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return see(f"/admin/subscribers/{person.id}", done="subscriber-added")


def enable_subscriber(visit: Visiting, subscriber_id: Id) -> Response:
    """Let a person get mail again."""
    return _set_status(visit, subscriber_id, SubscriberStatus.ENABLED, done="subscriber-enabled")


def disable_subscriber(visit: Visiting, subscriber_id: Id) -> Response:
    """Send a person nothing any more, on whatever list they are."""
    return _set_status(visit, subscriber_id, SubscriberStatus.DISABLED, done="subscriber-disabled")


def show_erase_subscriber(visit: Visiting, subscriber_id: Id) -> Response:
    """Ask once more before a person is erased."""
    person = _person(visit.session, subscriber_id)
    return visit.page("subscriber_erase.html", person=person, error=None)


def erase_subscriber(visit: Visiting, subscriber_id: Id) -> Response:
    """Erase a person; the form names the address once more."""

    def again(fresh: Visit, error: NewsletterError) -> Response:
        person = _person(fresh.session, subscriber_id)
        return fresh.page("subscriber_erase.html", person=person, error=error)

    with refused_to(again):
        person = _person(visit.session, subscriber_id)
        # Browsers send a domain in its IDNA form, however it was typed.
        if normalise_address(visit.form.line("email")) != person.address:
            raise Conflict("that is not this person's address: type it as it stands above")
        subscribers.erase_subscriber(
            visit.session,
            person.email,
            address_key=visit.runtime.links.address_key,
            now=visit.now,
            actor_id=visit.actor.user_id,
        )
    return see("/admin/subscribers", done="subscriber-erased")


def _person(session: Session, subscriber_id: int) -> Subscriber:
    person = session.get(Subscriber, subscriber_id)
    if person is None:
        raise NotFound("there is no such subscriber: search the list, they may have been erased")
    return person


def _set_status(visit: Visit, subscriber_id: int, status: SubscriberStatus, *, done: str) -> Response:
    with refused_to(lambda fresh, error: _person_page(fresh, subscriber_id, error=error)):
        person = _person(visit.session, subscriber_id)
        subscribers.set_status(visit.session, person.email, status=status, now=visit.now, actor_id=visit.actor.user_id)
    return see(f"/admin/subscribers/{subscriber_id}", done=done)


def _person_page(visit: Visit, subscriber_id: int, *, error: NewsletterError | None = None) -> Response:
    person = _person(visit.session, subscriber_id)
    profile = subscribers.subscriber_profile(visit.session, person.email)
    return visit.page("subscriber.html", person=person, profile=profile, error=error)


def _new_page(visit: Visit, *, typed: Form, chosen_list: str, error: NewsletterError | None = None) -> Response:
    return visit.page(
        "subscriber_new.html",
        lists=lists.list_summaries(visit.session),
        chosen=chosen_list,
        email=typed.line("email"),
        name=typed.line("name"),
        language=typed.line("language"),
        time_zone=typed.line("time_zone"),
        consent_evidence=typed.line("consent_evidence"),
        error=error,
    )
