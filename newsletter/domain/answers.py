"""What a provider's answers mean: SMTP replies and SendGrid statuses, as tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import StrEnum
from math import isfinite


class Stage(StrEnum):
    """Where in an SMTP dialogue a reply was given. END is the reply to the final dot."""

    GREETING = "greeting"
    HELLO = "hello"
    STARTTLS = "starttls"
    AUTH = "auth"
    RESET = "reset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"


class Verdict(StrEnum):
    """What one SMTP reply means for the recipient, or for the provider as a whole."""

    PROCEED = "proceed"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    PAUSE = "pause"
    NEEDS_PERSON = "needs_person"


@dataclass(frozen=True, kw_only=True, slots=True)
class SmtpReply:
    """One reply of an SMTP server: `text` is all its lines joined by spaces, with the enhanced status code."""

    stage: Stage
    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}".strip()


_ABOUT_US = {2: Verdict.PROCEED, 4: Verdict.PAUSE, 5: Verdict.NEEDS_PERSON}
_ABOUT_THE_RECIPIENT = {2: Verdict.PROCEED, 4: Verdict.DEFERRED, 5: Verdict.REFUSED}

# MAIL and all before it speak about us, RCPT about the recipient, DATA and the final dot about the message.
SMTP_VERDICTS: dict[Stage, dict[int, Verdict]] = {
    Stage.GREETING: _ABOUT_US,
    Stage.HELLO: _ABOUT_US,
    Stage.STARTTLS: _ABOUT_US,
    Stage.AUTH: _ABOUT_US,
    Stage.RESET: _ABOUT_US,
    Stage.MAIL: _ABOUT_US,
    Stage.RCPT: _ABOUT_THE_RECIPIENT,
    Stage.DATA: {3: Verdict.PROCEED, 4: Verdict.DEFERRED, 5: Verdict.REFUSED},
    Stage.END: {2: Verdict.ACCEPTED, 4: Verdict.DEFERRED, 5: Verdict.REFUSED},
}

# RFC 4954 section 6 and RFC 5321 section 4.2.3: these codes never concern one recipient.
OUR_FAULT_CODES = frozenset({500, 502, 503, 530, 534, 535, 538})

# Postfix and others hold back what they have against the client or the sender until RCPT (smtpd_delay_reject).
# Without this table a relay that is set up wrongly would fail the whole audience as if each address were bad.
OUR_FAULT_TEXTS = re.compile(
    r"relay(ing)?( access)? (is )?(denied|not (permitted|allowed))|unable to relay|sender address rejected"
    r"|client host rejected|helo command rejected|authentication (is )?required|must issue a starttls"
    r"|\b5\.7\.8\b|\b[45]\.1\.[78]\b",
    re.IGNORECASE,
)

# "… said: 550 …" quotes another server's reply about this one recipient.
_QUOTES_ANOTHER_SERVER = re.compile(r"\bsaid:", re.IGNORECASE)


def smtp_verdict(reply: SmtpReply) -> Verdict:
    """What a reply means at its stage (RFC 5321 section 4.2.1); an impossible code counts as a passing failure."""
    verdict = SMTP_VERDICTS[reply.stage].get(reply.code // 100, Verdict.DEFERRED)
    if reply.stage is Stage.RCPT and verdict is not Verdict.PROCEED and _is_our_fault(reply):
        return Verdict.NEEDS_PERSON
    return verdict


def _is_our_fault(reply: SmtpReply) -> bool:
    if _QUOTES_ANOTHER_SERVER.search(reply.text):
        return False
    return reply.code in OUR_FAULT_CODES or OUR_FAULT_TEXTS.search(reply.text) is not None


class SendGridAnswer(StrEnum):
    """What is known, and what to do, after one answer of POST /v3/mail/send."""

    ACCEPTED = "accepted"
    BAD_REQUEST = "bad_request"
    TOO_LARGE = "too_large"
    WAIT = "wait"
    NEEDS_PERSON = "needs_person"
    UNKNOWN = "unknown"


# Only 202 is an acceptance. 200 means that sandbox mode was on, which we never ask for, or that somebody else
# answered in SendGrid's place: nobody can tell what became of the request.
SENDGRID_ANSWERS: dict[int, SendGridAnswer] = {
    200: SendGridAnswer.UNKNOWN,
    202: SendGridAnswer.ACCEPTED,
    400: SendGridAnswer.BAD_REQUEST,
    401: SendGridAnswer.NEEDS_PERSON,
    403: SendGridAnswer.NEEDS_PERSON,
    413: SendGridAnswer.TOO_LARGE,
    429: SendGridAnswer.WAIT,
}

_ANSWERS_BY_CLASS = {3: SendGridAnswer.NEEDS_PERSON, 4: SendGridAnswer.NEEDS_PERSON}

# How soon a refusal of the whole account may pass by itself; other refusals wait for a person.
SENDGRID_PAUSE_SECONDS: dict[int, float] = {403: 900.0}
CREDITS_PAUSE_SECONDS = 3600.0


def sendgrid_answer(status: int) -> SendGridAnswer:
    """What an HTTP status of SendGrid means: 3xx and 4xx say that nothing was sent, all else leaves doubt."""
    return SENDGRID_ANSWERS.get(status) or _ANSWERS_BY_CLASS.get(status // 100, SendGridAnswer.UNKNOWN)


def is_out_of_credits(message: str) -> bool:
    """Whether SendGrid's words (in a 401) speak of the plan's quota, not of the key."""
    return "credits exceeded" in message.lower()


RESET_IS_EPOCH_ABOVE = 1e9
DEFAULT_RESET_SECONDS = 60.0
MAX_RESET_SECONDS = 900.0


def reset_wait_seconds(headers: Mapping[str, str], *, now_epoch: float) -> float:
    """How long to wait after a 429, between 1 second and 15 minutes. `headers` has lower-case names.

    X-RateLimit-Reset is SendGrid's, documented both as an epoch second and as the seconds that are left; gateways in
    front of an API say Retry-After, as seconds or as a date (RFC 9110, 10.2.3).
    """
    for number in (_number(headers.get("x-ratelimit-reset")), _number_or_date(headers.get("retry-after"))):
        if number is not None:
            wait = number - now_epoch if number > RESET_IS_EPOCH_ABOVE else number
            return min(max(wait, 1.0), MAX_RESET_SECONDS)
    return DEFAULT_RESET_SECONDS


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if isfinite(number) else None


def _number_or_date(value: str | None) -> float | None:
    number = _number(value)
    if number is not None or not value:
        return number
    try:
        return parsedate_to_datetime(value).timestamp()
    except ValueError:
        return None


@dataclass(frozen=True, kw_only=True, slots=True)
class BadRequest:
    """What a 400 of SendGrid complains about.

    `rows`: message by index into the request's personalizations; `certain` those among them whose address is the
    fault; `body`: what is wrong with the part that all share, or None.
    """

    rows: Mapping[int, str]
    certain: frozenset[int]
    body: str | None
    message: str


_ROW_FIELD = re.compile(r"personalizations[.\[](\d+)\]?(?:[.\[](\w+))?")
_BODY_FIELDS = frozenset(
    {
        "from",
        "reply_to",
        "subject",
        "content",
        "headers",
        "categories",
        "custom_args",
        "tracking_settings",
        "mail_settings",
    }
)


def read_bad_request(errors: Iterable[tuple[str | None, str]]) -> BadRequest:
    """Sort the (field, message) pairs of a 400 by whom they concern."""
    rows: dict[int, str] = {}
    certain: set[int] = set()
    body: str | None = None
    first = ""
    for field, message in errors:
        first = first or message
        if match := _ROW_FIELD.match(field or ""):
            rows.setdefault(int(match[1]), message)
            if match[2] == "to":
                certain.add(int(match[1]))
        elif (field or "").partition(".")[0].partition("[")[0] in _BODY_FIELDS:
            body = body or f"{field}: {message}"
    return BadRequest(rows=rows, certain=frozenset(certain), body=body, message=first)
