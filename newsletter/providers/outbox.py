"""The outbox provider: every mail becomes a file that a person can open. Needs no account and no network."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser, BytesParser
from email.utils import parsedate_to_datetime
from pathlib import Path

from newsletter.domain.mail import Mailing, Outcome, OutcomeKind, Recipient
from newsletter.errors import InvalidInput, NotFound
from newsletter.providers.base import Outcomes, ProviderUnavailable, refused

TEST_FOLDER = "test"
_SUFFIX = ".eml"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{1,200}")
_KEY = re.compile(r"(?:test|[0-9]{1,18})/[A-Za-z0-9_-]{1,200}\.eml")
_HEADER_BYTES = 16_384


class OutboxProvider:
    """Writes each mail to `<outbox>/<issue id>/<token>.eml`; a retry writes the same file again."""

    name = "outbox"

    def __init__(self, outbox_dir: Path) -> None:
        self._dir = outbox_dir

    def send(self, mailing: Mailing, recipients: Sequence[Recipient]) -> Outcomes:
        """Write one file per recipient; ProviderUnavailable where the folder cannot be written."""
        folder = str(mailing.issue_id)

        def write_all(stop: threading.Event) -> Iterator[Outcome]:
            for recipient in recipients:
                if stop.is_set():
                    return
                yield self._write(mailing, recipient, folder=folder)

        return Outcomes(write_all)

    def send_test(self, mailing: Mailing, recipient: Recipient) -> Outcome:
        """Write one file into the folder of test mails."""
        return self._write(mailing, recipient, folder=TEST_FOLDER)

    def check(self) -> str:
        """Say where mails are written; ProviderUnavailable where that folder cannot be written."""
        try:
            self._dir.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._dir):
                pass
        except OSError as error:
            raise _cannot_write(self._dir, error) from error
        return f"mails are written as files to {self._dir}, none leaves this machine"

    def close(self) -> None:
        """Nothing is held open."""

    def _write(self, mailing: Mailing, recipient: Recipient, *, folder: str) -> Outcome:
        if not _TOKEN.fullmatch(recipient.token):
            raise ValueError("a token that names a file holds letters, digits, - and _ only")
        key = f"{folder}/{recipient.token}{_SUFFIX}"
        try:
            data = mailing.compose(recipient)
        except InvalidInput as error:
            return refused(recipient, error)
        try:
            _write_file(self._dir / folder, recipient.token, data)
        except OSError as error:
            raise _cannot_write(self._dir, error) from error
        return Outcome(
            subscriber_id=recipient.subscriber_id,
            kind=OutcomeKind.ACCEPTED,
            response=f"written to outbox/{key}",
            message_id=recipient.headers.get("Message-ID", ""),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class MailSummary:
    """One line of the outbox page. `key` is for `read_mail`; `date` is aware, in UTC; `size` in bytes."""

    key: str
    to: str
    subject: str
    date: datetime
    size: int


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMail:
    """One mail of the outbox, decoded. `html` and `text` are empty where the mail has no such part."""

    key: str
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    source: str


def list_mails(
    outbox_dir: Path, *, issue_id: int | None = None, limit: int = 50, after: str | None = None
) -> list[MailSummary]:
    """Mails in the outbox: test mails, then the newest issue first, by token within an issue.

    With `issue_id` only that issue's. `after` is the key of the last mail of the page before; only the mails of the
    page are opened.
    """
    folders = _folders(outbox_dir) if issue_id is None else [str(issue_id)]
    if after is not None and _KEY.fullmatch(after) and after.partition("/")[0] in folders:
        folders = folders[folders.index(after.partition("/")[0]) :]
    page: list[MailSummary] = []
    for folder in folders:
        for name in _names(outbox_dir / folder):
            key = f"{folder}/{name}"
            if after is not None and folder == after.partition("/")[0] and key <= after:
                continue
            if (summary := _summary(outbox_dir, key)) is not None:
                page.append(summary)
            if len(page) >= limit:
                return page
    return page


def read_mail(outbox_dir: Path, key: str) -> StoredMail:
    """One mail of the outbox by its key; NotFound for anything that is not the key of a mail there."""
    path = outbox_dir / key
    if not _KEY.fullmatch(key) or not path.is_file() or path.resolve().parent.parent != outbox_dir.resolve():
        raise NotFound("there is no such mail in the outbox: look at its list")
    source = path.read_bytes()
    message = BytesParser(policy=policy.default).parsebytes(source)
    assert isinstance(message, EmailMessage)
    return StoredMail(
        key=key,
        headers=tuple((name, str(value)) for name, value in message.items()),
        html=_part(message, "html"),
        text=_part(message, "plain"),
        source=source.decode("utf-8", "replace"),
    )


def _write_file(folder: Path, token: str, data: bytes) -> None:
    target = folder / f"{token}{_SUFFIX}"
    draft = folder / f".{token}.{os.getpid()}.{threading.get_ident()}.tmp"
    try:
        draft.write_bytes(data)
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(data)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    draft.replace(target)


def _cannot_write(folder: Path, error: OSError) -> ProviderUnavailable:
    reason = error.strerror or type(error).__name__
    return ProviderUnavailable(
        f"the outbox folder {folder} cannot be written ({reason}): repair it, then resume", needs_person=True
    )


def _folders(outbox_dir: Path) -> list[str]:
    try:
        names = [entry.name for entry in os.scandir(outbox_dir) if entry.is_dir()]
    except FileNotFoundError:
        return []
    issues = sorted((name for name in names if name.isdecimal()), key=int, reverse=True)
    return [TEST_FOLDER, *issues] if TEST_FOLDER in names else issues


def _names(folder: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in os.scandir(folder) if _KEY.fullmatch(f"{folder.name}/{entry.name}"))
    except FileNotFoundError:
        return []


def _summary(outbox_dir: Path, key: str) -> MailSummary | None:
    path = outbox_dir / key
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
            status = os.fstat(file.fileno())
    except OSError:
        return None
    headers = BytesHeaderParser(policy=policy.default).parsebytes(head)
    return MailSummary(
        key=key,
        to=str(headers.get("To", "")),
        subject=str(headers.get("Subject", "")),
        date=_date(str(headers.get("Date", ""))) or datetime.fromtimestamp(status.st_mtime, tz=UTC),
        size=status.st_size,
    )


def _date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    if not isinstance(part, EmailMessage):
        return ""
    content = part.get_content()
    return content if isinstance(content, str) else ""
