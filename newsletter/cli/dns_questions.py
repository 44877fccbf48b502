"""Asking DNS about a sending domain: the questions in their order, each answer judged by the domain."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import dns.exception
import dns.resolver
import dns.reversename

from newsletter.domain import dns_checks
from newsletter.domain.dns_checks import Check, Health
from newsletter.errors import ConfigurationError, InvalidInput, NotFound, ServiceUnavailable
from newsletter.providers.smtp_url import parse_smtp_url
from newsletter.rendering import DkimSigner
from newsletter.settings import ProviderName, Settings

ANSWER_SECONDS = 3.0
MAX_SPF_RECORDS = 20
MAX_ADDRESSES = 8
SENDGRID_SELECTORS = ("s1", "s2")


class Resolver(Protocol):
    """Who answers questions about names: NotFound for a name that does not exist, ServiceUnavailable for no answer.

    A name that exists but has no record of the kind asked for gives an empty list.
    """

    def texts(self, name: str) -> list[str]:
        """Its TXT records, the strings of each joined."""
        ...

    def mail_servers(self, name: str) -> list[str]:
        """The hosts of its MX records, best first; "." where it takes no mail (RFC 7505)."""
        ...

    def addresses(self, name: str) -> list[str]:
        """Its A and AAAA records."""
        ...

    def names(self, address: str) -> list[str]:
        """The names that the PTR records of an address give."""
        ...


class DnsResolver:
    """Asks the name servers of this machine, or the one given as HOST or HOST:PORT; waits three seconds at most."""

    def __init__(self, server: str = "") -> None:
        try:
            self._resolver = dns.resolver.Resolver(configure=not server)
        except dns.resolver.NoResolverConfiguration:
            raise ServiceUnavailable("this machine has no name server: name one with --resolver") from None
        self._resolver.lifetime = ANSWER_SECONDS
        if server:
            self._use_server(server)

    def texts(self, name: str) -> list[str]:
        """Its TXT records, the strings of each joined."""
        return [b"".join(record.strings).decode("utf-8", "replace") for record in self._ask(name, "TXT")]

    def mail_servers(self, name: str) -> list[str]:
        """The hosts of its MX records, best first; "." where it takes no mail (RFC 7505)."""
        records = sorted(self._ask(name, "MX"), key=lambda record: int(record.preference))
        return [record.exchange.to_text().removesuffix(".") or "." for record in records]

    def addresses(self, name: str) -> list[str]:
        """Its A and AAAA records."""
        return [str(record.address) for kind in ("A", "AAAA") for record in self._ask(name, kind)]

    def names(self, address: str) -> list[str]:
        """The names that the PTR records of an address give."""
        reverse = dns.reversename.from_address(address).to_text()
        return [record.target.to_text().removesuffix(".") for record in self._ask(reverse, "PTR")]

    def _use_server(self, server: str) -> None:
        host, _, port = server.rpartition(":") if server.count(":") == 1 else (server, "", "")
        try:
            self._resolver.nameservers = [str(ipaddress.ip_address(host.strip("[]")))]
            self._resolver.port = int(port or 53)
        except ValueError:
            raise InvalidInput(
                "--resolver needs the address of a name server, as 192.0.2.53 or 192.0.2.53:53"
            ) from None

    def _ask(self, name: str, kind: str) -> list[Any]:
        try:
            return list(self._resolver.resolve(name, kind, raise_on_no_answer=False, search=False))
        except dns.resolver.NXDOMAIN:
            raise NotFound(f"{name} does not exist in DNS") from None
        except dns.exception.DNSException as error:
            reason = "no answer in time" if isinstance(error, dns.exception.Timeout) else type(error).__name__
            raise ServiceUnavailable(f"DNS does not tell about {name} ({reason})") from error


def domain_checks(
    domain: str, *, settings: Settings, signer: DkimSigner | None, selector: str, resolver: Resolver
) -> Iterator[Check]:
    """SPF, DKIM, DMARC, bounce domain and PTR of a From domain; one failed line where DNS cannot be asked at all."""
    try:
        texts = resolver.texts(domain)
    except NotFound as error:
        yield Check(name="DNS", status=Health.FAILED, message=str(error), repair="correct --domain, or register it")
        return
    except ServiceUnavailable as error:
        message = f"cannot ask DNS: {error}"
        yield Check(name="DNS", status=Health.FAILED, message=message, repair="check the network, or use --resolver")
        return
    questions = _Questions(domain, settings=settings, signer=signer, resolver=resolver)
    yield questions.answered("SPF", lambda: questions.spf(domain, texts))
    yield from questions.dkim(selector)
    yield questions.answered("DMARC", questions.dmarc)
    yield questions.answered("bounce domain", questions.bounce_domain)
    if (bounces := questions.return_domain) != domain:
        yield questions.answered("bounce SPF", lambda: questions.spf(bounces, questions.texts(bounces), "bounce SPF"))
    if settings.provider is not ProviderName.SENDGRID:
        yield questions.answered("PTR", lambda: questions.ptr(texts))


class _Questions:
    """What is asked about one domain."""

    def __init__(self, domain: str, *, settings: Settings, signer: DkimSigner | None, resolver: Resolver) -> None:
        self._domain = domain
        self._settings = settings
        self._signer = signer
        self._resolver = resolver
        self.return_domain = settings.bounce_domain.lower() or domain

    def answered(self, name: str, look: Callable[[], Check]) -> Check:
        """The check, or that DNS did not answer."""
        try:
            return look()
        except ServiceUnavailable as error:
            return Check(name=name, status=Health.FAILED, message=str(error), repair="try again; ask who runs the zone")

    def texts(self, name: str) -> list[str]:
        """TXT records; none where the name does not exist."""
        return self._known(self._resolver.texts, name)

    def spf(self, domain: str, texts: list[str], name: str = "SPF") -> Check:
        """SPF with everything it includes."""
        return dns_checks.judge_spf(domain, texts, lookups=self._spf_lookups(texts), name=name)

    def dkim(self, selector: str) -> Iterator[Check]:
        """The keys of every selector that mails may be signed with."""
        signer = self._signer
        if signer and selector in ("", signer.selector):
            yield dns_checks.judge_alignment(self._domain, signer.domain)
            yield self._key(signer.record_name, expected=signer.record)
            return
        is_sendgrid = self._settings.provider is ProviderName.SENDGRID
        known = selector or ("" if is_sendgrid else self._settings.dkim_selector)
        selectors = (known,) if known else SENDGRID_SELECTORS if is_sendgrid else ()
        for each in selectors:
            yield self._key(f"{each}._domainkey.{self._domain}", expected="")
        if not selectors:
            message = "nobody said which selector mails are signed with"
            repair = "set the three NEWSLETTER_DKIM settings, or name the mail server’s selector with --selector"
            yield Check(name="DKIM", status=Health.WARNING, message=message, repair=repair)

    def dmarc(self) -> Check:
        """The nearest DMARC record."""
        for name in dns_checks.dmarc_names(self._domain):
            if dns_checks.dmarc_records(texts := self.texts(name)):
                return dns_checks.judge_dmarc(self._domain, texts, found_at=name)
        return dns_checks.judge_dmarc(self._domain, [])

    def bounce_domain(self) -> Check:
        """Where bounces go; without MX the address of the name itself counts (RFC 5321, 5.1)."""
        domain = self.return_domain
        hosts = self._known(self._resolver.mail_servers, domain)
        if not hosts and self._known(self._resolver.addresses, domain):
            hosts = [domain]
        return dns_checks.judge_bounce_domain(self._domain, domain, hosts)

    def ptr(self, texts: list[str]) -> Check:
        """The names of the addresses that mails leave from, as far as SPF and SMTP_URL tell."""
        found: dict[str, dict[str, list[str]]] = {}
        for address in self._sending_addresses(texts)[:MAX_ADDRESSES]:
            names = self._known(self._resolver.names, address)
            found[address] = {name: self._known(self._resolver.addresses, name) for name in names}
        return dns_checks.judge_ptr(found)

    def _key(self, record_name: str, *, expected: str) -> Check:
        return self.answered(
            "DKIM", lambda: dns_checks.judge_dkim(record_name, self.texts(record_name), expected=expected)
        )

    def _known(self, ask: Callable[[str], list[str]], name: str) -> list[str]:
        try:
            return ask(name)
        except NotFound:
            return []

    def _spf_lookups(self, texts: list[str]) -> int:
        waiting, seen, lookups = dns_checks.spf_records(texts)[:1], set[str](), 0
        while waiting:
            record = waiting.pop()
            lookups += dns_checks.spf_lookups(record)
            for target in dns_checks.spf_targets(record):
                # A name with a macro (%{i}) is another one for each mail.
                if "%" not in target and target not in seen and len(seen) < MAX_SPF_RECORDS:
                    seen.add(target)
                    waiting += dns_checks.spf_records(self.texts(target))[:1]
        return lookups

    def _sending_addresses(self, texts: list[str]) -> list[str]:
        found = [address for record in dns_checks.spf_records(texts) for address in dns_checks.spf_addresses(record)]
        if self._settings.provider is ProviderName.SMTP:
            found += self._relay_addresses()
        return [address for address in dict.fromkeys(found) if not ipaddress.ip_address(address).is_private]

    def _relay_addresses(self) -> list[str]:
        try:
            host = parse_smtp_url(self._settings.smtp_url.get_secret_value()).host
        except ConfigurationError:
            return []
        try:
            return [str(ipaddress.ip_address(host))]
        except ValueError:
            return self._known(self._resolver.addresses, host)
