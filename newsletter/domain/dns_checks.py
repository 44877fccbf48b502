"""What the DNS records of a sending domain are worth: records in, checks out. Nobody is asked here."""

from __future__ import annotations

import binascii
import ipaddress
from base64 import b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_SPF_LOOKUPS = 10  # RFC 7208, 4.6.4
POLICIES = ("none", "quarantine", "reject")
_ASKING = ("include:", "exists:", "redirect=")
_ED25519_BYTES = 32
# A public RSA key in DER has 162 bytes for 1024 bits of modulus and 294 for 2048.
_RSA_1024_BYTES, _RSA_2048_BYTES = 158, 290


class Health(StrEnum):
    """How one check came out."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """One thing looked at. `repair` says what to do; empty where nothing is to do."""

    name: str
    status: Health
    message: str
    repair: str = ""


def spf_records(texts: Sequence[str]) -> list[str]:
    """The SPF records among the TXT records of a name (RFC 7208, 4.5)."""
    return [text for text in texts if text.lower() == "v=spf1" or text.lower().startswith("v=spf1 ")]


def spf_targets(record: str) -> list[str]:
    """The names whose own SPF records this one takes in: its includes and its redirect, in their order."""
    terms = (term.lstrip("+-~?") for term in record.lower().split()[1:])
    return [term[len(start) :] for term in terms for start in ("include:", "redirect=") if term.startswith(start)]


def spf_lookups(record: str) -> int:
    """How many of its terms make a mailbox ask DNS, not counting what the included records ask."""
    return sum(1 for term in _spf_terms(record) if term.startswith(_ASKING) or _spf_name(term) in ("a", "mx", "ptr"))


def spf_addresses(record: str) -> list[str]:
    """The single addresses that the record names; networks are left out."""
    found = []
    for term in _spf_terms(record):
        if term.startswith(("ip4:", "ip6:")):
            try:
                network = ipaddress.ip_network(term[4:], strict=False)
            except ValueError:
                continue
            if network.num_addresses == 1:
                found.append(str(network.network_address))
    return found


def judge_spf(domain: str, texts: Sequence[str], *, lookups: int, name: str = "SPF") -> Check:
    """The SPF of a domain; `lookups` counts those of included records too."""
    records = spf_records(texts)
    publish = f'publish one TXT record at {domain}: "v=spf1 include:<your mail server’s SPF name> ~all"'
    if not records:
        return _failed(name, f"{domain} has no SPF record", publish)
    if len(records) > 1:
        return _failed(
            name, f"{domain} has {len(records)} SPF records: mailboxes take none of them", "merge them into one"
        )
    [record] = records
    if lookups > MAX_SPF_LOOKUPS:
        message = f"{record} makes mailboxes ask DNS {lookups} times, and {MAX_SPF_LOOKUPS} are allowed"
        return _failed(name, message, "remove includes that no longer send, or name their addresses with ip4: and ip6:")
    others = _spf_others(record)
    if others == "+":
        return _failed(name, f"{record} lets everybody send", "end the record with ~all or -all")
    if any(_spf_name(term) == "ptr" for term in _spf_terms(record)):
        return _warning(name, f"{record} uses ptr, which mailboxes may ignore", "name the addresses with ip4: and ip6:")
    if others not in ("~", "-", "redirect"):
        return _warning(name, f"{record} does not say what others are", "end the record with ~all or -all")
    return _ok(name, record)


def judge_dkim(record_name: str, texts: Sequence[str], *, expected: str = "") -> Check:
    """The public key at `<selector>._domainkey.<domain>`; `expected` is the record that belongs to our private key."""
    name = "DKIM"
    records = [text for text in texts if "p" in tags_of(text)]
    wanted = expected or "v=DKIM1; k=rsa; p=<the public key>"
    publish = f'publish one TXT record at {record_name}: "{wanted}"'
    if len(records) != 1:
        found = f"{len(records)} keys: mailboxes take one at random" if records else "no key"
        return _failed(name, f"{record_name} has {found}", publish)
    tags = tags_of(records[0])
    key = "".join(tags["p"].split())
    if not key:
        return _failed(name, f"the key at {record_name} is revoked (its p= is empty)", publish)
    if expected and key != tags_of(expected)["p"]:
        return _failed(name, f"the key at {record_name} is not the one of NEWSLETTER_DKIM_KEY_FILE", publish)
    if "h" in tags and "sha256" not in tags["h"].lower().split(":"):
        return _failed(name, f"the key at {record_name} allows no sha256 signatures", "remove h= from the record")
    if fault := _key_fault(tags.get("k", "rsa").lower(), key, record_name):
        return fault
    if "y" in tags.get("t", "").lower().split(":"):
        return _warning(name, f"the key at {record_name} says that it is only tested", "remove t=y from the record")
    return _ok(name, f"{record_name} has a key" + (" and it is ours" if expected else ""))


def judge_alignment(domain: str, signing_domain: str) -> Check:
    """Whether a signature of `signing_domain` speaks for a From of `domain` (DMARC, relaxed)."""
    name = "DKIM domain"
    if _is_within(domain, signing_domain) or _is_within(signing_domain, domain):
        return _ok(name, f"signatures of {signing_domain} speak for {domain}")
    repair = f"set NEWSLETTER_DKIM_DOMAIN to {domain} or the domain above it"
    if domain.split(".")[-2:] == signing_domain.split(".")[-2:]:
        message = f"signatures of {signing_domain} speak for {domain} only where both have one owner and adkim is not s"
        return _warning(name, message, repair)
    return _failed(name, f"signatures of {signing_domain} do not speak for {domain}", repair)


def dmarc_names(domain: str) -> list[str]:
    """Where a DMARC record may be, nearest first (the tree walk of RFC 9989)."""
    labels = domain.split(".")
    starts = range(len(labels) - 1) if len(labels) <= 8 else (0, *range(len(labels) - 7, len(labels) - 1))
    return [f"_dmarc.{'.'.join(labels[start:])}" for start in starts]


def dmarc_records(texts: Sequence[str]) -> list[str]:
    """The DMARC records among the TXT records of a name."""
    return [text for text in texts if text.replace(" ", "").lower().split(";")[0] == "v=dmarc1"]


def judge_dmarc(domain: str, texts: Sequence[str], *, found_at: str = "") -> Check:
    """The DMARC policy for a domain; `found_at` is the name that has the records, of the domain or of one above."""
    name, place = "DMARC", found_at or f"_dmarc.{domain}"
    records = dmarc_records(texts)
    example = f'"v=DMARC1; p=none; rua=mailto:dmarc@{domain}"'
    if not records:
        message = f"{domain} has no DMARC record, which Gmail, Yahoo and Microsoft ask of bulk senders"
        return _failed(name, message, f"publish a TXT record at _dmarc.{domain}: {example}")
    if len(records) > 1:
        return _failed(name, f"{place} has {len(records)} DMARC records: mailboxes take none of them", "keep one")
    tags = tags_of(records[0])
    own = tags.get("p", "").lower()
    policy = own if place == f"_dmarc.{domain}" else tags.get("sp", own).lower()
    if policy not in POLICIES:
        return _failed(name, f"{place} has no policy that can be understood", "set p= to none, quarantine or reject")
    if "pct" in tags:
        message = f"{place} still has pct, which DMARC no longer knows (RFC 9989)"
        return _warning(name, message, "remove pct from the record; while testing use t=y")
    if not tags.get("rua"):
        repair = f"add rua=mailto:dmarc@{domain} to the record"
        return _warning(name, f"{place}: policy {policy}, but nobody gets the reports", repair)
    return _ok(name, f"{place}: policy {policy}" + (", for testing (t=y)" if tags.get("t", "").lower() == "y" else ""))


def judge_bounce_domain(domain: str, bounce_domain: str, hosts: Sequence[str]) -> Check:
    """Whether bounces find a mail server and the return path speaks for the From domain; `hosts` are of its MX."""
    name = "bounce domain"
    if not hosts:
        return _failed(
            name, f"{bounce_domain} has no mail server: bounces are lost", f"publish an MX record at {bounce_domain}"
        )
    if any(host in ("", ".") for host in hosts):
        return _failed(name, f"{bounce_domain} says that it takes no mail", "replace its empty MX by your mail server")
    if not (_is_within(bounce_domain, domain) or _is_within(domain, bounce_domain)):
        message = f"{bounce_domain} is outside of {domain}: SPF does not count for DMARC"
        return _warning(name, message, f"set NEWSLETTER_BOUNCE_DOMAIN to a name like bounces.{domain}")
    return _ok(name, f"{bounce_domain} takes mail at {', '.join(hosts)}")


def judge_ptr(names_by_address: Mapping[str, Mapping[str, Sequence[str]]]) -> Check:
    """Whether each sending address has a name that leads back to it: address → its names → their addresses."""
    name = "PTR"
    if not names_by_address:
        message = "nobody said which addresses mails leave from: neither SPF nor SMTP_URL names a public one"
        return _warning(name, message, "name the address in SPF with ip4: or ip6:, or ask who runs the mail server")
    without = [address for address, names in names_by_address.items() if not names]
    if without:
        repair = "ask whoever rents out the address to set its reverse name"
        return _failed(name, f"{', '.join(without)} has no name (PTR)", repair)
    one_way = [
        address
        for address, names in names_by_address.items()
        if not any(_same_address(address, other) for others in names.values() for other in others)
    ]
    if one_way:
        repair = "publish an A or AAAA record for the name that the PTR gives"
        return _failed(name, f"the name of {', '.join(one_way)} does not lead back to it", repair)
    return _ok(name, "; ".join(f"{address} is {', '.join(names)}" for address, names in names_by_address.items()))


def tags_of(record: str) -> dict[str, str]:
    """The tags of a DKIM or DMARC record (RFC 6376, 3.2), names in lower case; what is no tag is left out."""
    pairs = (part.partition("=") for part in record.split(";"))
    return {name.strip().lower(): value.strip() for name, sign, value in pairs if sign}


def _key_fault(kind: str, key: str, record_name: str) -> Check | None:
    try:
        size = len(b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        return _failed("DKIM", f"the key at {record_name} is not base64", "publish it again, in one piece")
    if kind == "ed25519":
        if size != _ED25519_BYTES:
            return _failed("DKIM", f"the key at {record_name} is no Ed25519 key", "publish it again")
        message = f"the key at {record_name} is Ed25519, which many mailboxes cannot verify"
        return _warning("DKIM", message, "sign with an RSA key of 2048 bits")
    if size < _RSA_1024_BYTES:
        repair = "make an RSA key of 2048 bits"
        return _failed("DKIM", f"the key at {record_name} has fewer than 1024 bits: mailboxes refuse it", repair)
    if size < _RSA_2048_BYTES:
        return _warning("DKIM", f"the key at {record_name} has fewer than 2048 bits", "make an RSA key of 2048 bits")
    return None


def _spf_terms(record: str) -> list[str]:
    return [term.lstrip("+-~?") for term in record.lower().split()[1:]]


def _spf_others(record: str) -> str:
    """What the record says of everybody else: the sign before `all` (RFC 7208, 5.1), or that another record tells."""
    terms = record.lower().split()[1:]
    for term in terms:
        if term.lstrip("+-~?") == "all":
            return term[0] if term[0] in "+-~?" else "+"
    return "redirect" if any(term.startswith("redirect=") for term in terms) else ""


def _spf_name(term: str) -> str:
    return term.partition(":")[0].partition("/")[0]


def _is_within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _same_address(one: str, other: str) -> bool:
    return ipaddress.ip_address(one) == ipaddress.ip_address(other)


def _ok(name: str, message: str) -> Check:
    return Check(name=name, status=Health.OK, message=message)


def _warning(name: str, message: str, repair: str) -> Check:
    return Check(name=name, status=Health.WARNING, message=message, repair=repair)


def _failed(name: str, message: str, repair: str) -> Check:
    return Check(name=name, status=Health.FAILED, message=message, repair=repair)
