"""Brings what mail servers say into one form, so that one phrase matches all its spellings."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 4000

_PLAIN_LETTERS = {
    number: unicodedata.normalize("NFKD", chr(number))[0]
    for number in (*range(0xC0, 0x250), *range(0x386, 0x3CF), *range(0x1EA0, 0x1EFA))
    if unicodedata.decomposition(chr(number))
} | {
    ord("’"): "'",
    ord("‘"): "'",
    ord("`"): "'",
    ord("´"): "'",
    ord("“"): '"',
    ord("”"): '"',
    ord("ß"): "ss",
    ord("ł"): "l",
    ord("Ł"): "l",
    ord("ı"): "i",
    ord("ø"): "o",
    ord("Ø"): "o",
    ord("đ"): "d",
    ord("æ"): "ae",
}

_LINK = re.compile(r"\bhttps?:\s?//[^\s<>\"']{1,400}|\bwww\.[^\s<>\"']{1,200}", re.IGNORECASE)
_BLOCKLIST = re.compile(
    r"spamhaus|spamcop|sorbs|barracuda|senderscore|dnsbl|\brbl|black-?list|block-?list", re.IGNORECASE
)
_SENDER_POLICY = re.compile(r"openspf|/spf\b", re.IGNORECASE)
# Languages without spaces write right up to an address: their letters are not part of it.
_ADDRESS = re.compile(r"<?[^\s<>@\"':;,()\[\]\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]{1,128}@[\w.\-]{1,253}>?")
_HOST_SAID = re.compile(r"(?:\b(?:remote )?host |\bserver at )[\w.\-]{1,253}\s?[\[(][0-9a-fA-F.:]{3,45}[\])]")
_REPEATED_CODE = re.compile(r"(?<![\d.])[245]\d\d-(?:[245]\.\d{1,3}\.\d{1,3}(?![\d.]))?")
# What one gateway puts before whatever the other side said to RCPT.
_ADDRESS_ERROR = re.compile(r"unknown address error(?= [245]\d\d\b)", re.IGNORECASE)
_DOTS = re.compile(r"\.{3,}(?=\S)")
_RULE = re.compile(r"([^\w\s])\1{3,}")
_SPACE = re.compile(r"[\s\u00a0\u200b]+")
_EAST_ASIAN_GAP = re.compile(
    r"(?<=[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef])\s+(?=[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef])"
)


def plain_wording(text: str) -> str:
    """The text in lower case on one line, with `@` for each address, `link` for each URL, and plain Latin letters.

    A link to a list of blocked senders becomes `blocklist-link`. Addresses and links go because a mailbox may be called `user-unknown` and a link may end in `spam`. At most
    4,000 characters are looked at.
    """
    short = unicodedata.normalize("NFKC", text[:LONGEST]).translate(_PLAIN_LETTERS)
    short = _ADDRESS.sub("@", _LINK.sub(_link_word, _DOTS.sub("... ", _ADDRESS_ERROR.sub("addresserror", short))))
    short = _RULE.sub(r"\1\1", short)
    short = _REPEATED_CODE.sub(" ", _HOST_SAID.sub("host ", short))
    return _EAST_ASIAN_GAP.sub("", _SPACE.sub(" ", short)).strip().lower()


def _link_word(link: re.Match[str]) -> str:
    if _BLOCKLIST.search(link.group()):
        return "blocklist-link"
    return "spf link" if _SENDER_POLICY.search(link.group()) else "link"
