"""SendGrid's Email Logs: did a request arrive, of which nobody told us anything?

POST /v3/logs finds messages by address and time; GET /v3/logs/{sg_message_id} tells their custom arguments, by which a
message is known to be ours (the list alone does not tell). Only an answer that cannot be misread is believed: whatever
is refused, cut, or not what was asked for is "unclear". That a mail is absent counts only where the log shows another
message of the same time. Written from SendGrid's OpenAPI document; never tried against the live service.

https://www.twilio.com/docs/sendgrid/api-reference/email-logs
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import orjson

from newsletter.domain.answers import reset_wait_seconds
from newsletter.domain.doubt import LogAnswer, LogQuestion, LogReport, can_be_asked_about
from newsletter.providers.sendgrid_events import REQUEST_KEY, TOKEN_KEY
from newsletter.providers.sendgrid_transport import HttpAnswer, NoAnswer, NotReached, SendGridTransport

# A reader gets one mail of ours a day; a hundred to one address in an hour is no list that anybody can judge.
MAX_MESSAGES = 20
_NOT_ALLOWED = "the API key may not read the log: give it the scope for Email Logs"

# What a status means that is no 200, in words for a person.
STATUS_WORDS: Mapping[int, str] = {
    202: "the log promised an answer and gave none",
    400: "the log did not understand the question",
    401: _NOT_ALLOWED,
    403: _NOT_ALLOWED,
    404: "this account has no log that can be asked",
    405: "this account has no log that can be asked",
    429: "the log asks us to slow down",
}


class _Unclear(Exception):
    """The log gave no usable answer."""

    def __init__(self, words: str, *, retry_after_seconds: float | None = None) -> None:
        super().__init__(words)
        self.words = words
        self.retry_after_seconds = retry_after_seconds


class SendGridLog:
    """Asks SendGrid's log about mails. A few calls for each report, none of them repeated."""

    def __init__(self, api_key: str, *, api_url: str, timeout_seconds: float) -> None:
        self._transport = SendGridTransport(api_key.strip(), api_url=api_url, timeout_seconds=timeout_seconds)

    def __repr__(self) -> str:
        return f"SendGridLog({self._transport.host})"

    def close(self) -> None:
        """Close kept connections."""
        self._transport.close()

    def report(self, questions: Sequence[LogQuestion], *, since: datetime, until: datetime) -> LogReport:
        """FOUND where one of the mails is there; ABSENT where none is and the log has others of that time."""
        found: list[tuple[int, str]] = []
        try:
            for question in questions:
                found += self._look_up(question, since=since, until=until)
            if found:
                return LogReport(answer=LogAnswer.FOUND, found=tuple(found), words=f"{len(found)} mails are there")
            asked = {question.email for question in questions}
            if not self._has_others(asked, since=since, until=until):
                return LogReport(answer=LogAnswer.UNCLEAR, words="the log shows nothing at all of that time")
        except _Unclear as unclear:
            if found:
                return LogReport(answer=LogAnswer.FOUND, found=tuple(found), words=f"{len(found)} mails are there")
            return LogReport(
                answer=LogAnswer.UNCLEAR, words=unclear.words, retry_after_seconds=unclear.retry_after_seconds
            )
        words = f"{len(questions)} mails are not there, and others of that time are"
        return LogReport(answer=LogAnswer.ABSENT, words=words)

    def _look_up(self, question: LogQuestion, *, since: datetime, until: datetime) -> list[tuple[int, str]]:
        """The mail of one delivery, if it is there: subscriber id and request tag, once for each message that is it."""
        if not can_be_asked_about(question.email):
            raise _Unclear("the address cannot be asked about")
        messages = self._query(f"to_email = '{question.email}' AND {_between(since, until)}")
        if any(_text(message, "to_email").lower() != question.email for message in messages):
            raise _Unclear("the log answered another question")
        found = [args for message in messages if _is(args := self._custom_args(message), question)]
        if not found and len(messages) >= MAX_MESSAGES:
            raise _Unclear("the log has too many messages to this address")
        return [(question.subscriber_id, _text(args, REQUEST_KEY)) for args in found]

    def _has_others(self, asked: set[str], *, since: datetime, until: datetime) -> bool:
        messages = self._query(_between(since, until))
        return any(_text(message, "to_email").lower() not in asked for message in messages)

    def _query(self, query: str) -> list[dict[str, Any]]:
        body = orjson.dumps({"query": query, "limit": MAX_MESSAGES})
        document = _document(self._ask(lambda: self._transport.post_logs(body)))
        messages = document.get("messages")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            raise _Unclear("the log's answer cannot be read")
        return messages

    def _custom_args(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        message_id = _text(message, "sg_message_id")
        if not message_id:
            raise _Unclear("the log's answer cannot be read")
        # A 404 means here that the log lists a message and then has none: that is no proof of anything.
        document = _document(self._ask(lambda: self._transport.get_log(message_id)))
        args = document.get("custom_args")
        if _text(document, "sg_message_id") != message_id or not isinstance(args, dict | None):
            raise _Unclear("the log's answer cannot be read")
        return args or {}

    def _ask(self, call: Callable[[], HttpAnswer]) -> HttpAnswer:
        try:
            answer = call()
        except (NotReached, NoAnswer) as error:
            raise _Unclear(f"the log does not answer ({error.reason})") from None
        if answer.status == 200:
            return answer
        words = STATUS_WORDS.get(answer.status, "the log does not answer")
        wish = None
        if answer.status == 429:
            wish = reset_wait_seconds(answer.headers, now_epoch=time.time())
        raise _Unclear(f"{words} (HTTP {answer.status})", retry_after_seconds=wish)


def _between(since: datetime, until: datetime) -> str:
    return (
        f"sg_message_id_created_at >= TIMESTAMP {_moment(since)}"
        f" AND sg_message_id_created_at <= TIMESTAMP {_moment(until)}"
    )


def _moment(moment: datetime) -> str:
    return f'"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"'


def _is(args: Mapping[str, Any], question: LogQuestion) -> bool:
    return _text(args, TOKEN_KEY).lower() == question.token


def _document(answer: HttpAnswer) -> dict[str, Any]:
    try:
        document = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise _Unclear("the log's answer cannot be read")
    return document


def _text(document: Mapping[str, Any], key: str) -> str:
    value = document.get(key)
    return value if isinstance(value, str) else ""
