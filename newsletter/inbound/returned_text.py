"""Where, in one text, the words of a mail system end and the mail it returns begins."""

from __future__ import annotations

import re
from collections.abc import Iterable

_FRAME = r"[\s>|*=\-_.~#+<\[]*"
_MARK = re.compile(
    rf"^{_FRAME}(?:"
    r"(?:below this line|enclosed|attached|this|here|what follows|the following|the next part) (?:is|are|was) (?:a |the |your )?(?:copy|original|returned|first|header|text|beginning)"
    r"|(?:a )?copy of (?:the|your) (?:original )?(?:message|mail|header)"
    r"|(?:the |your )?(?:original|returned|unsent|undelivered|bounced|rejected|failed) (?:e-?mail|message|mail|text)?(?: ?(?:headers?|text|info|body|content))?(?: (?:as )?(?:follows?|below|is|begins|starts|info|attached)\b|\s*[:.\-=*]*\s*$)"
    r"|(?:the )?(?:message|mail)(?:'s)? (?:headers?|text|body|contents?) (?:follows?|below|is|are)"
    r"|(?:the )?(?:full )?headers? (?:of|from|follows?)\b"
    r"|(?:start|beginning) of (?:the )?(?:original|returned|message|forwarded)"
    r"|(?:your|the) (?:original )?(?:message|mail) (?:follows|reads|begins|was as follows|is (?:below|attached|returned|as follows))"
    r"|original(?:nachricht|e nachricht)|urspr\S+ nachricht|message d'origine|message original|mensaje original|mensagem original|messaggio originale"
    r"|.{0,20}(?:исходн\S+ (?:сообщени|письм)|текст сообщени|元のメール|オリジナルメッセージ|原メッセージ|以下は.{0,20}(?:メール|メッセージ)|原始邮件|原始郵件|原邮件)"
    r")",
    re.IGNORECASE,
)
# The first lines of a mail, right below the words of the mail system.
_HEADER_LINE = re.compile(
    r"^(?:Return-Path:\s*<|Received: (?:from|by|\(qmail)|X-Envelope-From:|Message-ID: ?<)", re.IGNORECASE
)
_ANY_HEADER = re.compile(r"^[\s>|]*[A-Za-z][\w\-]{1,60}\s?:")
# The subject of our own mail, which may speak of spam, policies and people unknown; and where reports repeat it.
_OUR_SUBJECT = re.compile(
    r"^([ \t>|*]{0,20}(?:subject|betreff|objet|asunto|assunto|oggetto|onderwerp|тема|件名|主题|主旨|제목)(?: of the message is)? ?[:：])(.*)$",
    re.IGNORECASE | re.MULTILINE,
)
# Shorter ones may be a word of the report.
_LONG_ENOUGH = 4
_COMMAND = re.compile(r"^RCPT TO\s*:", re.IGNORECASE | re.MULTILINE)
_INDENT = re.compile(r"^[ \t>]+(?=[\w\-]+:)", re.MULTILINE)


def split_notice(text: str) -> tuple[str, str]:
    """What the mail system says, and the source of the mail it returns; the second is "" where nothing is returned."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if number and _HEADER_LINE.match(line) and any(one.strip() for one in lines[number + 1 : number + 2]):
            return "\n".join(lines[:number]), "\n".join(lines[number:])
        if number and len(line) < 160 and _MARK.match(line) and any(one.strip() for one in lines[:number]):
            if _goes_on(lines, number):
                continue
            return "\n".join(lines[:number]), _source("\n".join(lines[number + 1 :]))
    return text, ""


def subjects_in(notice: str) -> list[str]:
    """What a notice repeats as the subject of our mail."""
    return [content.strip() for _, content in _OUR_SUBJECT.findall(notice)]


def without_subject_lines(notice: str) -> str:
    """A notice without what it repeats of the subject of our mail."""
    return _OUR_SUBJECT.sub(r"\1", notice)


def reason_in_subject(subject: str, our_subjects: Iterable[str]) -> str:
    """What the subject of a report says by itself, without the subject of our mail."""
    for ours in our_subjects:
        subject = subject.replace(ours, "") if len(ours) >= _LONG_ENOUGH else subject
    return subject


def _goes_on(lines: list[str], number: int) -> bool:
    """Whether the words of the mail system only begin here: they named nobody yet, and no headers follow."""
    if any("@" in line for line in lines[:number]):
        return False
    following = next((line for line in lines[number + 1 :] if line.strip()), "")
    return bool(following) and not _ANY_HEADER.match(following)


def _source(text: str) -> str:
    # A protocol's command among headers would end them for the parser.
    return _COMMAND.sub("X-Rcpt-To:", _INDENT.sub("", text.lstrip("\n \t"))) if text.strip() else ""
