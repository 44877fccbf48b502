"""Fixtures: the fake servers, each in its own process, and providers that talk to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from newsletter.providers.sendgrid import SendGridProvider
from newsletter.providers.smtp import SmtpProvider
from newsletter.providers.smtp_url import parse_smtp_url
from tests.fakes.sendgrid_server import API_KEY, SendGridServer
from tests.fakes.smtp_server import SmtpServer


@pytest.fixture
def smtp_server(tmp_path: Path) -> Iterator[SmtpServer]:
    """A well-behaved SMTP server until told otherwise."""
    with SmtpServer(tmp_path / "smtp.jsonl") as server:
        yield server


@pytest.fixture(scope="session")
def sendgrid_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SendGridServer]:
    """One strict SendGrid for all tests: loading its document takes half a second."""
    with SendGridServer(tmp_path_factory.mktemp("sendgrid") / "taken.jsonl") as server:
        yield server


@pytest.fixture
def sendgrid_server(sendgrid_process: SendGridServer) -> Iterator[SendGridServer]:
    """A strict SendGrid that remembers nothing; whatever it finds wrong with a body fails the test."""
    sendgrid_process.forget()
    yield sendgrid_process
    assert sendgrid_process.seen()["violations"] == []


@pytest.fixture
def make_smtp() -> Iterator[Callable[..., SmtpProvider]]:
    """Makes SMTP providers that are closed after the test."""
    made: list[SmtpProvider] = []

    def make(
        url: str, *, connections: int = 1, timeout_seconds: float = 5, mails_per_connection: int = 0
    ) -> SmtpProvider:
        provider = SmtpProvider(
            parse_smtp_url(url),
            connections=connections,
            timeout_seconds=timeout_seconds,
            mails_per_connection=mails_per_connection,
        )
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


@pytest.fixture
def make_sendgrid(sendgrid_server: SendGridServer) -> Iterator[Callable[..., SendGridProvider]]:
    """Makes SendGrid providers for the fake that are closed after the test."""
    made: list[SendGridProvider] = []

    def make(
        *, key: str = API_KEY, url: str = "", batch_size: int = 500, timeout_seconds: float = 5
    ) -> SendGridProvider:
        provider = SendGridProvider(
            key, api_url=url or sendgrid_server.url, batch_size=batch_size, timeout_seconds=timeout_seconds
        )
        made.append(provider)
        return provider

    yield make
    for provider in made:
        provider.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key, as PEM files."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fake.example")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file
