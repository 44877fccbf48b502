"""Mailbox groups: which of the large mailbox providers an address belongs to, told by its domain."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum


class MailboxGroup(StrEnum):
    """Mailboxes behind one operator's rules; `rest` is everybody else."""

    GMAIL = "gmail"
    YAHOO = "yahoo"
    MICROSOFT = "microsoft"
    APPLE = "apple"
    TENCENT = "tencent"
    NETEASE = "netease"
    REST = "rest"


# Domains of consumer mailboxes. A company's own domain hosted by one of them cannot be told without DNS: it is "rest".
_DOMAINS = {
    MailboxGroup.GMAIL: "gmail.com googlemail.com",
    MailboxGroup.YAHOO: (
        "ymail.com rocketmail.com myyahoo.com y7mail.com"
        " aol.com aol.co.uk aol.de aol.fr aol.it aol.es aol.com.br aim.com love.com wow.com games.com netscape.net"
        " cs.com verizon.net att.net sbcglobal.net bellsouth.net ameritech.net pacbell.net swbell.net snet.net"
    ),
    MailboxGroup.MICROSOFT: "passport.com windowslive.com",
    MailboxGroup.APPLE: "icloud.com me.com mac.com privaterelay.appleid.com",
    MailboxGroup.TENCENT: "qq.com vip.qq.com foxmail.com vip.foxmail.com",
    MailboxGroup.NETEASE: "163.com vip.163.com 126.com vip.126.com yeah.net vip.yeah.net 188.com vip.188.com 163.net",
}
# What stands after the brand, country by country. yahoo.co.jp is another company with machines of its own: "rest".
_COUNTRIES = {
    (MailboxGroup.YAHOO, "yahoo"): (
        "com co.uk co.id co.in co.kr co.nz co.th co.za com.ar com.au com.br com.cn com.co com.hk com.mx com.my com.pe"
        " com.ph com.sg com.tr com.tw com.ve com.vn at be bg ca ch cl cn cz de dk ee es fi fr gr hr hu ie in it lt lv"
        " nl no pl pt ro se si sk"
    ),
    (MailboxGroup.MICROSOFT, "hotmail"): (
        "com co.uk co.id co.il co.in co.jp co.kr co.nz co.th co.za com.ar com.au com.br com.hk com.mx com.tr com.tw"
        " com.vn at be ca ch cl cz de dk es fi fr gr hu ie it lt lv my nl no ph rs se sg sk"
    ),
    (MailboxGroup.MICROSOFT, "live"): (
        "com co.uk co.in co.kr co.za com.ar com.au com.mx com.my com.ph com.pt com.sg at be ca ch cl cn de dk fi fr hk"
        " ie in it jp nl no ru se"
    ),
    (MailboxGroup.MICROSOFT, "msn"): "com cn",
    (MailboxGroup.MICROSOFT, "outlook"): (
        "com co co.id co.il co.nz co.th com.ar com.au com.br com.gr com.tr com.vn at be bg cl cz de dk es fr hu id ie"
        " in it jp kr lv my ph pt ro sa sg sk"
    ),
}


def _all_domains() -> Iterator[tuple[str, MailboxGroup]]:
    for group, domains in _DOMAINS.items():
        yield from ((domain, group) for domain in domains.split())
    for (group, brand), endings in _COUNTRIES.items():
        yield from ((f"{brand}.{ending}", group) for ending in endings.split())


_GROUP_OF = dict(_all_domains())


def mailbox_group(address_or_domain: str) -> MailboxGroup:
    """The group of an address, or of a domain, in any case; `rest` for what is in no table, and for no address."""
    domain = address_or_domain.rpartition("@")[2].strip().rstrip(".").lower()
    return _GROUP_OF.get(domain, MailboxGroup.REST)


def domains_of(group: MailboxGroup) -> frozenset[str]:
    """The domains known of one group; empty for `rest`."""
    return frozenset(domain for domain, found in _GROUP_OF.items() if found is group)
