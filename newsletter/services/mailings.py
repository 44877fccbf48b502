"""Mailings: approved bytes made ready for a provider, and the values that differ for each recipient."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from newsletter.domain.greeting import greeter
from newsletter.domain.mail import Mailing, Recipient
from newsletter.errors import InvalidInput
from newsletter.links import Links
from newsletter.rendering import DkimSigner, MimeTemplate, Rendered, wire_address

RECIPIENT_HEADERS = ("Message-ID", "List-Unsubscribe")


class MailingFactory:
    """Makes the mailing of one issue and its recipients. Build it once per issue: it holds the encoded template.

    With a signer every whole message carries a DKIM signature; providers that compose by themselves sign by themselves.
    """

    def __init__(
        self,
        rendered: Rendered,
        *,
        issue_id: int,
        links: Links,
        bounce_domain: str,
        date: datetime,
        subject: str = "",
        signer: DkimSigner | None = None,
    ) -> None:
        self._rendered = rendered
        self._issue_id = issue_id
        self._links = links
        self._domain = rendered.from_email.rpartition("@")[2]
        self._bounce_domain = bounce_domain
        self._signer = signer
        self._greet = greeter(rendered.language)
        self._web_url = links.web_version_url(rendered.newsletter_slug, issue_id)
        self.mailing = mailing_of(
            rendered,
            issue_id=issue_id,
            subject=subject or rendered.subject,
            date=date,
            headers=self._shared_headers(),
            recipient_headers=RECIPIENT_HEADERS,
            category=rendered.newsletter_slug,
            signer=signer,
        )

    def recipient(self, *, subscriber_id: int, email: str, name: str) -> Recipient:
        """Everything that differs in the mail of this person."""
        token = self._links.delivery_token(self._issue_id, subscriber_id)
        unsubscribe_url = self._links.unsubscribe_url(token)
        mailbox_domain = self._bounce_domain or self._domain
        return Recipient(
            subscriber_id,
            token,
            email if email.isascii() else _for_servers(email),
            name,
            {
                "email": email,
                "greeting": self._greet(name),
                "unsubscribe_url": unsubscribe_url,
                "web_url": self._web_url,
            },
            {
                "Message-ID": f"<{token}@{self._domain}>",
                "List-Unsubscribe": f"<{unsubscribe_url}>, <mailto:u-{token}@{mailbox_domain}?subject=unsubscribe>",
            },
            f"b-{token}@{self._bounce_domain}" if self._bounce_domain else self._rendered.from_email,
        )

    def recipients(self, people: Iterable[tuple[int, str, str]]) -> list[Recipient]:
        """The same for many, given as id, email and name."""
        return [self.recipient(subscriber_id=id_, email=email, name=name) for id_, email, name in people]

    def _shared_headers(self) -> dict[str, str]:
        """Headers that bulk mail carries (RFC 2369, 2919, 3834, 8058; Feedback-ID for Gmail)."""
        slug = self._rendered.newsletter_slug
        return {
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "List-Id": f"<{slug}.{self._domain}>",
            "List-Help": f"<{self._links.archive_url(slug)}>",
            "List-Archive": f"<{self._links.archive_url(slug)}>",
            "List-Post": "NO",
            "Feedback-ID": f"{self._issue_id}:{slug}:newsletter",
            "Auto-Submitted": "auto-generated",
            "Precedence": "bulk",
        }


def mailing_of(
    rendered: Rendered,
    *,
    issue_id: int,
    subject: str,
    date: datetime,
    headers: Mapping[str, str],
    recipient_headers: Sequence[str],
    category: str,
    signer: DkimSigner | None,
) -> Mailing:
    """Rendered bytes as a provider takes them; each mail has `headers`, and its own of these `recipient_headers`."""
    template = MimeTemplate.compile(
        rendered, subject=subject, date=date, headers=headers, recipient_headers=recipient_headers
    )
    return Mailing(
        issue_id=issue_id,
        from_name=rendered.from_name,
        from_email=rendered.from_email,
        reply_to=rendered.reply_to,
        subject=subject,
        html=rendered.html,
        text=rendered.text,
        html_slots=rendered.html_slots,
        text_slots=rendered.text_slots,
        headers=headers,
        category=category,
        compose=_signed(template, signer) if signer else template.compose,
        is_wire_ready=True,
    )


def _for_servers(email: str) -> str:
    """An address with its domain as DNS knows it; one that cannot be so stays, and is refused alone when it is sent."""
    try:
        return wire_address(email)
    except InvalidInput:
        return email


def _signed(template: MimeTemplate, signer: DkimSigner) -> Callable[[Recipient], bytes]:
    return lambda recipient: signer.sign(template.compose(recipient))
