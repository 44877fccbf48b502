"""Settings: the only reader of the environment. Prefix `NEWSLETTER_`, or a `.env` file."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from newsletter.domain.exchange import PUSHED_BY_DEFAULT, parse_pushed_reasons
from newsletter.domain.flow import parse_group_rates
from newsletter.domain.warming import parse_warm_up
from newsletter.errors import ConfigurationError, InvalidInput

SECRET_KEY_FILE = "secret.key"  # noqa: S105  the file's name, not a secret


class ProviderName(StrEnum):
    """Who takes mail from us."""

    OUTBOX = "outbox"
    SMTP = "smtp"
    SENDGRID = "sendgrid"


class UnknownPolicy(StrEnum):
    """What becomes of a delivery whose outcome nobody can tell."""

    HOLD = "hold"
    SKIP = "skip"
    RESEND = "resend"


class Settings(BaseSettings):
    """Every setting of the product. Times are in seconds; URLs carry their scheme."""

    model_config = SettingsConfigDict(
        env_prefix="NEWSLETTER_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    data_dir: Path = Field(Path("var"), description="Folder for the embedded database, broker, outbox and secret key.")
    database_url: str = Field("", description="SQLAlchemy URL; empty means SQLite in DATA_DIR.")
    broker_url: str = Field("", description="redis://… or empty for the embedded broker in DATA_DIR.")
    base_url: str = Field(
        "http://localhost:8000", description="Public address of the web process, without a final slash."
    )
    secret_key: SecretStr = Field(
        SecretStr(""), description="Signs links and sessions; empty means DATA_DIR/secret.key."
    )
    provider: ProviderName = Field(ProviderName.OUTBOX, description="Who takes mail from us.")
    sendgrid_api_key: SecretStr = Field(SecretStr(""), description="SendGrid API key with the mail.send scope.")
    sendgrid_api_url: str = Field("https://api.sendgrid.com", description="SendGrid API host.")
    sendgrid_batch_size: int = Field(500, ge=1, le=1000, description="Recipients in one API call.")
    sendgrid_timeout_seconds: float = Field(30, gt=0, description="Longest wait for SendGrid's answer, in seconds.")
    sendgrid_webhook_public_keys: str = Field(
        "", description="Base64 public keys of the event webhook, comma-separated."
    )
    sendgrid_push_suppressions: str = Field(
        PUSHED_BY_DEFAULT,
        description="Suppressions copied to SendGrid, where they stop all mail of the account: reasons, all, or empty.",
    )
    smtp_url: SecretStr = Field(
        SecretStr("smtp://localhost:25"),
        description="smtp://user:password@host:port or smtps://…; add ?starttls=require to insist on TLS.",
    )
    smtp_connections: int = Field(4, ge=1, le=64, description="Parallel SMTP connections of one worker.")
    smtp_mails_per_connection: int = Field(
        1000, ge=0, description="Mails after which an SMTP connection is closed and another opened; 0 means no limit."
    )
    smtp_batch_size: int = Field(50, ge=1, le=1000, description="Recipients claimed at once for SMTP and the outbox.")
    smtp_timeout_seconds: float = Field(
        30, gt=0, description="Longest wait for an SMTP reply, in seconds; doubled after the final dot."
    )
    bounce_domain: str = Field("", description="Domain of the return path (VERP); empty means the From address.")
    bounce_imap_url: SecretStr = Field(
        SecretStr(""),
        description="Mailbox that bounces arrive in: imaps://user:password@host/INBOX?done=Processed; empty for none.",
    )
    bounce_keep_days: int = Field(
        90, ge=1, description="How long returned mails are kept as they came, so that they can be read again."
    )
    bounce_imap_seconds: float = Field(60, ge=1, description="Pause between two looks into that mailbox, in seconds.")
    dkim_domain: str = Field("", description="d= of the DKIM signature; empty means no signature.")
    dkim_selector: str = Field("", description="s= of the DKIM signature.")
    dkim_key_file: Path | None = Field(None, description="PEM private key of the DKIM signature.")
    rate_per_second: float = Field(0, ge=0, description="Most messages a second over all workers; 0 means no limit.")
    domain_rates: str = Field(
        "", description="Most messages a second to mailbox groups, such as gmail=50,tencent=10; empty means no limit."
    )
    warmup_start: str = Field(
        "2026-01-01",
        description="When the first day of the warm-up begins: 2026-12-01T00:00+08:00; without offset UTC.",
    )
    warmup_first_day: int = Field(0, ge=0, description="Most messages on the first day of a warm-up; 0 means none.")
    warmup_growth: float = Field(1.5, ge=1, le=10, description="Each day of a warm-up takes this many times the last.")
    claim_lease_seconds: float = Field(120, gt=0, description="How long a worker owns a claimed batch, in seconds.")
    unknown_wait_seconds: float = Field(900, ge=0, description="How long events may still settle an unknown delivery.")
    unknown_policy: UnknownPolicy = Field(
        UnknownPolicy.HOLD, description="What to do with unknown deliveries after that."
    )
    trusted_proxies: str = Field(
        "127.0.0.1,::1",
        description="Addresses or networks of reverse proxies whose X-Forwarded-For is believed, comma-separated.",
    )
    tick_seconds: float = Field(2, gt=0, description="Pause between two ticks of the scheduler, in seconds.")
    log_format: Literal["text", "json"] = Field("text", description="Form of the log lines.")

    @field_validator("base_url", "sendgrid_api_url")
    @classmethod
    def _without_final_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("broker_url")
    @classmethod
    def _redis_or_none(cls, value: str) -> str:
        if value and not value.startswith(("redis://", "rediss://", "redis+socket://")):
            raise ValueError("must begin with redis:// or rediss://, or be empty for the embedded broker")
        return value

    @field_validator("domain_rates")
    @classmethod
    def _rates_of_groups(cls, value: str) -> str:
        return _checked(value, parse_group_rates)

    @field_validator("sendgrid_push_suppressions")
    @classmethod
    def _reasons_to_push(cls, value: str) -> str:
        return _checked(value, parse_pushed_reasons)

    @field_validator("warmup_start")
    @classmethod
    def _first_day(cls, value: str) -> str:
        return _checked(value, lambda start: parse_warm_up(start, first_day=1, growth=1))

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        networks_of(value)
        return value

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def effective_database_url(self) -> str:
        """The SQLAlchemy URL in force; plain postgresql:// means psycopg 3."""
        url = self.database_url or f"sqlite:///{self.data_dir / 'newsletter.db'}"
        for short in ("postgres://", "postgresql://"):
            if url.startswith(short):
                return "postgresql+psycopg://" + url.removeprefix(short)
        return url

    @property
    def is_embedded_broker(self) -> bool:
        """Whether background jobs travel through files in DATA_DIR instead of Redis."""
        return not self.broker_url

    @property
    def outbox_dir(self) -> Path:
        """Where the outbox provider puts its .eml files."""
        return self.data_dir / "outbox"

    @property
    def secret_key_path(self) -> Path:
        """Where `init` keeps the secret key."""
        return self.data_dir / SECRET_KEY_FILE

    def signing_key(self) -> bytes:
        """The secret key's bytes; ConfigurationError where none is set or an https site lacks its own."""
        if key := self.secret_key.get_secret_value():
            return key.encode()
        if self.base_url.startswith("https://"):
            raise ConfigurationError("set NEWSLETTER_SECRET_KEY: an https BASE_URL needs its key from the environment")
        try:
            return self.secret_key_path.read_bytes().strip()
        except FileNotFoundError:
            raise ConfigurationError(
                f"there is no secret key at {self.secret_key_path}: run `newsletter init`, or set NEWSLETTER_SECRET_KEY"
            ) from None

    def batch_size(self) -> int:
        """How many recipients one claim takes for the provider in force."""
        return self.sendgrid_batch_size if self.provider is ProviderName.SENDGRID else self.smtp_batch_size


def networks_of(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of a comma-separated list of addresses and networks; ValueError for anything else."""
    return tuple(ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())


def _checked(value: str, parse: Callable[[str], object]) -> str:
    """The value where it can be read; ValueError, which pydantic wants, where it cannot."""
    try:
        parse(value)
    except InvalidInput as error:
        raise ValueError(str(error)) from None
    return value


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; ConfigurationError in one sentence where one cannot be used."""
    try:
        return Settings(**overrides)
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigurationError(f"setting NEWSLETTER_{name} cannot be used: {first['msg']}") from None
