"""Recipients in the words of a mail system: lines that an address leads, transcripts, sentences, headers."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from newsletter.inbound.addresses import ADDRESS, addresses_in, has_full_domain, is_robot, tidy_address
from newsletter.inbound.findings import Finding
from newsletter.inbound.mail import Mail, headers_of
from newsletter.inbound.shapes import ENVELOPE_HEADERS

MAX_LINES = 1500
MAX_RECIPIENTS = 200
MAX_ROW = 20

_FIELD_NAMES = r"(?:error-for|(?:failed |final |original |intended |invalid |unknown |rejected |e-?mail |the )?(?:recipients?|address(?:es)?|user|rcpt(?: to)?|envelope-?to|mailbox|адресат|получатель|收件人|收件者|宛先|送信先|destinatari[oa]s?|destinataires?|empfanger)(?:\(s\))?(?: address| name)?)"
_LED = re.compile(
    rf"^[\s>*\-•·|\d.)]{{0,20}}(?:{_FIELD_NAMES}\s*[:：]\s*)?(?:\[?smtp:|mailto:|rfc822;\s?)?(?:[^\s<>]{{1,200}}\s(?=<))?[<(\[\"'«]*({ADDRESS})[>)\]\"'»]*",
    re.IGNORECASE,
)
_CODED = re.compile(
    rf"^[\s<>]*[245]\d\d[ \-](?:[245]\.\d{{1,3}}\.\d{{1,3}} )?<?({ADDRESS})>?\s*(?:\.\.\.|:)", re.IGNORECASE
)
_TRANSCRIPT = re.compile(rf"\b(?:RCPT(?: TO)?\s*:|dda:SMTP=)\s*<?\s*({ADDRESS})", re.IGNORECASE)
_AND_MORE = re.compile(rf"[>)\]\"']*\s{{0,3}}(?:,|;|and |und |et |y |e )\s{{0,3}}[<(\[\"']*({ADDRESS})", re.IGNORECASE)
_BARE = re.compile(ADDRESS)
_WORDS = re.compile(r"[^\W\d_]{2}")
_PIPE = re.compile(r"^\s*<?\"?(?:\||save to /|/[\w/]+\s*$)")
_GROWN = re.compile(rf"^[\s(]*(?:expanded|generated) (?:from|by):?\s*<?({ADDRESS})", re.IGNORECASE)
_SENTENCE = re.compile(
    r"(?:deliver\w*|sent|send|reach\w*|recipients?|address\w*|fail\w*|user|mailbox|message|mail|account|adress\w*|empfanger|destinat\w+|usuario"
    rf"|宛|アドレス|收件人|地址|адрес\w*|получател\w*)[^@]{{0,120}}?(?<![\w.+\-])({ADDRESS})",
    re.IGNORECASE,
)
_ABOUT_MAIL = re.compile(
    r"^[\s>*\-|]*(?:from|sender|reply-to|return-path|message-?id|sent|subject|date|von|de|cc|差出人|送信者|от кого|发件人)\s*[:：]",
    re.IGNORECASE,
)
_TO_LINE = re.compile(
    rf"^[\s>*\-|]*(?:to|an|para|pour|a|кому|宛先|到|至)\s*[:：]\s*.{{0,80}}?({ADDRESS})", re.IGNORECASE
)
_HELP_DESK = re.compile(
    r"^(?:support|help|helpdesk|info|contact|admin|administrator|webmaster|hostmaster|service|sysadmin|security|supervisor|root)@"
)
_RECEIVED_FOR = re.compile(rf"\bfor <?({ADDRESS})", re.IGNORECASE)
_RETURNED_RECIPIENTS = (
    "X-Envelope-To",
    "X-Rcpt-To",
    "X-Failed-Recipients",
    "X-Original-To",
    "To",
    "Cc",
    "Resent-To",
    "Apparently-To",
    "Delivered-To",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mention:
    address: str
    line: int
    rest: str


def find_in_notice(mail: Mail) -> list[Finding]:
    """The recipients that failed, by the best evidence the mail has; empty where it names nobody.

    In order: lines that an address leads and `X-Failed-Recipients`, sentences, the subject, the returned mail.
    """
    lines = mail.notice.split("\n")[:MAX_LINES]
    ours = _own_addresses(mail)
    led = _led(lines)
    named = [one for value in mail.all_headers("X-Failed-Recipients") for one in addresses_in(value)]
    tiers = (
        _with_header(led, named, lines, ours=ours),
        _mentions(_joined(lines), (_SENTENCE,)),
        _mentions(lines, (_TO_LINE,)),
        _elsewhere(mail),
    )
    # What the words name goes before what the returned mail says, even if it is an address of our own.
    for group in (tiers[:3], tiers[3:]):
        for is_strict in (True, False):
            for tier in group:
                chosen = [one for one in tier if _is_recipient(one.address, ours, is_strict=is_strict)]
                if chosen:
                    return _findings(chosen, lines)[:MAX_RECIPIENTS]
    return []


def find_lone_address(mail: Mail) -> list[Finding]:
    """The only stranger's address in the notice, in whatever language it stands; empty where there are several."""
    lines = mail.notice.split("\n")[:MAX_LINES]
    ours = _own_addresses(mail)
    told = [one for line in lines if not _ABOUT_MAIL.match(line) for one in addresses_in(line)]
    strangers = [one for one in dict.fromkeys(told) if _is_recipient(one, ours, is_strict=True)]
    return _findings(_listed(strangers, 0), lines) if len(strangers) == 1 else []


