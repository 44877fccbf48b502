"""DKIM signatures (RFC 6376; Ed25519 by RFC 8463) for mails that we hand over as whole messages.

Our own, because a signature has to cost little more than the arithmetic of its key: RSA with 2048 bits takes a
millisecond, and a general library took ten more to parse what we composed ourselves.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from email.utils import parsedate_to_datetime

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from newsletter.errors import ConfigurationError, InvalidInput

MIN_RSA_BITS = 1024  # RFC 8301, 3.2: verifiers must not accept less
FOLD_AT = 76
# Each is listed once more than it occurs: a second Subject or From, added on the way, breaks the signature.
OVERSIGNED = (
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "List-Id",
    "List-Help",
    "List-Archive",
    "List-Post",
    "List-Owner",
    "List-Subscribe",
    "Feedback-ID",
    "CFBL-Address",
    "CFBL-Feedback-ID",
)

_PORTION = 1 << 16
_OVERSIGNED_NAMES = frozenset(name.lower().encode() for name in OVERSIGNED)
_FIELD_END = re.compile(rb"\r\n(?![ \t])")
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:(.*)", re.DOTALL)
_SPACES = re.compile(rb"[ \t]+")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_LABELS = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")

_Fields = Sequence[tuple[bytes, bytes]]


class DkimSigner:
    """Signs messages for one domain. Make it once per process: it holds the key. Any number of threads may use it."""

    def __init__(self, key_pem: bytes, domain: str, selector: str) -> None:
        """`key_pem` is an RSA or Ed25519 private key without passphrase; ConfigurationError for what cannot sign."""
        self._key = _load_key(key_pem)
        self.domain = _labels(domain, what="DKIM_DOMAIN")
        self.selector = _labels(selector, what="DKIM_SELECTOR")
        algorithm = "rsa-sha256" if isinstance(self._key, RSAPrivateKey) else "ed25519-sha256"
        self._start = f"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={self.domain};\r\n"

    @property
    def record_name(self) -> str:
        """Where the public key has to be published, as a TXT record."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def record(self) -> str:
        """The TXT record that verifies our signatures (RFC 6376, 3.6.1)."""
        return f"v=DKIM1; k={'rsa' if isinstance(self._key, RSAPrivateKey) else 'ed25519'}; p={_public(self._key)}"

    def sign(self, message: bytes) -> bytes:
        """The message with its DKIM-Signature in front; the same message gets the same signature.

        CRLF line ends, exactly one From, and a Date, from which the time of the signature comes; InvalidInput
        otherwise, for servers would change such a message, or mailboxes refuse it.
        """
        _check_line_ends(message)
        head, body = _split(message)
        fields = _fields(head)
        listed = _listed_names(fields)
        unsigned = self._unsigned(fields, body, listed)
        signature = self._signature(_signed_text(fields, listed, unsigned))
        return unsigned.encode("ascii") + _folded_signature(signature) + message

    def _unsigned(self, fields: _Fields, body: bytes, listed: Sequence[str]) -> str:
        """The header up to `b=`."""
        body_hash = b64encode(_body_hash(body)).decode("ascii")
        return (
            f"{self._start} s={self.selector}; t={_signing_time(fields)};\r\n bh={body_hash};\r\n"
            f"{_folded_names(listed)};\r\n b="
        )

    def _signature(self, text: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(text, PKCS1v15(), SHA256())
        return self._key.sign(hashlib.sha256(text).digest())


def _load_key(key_pem: bytes) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(key_pem, password=None)
    except TypeError:
        raise ConfigurationError("the DKIM key is locked with a passphrase: store it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ConfigurationError("the DKIM key is not a private key in PEM form: make one with openssl") from None
    if isinstance(key, Ed25519PrivateKey):
        return key
    if not isinstance(key, RSAPrivateKey):
        raise ConfigurationError("the DKIM key is neither RSA nor Ed25519: make an RSA key with 2048 bits")
    if key.key_size < MIN_RSA_BITS:
        raise ConfigurationError(f"the DKIM key has only {key.key_size} bits: make an RSA key with 2048 bits")
    return key


def _labels(name: str, *, what: str) -> str:
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        ascii_name = ""
    if not _LABELS.fullmatch(ascii_name):
        raise ConfigurationError(f"setting NEWSLETTER_{what} is no name in DNS: use letters, digits, hyphens and dots")
    return ascii_name.lower()


def _public(key: RSAPrivateKey | Ed25519PrivateKey) -> str:
    encoding, form = serialization.Encoding, serialization.PublicFormat
    if isinstance(key, RSAPrivateKey):
        public = key.public_key().public_bytes(encoding.DER, form.SubjectPublicKeyInfo)
    else:
        public = key.public_key().public_bytes(encoding.Raw, form.Raw)
    return b64encode(public).decode("ascii")


def _check_line_ends(message: bytes) -> None:
    pairs = message.count(b"\r\n")
    # A last line without its end is read in two ways, and SMTP would add the end.
    if message.count(b"\n") != pairs or message.count(b"\r") != pairs or not message.endswith(b"\r\n"):
        raise InvalidInput("a mail to be signed must end each line with CRLF and hold no CR or LF alone")


def _split(message: bytes) -> tuple[bytes, bytes]:
    if message.startswith(b"\r\n"):
        return b"", message[2:]
    head, _, body = message.partition(b"\r\n\r\n")
    return head.removesuffix(b"\r\n"), body


def _fields(head: bytes) -> _Fields:
    """Name in lower case and value of each header, in their order, canonical by the relaxed rules (3.4.2)."""
    fields = []
    for line in _FIELD_END.split(head) if head else ():
        field = _FIELD.fullmatch(line)
        if field is None:
            raise InvalidInput("a mail to be signed has a header line without a name: compose it anew")
        value = _SPACES.sub(b" ", field[2].replace(b"\r\n", b"")).strip(b" ")
        fields.append((field[1].lower(), value))
    return fields


def _listed_names(fields: _Fields) -> list[str]:
    """What `h=` holds: every header that matters, each once more than it is there."""
    counts = Counter(name for name, _ in fields)
    if counts[b"from"] != 1:
        raise InvalidInput("a mail to be signed must have exactly one From: compose it anew")
    others = [name.decode("ascii") for name in counts if name.startswith(b"list-") and name not in _OVERSIGNED_NAMES]
    listed: list[str] = []
    for shown in (*OVERSIGNED, *others):
        listed += [shown] * (counts[shown.lower().encode()] + 1)
    return listed


def _signing_time(fields: _Fields) -> int:
    """The Date of the mail in seconds since 1970: a retry gets the same signature."""
    date = next((value for name, value in fields if name == b"date"), b"")
    try:
        return max(0, int(parsedate_to_datetime(date.decode("ascii")).timestamp()))
    except (ValueError, OverflowError):
        raise InvalidInput("a mail to be signed must have a Date that can be read: compose it anew") from None


def _signed_text(fields: _Fields, listed: Iterable[str], unsigned: str) -> bytes:
    """What the key signs (3.7): the listed headers, of several with one name the last first, then our own."""
    values: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(value)
    lines = []
    for shown in listed:
        name = shown.lower().encode()
        if remaining := values.get(name):
            lines.append(name + b":" + remaining.pop() + b"\r\n")
    [(name, value)] = _fields(unsigned.encode("ascii"))
    return b"".join(lines) + name + b":" + value


def _body_hash(body: bytes) -> bytes:
    """SHA-256 of the body by the relaxed rules (3.4.4), taken portion by portion."""
    digest = hashlib.sha256()
    is_empty, waiting = True, 0
    for portion in _portions(body):
        lines = _with_single_spaces(portion).replace(b" \r\n", b"\r\n")
        kept = lines.rstrip(b" \r\n")
        if kept:
            digest.update(b"\r\n" * waiting + kept)
            is_empty, waiting = False, 0
        # Empty lines count only when something follows them.
        waiting += lines.count(b"\r\n", len(kept))
    if not is_empty:
        digest.update(b"\r\n")
    return digest.digest()


def _with_single_spaces(portion: bytes) -> bytes:
    """Runs of spaces and tabs as one space. Halving them is several times as fast as a regular expression."""
    lines = portion.replace(b"\t", b" ")
    while b"  " in lines:
        lines = lines.replace(b"  ", b" ")
    return lines


def _portions(body: bytes) -> Iterator[bytes]:
    """The body in pieces that end at line ends."""
    start = 0
    while start < len(body):
        found = body.find(b"\r\n", start + _PORTION)
        end = len(body) if found < 0 else found + 2
        yield body[start:end]
        start = end


def _folded_names(names: Sequence[str]) -> str:
    lines = [f" h={names[0]}"]
    for name in names[1:]:
        if len(lines[-1]) + 1 + len(name) + 1 > FOLD_AT:
            lines.append(f" :{name}")
        else:
            lines[-1] += f":{name}"
    return "\r\n".join(lines)


def _folded_signature(signature: bytes) -> bytes:
    encoded = b64encode(signature)
    first = FOLD_AT - len(" b=")
    rest = range(first, len(encoded), FOLD_AT - 1)
    return b"\r\n ".join([encoded[:first], *(encoded[at : at + FOLD_AT - 1] for at in rest)]) + b"\r\n"
