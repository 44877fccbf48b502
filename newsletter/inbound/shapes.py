"""What shape a mail has: bounce, delay notice, auto-reply, challenge, a request to leave."""

from __future__ import annotations

import re
from dataclasses import dataclass

from newsletter.domain.bounces import phrases
from newsletter.domain.bounces.wording import plain_wording
from newsletter.inbound import signs
from newsletter.inbound.addresses import addresses_in
from newsletter.inbound.mail import Mail

ENVELOPE_HEADERS = ("X-Original-To", "Delivered-To", "Envelope-To", "X-Envelope-To", "X-RCPT-To", "To")
# Who is away says so at once.
REPLY_BEGINNING = 300
_LEAVING = re.compile(r"^u-[0-9a-z]{16,64}@")
_REPLY_HEADERS = (
    "X-Autoreply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply-From",
    "X-Mail-Autoreply",
    "X-FC-MachineGenerated",
)
_REPLY_PRECEDENCE = frozenset({"auto_reply", "auto-reply", "autoreply"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """Plain claims about one mail; which of them matters is the caller's decision."""

    is_from_robot: bool
    has_null_path: bool
    has_failure_subject: bool
    has_failure_words: bool
    has_known_reason: bool
    has_delay_subject: bool
    has_delay_words: bool
    has_success_words: bool
    has_reply_subject: bool
    is_automatic: bool
    has_reply_words: bool
    is_from_list: bool
    names_failed: bool
    names_address: bool
    returns_mail: bool

    @property
    def is_bounce(self) -> bool:
        """Whether a mail system seems to say that a mail was not delivered."""
        if self.names_failed:
            return True
        if self.has_reply_subject and not self.is_from_robot:
            return False
        if self.is_from_list and not self.is_from_robot:
            return False
        if self.is_from_robot:
            return self.has_failure_words or self.has_failure_subject
        if self.has_failure_subject and self.has_failure_words:
            return self.has_null_path or self.returns_mail or self.names_address
        return self.has_null_path and self.returns_mail and (self.has_failure_words or self.has_known_reason)

    @property
    def is_delay(self) -> bool:
        """Whether the mail system is still trying."""
        return self.has_delay_words or (self.has_delay_subject and not self.has_failure_subject)

    @property
    def is_delay_notice(self) -> bool:
        """Whether this is a delay notice even though nothing says that the mail failed."""
        return self.has_delay_words and (self.is_from_robot or self.has_delay_subject) and not self.has_reply_subject

    @property
    def is_success(self) -> bool:
        """Whether a mail system confirms a delivery in words."""
        return self.has_success_words and self.is_from_robot and not (self.names_failed or self.has_delay_words)

    @property
    def is_autoreply(self) -> bool:
        """Whether a person's mailbox answered by itself."""
        return self.has_reply_subject or self.is_automatic or (self.has_null_path and self.has_reply_words)


def shape_of(mail: Mail) -> Shape:
    """Look at the headers and the words of a mail."""
    subject, words = plain_wording(mail.subject), plain_wording(mail.notice)
    path = mail.header("Return-Path").strip()
    return Shape(
        is_from_robot=_is_from_robot(mail),
        has_null_path=path == "<>" or "mailer-daemon" in path.lower(),
        has_failure_subject=bool(signs.FAILURE_SUBJECT.search(subject)),
        has_failure_words=bool(signs.FAILURE_WORDS.search(words)),
        # Only this shape asks for the reason, and looking for it is dear.
        has_known_reason=path == "<>"
        and bool(mail.returned)
        and phrases.find_family(words, phrases.STRONG) is not None,
        has_delay_subject=bool(signs.DELAY_SUBJECT.search(subject)),
        has_delay_words=bool(signs.DELAY_WORDS.search(words)),
        has_success_words=bool(signs.SUCCESS_WORDS.search(words)),
        has_reply_subject=bool(signs.REPLY_SUBJECT.search(subject)),
        has_reply_words=bool(signs.REPLY_SUBJECT.search(words[:REPLY_BEGINNING])),
        # Who offers to unsubscribe writes to readers; mail systems do not.
        is_from_list=bool(mail.header("List-Unsubscribe")),
        is_automatic=_is_automatic(mail),
        names_failed=bool(mail.header("X-Failed-Recipients")),
        names_address="@" in words,
        returns_mail=bool(mail.returned),
    )


def plain_sender(mail: Mail) -> str:
    """The From header in lower case, name and address."""
    return (mail.header("From") or mail.header("Sender")).lower()


def asks_to_leave(mail: Mail) -> bool:
    """Whether a person's mail program, or the person, asks by mail to be unsubscribed."""
    if mail.headers.get_content_type() == "multipart/report" or mail.header("X-Failed-Recipients"):
        return False
    subject = plain_wording(mail.subject)
    if signs.REPLY_SUBJECT.search(subject) or signs.ROBOT_SENDER.search(plain_sender(mail)):
        return False
    return _is_to_leaving_address(mail) or bool(signs.UNSUBSCRIBE_SUBJECT.match(subject))


def is_challenge(mail: Mail) -> bool:
    """Whether a filter asks the sender to prove to be a person."""
    words = plain_wording(f"{mail.subject}\n{mail.notice}")
    return bool(signs.CHALLENGE_WORDS.search(words))


def is_old_complaint(mail: Mail) -> bool:
    """Whether this is a complaint from before the Abuse Reporting Format, with the mail in question attached."""
    return bool(signs.COMPLAINT_SUBJECT.match(plain_wording(mail.subject)) and mail.returned)


def _is_to_leaving_address(mail: Mail) -> bool:
    values = (value for name in ENVELOPE_HEADERS for value in mail.all_headers(name))
    return any(_LEAVING.match(address) for value in values for address in addresses_in(value))


def _is_from_robot(mail: Mail) -> bool:
    if signs.ROBOT_SENDER.search(plain_sender(mail)):
        return True
    # Only mail systems write reports, whatever they call themselves; list servers say so in a header.
    return mail.headers.get_content_type() == "multipart/report" or bool(mail.header("X-MLServer"))


def _is_automatic(mail: Mail) -> bool:
    submitted = mail.header("Auto-Submitted").lower()
    if submitted and not submitted.startswith("no"):
        return True
    if any(mail.header(name) for name in _REPLY_HEADERS):
        return True
    return mail.header("Precedence").strip().lower() in _REPLY_PRECEDENCE
