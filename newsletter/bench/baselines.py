"""What a plain program does: the SDK's helper objects, or EmailMessage and smtplib, for a few hundred recipients."""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable

from newsletter import samples
from newsletter.bench.sample_mail import SampleMail

SMTP_MAILS = 300
SENDGRID_CALLS = 4
SENDGRID_RECIPIENTS = 500


def measure(provider: str, host: str, port: int) -> float:
    """Microseconds per recipient of the plain way to this sink, in the same conditions as ours."""
    ways: dict[str, Callable[[str, int], int]] = {"smtp": _send_sample_by_smtplib, "sendgrid": _send_by_helpers}
    started = time.perf_counter()
    count = ways[provider](host, port)
    return (time.perf_counter() - started) / count * 1e6


def _send_sample_by_smtplib(host: str, port: int) -> int:
    return send_by_smtplib(SampleMail(), host, port, mails=SMTP_MAILS)


def send_by_smtplib(sample: SampleMail, host: str, port: int, *, mails: int) -> int:
    """The sample mail to so many readers, each as an EmailMessage of its own, over one kept connection."""
    with smtplib.SMTP(host, port, timeout=30) as client:
        for number in range(1, mails + 1):
            recipient = sample.recipient(number)
            client.send_message(sample.plain_message(recipient), from_addr=recipient.return_path)
    return mails


def _send_by_helpers(host: str, port: int) -> int:
    # Here, so that the other benchmarks do not pay for the import; pyproject.toml names the exception to "one home".
    import sendgrid as sdk  # type: ignore[import-untyped]
    from sendgrid.helpers import mail as mails  # type: ignore[import-untyped]

    client = sdk.SendGridAPIClient("SG.bench.bench", host=f"http://{host}:{port}")
    for call in range(SENDGRID_CALLS):
        mail = mails.Mail(from_email=samples.NEWSLETTER["from_email"], subject="The morning", html_content="<p>-g-</p>")
        for number in range(SENDGRID_RECIPIENTS):
            person = mails.Personalization()
            person.add_to(mails.To(f"reader{number}@example.org", f"Reader {number}"))
            person.add_header(mails.Header("Message-ID", f"<{call}.{number}@example.org>"))
            person.add_header(mails.Header("List-Unsubscribe", f"<https://example.org/u/{call}{number}>"))
            for slot in ("-g-", "-e-", "-u-", "-w-", "-t-", "-x-"):
                person.add_substitution(mails.Substitution(slot, f"Reader {number}"))
            person.add_custom_arg(mails.CustomArg("nl_delivery", f"baseline{call}.{number}"))
            person.add_custom_arg(mails.CustomArg("nl_issue", "1"))
            mail.add_personalization(person)
        client.send(mail)
    return SENDGRID_CALLS * SENDGRID_RECIPIENTS
