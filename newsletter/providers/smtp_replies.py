"""Replies of an SMTP server, read from bytes as they come: split, joined or cut at any place."""

from __future__ import annotations

from typing import NamedTuple

MAX_LINE = 2048
MAX_LINES = 100


class Answer(NamedTuple):
    """One whole reply: `text` is all its lines joined by spaces, with the enhanced status code."""

    code: int
    text: bytes


class ReplyReader:
    """Collects lines into replies (RFC 5321 section 4.2). `is_broken` once something came that is no reply."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[bytes] = []
        self.is_broken = False

    def feed(self, data: bytes) -> list[Answer]:
        """The replies that are whole with these bytes; after `is_broken` there are no more."""
        if self.is_broken:
            return []
        answers: list[Answer] = []
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if not self._take(line, answers):
                self.is_broken = True
                return answers
        self.is_broken = len(self._rest) > MAX_LINE
        return answers

    def _take(self, line: bytes, answers: list[Answer]) -> bool:
        if len(line) < 3 or not line[:3].isdigit() or len(line) > MAX_LINE or len(self._lines) >= MAX_LINES:
            return False
        if line[3:4] == b"-":
            self._lines.append(line[4:].strip())
        elif self._lines:
            answers.append(Answer(int(line[:3]), b" ".join([*self._lines, line[4:].strip()])))
            self._lines.clear()
        else:
            answers.append(Answer(int(line[:3]), line[4:].strip()))
        return True
