"""Mails that lie in files: one mail, an mbox, a Maildir, or a folder of mails.

Reading moves and marks nothing; only the new mails of a Maildir, where they are to be taken once, become seen ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
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


def take_new(maildir: Path, take: Callable[[bytes], None]) -> int:
    """Take in each new mail of a Maildir, in order of name, and then move it to the seen ones; returns how many.

    `take(raw)` returns once the mail is stored for good; what it raises leaves its mail where it is. Mails that are
    still being written lie elsewhere until they are whole. InvalidInput where this is no Maildir.
    """
    new, seen = maildir / "new", maildir / "cur"
    if not (new.is_dir() and seen.is_dir()):
        raise InvalidInput(f"{maildir} is no Maildir: it needs the folders new and cur")
    taken = 0
    for file in sorted(new.iterdir()):
        if not file.is_file() or file.name.startswith("."):
            continue
        try:
            raw = _read(file)
        except FileNotFoundError:
            continue  # a mail program was faster, and shows it as an old one
        take(raw)
        taken += 1
        with suppress(FileNotFoundError):
            file.rename(seen / f"{file.name.partition(':2,')[0]}:2,S")
    return taken


def _in_folder(path: Path) -> Iterator[bytes]:
    folders = [path / name for name in _MAILDIR_FOLDERS if (path / name).is_dir()]
    for folder in folders or [path]:
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith("."):
                with suppress(FileNotFoundError):  # moved or deleted since the folder was read
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
