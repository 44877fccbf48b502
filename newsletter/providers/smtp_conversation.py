"""What is said over one SMTP connection, mail after mail: what each reply means, and what is said next.

Where the server offers PIPELINING (RFC 2920), MAIL, RCPT and DATA leave in one write, and those of the next mail in
the same write as the message before them: one round trip for each mail. The message itself is only composed when the
server asks for it (354): a mail whose commands were said ahead is still untouched, and in doubt is only what is out.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from newsletter.domain.answers import SmtpReply, Stage
from newsletter.domain.mail import Recipient
from newsletter.providers.smtp_connection import Command, ConnectionLost, Envelope, SmtpConnection
from newsletter.providers.smtp_replies import Answer

_DOT = b".\r\n"
_MAX_TEXT = 1000
_BEFORE_RCPT = frozenset({Stage.RESET, Stage.MAIL})
# RFC 5321 section 4.5.3.2 gives a server five minutes for a reply and ten after the final dot.
_PATIENCE = {Stage.END: 2.0}


class Message:
    """One message as it goes over the wire but for its final dot."""

    __slots__ = ("is_8bit", "size", "wire")

    def __init__(self, wire: bytes, *, size: int, is_8bit: bool = False) -> None:
        self.wire = wire
        self.size = size
        self.is_8bit = is_8bit


class Desk(Protocol):
    """Where a conversation gets its mails and tells what became of each of them, once."""

    @property
    def is_stopped(self) -> bool:
        """Whether nobody further is to be handed over."""
        ...

    def next_recipient(self) -> Recipient | None:
        """Whose mail is to be begun; None where no more is to be handed over."""
        ...

    def expected_size(self) -> int | None:
        """The size of the next message, where messages need not be composed to know how to announce them."""
        ...

    def compose(self, recipient: Recipient) -> Message | None:
        """The message, handed over at once or announced; None where there is none: the desk knows what became of it."""
        ...

    def settle(self, recipient: Recipient, reply: SmtpReply) -> bool:
        """The server's word about a mail; False where it asks to be left alone."""
        ...

    def lose(self, recipient: Recipient, reason: str, *, is_in_doubt: bool) -> None:
        """No word about a mail; in doubt is what the server had in full."""
        ...

    def put_back(self, recipient: Recipient) -> None:
        """Not handed over, and through no fault of this mail: it waits again."""
        ...


class _Mail:
    """A mail on its way. `unsaid` are commands that wait for a reply; `follows` says that a message went before."""

    __slots__ = ("ends_at", "follows", "recipient", "refusal", "unsaid")

    def __init__(self, recipient: Recipient, *, follows: bool) -> None:
        self.recipient = recipient
        self.follows = follows
        self.refusal: SmtpReply | None = None
        self.unsaid: deque[Command] = deque()
        self.ends_at = 0


