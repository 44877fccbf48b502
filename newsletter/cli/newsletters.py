"""Commands about newsletters: list, create, edit."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_next, print_result, print_table
from newsletter.db.models import NewsletterRow
from newsletter.domain.slots_of_day import values_of
from newsletter.errors import InvalidInput
from newsletter.services import newsletters, slots

Name = Annotated[str | None, typer.Option(help="The name that readers see.")]
FromName = Annotated[str | None, typer.Option(help="The name in From; the newsletter's name where it is left out.")]
FromEmail = Annotated[str | None, typer.Option(metavar="EMAIL", help="The address in From.")]
ReplyTo = Annotated[str | None, typer.Option(metavar="EMAIL", help='Where answers go; "" for the From address.')]
PostalAddress = Annotated[str | None, typer.Option(help="The publisher's address, which each mail must carry.")]
TimeZone = Annotated[str | None, typer.Option(help="Such as Asia/Shanghai: the zone of times given without one.")]
Language = Annotated[str | None, typer.Option(help="Language of the mail's own words: en, zh-Hans …")]
Theme = Annotated[
    list[str] | None, typer.Option(metavar="NAME=COLOUR", help="A colour of the look, such as accent=#0b3a66.")
]
About = Annotated[str | None, typer.Option(help="What it is and how often it comes: on the page to subscribe by.")]
FourEyes = Annotated[
    bool | None,
    typer.Option("--four-eyes/--no-four-eyes", help="Whether an author may not approve their own brief."),
]
QuietHours = Annotated[
    str | None,
    typer.Option(metavar="HH:MM-HH:MM", help='When nothing is sent, by the newsletter\'s clock; "" for never.'),
]
Slot = Annotated[
    str | None,
    typer.Option("--slot", metavar="HH:MM", help="The day's approved brief goes out then by itself; off for not."),
]
SlotCutoff = Annotated[
    str | None, typer.Option(metavar="HH:MM", help="Until when it has to be approved; the slot itself if left out.")
]
SlotLateness = Annotated[
    int | None, typer.Option(metavar="MINUTES", help="How late it may begin if the system was down; 180 if left out.")
]
SlotLists = Annotated[
    list[str] | None, typer.Option("--slot-list", metavar="SLUG", help="Who gets it; may be given several times.")
]


def register(app: typer.Typer) -> None:
    """Add `newsletter newsletter …` and its alias `newsletter publication …`."""
    app.add_typer(_group("Newsletters: who a mail is from, and how it looks."), name="newsletter")
    app.add_typer(_group("The same as `newsletter newsletter`."), name="publication")


def _group(summary: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help=summary)
    group.command("list")(show_newsletters)
    group.command("create")(create)
    group.command("edit")(edit)
    return group


def show_newsletters(as_json: AsJson = False) -> None:
    """List the newsletters.

    Example: newsletter newsletter list
    """
    with open_runtime() as runtime, runtime.reading() as session:
        found = [_as_dict(row) for row in newsletters.all_newsletters(session)]
    if as_json:
        print_json(found)
        return
    names = ("slug", "name", "from_email", "time_zone", "language", "postal_address")
    print_table(
        ("slug", "name", "From", "time zone", "language", "postal address"),
        [[row[name] for name in names] for row in found],
        nothing="there is no newsletter yet: newsletter newsletter create NAME --from-email EMAIL",
    )


def create(
    name: Annotated[str, typer.Argument(help="The name that readers see.")],
    from_email: Annotated[str, typer.Option(metavar="EMAIL", help="The address in From.")],
    slug: Annotated[str, typer.Option(help="Short name for addresses; made from the name where it is left out.")] = "",
    from_name: FromName = None,
    reply_to: ReplyTo = None,
    postal_address: PostalAddress = None,
    time_zone: TimeZone = None,
    language: Language = None,
    theme: Theme = None,
    about: About = None,
    four_eyes: FourEyes = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Make a newsletter.

    Example: newsletter newsletter create "China AI Brief" --from-email news@example.org --time-zone Asia/Shanghai
    """
    values = _given(
        from_name=from_name,
        reply_to=reply_to,
        postal_address=postal_address,
        time_zone=time_zone,
        language=language,
        theme=_colours(theme),
        about=about,
        requires_four_eyes=four_eyes,
    )
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "newsletter create", acting_as=acting_as)
        row = newsletters.create_newsletter(
            session, name=name, from_email=from_email, slug=slug, now=runtime.now(), actor_id=actor.user_id, **values
        )
        result = _as_dict(row)
    print_result(result, as_json=as_json)
    if not as_json:
        print_next(f"newsletter list create NAME --newsletter {result['slug']}")


def edit(
    slug: Annotated[str, typer.Argument(help="The newsletter's slug.")],
    name: Name = None,
    from_name: FromName = None,
    from_email: FromEmail = None,
    reply_to: ReplyTo = None,
    postal_address: PostalAddress = None,
    time_zone: TimeZone = None,
    language: Language = None,
    theme: Theme = None,
    about: About = None,
    four_eyes: FourEyes = None,
    quiet_hours: QuietHours = None,
    slot: Slot = None,
    slot_cutoff: SlotCutoff = None,
    slot_lateness: SlotLateness = None,
    slot_list: SlotLists = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Change a newsletter. What has been approved keeps the values it was approved with.

    Example: newsletter newsletter edit my-newsletter --slot 07:00 --slot-cutoff 06:30 --slot-list readers
    """
    is_off = slot == "off"
    slot_values = _given(
        at=None if is_off else slot, cutoff=slot_cutoff, lateness_minutes=slot_lateness, lists=slot_list or None
    )
    values = _given(
        name=name,
        from_name=from_name,
        from_email=from_email,
        reply_to=reply_to,
        postal_address=postal_address,
        time_zone=time_zone,
        language=language,
        theme=_colours(theme),
        about=about,
        requires_four_eyes=four_eyes,
        quiet_hours=quiet_hours,
    )
    if not values and not slot_values and not is_off:
        raise InvalidInput("nothing was given to change: name an option such as --postal-address")
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "newsletter edit", acting_as=acting_as)
        common: dict[str, Any] = {"now": runtime.now(), "actor_id": actor.user_id}
        if is_off:
            slots.clear_slot(session, slug, **common)
        elif slot_values:
            slots.set_slot(session, slug, **common, **slot_values)
        row = newsletters.find_newsletter(session, slug)
        if values:
            newsletters.edit_newsletter(session, slug, **common, **values)
        result = _as_dict(row)
    print_result(result, as_json=as_json)


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _colours(theme: list[str] | None) -> dict[str, str] | None:
    if not theme:
        return None
    pairs = [item.partition("=") for item in theme]
    if any(not name or not equals for name, equals, _ in pairs):
        raise InvalidInput("a theme colour is given as name=colour, such as accent=#0b3a66")
    return {name: colour for name, _, colour in pairs}


def _as_dict(row: NewsletterRow) -> dict[str, Any]:
    return {
        "newsletter_id": row.id,
        "slug": row.slug,
        "name": row.name,
        "from_name": row.from_name,
        "from_email": row.from_email,
        "reply_to": row.reply_to,
        "postal_address": row.postal_address,
        "about": row.about,
        "time_zone": row.time_zone,
        "language": row.language,
        "theme": row.theme or {},
        "requires_four_eyes": bool(row.requires_four_eyes),
        "quiet_hours": row.quiet_hours or "",
        "daily_slot": values_of(row.daily_slot or {}) or None,
    }
