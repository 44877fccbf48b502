"""`newsletter doctor`: is everything there that sending needs, and how is each repaired."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated

import typer

from newsletter.cli.dns_questions import DnsResolver, domain_checks
from newsletter.cli.opening import database_faults
from newsletter.cli.output import AsJson, print_json, print_table
from newsletter.cli.setting_table import without_password
from newsletter.domain.dns_checks import Check, Health
from newsletter.domain.newsletter import PLACEHOLDER_POSTAL_ADDRESS
from newsletter.domain.people import Role
from newsletter.domain.subscriber import normalise_address
from newsletter.errors import ConfigurationError, NewsletterError
from newsletter.providers.sendgrid_events import PostVerifier
from newsletter.runtime import Runtime, load_signer
from newsletter.services import newsletters, users
from newsletter.settings import ProviderName, Settings, load_settings

MIN_KEY_BYTES = 32
_OTHERS_MAY_READ = 0o077


def register(app: typer.Typer) -> None:
    """Add doctor to the command line."""
    app.command("doctor")(doctor)


def doctor(
    domain: Annotated[
        str, typer.Option(metavar="NAME", help="Ask DNS about this From domain too: SPF, DKIM, DMARC, bounces, PTR.")
    ] = "",
    selector: Annotated[str, typer.Option(help="The DKIM selector, where a mail server signs for us.")] = "",
    resolver: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Ask this name server instead of the machine's own.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check settings, key, database, broker and provider, and say how to repair each.

    With --domain also what DNS says about the domain that mail comes from. Exit code 1 where a check failed.

    Example: newsletter doctor --domain news.example.org --json
    """
    checks = [*_all_checks(), *(_dns_checks(domain, selector=selector, resolver=resolver) if domain else ())]
    failed = [check for check in checks if check.status is Health.FAILED]
    warnings = [check for check in checks if check.status is Health.WARNING]
    if as_json:
        print_json({"checks": [asdict(check) for check in checks], "failed": len(failed), "warnings": len(warnings)})
    else:
        print_table(
            ("check", "status", "what was found", "repair"),
            [(check.name, check.status, check.message, check.repair) for check in checks],
            nothing="nothing was checked",
        )
    if failed:
        names = ", ".join(check.name for check in failed)
        raise ConfigurationError(f"{len(failed)} of {len(checks)} checks failed ({names}): repair them as shown")


def _all_checks() -> Iterator[Check]:
    try:
        settings = load_settings()
    except NewsletterError as error:
        yield Check(name="settings", status=Health.FAILED, message=str(error), repair="correct the environment or .env")
        return
    yield Check(name="settings", status=Health.OK, message=f"every value can be used; provider {settings.provider}")
    yield _data_dir(settings)
    key = _secret_key(settings)
    yield key
    if key.status is Health.FAILED:
        return
    runtime = Runtime.from_settings(settings)
    try:
        yield from _running_parts(runtime)
    finally:
        runtime.close()


def _dns_checks(domain: str, *, selector: str, resolver: str) -> Iterator[Check]:
    try:
        settings = load_settings()
    except NewsletterError:
        return  # said already
    name = normalise_address(f"postmaster@{domain.strip().rstrip('.')}").rpartition("@")[2]
    try:
        signer = load_signer(settings)
    except NewsletterError as error:
        signer = None
        yield Check(name="DKIM key", status=Health.FAILED, message=str(error), repair="correct the DKIM settings")
    asked = DnsResolver(resolver)
    yield from domain_checks(name, settings=settings, signer=signer, selector=selector, resolver=asked)


def _running_parts(runtime: Runtime) -> Iterator[Check]:
    settings = runtime.settings
    url = without_password(settings.effective_database_url)
    database = _check("database", lambda: _database(runtime, url), repair="start it, then `newsletter db upgrade`")
    yield database
    broker = "embedded, in the data folder" if settings.is_embedded_broker else without_password(settings.broker_url)
    yield _check("broker", lambda: _broker(runtime, broker), repair="start Redis, or unset NEWSLETTER_BROKER_URL")
    yield _check(
        "provider", lambda: runtime.provider.check(), repair="see the provider's settings in `newsletter settings`"
    )
    if settings.provider is ProviderName.SENDGRID or settings.sendgrid_webhook_public_keys:
        yield _event_webhook(settings)
    if database.status is Health.OK:
        yield from _content(runtime)


