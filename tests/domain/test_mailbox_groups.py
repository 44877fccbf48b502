"""Facts about which mailbox provider an address belongs to."""

from __future__ import annotations

import pytest

from newsletter.domain.mailbox_groups import MailboxGroup, domains_of, mailbox_group

MEMBERS = {
    "gmail": "a@gmail.com A.B+c@GoogleMail.com",
    "yahoo": "a@yahoo.com a@yahoo.co.uk a@yahoo.fr a@yahoo.com.tw a@aol.com a@ymail.com a@rocketmail.com",
    "microsoft": "a@outlook.com a@hotmail.com a@hotmail.co.uk a@live.nl a@msn.com a@outlook.com.br a@live.cn",
    "apple": "a@icloud.com a@me.com a@mac.com",
    "tencent": "a@qq.com a@foxmail.com a@vip.qq.com",
    "netease": "a@163.com a@126.com a@yeah.net a@188.com a@vip.163.com",
    "rest": "a@example.org a@yahoo.co.jp a@mygmail.com a@gmail.com.example.org a@notqq.com a@live.example",
}


@pytest.mark.parametrize(
    ("address", "group"), [(address, group) for group, addresses in MEMBERS.items() for address in addresses.split()]
)
def test_an_address_belongs_to_the_operator_of_its_domain(address: str, group: str) -> None:
    assert mailbox_group(address) == group
    assert mailbox_group(address.rpartition("@")[2].upper() + ".") == group


@pytest.mark.parametrize("nothing", ["", "@", "gmail", "a@", " "])
def test_what_is_no_address_is_the_rest(nothing: str) -> None:
    assert mailbox_group(nothing) is MailboxGroup.REST


def test_no_domain_is_in_two_groups() -> None:
    sets = [domains_of(group) for group in MailboxGroup]
    assert sum(map(len, sets)) == len(frozenset().union(*sets))
    assert not domains_of(MailboxGroup.REST)