class Conversation:
    """Mails over one connection until there are no more, or the connection is not good any more.

    `is_over` then; whether the connection can be kept says its `is_open`. `is_deaf`: the server does not take commands
    that come with a message, whatever it offers. Nothing is waited for here.
    """

    def __init__(self, connection: SmtpConnection, desk: Desk, *, timeout_seconds: float) -> None:
        self.connection = connection
        self._desk = desk
        self._timeout_seconds = timeout_seconds
        self._awaited: deque[tuple[Stage, _Mail]] = deque()
        self._heard: deque[Answer] = deque()
        self.is_over = False
        self.is_deaf = False
        self.deadline = 0.0

    def begin(self) -> None:
        """Begin the next mail, or be over."""
        desk = self._desk
        while self.connection.has_room and (recipient := desk.next_recipient()) is not None:
            # Only to announce it: it is composed anew when the server waits for it, for then the batch must be ours.
            draft = desk.compose(recipient) if desk.expected_size() is None else Message(b"", size=0)
            if draft is None:
                continue
            mail = _Mail(recipient, follows=False)
            commands = self._commands(mail, size=draft.size, is_8bit=draft.is_8bit)
            self._awaited.extend((stage, mail) for stage, _ in commands)
            self.connection.write(*(command for _, command in commands))
            self._wait_anew()
            return
        self.is_over = True

    @property
    def has_more(self) -> bool:
        """Whether `listen` stopped before the end of what the server said, to have an outcome told first."""
        return bool(self._heard or self.connection.is_faulty) and not self.is_over

    def listen(self) -> None:
        """Take in what the server has said, and answer it, up to the next outcome.

        A worker writes that down before the next message leaves: should it be killed, only what is out is in doubt.
        """
        connection = self.connection
        try:
            if not self._heard:
                self._heard.extend(connection.read())
            while self._heard and not self.is_over:
                code, text = self._heard.popleft()
                if self._take(code, text) is Stage.END:
                    return
            if connection.is_writing:
                connection.flush()
        except ConnectionLost as lost:
            self._lose(lost.reason)

    def write_on(self) -> None:
        """Go on with what the server had no room for."""
        before = self.connection.written
        self.connection.flush()
        if self.connection.written > before:
            self._wait_anew()

    @property
    def is_in_doubt(self) -> bool:
        """Whether a message is out, in part or in full, that there is no reply to."""
        return any(stage is Stage.END for stage, _ in self._awaited)

    def let_go(self) -> None:
        """End here, with no message out; whose mail was announced waits again."""
        self._close()

    def fall_silent(self) -> None:
        """The deadline is over."""
        stage, mail = self._awaited[0]
        # Some servers throw away what comes with a message.
        self.is_deaf = mail.follows and stage is Stage.MAIL
        self._lose("no answer in time")

    def _commands(self, mail: _Mail, *, size: int = 0, is_8bit: bool = False) -> list[Command]:
        """What is to be said now for a mail; without PIPELINING the rest waits."""
        recipient = mail.recipient
        commands = self.connection.commands_for(
            Envelope(
                sender=recipient.return_path,
                recipient=recipient.email,
                size=self._desk.expected_size() or size,
                is_8bit=is_8bit,
                envelope_id=recipient.token,
            )
        )
        if self.connection.is_pipelining:
            return commands
        mail.unsaid.extend(commands[1:])
        return commands[:1]

    def _take(self, code: int, text: bytes) -> Stage:
        if not self._awaited:
            raise ConnectionLost("the server speaks without being asked")
        stage, mail = self._awaited.popleft()
        if code == 421:
            self._take_goodbye(mail, _reply(stage, code, text))
        else:
            _STEPS.get(stage, Conversation._after_command)(self, mail, stage, code, text)
        if self._awaited:
            self._wait_anew()
        return stage

    def _after_command(self, mail: _Mail, stage: Stage, code: int, text: bytes) -> None:
        if stage is not Stage.RESET and code // 100 != 2 and mail.refusal is None:
            mail.refusal = _reply(stage, code, text)
        if not mail.unsaid:
            return
        if mail.refusal is not None:
            self._finish_refused(mail, mail.refusal)
            return
        command = mail.unsaid.popleft()
        self._awaited.append((command[0], mail))
        self.connection.write(command[1])

    def _after_data(self, mail: _Mail, stage: Stage, code: int, text: bytes) -> None:
        if code // 100 != 3:
            # "Yes" is no answer to DATA: replies and commands have lost each other.
            self._finish_refused(mail, mail.refusal or _reply(stage, code, text), is_open=code // 100 != 2)
        elif mail.refusal is None:
            self._hand_over(mail)
        elif mail.refusal.stage is Stage.RCPT:
            # It asks for a message that it has no recipient for: send none (RFC 2920 section 3.1).
            self._awaited.append((Stage.END, mail))
            self.connection.write(_DOT)
        else:
            # It has a recipient, from whichever mail: not even an empty message may reach them.
            self._finish_refused(mail, mail.refusal, is_open=False)

    def _hand_over(self, mail: _Mail) -> None:
        """The message in full, with the commands of the next mail behind it."""
        desk, connection = self._desk, self.connection
        if desk.is_stopped:
            self._close()
            desk.put_back(mail.recipient)
            return
        message = desk.compose(mail.recipient)
        if message is None:
            self._close()  # the server waits for a message that there will not be
            return
        self._awaited.append((Stage.END, mail))
        mail.ends_at = connection.queued + len(message.wire) + len(_DOT)
        following = self._following()
        commands = self._commands(following) if following else []
        self._awaited.extend((stage, following) for stage, _ in commands if following)
        connection.write(message.wire, _DOT, *(command for _, command in commands))

    def _following(self) -> _Mail | None:
        desk, connection = self._desk, self.connection
        if not connection.looks_ahead or not connection.has_room or desk.expected_size() is None:
            return None
        recipient = desk.next_recipient()
        return None if recipient is None else _Mail(recipient, follows=True)

    def _after_end(self, mail: _Mail, stage: Stage, code: int, text: bytes) -> None:
        connection = self.connection
        if mail.refusal is not None:
            self._finish_refused(mail, mail.refusal)
            return
        reply = _reply(stage, code, text)
        if connection.written < mail.ends_at:
            # An answer before the message was out: a refusal holds, and the rest of the message stays here.
            self._close()
            if code // 100 in (4, 5):
                self._desk.settle(mail.recipient, reply)
            else:
                self._desk.lose(mail.recipient, "answered before the whole message was sent", is_in_doubt=False)
            return
        connection.is_used = True
        self._go_on(may=self._desk.settle(mail.recipient, reply))

    def _finish_refused(self, mail: _Mail, refusal: SmtpReply, *, is_open: bool = True) -> None:
        connection = self.connection
        connection.needs_reset = True
        if not is_open:
            self._close()
        connection.is_used = True
        self._go_on(may=self._settle_refused(mail, refusal))

    def _settle_refused(self, mail: _Mail, refusal: SmtpReply) -> bool:
        if mail.follows and refusal.stage is Stage.MAIL:
            # Perhaps only because it came too early: it is asked again, with its own round trip.
            self.connection.looks_ahead = False
            self.is_deaf = refusal.code // 100 == 5
            self._desk.put_back(mail.recipient)
            return True
        return self._desk.settle(mail.recipient, refusal)

    def _go_on(self, *, may: bool) -> None:
        if self.is_over or self._awaited:
            return
        if may:
            self.begin()
        else:
            self.is_over = True

    def _take_goodbye(self, mail: _Mail, reply: SmtpReply) -> None:
        """421 is the answer to the command at hand, and to all that was said after it."""
        self._close(without=mail)
        if mail.refusal is None and self.connection.is_used and reply.stage in _BEFORE_RCPT:
            self._desk.put_back(mail.recipient)
        else:
            self._settle_refused(mail, mail.refusal or reply)

    def _lose(self, reason: str) -> None:
        connection, desk = self.connection, self._desk
        stage, mail = self._awaited[0] if self._awaited else (Stage.RESET, None)
        self._close(without=mail)
        if mail is None:
            return
        if mail.refusal is not None:
            self._settle_refused(mail, mail.refusal)
        elif stage is Stage.END:
            desk.lose(mail.recipient, reason, is_in_doubt=connection.written >= mail.ends_at)
        elif connection.is_used and stage in _BEFORE_RCPT:
            desk.put_back(mail.recipient)
        else:
            desk.lose(mail.recipient, reason, is_in_doubt=False)

    def _close(self, *, without: _Mail | None = None) -> None:
        """Say nothing more; whose mail was only announced waits again."""
        self.connection.is_open = False
        self.is_over = True
        for recipient in {id(mail): mail.recipient for _, mail in self._awaited if mail is not without}.values():
            self._desk.put_back(recipient)
        self._awaited.clear()

    def _wait_anew(self) -> None:
        stage = self._awaited[0][0]
        self.deadline = time.monotonic() + self._timeout_seconds * _PATIENCE.get(stage, 1.0)


_Step = Callable[[Conversation, _Mail, Stage, int, bytes], None]
_STEPS: dict[Stage, _Step] = {Stage.DATA: Conversation._after_data, Stage.END: Conversation._after_end}


def _reply(stage: Stage, code: int, text: bytes) -> SmtpReply:
    # Whoever reads it looks for patterns, in a time that grows faster than the text.
    return SmtpReply(stage=stage, code=code, text=text[:_MAX_TEXT].decode("utf-8", "replace"))
