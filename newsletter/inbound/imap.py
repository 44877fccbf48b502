"""A mailbox that bounces arrive in, read by IMAP (RFC 3501): each mail is taken in, and only then marked as done.

Whoever dies in between finds the mail again and takes it in twice, which counts once. Done mails are moved to a folder
where the address names one, else they get a keyword, so that a person who reads along in a mail program changes nothing.
"""

from __future__ import annotations

import imaplib
import logging
import re
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from newsletter.domain.hosts import is_loopback
from newsletter.errors import ConfigurationError, ServiceUnavailable
from newsletter.inbound.mailboxes import MAX_MAIL_BYTES

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0
MAILS_AT_ONCE = 1_000
TAKEN = "$NewsletterTaken"
_DEFAULT_PORTS = {"imap": 143, "imaps": 993}
_FOLDER = re.compile(r"[A-Za-z0-9 ._/-]{1,200}")
_FAULTS = (imaplib.IMAP4.error, OSError, ValueError)


@dataclass(frozen=True, kw_only=True, slots=True)
class MailboxPlace:
    """Where the mailbox is. `done_folder` is "" where done mails stay and get a keyword."""

    host: str
    port: int
    is_tls: bool
    user: str
    password: str = field(repr=False)
    folder: str = "INBOX"
    done_folder: str = ""

    @property
    def is_loopback(self) -> bool:
        """Whether nothing leaves this machine on the way to the mailbox."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def parse_imap_url(url: str) -> MailboxPlace:
    """Read `imap[s]://user:password@host[:port][/FOLDER][?done=FOLDER]`, user and password percent-encoded.

    imap:// begins in the clear and insists on STARTTLS, but for this machine itself. ConfigurationError for anything
    else; it never quotes the URL, which holds a password.
    """
    try:
        parts = urlsplit(url.strip())
        port = parts.port
    except ValueError:
        raise _faulty("its port is not a number") from None
    if parts.scheme not in _DEFAULT_PORTS:
        raise _faulty("it must begin with imaps:// or imap://")
    if not (parts.hostname and parts.username and parts.password):
        raise _faulty("it needs the form imaps://user:password@host/FOLDER")
    options = parse_qs(parts.query)
    if options.keys() - {"done"}:
        raise _faulty("it has an unknown option: there is only done")
    folder, done = unquote(parts.path.strip("/")) or "INBOX", options.get("done", [""])[-1]
    if not _FOLDER.fullmatch(folder) or (done and not _FOLDER.fullmatch(done)) or folder == done:
        raise _faulty("its folders must be two different names of letters, digits, blanks and ._/-")
    return MailboxPlace(
        host=parts.hostname,
        port=port or _DEFAULT_PORTS[parts.scheme],
        is_tls=parts.scheme == "imaps",
        user=unquote(parts.username),
        password=unquote(parts.password),
        folder=folder,
        done_folder=done,
    )


def poll(place: MailboxPlace, take: Callable[[bytes], None], *, limit: int = MAILS_AT_ONCE) -> int:
    """Take in the mails that wait in a mailbox, the oldest first, `limit` at most; returns how many.

    `take(raw)` returns once the mail is stored for good; what it raises ends the round and leaves its mail waiting.
    ServiceUnavailable where the mailbox cannot be reached or used.
    """
    with _opened(place) as mailbox:
        waiting = mailbox.waiting()[:limit]
        taken = 0
        for uid in waiting:
            with _faults_of(place):
                raw = mailbox.fetch(uid)
            if raw is not None:
                take(raw)
                taken += 1
            with _faults_of(place):
                mailbox.finish(uid)
        return taken


class _Mailbox:
    """One signed-in connection with its folder selected."""

    def __init__(self, link: imaplib.IMAP4, place: MailboxPlace) -> None:
        self._link = link
        self._done = place.done_folder
        # A server says more of what it can once somebody has signed in.
        [told, *_] = self._expect(link.capability(), "does not say what it can")
        self._capabilities = frozenset(bytes(told or b"").decode("ascii", "replace").upper().split())
        if self._done:
            link.create(_quoted(self._done))  # answers NO where it exists already
        self._expect(link.select(_quoted(place.folder)), f"has no folder {place.folder}")
        flags = b" ".join(flag for flag in link.response("PERMANENTFLAGS")[1] or () if flag)
        # Where the server keeps no keywords, "seen" has to do.
        self._keeps_keywords = rb"\*" in flags or TAKEN.encode() in flags

    def waiting(self) -> list[str]:
        """The numbers of the mails that nobody has taken, the oldest first."""
        unseen = ("UNKEYWORD", TAKEN) if self._keeps_keywords else ("UNSEEN",)
        [found, *_] = self._expect(self._link.uid("SEARCH", "UNDELETED", *unseen), "cannot be searched")
        return found.decode().split() if found else []

    def fetch(self, uid: str) -> bytes | None:
        """One raw mail, unmarked, never more than 10 MB of it; None where it is gone."""
        parts = self._expect(self._link.uid("FETCH", uid, f"(BODY.PEEK[]<0.{MAX_MAIL_BYTES}>)"), "cannot be read")
        # imaplib's types know no literals: each is a tuple of its header and its bytes.
        return next((bytes(part[1]) for part in parts if type(part) is tuple), None)

    def finish(self, uid: str) -> None:
        """Mark a mail as taken, or move it away; fine where another round has done so."""
        if not self._done:
            self._link.uid("STORE", uid, "+FLAGS", f"({TAKEN})" if self._keeps_keywords else r"(\Seen)")
        elif "MOVE" in self._capabilities:
            self._link.uid("MOVE", uid, _quoted(self._done))
        elif self._link.uid("COPY", uid, _quoted(self._done))[0] == "OK":
            self._link.uid("STORE", uid, "+FLAGS", r"(\Deleted)")
            if "UIDPLUS" in self._capabilities:
                self._link.uid("EXPUNGE", uid)

    @staticmethod
    def _expect(answer: tuple[str, Sequence[Any]], trouble: str) -> Sequence[Any]:
        if answer[0] != "OK":
            raise imaplib.IMAP4.error(trouble)
        return answer[1]


@contextmanager
def _opened(place: MailboxPlace) -> Iterator[_Mailbox]:
    with _faults_of(place):
        link = _connect(place)
    try:
        with _faults_of(place):
            link.login(place.user, place.password)
            mailbox = _Mailbox(link, place)
        yield mailbox
    finally:
        with suppress(*_FAULTS):
            link.logout()
        _close(link)


def _connect(place: MailboxPlace) -> imaplib.IMAP4:
    if place.is_tls:
        context = ssl.create_default_context()
        return imaplib.IMAP4_SSL(place.host, place.port, ssl_context=context, timeout=TIMEOUT_SECONDS)
    link = imaplib.IMAP4(place.host, place.port, timeout=TIMEOUT_SECONDS)
    try:
        if not place.is_loopback:
            link.starttls(ssl.create_default_context())
    except BaseException:
        _close(link)
        raise
    return link


def _close(link: imaplib.IMAP4) -> None:
    """Close the connection in any case: imaplib does so only after a goodbye that was answered."""
    with suppress(OSError):
        link.shutdown()


@contextmanager
def _faults_of(place: MailboxPlace) -> Iterator[None]:
    try:
        yield
    except _FAULTS as error:
        reason = "it closed the connection" if isinstance(error, imaplib.IMAP4.abort) else str(error)
        raise ServiceUnavailable(
            f"the mailbox at {place} cannot be used ({_plain(reason)}): check NEWSLETTER_BOUNCE_IMAP_URL and the server"
        ) from error


def _plain(reason: str) -> str:
    text = reason[2:-1] if reason.startswith("b'") else reason
    return " ".join(text.split())[:200]


def _quoted(folder: str) -> str:
    return f'"{folder}"'


def _faulty(reason: str) -> ConfigurationError:
    return ConfigurationError(f"setting NEWSLETTER_BOUNCE_IMAP_URL cannot be used: {reason}")
