"""The sample brief as a mail, in our way and in that of a plain program, with the same content in both."""

from __future__ import annotations

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from newsletter import samples
from newsletter.domain.mail import Recipient
from newsletter.domain.newsletter import Newsletter
from newsletter.domain.reading import read_brief
from newsletter.links import Links
from newsletter.rendering import Segments, render
from newsletter.services.mailings import MailingFactory

_DATE = datetime(2026, 6, 22, 6, 0, tzinfo=UTC)
# What a plain program does not set by itself, and what every mail program reads.
_COMPARED_HEADERS = ("From", "To", "Subject", "Date", "Reply-To", "Message-ID", "List-Id", "List-Unsubscribe-Post")


class SampleMail:
    """One issue of the sample newsletter, approved by nobody and kept in no database."""

    def __init__(self) -> None:
        newsletter = Newsletter(from_name=samples.NEWSLETTER["name"], **samples.NEWSLETTER)
        self._rendered = render(read_brief(samples.brief_text()).brief, newsletter)
        self.factory = MailingFactory(
            self._rendered,
            issue_id=1,
            links=Links(base_url="http://localhost:8000", key=b"a key of benchmarks"),
            bounce_domain="bounces.harbour.example",
            date=_DATE,
        )
        self._html = Segments.of_html(self._rendered.html, self._rendered.html_slots)
        self._text = Segments.of_text(self._rendered.text, self._rendered.text_slots)

    def recipient(self, number: int) -> Recipient:
        """A made-up reader, with the token and links of their own."""
        return self.factory.recipient(
            subscriber_id=number, email=f"reader{number}@example.org", name=f"Reader {number}"
        )

    def plain_message(self, recipient: Recipient) -> EmailMessage:
        """The same mail as a plain program makes it; the slots are filled in the fast way in both."""
        mailing = self.factory.mailing
        message = EmailMessage()
        message["From"] = f"{mailing.from_name} <{mailing.from_email}>"
        message["To"] = f"{recipient.name} <{recipient.email}>"
        message["Subject"] = mailing.subject
        message["Date"] = format_datetime(_DATE)
        message["Reply-To"] = mailing.reply_to
        for name, value in {**mailing.headers, **recipient.headers}.items():
            message[name] = value
        message.set_content(self._text.fill(recipient.values))
        message.add_alternative(self._html.fill(recipient.values), subtype="html")
        return message

    def is_same_content(self) -> bool:
        """Whether a mail program finds the same headers, text and HTML in both mails of one reader."""
        recipient = self.recipient(1)
        ways = (self.factory.mailing.compose(recipient), self.plain_message(recipient).as_bytes())
        ours, theirs = (_content_of(message) for message in ways)
        return ours == theirs


def _content_of(message: bytes) -> list[str]:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    contents = [part.get_content() for part in parsed.iter_parts() if isinstance(part, EmailMessage)]
    headers = [str(parsed[name]) for name in _COMPARED_HEADERS]
    return headers + [content.replace("\r\n", "\n").rstrip("\n") for content in contents]
