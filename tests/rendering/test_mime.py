"""Whole messages, read back with the standard library's parser."""

from __future__ import annotations

import email
import email.policy
import quopri
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from newsletter.domain.mail import Recipient
from newsletter.errors import InvalidInput
from newsletter.rendering import MimeTemplate, Rendered, fill_html, fill_text, quoted_printable, render
from tests.rendering.editions import NEWSLETTER, make_recipient, sample_brief

DATE = datetime(2026, 6, 22, 6, 30, tzinfo=UTC)
SHARED = {
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    "List-Id": "<harbour-brief.news.example.org>",
    "Feedback-ID": "1:harbour-brief:newsletter",
}
RECIPIENT_HEADERS = ("Message-ID", "List-Unsubscribe")
_SLOTS = {"greeting": "zq0h_greeting_qz", "unsubscribe_url": "zq0h_unsubscribe_url_qz"}
# Small, so that hundreds of messages are read back in a moment; slots at the edges, side by side and inside of lines.
RENDERED = Rendered(
    subject="Harbour Brief — 2026-06-22",
    preheader="",
    html="<p>zq0h_greeting_qzzq0h_greeting_qz</p>\n.\n"
    '<a href="zq0h_unsubscribe_url_qz">Zoë’s 渡轮 = 静</a> \nFrom here',
    text="zq0h_greeting_qz\nzq0h_unsubscribe_url_qz\n\n"
    + "word " * 60
    + "zq0h_greeting_qz渡\n zq0h_unsubscribe_url_qz",
    web_html="",
    html_slots=_SLOTS,
    text_slots=_SLOTS,
    from_name="Harbour, “Brief”",
    from_email="brief@news.example.org",
    reply_to="desk@example.org",
    newsletter_slug="harbour-brief",
    newsletter_name="Harbour Brief",
    language="en",
)

# What a header line may hold: no control characters, no halves of surrogate pairs, no separators of lines.
line = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=120)
mixed_line = st.lists(
    st.sampled_from(["AI", "国产大模型", "“quoted”", "=?utf-8?q?x?=", "🚢", "e\u0301", "，", " ", "Zoë", "a" * 40]),
    max_size=24,
).map("".join)


def make_template(rendered: Rendered = RENDERED, **values: Any) -> MimeTemplate:
    """The template of a rendered brief, with some values changed."""
    arguments: dict[str, Any] = {
        "subject": rendered.subject,
        "date": DATE,
        "headers": SHARED,
        "recipient_headers": RECIPIENT_HEADERS,
    }
    return MimeTemplate.compile(rendered, **(arguments | values))


def read(message: bytes) -> EmailMessage:
    """The message as a mail program sees it."""
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    assert parsed.defects == []
    return parsed


def name_in(message: bytes) -> str:
    """The display name of To, by the older parser: the newer one keeps blanks between encoded words (RFC 2047, 6.2)."""
    header = email.message_from_bytes(message)["To"].replace("\r\n", "")
    return str(make_header(decode_header(parseaddr(header)[0])))


