"""Mailings and recipients for the tests of providers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from email import policy
from email.message import EmailMessage

from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient

_SMTP = policy.SMTP.clone(max_line_length=998, cte_type="7bit")


def make_recipient(number: int, *, local: str = "reader", **changes: object) -> Recipient:
    """One person; the beginning of the local part is what the fakes look at."""
    token = f"{number:08x}{'ab' * 11}"
    values: dict[str, object] = {
        "subscriber_id": number,
        "token": token,
        "email": f"{local}{number}@example.org",
        "name": f"Reader {number}",
        "values": {
            "greeting": f"Good morning & hello, Reader {number}",
            "unsubscribe": f"https://n.example/u/{token}?a=1&b=2",
        },
        "headers": {"Message-ID": f"<{token}@n.example>", "List-Unsubscribe": f"<https://n.example/u/{token}>"},
        "return_path": f"b-{token}@n.example",
    }
    return Recipient(**(values | changes))  # type: ignore[arg-type]


def make_recipients(count: int, *, local: str = "reader") -> list[Recipient]:
    """Recipients numbered from 1."""
    return [make_recipient(number, local=local) for number in range(1, count + 1)]


def compose(recipient: Recipient) -> bytes:
    """A small but whole message, with lines that begin with dots."""
    message = EmailMessage(policy=_SMTP)
    message["From"] = "Daily Brief <news@n.example>"
    message["To"] = recipient.email
    message["Subject"] = "Today's brief"
    message["Date"] = "Mon, 22 Jun 2026 06:00:00 +0000"
    for name, value in recipient.headers.items():
        message[name] = value
    message.set_content(
        f"{recipient.values['greeting']}\n.\n..two dots\n.hidden\nunsubscribe: {recipient.values['unsubscribe']}\n"
    )
    message.add_alternative("<p>Today</p>\n.\n<p>tomorrow</p>\n", subtype="html")
    message.set_boundary(f"=_{recipient.token}")
    return message.as_bytes()


def make_mailing(*, compose: Callable[[Recipient], bytes] = compose, **changes: object) -> Mailing:
    """The mailing of issue 7."""
    values: dict[str, object] = {
        "issue_id": 7,
        "from_name": "Daily Brief",
        "from_email": "news@n.example",
        "reply_to": "editor@n.example",
        "subject": "Today's brief",
        "html": '<p>[[h-greeting]]</p><a href="[[h-unsubscribe]]">leave</a>',
        "text": "[[t-greeting]]\nleave: [[t-unsubscribe]]\n",
        "html_slots": {"greeting": "[[h-greeting]]", "unsubscribe": "[[h-unsubscribe]]"},
        "text_slots": {"greeting": "[[t-greeting]]", "unsubscribe": "[[t-unsubscribe]]"},
        "headers": {"List-Id": "<daily.n.example>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"},
        "category": "daily-brief",
        "compose": compose,
    }
    return Mailing(**(values | changes))  # type: ignore[arg-type]


def sha256(recipient: Recipient) -> str:
    """The hash of the message that `compose` makes."""
    return hashlib.sha256(compose(recipient)).hexdigest()


def kinds(outcomes: Iterable[Outcome]) -> dict[int, OutcomeKind]:
    """Outcome kind by subscriber; a second outcome for one subscriber is an error."""
    found: dict[int, OutcomeKind] = {}
    for outcome in outcomes:
        assert outcome.subscriber_id not in found, "two outcomes for one recipient"
        found[outcome.subscriber_id] = outcome.kind
    return found


def gather(outcomes: Iterable[Outcome]) -> tuple[list[Outcome], Exception | None]:
    """All outcomes until the end or the error that ended them."""
    found: list[Outcome] = []
    try:
        found.extend(outcomes)
    except Exception as error:  # noqa: BLE001  the test looks at it
        return found, error
    return found, None


def ids(recipients: Sequence[Recipient]) -> set[int]:
    """The subscriber ids of recipients."""
    return {recipient.subscriber_id for recipient in recipients}


def small(recipient: Recipient) -> bytes:
    """A message that is ready for the wire, and short."""
    return f"Message-ID: {recipient.headers['Message-ID']}\r\n\r\nHello {recipient.name}\r\n".encode()


def ready_mailing(*, compose: Callable[[Recipient], bytes] = small) -> Mailing:
    """A mailing whose messages need not be looked at: only such are composed at the last moment."""
    return make_mailing(compose=compose, is_wire_ready=True)


def short_recipients(count: int) -> list[Recipient]:
    """Recipients with short commands, so that every byte of them can be tried."""
    return [
        make_recipient(number, email=f"r{number}@x.example", return_path=f"b{number}@n.example", token=f"{number}")
        for number in range(1, count + 1)
    ]


def addresses(outcomes: Iterable[Outcome], kind: OutcomeKind) -> set[str]:
    """The addresses of those among `short_recipients` who have this outcome."""
    return {f"r{outcome.subscriber_id}@x.example" for outcome in outcomes if outcome.kind is kind}
