"""SMTP_URL: where the relay is and how to talk to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from urllib.parse import parse_qs, unquote, urlsplit

from newsletter.domain.hosts import is_loopback
from newsletter.errors import ConfigurationError

_DEFAULT_PORTS = {"smtp": 25, "smtps": 465}


class StartTls(StrEnum):
    """When a connection that begins in the clear is encrypted."""

    OFFERED = "offered"
    REQUIRE = "require"
    NEVER = "never"


@dataclass(frozen=True, kw_only=True, slots=True)
class Relay:
    """The SMTP server that takes our mail. `is_implicit_tls` is smtps:// (TLS from the first byte)."""

    host: str
    port: int
    is_implicit_tls: bool
    starttls: StartTls
    verifies_certificate: bool
    user: str
    password: str = field(repr=False)

    @property
    def is_loopback(self) -> bool:
        """Whether nothing leaves this machine on the way to the relay."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_smtp_url(url: str) -> Relay:
    """Read `smtp[s]://[user:password@]host[:port][?starttls=require|never][&verify=no]`.

    User and password are percent-decoded. By default TLS is used when the server offers it and its certificate is
    verified. Raises ConfigurationError, which never quotes the URL: it may hold a password.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _faulty("its port is not a number") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _faulty("it must begin with smtp:// or smtps://")
    if not parts.hostname:
        raise _faulty("it names no host")
    options = _options(parts.query)
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if bool(user) != bool(password):
        raise _faulty("it needs both a user and a password, or neither")
    if not (user + password).isascii():
        raise _faulty("its user and password must be ASCII")
    return Relay(
        host=parts.hostname,
        port=port or _DEFAULT_PORTS[parts.scheme],
        is_implicit_tls=parts.scheme == "smtps",
        starttls=StartTls(options.get("starttls", StartTls.OFFERED)),
        verifies_certificate=options.get("verify", "yes") == "yes",
        user=user,
        password=password,
    )


_CHOICES = {"starttls": ("offered", "require", "never"), "verify": ("yes", "no")}


def _options(query: str) -> dict[str, str]:
    options = {name: values[-1].lower() for name, values in parse_qs(query, keep_blank_values=True).items()}
    for name, value in options.items():
        if name not in _CHOICES:
            raise _faulty(f"it has an unknown option {name}: there are starttls and verify")
        if value not in _CHOICES[name]:
            raise _faulty(f"its option {name} must be one of {', '.join(_CHOICES[name])}")
    return options


def _faulty(reason: str) -> ConfigurationError:
    return ConfigurationError(f"setting NEWSLETTER_SMTP_URL cannot be used: {reason}")
