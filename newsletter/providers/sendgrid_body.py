"""The body of POST /v3/mail/send, as plain dicts: what all share once, and one personalization per recipient.

The SDK's helper objects are not used: they cost thirty times as much, and put personalizations in reverse order, so
that SendGrid's "personalizations.17" would name the wrong person.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from email.header import Header
from typing import Any

import orjson

from newsletter.domain.doubt import RequestTag
from newsletter.domain.mail import Mailing, Recipient
from newsletter.errors import InvalidInput

# SendGrid answers 400 to these: it writes them itself.
RESERVED_HEADERS = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)

# An omitted setting means the account's default; ours is our own tracking, or none.
TRACKING_OFF: dict[str, dict[str, bool]] = {
    "click_tracking": {"enable": False, "enable_text": False},
    "open_tracking": {"enable": False},
    "subscription_tracking": {"enable": False},
    "ganalytics": {"enable": False},
}

# For the mail that asks somebody on SendGrid's lists whether they want to come back; never for an issue.
PASSES_SUPPRESSIONS: dict[str, dict[str, bool]] = {
    "bypass_bounce_management": {"enable": True},
    "bypass_spam_management": {"enable": True},
    "bypass_unsubscribe_management": {"enable": True},
}

_LINE_BREAKS = re.compile(r"[\r\n]+")
_NON_ASCII_WORDS = re.compile(r"\S*[^\x00-\x7f]\S*(?:[ \t]+\S*[^\x00-\x7f]\S*)*")


class BodyBuilder:
    """Builds request bodies for one mailing. Personalizations keep the order of the recipients."""

    def __init__(self, mailing: Mailing) -> None:
        if shared := set(mailing.html_slots.values()) & set(mailing.text_slots.values()):
            raise InvalidInput(
                f"the HTML and the text part share the slot token {min(shared)}, which is escaped in one only:"
                " give each part tokens of its own"
            )
        self._html_slots = tuple(mailing.html_slots.items())
        self._text_slots = tuple(mailing.text_slots.items())
        self._issue = str(mailing.issue_id)
        self._attempt_id = mailing.attempt_id
        self._shared = _shared_part(mailing)

    def body(self, recipients: Sequence[Recipient], *, is_run: bool = True) -> bytes:
        """The JSON body for these recipients; `is_run` says that nobody of the attempt between two of them is left out.

        All of one request carry its tag, so that an event of one tells what was in the same request.
        """
        personalizations = [self._personalization(recipient) for recipient in recipients]
        return orjson.dumps({**self._shared, **self._tag(recipients, is_run), "personalizations": personalizations})

    def _tag(self, recipients: Sequence[Recipient], is_run: bool) -> dict[str, dict[str, str]]:
        if not self._attempt_id:
            return {}
        first_id, last_id = (recipients[0].subscriber_id, recipients[-1].subscriber_id) if is_run else (0, 0)
        tag = RequestTag(attempt_id=self._attempt_id, first_id=first_id, last_id=last_id)
        return {"custom_args": {"nl_attempt": str(tag)}}

    def _personalization(self, recipient: Recipient) -> dict[str, Any]:
        values = recipient.values
        substitutions = {token: _escape(values[slot]) for slot, token in self._html_slots}
        for slot, token in self._text_slots:
            substitutions[token] = one_line(values[slot])
        personalization: dict[str, Any] = {
            "to": [_mailbox(recipient.email, recipient.name)],
            "custom_args": {"nl_delivery": recipient.token, "nl_issue": self._issue},
        }
        if headers := _headers(recipient.headers):
            personalization["headers"] = headers
        if substitutions:
            personalization["substitutions"] = substitutions
        return personalization


def one_line(text: str) -> str:
    """The text with each line break as one space: a value must not end a header or begin a new line."""
    # Looking for the two characters costs a twentieth of the pattern, and hardly any value has one.
    return _LINE_BREAKS.sub(" ", text) if "\n" in text or "\r" in text else text


def _escape(text: str) -> str:
    """As html.escape, at a third of its cost where there is nothing to escape."""
    is_plain = not ("&" in text or "<" in text or ">" in text or '"' in text or "'" in text)
    return text if is_plain else html.escape(text)


def _shared_part(mailing: Mailing) -> dict[str, Any]:
    parts: Iterable[tuple[str, str]] = (("text/plain", mailing.text), ("text/html", mailing.html))
    shared: dict[str, Any] = {
        "from": _mailbox(mailing.from_email, mailing.from_name),
        "subject": one_line(mailing.subject),
        # Plain text must come first, and an empty part is an error.
        "content": [{"type": kind, "value": value} for kind, value in parts if value],
        "tracking_settings": TRACKING_OFF,
    }
    if mailing.reply_to:
        shared["reply_to"] = {"email": mailing.reply_to}
    if mailing.passes_suppressions:
        shared["mail_settings"] = PASSES_SUPPRESSIONS
    if mailing.category:
        shared["categories"] = [mailing.category]
    if headers := _headers(mailing.headers):
        shared["headers"] = headers
    return shared


def _mailbox(email: str, name: str) -> dict[str, str]:
    if not email.isascii():
        email = _ascii_address(email)
    return {"email": email, "name": one_line(name)} if name else {"email": email}


def _ascii_address(email: str) -> str:
    """The address with its domain as DNS knows it: SendGrid refuses the other form, and with it the whole request."""
    local, at, domain = email.rpartition("@")
    try:
        return local + at + domain.encode("idna").decode("ascii")
    except UnicodeError:
        return email


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: _header_value(value) for name, value in headers.items() if name.lower() not in RESERVED_HEADERS}


def _header_value(value: str) -> str:
    """One ASCII line; SendGrid passes values on as they are, so words in other scripts are encoded here (RFC 2047)."""
    line = one_line(value)
    if line.isascii():
        return line
    return _NON_ASCII_WORDS.sub(lambda words: Header(words[0], "utf-8", maxlinelen=None).encode(), line)
