"""Mails that come back, as mail servers and mailbox providers write them; all names are made up."""

from __future__ import annotations

RETURN_DOMAIN = "returns.harbour.example"


def return_path(token: str) -> str:
    """Where a mail server sends what it cannot deliver."""
    return f"b-{token}@{RETURN_DOMAIN}"


def leaving_address(token: str) -> str:
    """Where a mail program writes for a reader who leaves."""
    return f"u-{token}@{RETURN_DOMAIN}"


def delivery_report(
    recipient: str,
    *,
    to: str = "",
    status: str = "5.1.1",
    action: str = "failed",
    diagnostic: str = "550 5.1.1 no such user here",
    original: str = "",
    received: str = "mx1.harbour.example",
) -> bytes:
    """A delivery status notification (RFC 3464); `to` is the address that it comes back to."""
    original_line = f"Original-Recipient: rfc822; {original}\n" if original else ""
    return (
        f"Return-Path: <>\nReceived: from mx.example.org by {received}\n"
        f"From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nTo: {to or 'news@harbour.example'}\n"
        "Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="=_report"\n\n'
        "--=_report\nContent-Type: text/plain\n\n"
        f"Your mail could not be delivered to {recipient}.\n\n"
        "--=_report\nContent-Type: message/delivery-status\n\n"
        "Reporting-MTA: dns; mx.example.org\n\n"
        f"{original_line}Final-Recipient: rfc822; {recipient}\nAction: {action}\nStatus: {status}\n"
        f"Diagnostic-Code: smtp; {diagnostic}\n\n"
        "--=_report--\n"
    ).encode()


def complaint(token: str = "", *, kind: str = "abuse", recipient: str = "") -> bytes:
    """A complaint (RFC 5965) with the headers of the mail it is about; `token` is in that mail's Message-ID."""
    told = f"Original-Rcpt-To: {recipient}\n" if recipient else ""
    message_id = f"Message-ID: <{token}@harbour.example>\n" if token else ""
    return (
        "From: complaints@mailbox.example\nTo: abuse@harbour.example\n"
        "Subject: Complaint about a mail\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="=_report"\n\n'
        "--=_report\nContent-Type: text/plain\n\nOne of our users reported this mail.\n\n"
        "--=_report\nContent-Type: message/feedback-report\n\n"
        f"Feedback-Type: {kind}\nUser-Agent: Mailbox/1.0\nVersion: 1\n{told}\n"
        "--=_report\nContent-Type: message/rfc822\n\n"
        f"From: Harbour Brief <news@harbour.example>\n{message_id}Subject: The brief\n\nGood morning.\n\n"
        "--=_report--\n"
    ).encode()


def autoreply(to: str) -> bytes:
    """An absence notice."""
    return (
        f"From: Reader <reader@example.org>\nTo: {to}\nSubject: Automatic reply: The brief\n"
        "Auto-Submitted: auto-replied\n\nI am out of office until Monday.\n"
    ).encode()


def plain_mail(to: str, *, subject: str = "hello", text: str = "Just a mail.") -> bytes:
    """A mail by a person."""
    return f"From: Reader <reader@example.org>\nTo: {to}\nSubject: {subject}\n\n{text}\n".encode()