def returned_recipients(mail: Mail) -> list[str]:
    """Whom the returned mail was for, by its headers; the senders' own addresses are left out where others remain."""
    ours = _own_addresses(mail)
    found: list[str] = []
    for returned in mail.returned:
        for name in _RETURNED_RECIPIENTS:
            found += [one for value in headers_of(returned, name) for one in addresses_in(value)]
        found += [
            tidy_address(one) for value in headers_of(returned, "Received") for one in _RECEIVED_FOR.findall(value)
        ]
    visible = [one for one in dict.fromkeys(found) if one and has_full_domain(one)]
    return [one for one in visible if one not in ours] or visible


def context_of(mail: Mail, address: str) -> str:
    """What the notice says right after this address; "" where it does not name it at the head of a line."""
    lines = mail.notice.split("\n")[:MAX_LINES]
    findings = _findings(_led(lines), lines)
    return next((found.context for found in findings if found.address == address), "")


def _own_addresses(mail: Mail) -> frozenset[str]:
    names = (*ENVELOPE_HEADERS, "From", "Reply-To", "Return-Path")
    ours = [one for name in names for value in mail.all_headers(name) for one in addresses_in(value)]
    for returned in mail.returned:
        ours += [
            one
            for name in ("From", "Return-Path", "Sender")
            for value in headers_of(returned, name)
            for one in addresses_in(value)
        ]
    return frozenset(ours)


def _is_recipient(address: str, ours: frozenset[str], *, is_strict: bool) -> bool:
    if not has_full_domain(address) or is_robot(address):
        return False
    return not is_strict or (address not in ours and not _HELP_DESK.match(address))


def _mentions(lines: list[str], patterns: tuple[re.Pattern[str], ...]) -> list[_Mention]:
    found: list[_Mention] = []
    for number, line in enumerate(lines):
        if "@" not in line or (_ABOUT_MAIL.match(line) and not _TRANSCRIPT.search(line)):
            continue
        matches = (match for match in (pattern.search(line) for pattern in patterns) if match)
        match = next(matches, None)
        if match:
            # Whom a mail was for is no list of those who did not get it.
            more = [] if match.re is _TO_LINE else _more_of(line, match.end(1))
            found += [
                _Mention(address=tidy_address(address), line=number, rest=line) for address in [match.group(1), *more]
            ]
    return found


def _more_of(line: str, at: int) -> list[str]:
    """The addresses that follow one in a list, as far as the list goes."""
    found: list[str] = []
    while match := _AND_MORE.match(line, at):
        found.append(match.group(1))
        at = match.end(1)
    return found


def _led(lines: list[str]) -> list[_Mention]:
    """Lines that an address leads, transcripts, and whose address a failing pipe or file stands for."""
    headed, answered = _mentions(lines, (_CODED, _LED)), _mentions(lines, (_TRANSCRIPT,))
    spoken = {one.line for one in answered}
    headed = [one for one in headed if one.line not in spoken]
    if len({one.address for one in headed}) == len({one.address for one in answered}) == 1:
        # One mail, one dialogue: where the two differ, the first was forwarded to the second.
        answered = [replace(one, address=headed[0].address) for one in answered]
    return sorted([*headed, *answered, *_piped(lines)], key=lambda one: one.line)


def _piped(lines: list[str]) -> list[_Mention]:
    found: list[_Mention] = []
    is_piped = False
    for number, line in enumerate(lines):
        match = _GROWN.match(line) if is_piped else None
        if match:
            found.append(_Mention(address=tidy_address(match.group(1)), line=number, rest=line))
        if _PIPE.match(line):
            is_piped = True
        elif "@" in line:
            is_piped = False
    return found


def _joined(lines: list[str]) -> list[str]:
    # A sentence may be broken before its address; paragraphs are not, and keep their place for the context.
    return [
        f"{line} {after.strip()}" if "@" not in line else line
        for line, after in zip(lines, [*lines[1:], ""], strict=True)
    ]


def _with_header(led: list[_Mention], named: list[str], lines: list[str], *, ours: frozenset[str]) -> list[_Mention]:
    if not named:
        return led
    others = [one for one in led if one.address not in ours]
    if others and not any(one.address in named for one in led):
        return others
    missing = [address for address in named if all(one.address != address for one in led)]
    return [one for one in led if one.address in named] + _listed(missing, len(lines))


def _elsewhere(mail: Mail) -> list[_Mention]:
    in_headers = [
        one
        for name in ("X-Bounced-Address", "Subject")
        for value in mail.all_headers(name)
        for one in addresses_in(value)
    ]
    return _listed(in_headers or returned_recipients(mail)[:1], 0)


def _listed(addresses: list[str], line: int) -> list[_Mention]:
    return [_Mention(address=address, line=line, rest="") for address in addresses]


def _findings(mentions: list[_Mention], lines: list[str]) -> list[Finding]:
    found: dict[str, Finding] = {}
    ends = _ends({one.line: one.address for one in mentions}, lines)
    for one in mentions:
        context = "\n".join([one.rest, *lines[one.line + 1 : ends[one.line]]])
        known = found.get(one.address)
        if known:
            context = f"{known.context}\n{context}"
        found[one.address] = replace(known or Finding(address=one.address), context=context.strip()[:4000])
    return list(found.values())


def _ends(addresses: dict[int, str], lines: list[str]) -> dict[int, int]:
    """Where the words about each line that an address leads end. Addresses in a row share what follows the last."""
    ends: dict[int, int] = {}
    in_row = 0
    heads = sorted(addresses)
    nexts = [*heads[1:], len(lines)][: len(heads)]
    for head, after in zip(reversed(heads), reversed(nexts), strict=True):
        is_bare = addresses[head] != addresses.get(after) and not _WORDS.search(
            _BARE.sub("", "".join(lines[head:after]))
        )
        in_row = in_row + 1 if is_bare else 0
        ends[head] = ends[after] if is_bare and after in ends and in_row <= MAX_ROW else after
    return ends
