"""Mails that lie in files: one mail, an mbox, a Maildir, or a folder of mails. Read only: nothing is moved or marked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from newsletter.errors import InvalidInput

MAX_MAIL_BYTES = 10 * 1024 * 1024
_MBOX_START = b"From "
_MAILDIR_FOLDERS = ("new", "cur")


def mails_in(path: Path) -> Iterator[bytes]:
    """Each raw mail of a file, mbox (RFC 4155), Maildir or folder, in order of name; never more than 10 MB of one.

    InvalidInput where there is nothing of this name.
    """
    if not path.exists():
        raise InvalidInput(f"there is no file or folder {path}: check its name")
    if path.is_dir():
        return _in_folder(path)
    return _in_mbox(path) if _is_mbox(path) else iter([_read(path)])


def _in_folder(path: Path) -> Iterator[bytes]:
    folders = [path / name for name in _MAILDIR_FOLDERS if (path / name).is_dir()]
    for folder in folders or [path]:
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                yield from _in_mbox(file) if _is_mbox(file) else [_read(file)]


def _is_mbox(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_MBOX_START)) == _MBOX_START


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_MAIL_BYTES)


def _in_mbox(path: Path) -> Iterator[bytes]:
    lines: list[bytes] = []
    size = 0
    was_blank = True
    with path.open("rb") as file:
        for line in file:
            if was_blank and line.startswith(_MBOX_START):
                if lines:
                    yield b"".join(lines)
                lines, size = [], 0
            elif size <= MAX_MAIL_BYTES:
                lines.append(_unquoted(line))
                size += len(line)
            was_blank = not line.strip(b"\r\n")
    if lines:
        yield b"".join(lines)


def _unquoted(line: bytes) -> bytes:
    """A line as it was before the mbox put `>` in front of what looks like the start of a mail."""
    return line[1:] if line.startswith(b">") and line.lstrip(b">").startswith(_MBOX_START) else line
