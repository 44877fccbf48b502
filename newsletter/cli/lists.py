"""Commands about mailing lists: create, ls."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_next, print_result, print_table
from newsletter.domain.subscriber import OptIn
from newsletter.services import lists, newsletters
from newsletter.services.lists import ListSummary


def register(app: typer.Typer) -> None:
    """Add `newsletter list …`."""
    group = typer.Typer(no_args_is_help=True, help="Mailing lists of a newsletter.")
    group.command("create")(create)
    group.command("ls")(show_lists)
    app.add_typer(group, name="list")


def create(
    name: Annotated[str, typer.Argument(help="The name that readers see.")],
    slug: Annotated[
        str | None, typer.Option(help="Short name for commands; made from the name where it is left out.")
    ] = None,
    opt_in: Annotated[OptIn, typer.Option(help="double: only who confirmed by mail is mailed.")] = OptIn.SINGLE,
    private: Annotated[bool, typer.Option("--private", help="Keep it off the public pages.")] = False,
    newsletter: Annotated[
        str | None, typer.Option(metavar="SLUG", help="Whose list; else the first newsletter.")
    ] = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Make a mailing list.

    Example: newsletter list create "Morning readers" --slug readers --opt-in double
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "list create", acting_as=acting_as)
        made = lists.create_list(
            session,
            name=name,
            slug=slug,
            newsletter_id=newsletters.find_newsletter(session, newsletter).id,
            opt_in=opt_in,
            is_public=not private,
            now=runtime.now(),
            actor_id=actor.user_id,
        )
        result = _as_dict(lists.list_summary(session, made.id))
    print_result(result, as_json=as_json)
    if not as_json:
        print_next(f"newsletter subscriber import FILE.csv --list {result['slug']}")


def show_lists(as_json: AsJson = False) -> None:
    """List the mailing lists with how many subscribers may be mailed on each.

    Example: newsletter list ls --json
    """
    with open_runtime() as runtime, runtime.reading() as session:
        rows = [_as_dict(summary) for summary in lists.list_summaries(session)]
    if as_json:
        print_json(rows)
        return
    names = ("list_id", "slug", "name", "opt_in", "is_public", "subscribers", "unconfirmed", "unsubscribed")
    print_table(
        ("id", "slug", "name", "opt-in", "public", "subscribers", "unconfirmed", "unsubscribed"),
        [[row[name] for name in names] for row in rows],
        nothing="there is no list yet: newsletter list create NAME",
    )


def _as_dict(summary: ListSummary) -> dict[str, Any]:
    return {
        "list_id": summary.list_id,
        "slug": summary.slug,
        "opt_in": summary.opt_in,
        "subscribers": summary.confirmed,
        "name": summary.name,
        "is_public": bool(summary.is_public),
        "unconfirmed": summary.unconfirmed,
        "unsubscribed": summary.unsubscribed,
    }
