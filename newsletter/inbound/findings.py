"""One recipient as a report tells of it, before it is judged."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """What a report says of one recipient.

    `diagnostic` is the refusing server's answer, `context` what else the report says of this address alone; both may
    be empty. `action` is a word of RFC 3464 or "".
    """

    address: str
    action: str = ""
    status: str = ""
    diagnostic: str = ""
    remote_mta: str = ""
    context: str = ""
    final_recipient: str = ""
    source: str = "text"
