"""The settings as a table: name, value with secrets masked, unit, and where the value comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

from pydantic import SecretStr
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from newsletter.settings import SECRET_KEY_FILE, Settings

MASK = "********"
NOT_SET = ""

# The last word of a setting's name says its unit (a few name it otherwise).
_UNITS: tuple[tuple[str, str], ...] = (
    ("rate_per_second", "mails a second"),
    ("domain_rates", "mails a second"),
    ("push_suppressions", "reasons"),
    ("warmup_first_day", "mails"),
    ("warmup_start", "moment"),
    ("warmup_growth", "times a day"),
    ("_seconds", "seconds"),
    ("_days", "days"),
    ("_batch_size", "recipients"),
    ("_connections", "connections"),
    ("_per_connection", "mails"),
    ("_url", "URL"),
    ("_dir", "folder"),
    ("_file", "file"),
    ("_domain", "domain"),
)
_SECRET_PARAMETER = re.compile(r"pass|secret|token|key", re.IGNORECASE)
_URLS = frozenset({"smtp_url", "bounce_imap_url", "database_url", "broker_url"})


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingRow:
    """One setting as shown. `origin` is default, environment, .env or file."""

    name: str
    value: str
    unit: str
    origin: str

    def as_dict(self) -> dict[str, str]:
        """The JSON form."""
        return asdict(self)


def describe(settings: Settings) -> list[SettingRow]:
    """Every setting in the order of its declaration, under the name that the environment uses."""
    environment, dotenv = EnvSettingsSource(Settings)(), DotEnvSettingsSource(Settings)()
    return [
        SettingRow(
            name=f"NEWSLETTER_{name.upper()}",
            value=_shown(name, settings),
            unit=next((unit for ending, unit in _UNITS if name.endswith(ending)), ""),
            origin=_origin(name, settings, environment=environment, dotenv=dotenv),
        )
        for name in Settings.model_fields
    ]


def without_password(url: str) -> str:
    """A URL with its password, and parameters that look like one, masked; masked whole where it cannot be read."""
    try:
        parts = urlsplit(url)
        user, has_password = parts.username, parts.password is not None
    except ValueError:
        return MASK
    if "@" in url and "@" not in parts.netloc:
        # A password with an unquoted / ? or # has ended the host part early.
        return MASK
    account, at, host = parts.netloc.rpartition("@")
    shown_account = f"{quote(user or '')}:{MASK}" if has_password else account
    return _join(parts, shown_account + at + host, _masked_query(parts.query))


def _join(parts: SplitResult, netloc: str, query: str) -> str:
    head = f"{parts.scheme}://{netloc}{parts.path}"
    return f"{head}?{query}" if query else head


def _masked_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    masked = [(name, MASK if _SECRET_PARAMETER.search(name) else value) for name, value in pairs]
    return urlencode(masked, safe="*/:,")


def _shown(name: str, settings: Settings) -> str:
    value = getattr(settings, name)
    if name == "secret_key":
        return MASK if value.get_secret_value() or settings.secret_key_path.exists() else NOT_SET
    if name == "database_url":
        return without_password(settings.effective_database_url)
    if name == "broker_url" and settings.is_embedded_broker:
        return "embedded"
    if isinstance(value, SecretStr) and not value.get_secret_value():
        return NOT_SET
    if name in _URLS:
        return without_password(value.get_secret_value() if isinstance(value, SecretStr) else value)
    if isinstance(value, SecretStr):
        return MASK
    return NOT_SET if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _origin(name: str, settings: Settings, *, environment: Mapping[str, Any], dotenv: Mapping[str, Any]) -> str:
    if name in environment:
        return "environment"
    if name in dotenv:
        return ".env"
    if name == "secret_key" and settings.secret_key_path.exists():
        return f"file {SECRET_KEY_FILE}"
    return "default"
