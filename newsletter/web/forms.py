"""Forms: what a browser posted, bounded in size before it is read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Annotated, BinaryIO

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from newsletter.errors import InvalidInput
from newsletter.web.access import route_of

SAFE_METHODS = frozenset({"GET", "HEAD"})
_MAX_FIELDS = 200
# Databases refuse NUL, and nobody types the others.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A file that came with a form; `stream` lies on disk where it is large."""

    file_name: str
    stream: BinaryIO


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """The fields of a form by name. A field that was not sent is empty."""

    fields: FormData = field(default_factory=FormData)

    def line(self, name: str) -> str:
        """One line of text, without control characters and outer blanks."""
        return " ".join(self.text(name).split())

    def text(self, name: str) -> str:
        """Text as it was typed, with `\\n` as line break and without other control characters."""
        return _CONTROLS.sub("", self.raw(name).replace("\r\n", "\n").replace("\r", "\n"))

    def raw(self, name: str) -> str:
        """Text exactly as it was sent: for passwords, and for readers that judge it themselves."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def lines(self, name: str) -> list[str]:
        """The values of a field that may come several times (check boxes)."""
        values = self.fields.getlist(name)
        return [_CONTROLS.sub("", value).strip() for value in values if isinstance(value, str)]

    def is_checked(self, name: str) -> bool:
        """Whether a check box was ticked."""
        return bool(self.raw(name))

    def number(self, name: str) -> int | None:
        """A whole number; None where the field is empty, InvalidInput for anything else."""
        text = self.line(name)
        if not text:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise InvalidInput(f"“{text[:40]}” is not a number: correct the field {name.replace('_', ' ')}")
        return int(text)

    def upload(self, name: str) -> Upload | None:
        """The file of a field; None where none was chosen."""
        value = self.fields.get(name)
        if not isinstance(value, UploadFile) or not value.filename:
            return None
        return Upload(file_name=_CONTROLS.sub("", value.filename)[:200], stream=value.file)


def plain(text: str) -> str:
    """A value of the query string, without control characters and outer blanks."""
    return _CONTROLS.sub("", text).strip()


async def read_form(request: Request) -> AsyncIterator[Form]:
    """The form of this request, never more of it than its route allows (413); files close after the answer."""
    if request.method in SAFE_METHODS:
        yield Form()
        return
    route = route_of(request)
    bounded = Request(request.scope, _bounded(request.receive, route.body_limit))
    try:
        data = await bounded.form(max_files=1, max_fields=_MAX_FIELDS, max_part_size=route.body_limit)
    except HTTPException as error:
        # A mail program's body may be anything; its address says it all (RFC 8058 3.1).
        if not route.takes_foreign_posts or error.status_code != 400:
            raise
        data = FormData()
    try:
        yield Form(fields=data)
    finally:
        await data.close()


def _bounded(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def receive_some() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, "what you sent is too large")
        return message

    return receive_some


PostedForm = Annotated[Form, Depends(read_form)]
