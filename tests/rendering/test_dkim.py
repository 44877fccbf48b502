"""DKIM: what we sign, another implementation (dkimpy) verifies; what was changed on the way, it refuses."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.errors import ConfigurationError, InvalidInput
from newsletter.rendering import DkimSigner, MimeTemplate, render
from tests.rendering.editions import NEWSLETTER, make_recipient, sample_brief

DATE = datetime(2026, 6, 22, 6, 30, tzinfo=UTC)
HEAD = (
    b"From: Harbour Brief <brief@news.example.org>\r\nTo: maria@example.com\r\nSubject: Ferries\r\n"
    b"Date: Mon, 22 Jun 2026 06:30:00 +0000\r\nMessage-ID: <1@news.example.org>\r\n"
)
PrivateKey = rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def pem(key: PrivateKey, *, passphrase: bytes = b"") -> bytes:
    locked = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked)


RSA_KEY = pem(rsa.generate_private_key(65537, 2048))
KEYS = {"rsa": RSA_KEY, "ed25519": pem(ed25519.Ed25519PrivateKey.generate())}
SIGNERS = {name: DkimSigner(key, "news.example.org", "s2026") for name, key in KEYS.items()}


def is_valid(signed: bytes, signer: DkimSigner) -> bool:
    """Whether dkimpy accepts the signature, given the record that the signer says to publish."""
    asked: list[str] = []

    def answer(name: bytes, timeout: int = 5) -> bytes:
        asked.append(name.decode().rstrip("."))
        return signer.record.encode()

    verdict = dkim.DKIM(signed).verify(dnsfunc=answer)
    assert asked == [signer.record_name]
    return bool(verdict)


def refuses(signed: bytes, signer: DkimSigner) -> bool:
    """Whether dkimpy rejects the message, by a verdict or because it cannot even read it."""
    try:
        return not is_valid(signed, signer)
    except dkim.DKIMException:
        return True


def tags(signed: bytes) -> dict[str, str]:
    header = re.match(rb"DKIM-Signature:(.*?)\r\n(?![ \t])", signed, re.DOTALL)
    assert header is not None
    pairs = (tag.split("=", 1) for tag in header[1].decode("ascii").split(";"))
    return {name.strip(): re.sub(r"\s", "", value) for name, value in pairs}


@pytest.fixture(scope="module")
def mail() -> bytes:
    template = MimeTemplate.compile(
        render(sample_brief(), NEWSLETTER),
        subject="国产大模型 and the harbour",
        date=DATE,
        headers={
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": "<harbour-brief.news.example.org>",
            "Feedback-ID": "1:harbour-brief:newsletter",
        },
        recipient_headers=("Message-ID", "List-Unsubscribe"),
    )
    return template.compose(make_recipient(name="Zoë 陈"))


@pytest.mark.parametrize("kind", KEYS)
def test_a_real_mail_is_signed_so_that_others_can_verify_it(mail: bytes, kind: str) -> None:
    signed = SIGNERS[kind].sign(mail)
    assert signed.endswith(mail)
    assert is_valid(signed, SIGNERS[kind])
    assert tags(signed)["a"] == f"{kind}-sha256"
    assert tags(signed)["c"] == "relaxed/relaxed"


def test_the_same_mail_gets_the_same_signature_whose_time_is_the_date_of_the_mail(mail: bytes) -> None:
    first, second = (DkimSigner(RSA_KEY, "news.example.org", "s2026").sign(mail) for _ in range(2))
    assert first == second
    assert tags(first)["t"] == str(int(DATE.timestamp()))


def test_the_signature_covers_the_whole_body(mail: bytes) -> None:
    signed = SIGNERS["rsa"].sign(mail)
    assert "l" not in tags(signed)
    assert refuses(signed + b"one more line\r\n", SIGNERS["rsa"])


def test_no_line_of_the_signature_is_longer_than_76_characters(mail: bytes) -> None:
    signature = SIGNERS["rsa"].sign(mail).removesuffix(mail)
    assert signature.endswith(b"\r\n")
    assert all(len(line) <= 76 for line in signature.split(b"\r\n"))
    assert all(line.startswith(b" ") and line.strip() for line in signature.split(b"\r\n")[1:-1])


@pytest.mark.parametrize(
    "name",
    [
        "From",
        "To",
        "Subject",
        "Date",
        "Message-ID",
        "Reply-To",
        "MIME-Version",
        "Content-Type",
        "Feedback-ID",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Id",
        "List-Help",
        "List-Archive",
        "List-Post",
        "List-Owner",
    ],
)
def test_a_header_that_matters_cannot_be_added_on_the_way(mail: bytes, name: str) -> None:
    signed = SIGNERS["rsa"].sign(mail)
    present = len(re.findall(rf"(?im)^{name}:", mail.partition(b"\r\n\r\n")[0].decode()))
    assert tags(signed)["h"].lower().split(":").count(name.lower()) == present + 1
    assert refuses(f"{name}: forged@evil.example\r\n".encode() + signed, SIGNERS["rsa"])


def test_any_list_header_is_signed_also_one_that_nobody_thought_of() -> None:
    signed = SIGNERS["rsa"].sign(HEAD + b"List-Novelty: new\r\n\r\nHello\r\n")
    assert tags(signed)["h"].lower().split(":").count("list-novelty") == 2
    assert is_valid(signed, SIGNERS["rsa"])
    assert refuses(signed.replace(b"List-Novelty: new", b"List-Novelty: old"), SIGNERS["rsa"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"\r\n\r\n\r\n",
        b" \t \r\n\t\r\n",
        b"line\r\n\r\n\r\n",
        b"line\r\n \r\n\t\t\r\n \r\n",
        b"\r\n\r\nfirst lines are empty\r\n",
        b"runs  of \t\t spaces  \r\n\tat both ends\t\r\n",
        b" a\t\r\n\r\n b\r\n",
        "naïve 渡轮\r\n".encode(),
        b"x" * 140_000 + b"\r\n",
        b"a  b \r\n" * 12_000 + b"\r\n" * 100,
        b"\r\n" * 40_000 + b"end\r\n",
        b"x" * 65_530 + b"  \t" * 6 + b"\r\n\r\n \r\nend\r\n",
    ],
    ids=lambda body: f"{body[:16]!r}-{len(body)}",
)
def test_unusual_bodies_verify(body: bytes) -> None:
    assert is_valid(SIGNERS["ed25519"].sign(HEAD + b"\r\n" + body), SIGNERS["ed25519"])


@pytest.mark.parametrize(
    "header",
    [
        b"Subject:no space\r\n",
        b"Subject: folded\r\n\there \r\n   and  here\r\n",
        b"subJECT: case\r\n",
        b"Subject:\r\n",
        b"Subject: one\r\nSubject: two\r\n",
        b"Subject: colon: in: value \t \r\n",
    ],
)
def test_unusual_headers_verify(header: bytes) -> None:
    head = HEAD.replace(b"Subject: Ferries\r\n", header)
    assert is_valid(SIGNERS["ed25519"].sign(head + b"\r\nHello\r\n"), SIGNERS["ed25519"])


def test_a_mail_of_headers_alone_verifies() -> None:
    assert is_valid(SIGNERS["rsa"].sign(HEAD), SIGNERS["rsa"])


header_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60)
body_line = st.lists(st.sampled_from([" ", "  ", "\t", "a", "=", ".", "渡", "word", "\x0b", "\x00"]), max_size=12)


@settings(max_examples=200, deadline=None)
@given(
    subject=header_text,
    extra=st.lists(st.tuples(st.sampled_from(["X-Note", "List-Id", "Cc", "Received"]), header_text), max_size=3),
    lines=st.lists(body_line.map("".join), max_size=12),
)
def test_every_message_with_crlf_line_ends_verifies(
    subject: str, extra: list[tuple[str, str]], lines: list[str]
) -> None:
    shown = "".join(f"{name}: {value}\r\n" for name, value in extra)
    head = HEAD.replace(b"Subject: Ferries", f"Subject: {subject}".encode())
    message = head + shown.encode() + b"\r\n" + "".join(line + "\r\n" for line in lines).encode()
    assert is_valid(SIGNERS["ed25519"].sign(message), SIGNERS["ed25519"])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_one_changed_letter_fails(mail: bytes, data: st.DataObject) -> None:
    signed = SIGNERS["ed25519"].sign(mail)
    body_at = signed.index(b"\r\n\r\n") + 4
    at = data.draw(st.integers(body_at, len(signed) - 1).filter(lambda index: signed[index : index + 1].isalnum()))
    changed = signed[:at] + (b"x" if signed[at : at + 1] != b"x" else b"y") + signed[at + 1 :]
    assert refuses(changed, SIGNERS["ed25519"])


@pytest.mark.parametrize("part", [b"From: Harbour", b"Subject: =?utf-8", b"List-Unsubscribe: <https", b"To: ="])
def test_a_changed_header_fails(mail: bytes, part: bytes) -> None:
    signed = SIGNERS["ed25519"].sign(mail)
    assert refuses(signed.replace(part, part[:-1] + b"~", 1), SIGNERS["ed25519"])


@pytest.mark.parametrize(
    "message",
    [
        HEAD.replace(b"\r\n", b"\n") + b"\nHello\n",
        HEAD + b"\r\nHello\n",
        HEAD + b"\r\nHello",
        HEAD + b"\r\nHello\rworld\r\n",
        HEAD.replace(b"Ferries", b"Ferries\nBcc: all@example.org") + b"\r\nHello\r\n",
        HEAD + b"no colon here\r\n\r\nHello\r\n",
        HEAD + b": no name\r\n\r\nHello\r\n",
        b"\tfolded from nothing\r\n" + HEAD + b"\r\nHello\r\n",
        HEAD + HEAD[: HEAD.index(b"To:")] + b"\r\nHello\r\n",
        HEAD[HEAD.index(b"To:") :] + b"\r\nHello\r\n",
        HEAD[: HEAD.index(b"Date:")] + b"\r\nHello\r\n",
        HEAD.replace(b"Mon, 22 Jun 2026 06:30:00 +0000", b"yesterday") + b"\r\nHello\r\n",
        HEAD.replace(b"Mon, 22", "Mön, 22".encode()) + b"\r\nHello\r\n",
        b"\r\n" + HEAD,
        b"",
    ],
)
def test_what_servers_would_change_or_refuse_is_not_signed(message: bytes) -> None:
    with pytest.raises(InvalidInput, match="a mail to be signed"):
        SIGNERS["rsa"].sign(message)


@pytest.mark.parametrize(
    "name", ["", "a;b", "example.org\r\nBcc: x@example.org", "a b.example", "a..b", ".a", "a.", "x" * 64, "a=b", "é\n"]
)
def test_a_domain_or_selector_can_bring_nothing_into_the_header(name: str) -> None:
    with pytest.raises(ConfigurationError, match="NEWSLETTER_DKIM_DOMAIN is no name in DNS"):
        DkimSigner(RSA_KEY, name, "s2026")
    with pytest.raises(ConfigurationError, match="NEWSLETTER_DKIM_SELECTOR is no name in DNS"):
        DkimSigner(RSA_KEY, "example.org", name)


def test_a_domain_with_accents_is_signed_for_in_punycode() -> None:
    assert tags(DkimSigner(RSA_KEY, "zeitung-köln.example", "s1").sign(HEAD))["d"] == "xn--zeitung-kln-zfb.example"


@pytest.mark.parametrize(
    ("key", "says"),
    [
        (b"", "not a private key in PEM"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a private key in PEM"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "neither RSA nor Ed25519"),
        (pem(ed25519.Ed25519PrivateKey.generate(), passphrase=b"open"), "locked with a passphrase"),
    ],
    ids=["empty", "garbage", "elliptic", "locked"],
)
def test_a_key_that_cannot_sign_is_refused_in_one_sentence(key: bytes, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as caught:
        DkimSigner(key, "example.org", "s1")
    assert "\n" not in str(caught.value)
