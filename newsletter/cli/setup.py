"""Setting up: init, db upgrade, db check, settings."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from sqlalchemy.orm import Session

from newsletter.cli import setting_table
from newsletter.cli.opening import database_faults, open_runtime
from newsletter.cli.output import AsJson, print_fields, print_json, print_line, print_next, print_result, print_table
from newsletter.db import migrate
from newsletter.db.engine import make_engine
from newsletter.db.models import NewsletterRow, User
from newsletter.domain.newsletter import PLACEHOLDER_POSTAL_ADDRESS
from newsletter.domain.people import Role
from newsletter.errors import ConfigurationError, Conflict, NotFound, ServiceUnavailable
from newsletter.links import Links
from newsletter.services import newsletters, users
from newsletter.settings import Settings, load_settings

FIRST_NEWSLETTER = "My newsletter"
PLACEHOLDER_DOMAIN = "newsletter.example"  # reserved by RFC 2606: mail to it goes nowhere


def register(app: typer.Typer) -> None:
    """Add the set-up commands to the command line."""
    app.command("init")(init)
    app.command("settings")(show_settings)
    group = typer.Typer(
        no_args_is_help=True, help="The database: bring it to the newest schema, or look how far it is."
    )
    group.command("upgrade")(upgrade)
    group.command("check")(check)
    app.add_typer(group, name="db")


def init(
    admin: Annotated[str | None, typer.Option(metavar="EMAIL", help="Who becomes the first admin.")] = None,
    as_json: AsJson = False,
) -> None:
    """Create the data folder, secret key, tables, a first newsletter and a first admin.

    Doing it again changes nothing that is there and prints a new sign-in link.

    Example: newsletter init --admin you@example.org
    """
    found = load_settings()
    prepare_data_dir(found)
    with open_runtime() as runtime, runtime.transaction() as session:
        now = runtime.now()
        domain = _domain_of(found)
        row = _first_newsletter(session, domain=domain, now=now)
        user = _first_admin(session, admin, domain=domain, now=now)
        result = {
            "data_dir": str(found.data_dir),
            "database": setting_table.without_password(found.effective_database_url),
            "newsletter": row.slug,
            "admin": user.email,
            "sign_in_url": _sign_in_url(session, user, links=runtime.links, now=now),
        }
    if as_json:
        print_json(result)
        return
    print_fields(result)
    print_line("The sign-in link works once, within a day, while `newsletter serve` runs.", style="dim")
    _print_what_to_edit(row)
    print_next("newsletter serve")


def upgrade(as_json: AsJson = False) -> None:
    """Bring the database to the newest schema; doing it twice changes nothing.

    Example: newsletter db upgrade
    """
    found = load_settings()
    with database_faults():
        revision = migrate.upgrade(found.effective_database_url)
    result = {"database": setting_table.without_password(found.effective_database_url), "revision": revision}
    print_result(result, as_json=as_json)


def check(as_json: AsJson = False) -> None:
    """Say whether the database has the newest schema; exit code 1 where it has not.

    Example: newsletter db check
    """
    found = load_settings()
    engine = make_engine(found.effective_database_url)
    try:
        with database_faults():
            current, newest = migrate.current_revision(engine), migrate.newest_revision()
    finally:
        engine.dispose()
    result = {"current": current, "newest": newest, "is_current": current == newest}
    print_result(result, as_json=as_json)
    if current != newest:
        raise ServiceUnavailable("the database is not migrated: run `newsletter db upgrade`")


def show_settings(as_json: AsJson = False) -> None:
    """Show every setting with its value, unit and origin; secrets are masked.

    Example: newsletter settings --json
    """
    rows = setting_table.describe(load_settings())
    if as_json:
        print_json([row.as_dict() for row in rows])
        return
    print_table(
        ("setting", "value", "unit", "origin"),
        [(row.name, row.value, row.unit, row.origin) for row in rows],
        nothing="there are no settings",
    )


def prepare_data_dir(settings: Settings) -> None:
    """Make the data folder, the secret key and the tables; what is there already stays as it is."""
    if settings.base_url.startswith("https://"):
        settings.signing_key()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    if not settings.secret_key.get_secret_value():
        _make_secret_key(settings.secret_key_path)
    if not settings.signing_key():
        raise ConfigurationError(f"the secret key {settings.secret_key_path} is empty: restore it, or remove the file")
    with database_faults():
        migrate.upgrade(settings.effective_database_url)


def _make_secret_key(path: Path) -> None:
    """Write a new key with one rename-like step: nobody ever reads half a key, and no key is ever replaced."""
    if path.exists():
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, fails where another process was first: its key stays.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)


def _first_newsletter(session: Session, *, domain: str, now: datetime) -> NewsletterRow:
    try:
        return newsletters.find_newsletter(session)
    except NotFound:
        return newsletters.create_newsletter(
            session,
            name=FIRST_NEWSLETTER,
            from_email=f"news@{domain}",
            postal_address=PLACEHOLDER_POSTAL_ADDRESS,
            now=now,
        )


def _first_admin(session: Session, email: str | None, *, domain: str, now: datetime) -> User:
    if email is None:
        admins = [user for user in users.all_users(session) if user.role == Role.ADMIN and user.is_active]
        return admins[0] if admins else users.create_user(session, email=f"admin@{domain}", role=Role.ADMIN, now=now)
    try:
        user = users.find_user(session, email)
    except NotFound:
        return users.create_user(session, email=email, role=Role.ADMIN, now=now)
    if user.role != Role.ADMIN or not user.is_active:
        raise Conflict(
            f"{user.email} is a user but no active admin: run `newsletter user edit {user.email} --role admin`"
        )
    return user


def _sign_in_url(session: Session, user: User, *, links: Links, now: datetime) -> str:
    return links.sign_in_url(users.make_sign_in_link(session, user, now=now))


def _domain_of(settings: Settings) -> str:
    """The host of the public address where it can stand after an @, else a reserved name."""
    host = urlsplit(settings.base_url).hostname or ""
    is_domain = "." in host and not host.rpartition(".")[2].isdigit() and ":" not in host
    return host if is_domain else PLACEHOLDER_DOMAIN


def _print_what_to_edit(row: NewsletterRow) -> None:
    if row.postal_address not in ("", PLACEHOLDER_POSTAL_ADDRESS) and row.name != FIRST_NEWSLETTER:
        return
    print_line(f"“{row.name}” is from {row.from_email}; before it is sent, give it its real name and addresses:")
    print_line(
        f'  newsletter newsletter edit {row.slug} --name "Morning Brief" --from-email news@example.org'
        ' --postal-address "1 Harbour Street, Port City"'
    )
