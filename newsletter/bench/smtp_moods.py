"""How our own SMTP server can behave: towards a recipient, towards everybody, and by chance."""

from __future__ import annotations

from dataclasses import dataclass

RECIPIENT_MOODS = {
    "refused5xx": "550 5.1.1 {rcpt}: no such user here",
    "deferred4xx": "451 4.3.0 try again later",
    "relaydenied": "554 5.7.1 {rcpt}: Relay access denied",
    "remotesaid": "550 5.1.1 {rcpt}: host mx.example said: 550 5.7.1 relaying denied",
    "closes421": "421 4.3.2 shutting down",
}
END_MOODS = {
    "refusedatend": "554 5.7.1 message content rejected",
    "deferredatend": "452 4.3.1 no room",
}


@dataclass
class Moods:
    """Moods of the whole server. An empty string or 0 means: behave."""

    greeting: str = ""
    mail_reply: str = ""
    data_reply: str = ""
    delay_seconds: float = 0
    end_delay_seconds: float = 0
    messages_per_connection: int = 0
    max_connections: int = 0
    die_after_dot: bool = False
    drop_in_data: bool = False
    close_after_message: bool = False
    greylist: bool = False
    always_354: bool = False
    pipelining: bool = True
    dsn: bool = False
    size_limit: int = 0


@dataclass
class Stats:
    """What the server saw."""

    connections: int = 0
    open: int = 0
    accepted: int = 0
    noops: int = 0
    resets: int = 0
    quits: int = 0
    empty_messages: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """What befalls one message at one stage: a reply, or a manner of falling silent.

    stage: mail, rcpt, data, or end (the final dot). `how`: "drop" closes, "hang" says nothing more, "slow" waits and
    behaves, "tarpit" answers byte by byte. `is_taken` says whether the message is kept all the same, `doubt` whether
    the client cannot know that.
    """

    stage: str
    reply: str = ""
    how: str = ""
    is_taken: bool = False
    doubt: bool = False


FAULTS: dict[str, Fault] = {
    "421-mail": Fault(stage="mail", reply="421 4.3.2 shutting down"),
    "451-mail": Fault(stage="mail", reply="451 4.3.0 try again later"),
    "550-mail": Fault(stage="mail", reply="550 5.7.1 sender refused"),
    "421-rcpt": Fault(stage="rcpt", reply="421 4.3.2 shutting down"),
    "450-rcpt": Fault(stage="rcpt", reply="450 4.2.1 mailbox busy"),
    "552-rcpt": Fault(stage="rcpt", reply="552 5.2.2 mailbox full"),
    "451-data": Fault(stage="data", reply="451 4.3.1 no room"),
    "554-data": Fault(stage="data", reply="554 5.3.0 transaction failed"),
    "421-end": Fault(stage="end", reply="421 4.3.2 shutting down"),
    "452-end": Fault(stage="end", reply="452 4.3.1 no room"),
    "554-end": Fault(stage="end", reply="554 5.6.0 content refused"),
    "dropped-mail": Fault(stage="mail", how="drop"),
    "dropped-data": Fault(stage="data", how="drop", doubt=True),
    "dropped-end": Fault(stage="end", how="drop", doubt=True),
    "dropped-end-taken": Fault(stage="end", how="drop", is_taken=True, doubt=True),
    "mute-end": Fault(stage="end", how="hang", doubt=True),
    "mute-end-taken": Fault(stage="end", how="hang", is_taken=True, doubt=True),
    "slow": Fault(stage="end", how="slow", is_taken=True),
    "tarpit": Fault(stage="end", how="tarpit", is_taken=True),
}
