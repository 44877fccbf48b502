"""Providers: who takes mail from us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from newsletter.providers.base import Outcomes, Provider, ProviderLog, ProviderUnavailable
from newsletter.providers.outbox import OutboxProvider
from newsletter.settings import ProviderName, Settings

if TYPE_CHECKING:
    from newsletter.providers.sendgrid_suppressions import SendGridSuppressions

__all__ = [
    "Outcomes",
    "Provider",
    "ProviderLog",
    "ProviderUnavailable",
    "make_log",
    "make_provider",
    "make_provider_lists",
]


def make_provider(settings: Settings) -> Provider:
    """The provider that the settings name; ConfigurationError where it lacks what it needs. Opens no connection."""
    match settings.provider:
        case ProviderName.OUTBOX:
            return OutboxProvider(settings.outbox_dir)
        case ProviderName.SMTP:
            return _make_smtp(settings)
        case ProviderName.SENDGRID:
            return _make_sendgrid(settings)


def make_log(settings: Settings) -> ProviderLog | None:
    """The provider's own log of what it took from us; None where the provider in force has none."""
    if settings.provider is not ProviderName.SENDGRID:
        return None
    from newsletter.providers.sendgrid_logs import SendGridLog

    return SendGridLog(
        settings.sendgrid_api_key.get_secret_value(),
        api_url=settings.sendgrid_api_url,
        timeout_seconds=settings.sendgrid_timeout_seconds,
    )


def make_provider_lists(settings: Settings) -> SendGridSuppressions:
    """SendGrid's own suppression lists; ConfigurationError without an API key. Opens no connection."""
    from newsletter.providers.sendgrid_suppressions import SendGridSuppressions

    return SendGridSuppressions(
        settings.sendgrid_api_key.get_secret_value(),
        api_url=settings.sendgrid_api_url,
        timeout_seconds=settings.sendgrid_timeout_seconds,
    )


def _make_smtp(settings: Settings) -> Provider:
    from newsletter.providers.smtp import SmtpProvider
    from newsletter.providers.smtp_url import parse_smtp_url

    return SmtpProvider(
        parse_smtp_url(settings.smtp_url.get_secret_value()),
        connections=settings.smtp_connections,
        mails_per_connection=settings.smtp_mails_per_connection,
        timeout_seconds=settings.smtp_timeout_seconds,
    )


def _make_sendgrid(settings: Settings) -> Provider:
    # The SDK takes a quarter of a second to import: only a process that uses it pays.
    from newsletter.providers.sendgrid import SendGridProvider

    return SendGridProvider(
        settings.sendgrid_api_key.get_secret_value(),
        api_url=settings.sendgrid_api_url,
        batch_size=settings.sendgrid_batch_size,
        timeout_seconds=settings.sendgrid_timeout_seconds,
    )
