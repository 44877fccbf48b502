"""The embedded broker: kombu's transport by files, whose messages appear whole or not at all.

kombu 5.7 writes a message under its final name, so that a reader may find it empty; its worker then ends with an error.
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import TRANSPORT_ALIASES
from kombu.transport.filesystem import Channel as FileChannel
from kombu.transport.filesystem import Transport as FileTransport
from kombu.utils.json import dumps

URL = "newsletter-files://localhost"


class Channel(FileChannel):
    """Writes each message aside before it gets its name."""

    def _put(self, queue: Any, payload: Any, **_: Any) -> None:  # type: ignore[override]
        name = f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        # A name that begins with a dot belongs to no queue.
        aside = Path(self.data_folder_out, f".{name}")
        try:
            aside.write_text(dumps(payload), encoding="utf-8")  # type: ignore[no-untyped-call]
            os.replace(aside, Path(self.data_folder_out, name))
        except OSError as error:
            raise ChannelError(f"the message cannot be written to {self.data_folder_out}") from error

    def _get(self, queue: Any, timeout: Any = None) -> Any:
        try:
            return super()._get(queue)  # type: ignore[no-untyped-call]
        except ValueError:
            # Torn by a crash of the machine. The row is the work: the tick wakes somebody else for it.
            raise Empty from None


class Transport(FileTransport):
    """The transport of `URL`."""

    Channel = Channel


TRANSPORT_ALIASES["newsletter-files"] = f"{__name__}:Transport"
