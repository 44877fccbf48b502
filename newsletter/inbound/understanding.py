"""The order in which a mail that came back is understood. The first reader that recognises it has the last word."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from newsletter.domain.bounces import Category, Confidence, Report, ReportKind, classify
from newsletter.domain.bounces.classify import DELIVERED_ACTIONS
from newsletter.inbound import feedback, shapes
from newsletter.inbound.addresses import addresses_in
from newsletter.inbound.delivery_status import find_in_status
from newsletter.inbound.findings import Finding
from newsletter.inbound.flufl_bounce import find_with_flufl
from newsletter.inbound.judging import judge, remark
from newsletter.inbound.mail import Mail, normal_bytes, read_mail
from newsletter.inbound.notices import context_of, find_in_notice, find_lone_address, returned_recipients
from newsletter.inbound.returned_text import reason_in_subject
from newsletter.inbound.ses_notices import find_in_ses
from newsletter.inbound.shapes import Shape
from newsletter.inbound.traces import traces_in

Reader = Callable[[Mail, Shape, bytes], Report | None]

SHARED_ANSWERS = 16

# The standard library's parser raises these, and more with each version, on mails made to confuse it.
PARSER_FAULTS = (ArithmeticError, AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def understand(raw: bytes) -> Report:
    """Say what an inbound mail is, whom it is about and which of our mails it answers.

    Never raises, whatever the bytes; looks at the first 256 KB. What cannot be read is `other` without recipients.
    """
    try:
        return _understood(raw)
    except PARSER_FAULTS:
        return Report(kind=ReportKind.OTHER, is_readable=False)


def _understood(raw: bytes) -> Report:
    mail = read_mail(raw)
    shape = shapes.shape_of(mail)
    source = normal_bytes(raw)
    report = next(filter(None, (reader(mail, shape, source) for reader in READERS)), Report(kind=ReportKind.OTHER))
    sender = next(iter(addresses_in(shapes.plain_sender(mail))), "")
    return replace(report, reporter=sender, subject=mail.subject, traces=traces_in(mail))


def _read_complaint(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    text = feedback.feedback_text(mail)
    if not text and not shapes.is_old_complaint(mail):
        return None
    kind_of_feedback = feedback.feedback_type(text)
    kind = feedback.KINDS.get(kind_of_feedback, ReportKind.OTHER)
    rule = f"arf.{kind_of_feedback or 'untyped'}" if text else "complaint.subject"
    addresses = feedback.complained_recipients(text, mail) or [""]
    verdicts = tuple(remark(address, feedback.CATEGORIES[kind], rule=rule) for address in addresses)
    return Report(kind=kind, recipients=verdicts, feedback_type=kind_of_feedback)


def _read_leaving(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    if not shapes.asks_to_leave(mail):
        return None
    return _about_sender(mail, ReportKind.UNSUBSCRIBE, Category.UNSUBSCRIBE, rule="unsubscribe.mail")


def _read_delivery_status(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    text = mail.report("message/delivery-status")
    findings = find_in_status(text or _status_in_notice(mail))
    if not findings:
        return None
    return _report_of([_completed(one, mail, shape) for one in _addressed(findings, mail)], mail)


def _read_ses(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    kind, findings = find_in_ses(mail.notice)
    if kind == "complaint":
        verdicts = tuple(remark(one.address, Category.COMPLAINT, rule="ses.complaint") for one in findings)
        return Report(kind=ReportKind.COMPLAINT, recipients=verdicts, feedback_type="abuse")
    return _report_of(findings, mail) if findings else None


def _read_receipt(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    text = mail.report("message/disposition-notification")
    if not text or _is_rejection(mail):
        return None
    addresses = [one.address for one in find_in_status(text) if one.address] or [""]
    verdicts = tuple(remark(address, Category.DELIVERED, rule="mdn.disposition") for address in addresses)
    return Report(kind=ReportKind.DELIVERED, recipients=verdicts)


def _read_success(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    if not shape.is_success:
        return None
    findings = find_in_notice(mail)
    verdicts = tuple(remark(one.address, Category.DELIVERED, rule="text.delivered") for one in findings)
    return Report(kind=ReportKind.DELIVERED, recipients=verdicts)


def _read_notice(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    if not (shape.is_bounce or shape.is_delay_notice):
        return None
    findings = find_in_notice(mail) or find_with_flufl(source) or find_lone_address(mail)
    action = "delayed" if shape.is_delay else "failed"
    return _report_of([replace(one, action=action) for one in findings or [Finding(address="")]], mail)


def _read_old_bounce(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    # Without the words of a bounce only a library's detector may still know it, and only from a likely sender.
    if shape.has_reply_subject or not (shape.is_from_robot or shape.has_failure_subject or shape.has_null_path):
        return None
    findings = find_with_flufl(source)
    return _report_of([replace(one, action="failed") for one in findings], mail) if findings else None


def _read_challenge(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    if not shapes.is_challenge(mail):
        return None
    return _about_sender(mail, ReportKind.CHALLENGE, Category.CHALLENGE, rule="challenge.words")


def _read_autoreply(mail: Mail, shape: Shape, source: bytes) -> Report | None:
    if not shape.is_autoreply:
        return None
    return _about_sender(mail, ReportKind.AUTOREPLY, Category.AUTOREPLY, rule="autoreply.signs")


READERS: tuple[Reader, ...] = (
    _read_complaint,
    _read_leaving,
    _read_delivery_status,
    _read_ses,
    _read_receipt,
    _read_success,
    _read_notice,
    _read_old_bounce,
    _read_challenge,
    _read_autoreply,
)


def _report_of(findings: list[Finding], mail: Mail) -> Report:
    around = f"{mail.notice}\n{reason_in_subject(mail.subject, mail.our_subjects)}"
    remembered = lru_cache(maxsize=SHARED_ANSWERS)(classify)
    alone = around if len(findings) == 1 else ""
    verdicts = tuple(judge(one, surroundings=alone, classify=remembered) for one in findings)
    if len(findings) > 1 and all(one.confidence is Confidence.GUESS for one in verdicts):
        # Nobody has a reason of their own: the one that the notice gives is everybody's.
        verdicts = tuple(judge(one, surroundings=around, classify=remembered) for one in findings)
    return Report(kind=_kind_of(findings), recipients=verdicts)


def _kind_of(findings: list[Finding]) -> ReportKind:
    actions = {one.action for one in findings}
    if actions <= DELIVERED_ACTIONS:
        return ReportKind.DELIVERED
    return ReportKind.DELAYED if actions <= DELIVERED_ACTIONS | {"delayed"} else ReportKind.BOUNCE


def _is_rejection(mail: Mail) -> bool:
    # Sieve filters refuse a mail with a receipt that says "deleted" (RFC 5429).
    return "rejected" in mail.header("Auto-Submitted").lower() or "rejected" in mail.subject.lower()


def _status_in_notice(mail: Mail) -> str:
    lowered = mail.notice.lower()
    return mail.notice if "final-recipient" in lowered and "action" in lowered else ""


def _addressed(findings: list[Finding], mail: Mail) -> list[Finding]:
    """The findings with an address each, as far as the rest of the mail tells one."""
    if all(one.address for one in findings):
        return findings
    known = {one.address for one in findings}
    spare = [one.address for one in find_in_notice(mail) if one.address not in known] or returned_recipients(mail)[:1]
    nameless = [one for one in findings if not one.address]
    named = [replace(one, address=address) for one, address in zip(nameless, spare, strict=False)]
    return [one for one in findings if one.address] + (named or nameless[:1])


def _completed(finding: Finding, mail: Mail, shape: Shape) -> Finding:
    action = finding.action or ("delayed" if shape.is_delay else "failed")
    beside = "\n".join(filter(None, (finding.context, context_of(mail, finding.address))))
    return replace(finding, action=action, context=beside)


def _about_sender(mail: Mail, kind: ReportKind, category: Category, *, rule: str) -> Report:
    sender = addresses_in(mail.header("From") or mail.header("Reply-To"))[:1] or [""]
    return Report(kind=kind, recipients=tuple(remark(address, category, rule=rule) for address in sender))