def _event_webhook(settings: Settings) -> Check:
    """Whether SendGrid's events can be believed; without them nobody learns of bounces and complaints."""
    try:
        count = PostVerifier(settings.sendgrid_webhook_public_keys).key_count
    except NewsletterError as error:
        message, status = str(error), Health.FAILED
    else:
        message = f"posts signed with {'this key' if count == 1 else f'one of {count} keys'} are taken in"
        status = Health.OK
        if not count:
            message, status = "no key is set, so every post of events is refused", Health.WARNING
    repair = "" if status is Health.OK else "set NEWSLETTER_SENDGRID_WEBHOOK_PUBLIC_KEYS to the webhook's public key"
    return Check(name="event webhook", status=status, message=message, repair=repair)


def _check(name: str, look: Callable[[], str], *, repair: str) -> Check:
    try:
        with database_faults():
            return Check(name=name, status=Health.OK, message=look())
    except NewsletterError as error:
        return Check(name=name, status=Health.FAILED, message=str(error), repair=repair)


def _database(runtime: Runtime, url: str) -> str:
    runtime.check_database()
    return f"{url} answers and has the newest schema"


def _broker(runtime: Runtime, broker: str) -> str:
    runtime.announcer.check()
    return f"{broker}: reachable"


def _data_dir(settings: Settings) -> Check:
    folder: Path = settings.data_dir
    try:
        with TemporaryFile(dir=folder):
            return Check(name="data folder", status=Health.OK, message=f"{folder} can be written")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Check(
            name="data folder",
            status=Health.FAILED,
            message=f"{folder}: {reason}",
            repair="run `newsletter init`, or set NEWSLETTER_DATA_DIR to a folder you may write",
        )


def _secret_key(settings: Settings) -> Check:
    try:
        key = settings.signing_key()
    except NewsletterError as error:
        return Check(name="secret key", status=Health.FAILED, message=str(error), repair="run `newsletter init`")
    if len(key) < MIN_KEY_BYTES:
        return Check(
            name="secret key",
            status=Health.WARNING if key else Health.FAILED,
            message=f"it has {len(key)} characters: links could be forged",
            repair=f"use at least {MIN_KEY_BYTES} random characters",
        )
    path = settings.secret_key_path
    is_file = not settings.secret_key.get_secret_value()
    if is_file and path.stat().st_mode & _OTHERS_MAY_READ:
        return Check(
            name="secret key",
            status=Health.WARNING,
            message=f"{path} can be read by other users",
            repair=f"run `chmod 600 {path}`",
        )
    return Check(name="secret key", status=Health.OK, message=f"from {path if is_file else 'the environment'}")


def _content(runtime: Runtime) -> Iterator[Check]:
    with runtime.reading() as session:
        rows = newsletters.all_newsletters(session)
        count = len(rows)
        without_address = [row.slug for row in rows if row.postal_address.strip() in ("", PLACEHOLDER_POSTAL_ADDRESS)]
        admins = sum(1 for user in users.all_users(session) if user.role == Role.ADMIN and user.is_active)
    if not count or not admins:
        missing = "active admin" if count else "newsletter"
        yield Check(
            name="content", status=Health.WARNING, message=f"there is no {missing} yet", repair="run `newsletter init`"
        )
    elif without_address:
        yield Check(
            name="content",
            status=Health.WARNING,
            message=f"no postal address, which mails must carry: {', '.join(without_address)}",
            repair=f'newsletter newsletter edit {without_address[0]} --postal-address "…"',
        )
    else:
        yield Check(name="content", status=Health.OK, message=f"newsletters: {count}, admins: {admins}")
