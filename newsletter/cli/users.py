"""Commands about users: create, ls, edit, sign-in-link, set-password."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from newsletter.cli.acting import As, actor_for
from newsletter.cli.opening import open_runtime
from newsletter.cli.output import AsJson, print_json, print_result, print_table
from newsletter.db.models import User
from newsletter.domain.people import Role
from newsletter.services import users

Email = Annotated[str, typer.Argument(metavar="EMAIL", help="The user's address.")]


def register(app: typer.Typer) -> None:
    """Add `newsletter user …`."""
    group = typer.Typer(no_args_is_help=True, help="Users of the console and what they may do.")
    group.command("create")(create)
    group.command("ls")(show_users)
    group.command("edit")(edit)
    group.command("sign-in-link")(sign_in_link)
    group.command("set-password")(set_password)
    app.add_typer(group, name="user")


def create(
    email: Email,
    role: Annotated[Role, typer.Option(help="What the user may do.")],
    name: Annotated[str, typer.Option(help="The name that colleagues see.")] = "",
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Make a user and a link that signs them in once, within a day.

    Example: newsletter user create wei@example.org --role approver
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "user create", acting_as=acting_as)
        now = runtime.now()
        user = users.create_user(session, email=email, role=role, name=name, now=now, actor_id=actor.user_id)
        token = users.make_sign_in_link(session, user, now=now)
        result = _as_dict(user) | {"sign_in_url": runtime.links.sign_in_url(token)}
    print_result(result, as_json=as_json)


def show_users(as_json: AsJson = False) -> None:
    """List the users.

    Example: newsletter user ls
    """
    with open_runtime() as runtime, runtime.reading() as session:
        rows = [
            _as_dict(user) | {"name": user.name, "is_active": bool(user.is_active)} for user in users.all_users(session)
        ]
    if as_json:
        print_json(rows)
        return
    print_table(
        ("id", "email", "role", "name", "active"),
        [(row["user_id"], row["email"], row["role"], row["name"], row["is_active"]) for row in rows],
        nothing="there is no user yet: newsletter user create EMAIL --role admin",
    )


def edit(
    email: Email,
    role: Annotated[Role | None, typer.Option(help="What the user may do from now on.")] = None,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Whether the user may sign in; inactive signs them out.")
    ] = None,
    acting_as: As = None,
    as_json: AsJson = False,
) -> None:
    """Change a user's role, or let them in or out.

    Example: newsletter user edit wei@example.org --inactive
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        actor = actor_for(session, "user edit", acting_as=acting_as)
        user = users.find_user(session, email)
        users.change_user(
            session,
            user,
            role=role or Role(user.role),
            is_active=user.is_active if active is None else active,
            now=runtime.now(),
            actor_id=actor.user_id,
        )
        result = _as_dict(user) | {"is_active": user.is_active}
    print_result(result, as_json=as_json)


def sign_in_link(email: Email, as_json: AsJson = False) -> None:
    """Make a link that signs a user in once, within a day.

    Example: newsletter user sign-in-link wei@example.org
    """
    with open_runtime() as runtime, runtime.transaction() as session:
        user = users.find_user(session, email)
        users.actor_of(user)
        token = users.make_sign_in_link(session, user, now=runtime.now())
        result = _as_dict(user) | {"sign_in_url": runtime.links.sign_in_url(token)}
    print_result(result, as_json=as_json)


def set_password(
    email: Email,
    from_stdin: Annotated[bool, typer.Option("--stdin", help="Read it from standard input instead of asking.")] = False,
    as_json: AsJson = False,
) -> None:
    """Give a user a password. It is asked for, so that it stands in no shell history.

    Example: newsletter user set-password wei@example.org
    """
    with open_runtime() as runtime:
        with runtime.reading() as session:
            users.find_user(session, email)
        password = _read_password(from_stdin=from_stdin)
        with runtime.transaction() as session:
            user = users.find_user(session, email)
            users.set_password(session, user, password, now=runtime.now())
            result = _as_dict(user)
    print_result(result, as_json=as_json)


def _read_password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    answer: str = typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    return answer


def _as_dict(user: User) -> dict[str, Any]:
    return {"user_id": user.id, "email": user.email, "role": str(user.role)}