def content_of(message: EmailMessage) -> tuple[str, str]:
    """The text part and the HTML part; the text part comes first."""
    text, html = message.iter_parts()
    assert (text.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    shown = [part.get_content().replace("\r\n", "\n") for part in (text, html)]
    return shown[0], shown[1]


def test_a_message_holds_what_was_rendered() -> None:
    rendered = render(sample_brief(), NEWSLETTER)
    recipient = make_recipient()
    text, html = content_of(read(make_template(rendered).compose(recipient)))
    assert html == fill_html(rendered, recipient.values)
    assert text == fill_text(rendered, recipient.values)


def test_a_message_is_an_alternative_of_quoted_printable_text_and_html() -> None:
    message = read(make_template().compose(make_recipient()))
    assert message.get_content_type() == "multipart/alternative"
    assert [part["Content-Transfer-Encoding"] for part in message.iter_parts()] == ["quoted-printable"] * 2
    assert [part.get_content_charset() for part in message.iter_parts()] == ["utf-8"] * 2


def test_the_same_recipient_gets_the_same_bytes_on_a_retry() -> None:
    assert make_template().compose(make_recipient(7)) == make_template().compose(make_recipient(7))


def test_one_click_unsubscribing_survives() -> None:
    recipient = make_recipient()
    message = make_template().compose(recipient)
    parsed = read(message)
    assert parsed["List-Unsubscribe"] == recipient.headers["List-Unsubscribe"]
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    rows = message.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").split(b"\r\n")
    assert [row for row in rows if row.startswith(b"List-Unsubscribe") and b"=?" in row] == []


def test_each_recipient_has_a_message_of_their_own() -> None:
    template = make_template()
    messages = [read(template.compose(make_recipient(number))) for number in range(50)]
    assert len({message["Message-ID"] for message in messages}) == 50
    assert [message["To"].addresses[0].addr_spec for message in messages] == [
        f"reader{number}@example.com" for number in range(50)
    ]


def test_every_header_comes_once() -> None:
    names = [name.lower() for name in read(make_template().compose(make_recipient())).keys()]  # noqa: SIM118
    assert len(names) == len(set(names))
    assert {"from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "list-id"} <= set(names)


def test_the_date_is_the_one_given() -> None:
    assert read(make_template().compose(make_recipient()))["Date"].datetime == DATE


def test_an_international_domain_travels_in_punycode() -> None:
    message = read(make_template().compose(make_recipient(email="maria@bücher.example")))
    assert message["To"].addresses[0].addr_spec == "maria@xn--bcher-kva.example"


@settings(max_examples=300)
@given(subject=line | mixed_line, name=line | mixed_line, greeting=line | mixed_line)
def test_any_subject_name_and_value_is_read_back(subject: str, name: str, greeting: str) -> None:
    recipient = make_recipient(name=name, values=dict(make_recipient().values) | {"greeting": greeting})
    message = make_template(subject=subject).compose(recipient)
    parsed = read(message)
    assert parsed["Subject"] == subject.strip(" ")
    assert name_in(message) == name.strip(" ")
    assert parsed["To"].addresses[0].addr_spec == recipient.email
    text, html = content_of(parsed)
    assert html == fill_html(RENDERED, recipient.values)
    assert text == fill_text(RENDERED, recipient.values)


@settings(max_examples=300)
@given(subject=line | mixed_line, name=line | mixed_line, greeting=st.text(max_size=300))
def test_no_line_is_too_long_and_every_byte_is_ascii(subject: str, name: str, greeting: str) -> None:
    recipient = make_recipient(
        name=name, values=dict(make_recipient().values) | {"greeting": greeting.encode("utf-8", "replace").decode()}
    )
    message = make_template(subject=subject).compose(recipient)
    head, _, body = message.partition(b"\r\n\r\n")
    assert message.isascii()
    assert b"\n" not in message.replace(b"\r\n", b"")
    assert b"\r" not in message.replace(b"\r\n", b"")
    assert max(len(row) for row in body.split(b"\r\n")) <= 76
    assert max(len(row) for row in head.split(b"\r\n") if b"=?utf-8?" in row or b" " in row[1:]) <= 78
    assert all(row.strip() for row in head.split(b"\r\n"))


@pytest.mark.parametrize("breaking", ["\r\nBcc: x@example.org", "a\nb", "a\rb", "a\x00b", "a\u2028b", "a\x85b"])
class TestHeaderInjection:
    """A line break in any value that goes into a header is refused."""

    def test_in_the_subject(self, breaking: str) -> None:
        with pytest.raises(InvalidInput, match="header Subject"):
            make_template(subject=breaking)

    def test_in_a_shared_header(self, breaking: str) -> None:
        with pytest.raises(InvalidInput, match="header List-Id"):
            make_template(headers={"List-Id": breaking})

    def test_in_the_name_of_a_header(self, breaking: str) -> None:
        with pytest.raises(InvalidInput, match="not the name of a header"):
            make_template(headers={f"X{breaking}": "x"})

    def test_in_a_display_name(self, breaking: str) -> None:
        with pytest.raises(InvalidInput, match="header To"):
            make_template().compose(make_recipient(name=breaking))

    def test_in_a_header_of_a_recipient(self, breaking: str) -> None:
        headers = dict(make_recipient().headers) | {"Message-ID": breaking}
        with pytest.raises(InvalidInput, match="header Message-ID"):
            make_template().compose(make_recipient(headers=headers))

    def test_in_an_address(self, breaking: str) -> None:
        with pytest.raises(InvalidInput, match="address"):
            make_template().compose(make_recipient(email=f"maria{breaking}@example.org"))


@pytest.mark.parametrize(
    "address", ["", "maria", "maria@", "@example.org", "zoë@example.org", "a@b c", "a,b@example.org"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be addressed"):
        make_template().compose(make_recipient(email=address))


@pytest.mark.parametrize("name", ["From", "to", "SUBJECT", "Date", "Reply-To", "MIME-Version", "Content-Type", "Bcc"])
def test_a_header_that_the_mail_writes_itself_is_not_added_again(name: str) -> None:
    with pytest.raises(InvalidInput, match="written by the mail itself"):
        make_template(headers={name: "x"})


def test_a_header_that_fits_in_no_line_is_refused() -> None:
    with pytest.raises(InvalidInput, match="longer than 998"):
        make_template(headers={"List-Archive": "<https://example.org/" + "a" * 1000 + ">"})


@pytest.mark.parametrize(
    "headers", [{}, {"Message-ID": "<x@example.org>"}, dict(make_recipient().headers) | {"X-Other": "x"}]
)
def test_a_recipient_brings_exactly_the_promised_headers(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="must bring these headers"):
        make_template().compose(make_recipient(headers=headers))


def test_a_recipient_without_a_value_is_refused() -> None:
    recipient: Recipient = make_recipient(values={"email": "x@example.org"})
    with pytest.raises(InvalidInput, match="no value for the slot"):
        make_template().compose(recipient)


def test_a_date_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInput, match="time zone"):
        make_template(date=datetime(2026, 6, 22))  # noqa: DTZ001


@settings(max_examples=200)
@given(st.text(alphabet=".a é", max_size=300))
def test_no_line_of_quoted_printable_begins_with_a_dot(text: str) -> None:
    encoded = quoted_printable.encode(text)
    assert not any(line.startswith(b".") for line in encoded.split(b"\r\n"))
    assert all(len(line) <= 76 for line in encoded.split(b"\r\n"))
    assert quopri.decodestring(encoded).decode() == text
