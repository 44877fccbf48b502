"""The tables of what providers' answers mean, drawn in full."""

from __future__ import annotations

import pytest

from newsletter.domain.answers import (
    SendGridAnswer,
    SmtpReply,
    Stage,
    Verdict,
    is_out_of_credits,
    read_bad_request,
    reset_wait_seconds,
    sendgrid_answer,
    smtp_verdict,
)

ABOUT_US = (Stage.GREETING, Stage.HELLO, Stage.STARTTLS, Stage.AUTH, Stage.RESET, Stage.MAIL)


def verdict(stage: Stage, reply: str) -> Verdict:
    code, _, text = reply.partition(" ")
    return smtp_verdict(SmtpReply(stage=stage, code=int(code), text=text))


@pytest.mark.parametrize("stage", ABOUT_US)
def test_until_mail_a_refusal_concerns_us(stage: Stage) -> None:
    assert verdict(stage, "250 ok") is Verdict.PROCEED
    assert verdict(stage, "421 busy") is Verdict.PAUSE
    assert verdict(stage, "535 no") is Verdict.NEEDS_PERSON


@pytest.mark.parametrize(
    ("stage", "reply", "expected"),
    [
        (Stage.RCPT, "250 2.1.5 ok", Verdict.PROCEED),
        (Stage.RCPT, "251 will forward", Verdict.PROCEED),
        (Stage.RCPT, "450 4.2.1 mailbox busy", Verdict.DEFERRED),
        (Stage.RCPT, "550 5.1.1 no such user", Verdict.REFUSED),
        (Stage.RCPT, "552 5.2.2 mailbox full", Verdict.REFUSED),
        (Stage.DATA, "354 go", Verdict.PROCEED),
        (Stage.DATA, "451 later", Verdict.DEFERRED),
        (Stage.DATA, "554 5.5.1 no valid recipients", Verdict.REFUSED),
        (Stage.DATA, "250 out of step", Verdict.DEFERRED),
        (Stage.END, "250 queued", Verdict.ACCEPTED),
        (Stage.END, "421 closing", Verdict.DEFERRED),
        (Stage.END, "552 too much data", Verdict.REFUSED),
        (Stage.END, "354 out of step", Verdict.DEFERRED),
    ],
)
def test_from_rcpt_on_a_reply_concerns_the_recipient_or_the_message(
    stage: Stage, reply: str, expected: Verdict
) -> None:
    assert verdict(stage, reply) is expected


@pytest.mark.parametrize(
    "reply",
    [
        "554 5.7.1 <a@b.example>: Relay access denied",
        "454 4.7.1 <a@b.example>: Relay access denied",
        "550 5.7.1 Unable to relay",
        "550 relaying denied",
        "553 5.7.1 <n@x.example>: Sender address rejected: not owned by user",
        "450 4.1.8 <n@x.example>: Sender address rejected: Domain not found",
        "554 5.7.1 <host>: Client host rejected: Access denied",
        "530 5.7.0 Must issue a STARTTLS command first",
        "550 5.7.8 authentication credentials invalid",
        "503 5.5.1 bad sequence of commands",
    ],
)
def test_what_a_server_holds_against_us_until_rcpt_needs_a_person(reply: str) -> None:
    assert verdict(Stage.RCPT, reply) is Verdict.NEEDS_PERSON


def test_a_quoted_reply_of_another_server_concerns_the_recipient() -> None:
    quoted = "550 5.1.1 <a@b.example>: host mx.b.example said: 554 5.7.1 Relay access denied (in reply to RCPT TO)"
    assert verdict(Stage.RCPT, quoted) is Verdict.REFUSED


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (202, SendGridAnswer.ACCEPTED),
        (200, SendGridAnswer.UNKNOWN),
        (201, SendGridAnswer.UNKNOWN),
        (302, SendGridAnswer.NEEDS_PERSON),
        (307, SendGridAnswer.NEEDS_PERSON),
        (400, SendGridAnswer.BAD_REQUEST),
        (401, SendGridAnswer.NEEDS_PERSON),
        (403, SendGridAnswer.NEEDS_PERSON),
        (404, SendGridAnswer.NEEDS_PERSON),
        (405, SendGridAnswer.NEEDS_PERSON),
        (406, SendGridAnswer.NEEDS_PERSON),
        (413, SendGridAnswer.TOO_LARGE),
        (415, SendGridAnswer.NEEDS_PERSON),
        (429, SendGridAnswer.WAIT),
        (500, SendGridAnswer.UNKNOWN),
        (502, SendGridAnswer.UNKNOWN),
        (503, SendGridAnswer.UNKNOWN),
        (504, SendGridAnswer.UNKNOWN),
        (520, SendGridAnswer.UNKNOWN),
    ],
)
def test_each_status_of_sendgrid_has_one_meaning(status: int, expected: SendGridAnswer) -> None:
    assert sendgrid_answer(status) is expected


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("42", 42),
        ("1800000042", 42),
        ("1799999000", 1),
        ("0", 1),
        ("-5", 1),
        ("86400", 900),
        ("1900000000", 900),
        (None, 60),
        ("", 60),
        ("soon", 60),
        ("nan", 60),
        ("inf", 60),
    ],
)
def test_a_reset_is_read_as_seconds_or_as_epoch_and_capped(value: str | None, seconds: float) -> None:
    headers = {} if value is None else {"x-ratelimit-reset": value}
    assert reset_wait_seconds(headers, now_epoch=1_800_000_000) == seconds


@pytest.mark.parametrize(
    ("reset", "retry_after", "seconds"),
    [
        (None, "42", 42),
        (None, "Fri, 15 Jan 2027 08:00:42 GMT", 42),
        (None, "Fri, 15 Jan 2027 07:00:00 GMT", 1),
        (None, "86400", 900),
        (None, "soon", 60),
        (None, "Fri, 99 Jan 2027", 60),
        ("7", "42", 7),
        ("soon", "42", 42),
    ],
)
def test_what_a_gateway_asks_for_counts_where_sendgrid_names_no_reset(
    reset: str | None, retry_after: str, seconds: float
) -> None:
    headers = {"retry-after": retry_after} | ({"x-ratelimit-reset": reset} if reset else {})
    assert reset_wait_seconds(headers, now_epoch=1_800_000_000) == seconds


def test_credits_and_keys_are_told_apart() -> None:
    assert is_out_of_credits("401 Maximum credits exceeded")
    assert not is_out_of_credits("The provided authorization grant is invalid, expired, or revoked")


def test_a_bad_request_is_sorted_by_whom_it_concerns() -> None:
    sorted_out = read_bad_request(
        [("personalizations.17.to.0.email", "bad address"), ("personalizations.3.headers", "bad header")]
    )
    assert sorted_out.rows == {17: "bad address", 3: "bad header"}
    assert sorted_out.certain == {17}
    assert sorted_out.body is None


@pytest.mark.parametrize("field", ["from", "from.email", "content.0.value", "subject", "content[0]"])
def test_a_fault_in_the_shared_part_concerns_the_body(field: str) -> None:
    assert read_bad_request([(field, "wrong")]).body == f"{field}: wrong"


@pytest.mark.parametrize("field", [None, "", "personalizations", "something_new"])
def test_a_fault_without_a_usable_field_names_nobody(field: str | None) -> None:
    complaint = read_bad_request([(field, "Bad Request")])
    assert (complaint.rows, complaint.body, complaint.message) == ({}, None, "Bad Request")
