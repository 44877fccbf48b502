"""Opening the system for one command: settings, key and a migrated database, or one sentence."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from newsletter.errors import InvalidInput, ServiceUnavailable
from newsletter.logs import configure_logs
from newsletter.runtime import Runtime
from newsletter.settings import load_settings

MAX_INPUT_BYTES = 8 * 1024 * 1024


@contextmanager
def open_runtime() -> Iterator[Runtime]:
    """The runtime of one command; refuses a database that is gone or not at the newest schema."""
    settings = load_settings()
    configure_logs(settings.log_format, level=logging.WARNING)
    runtime = Runtime.from_settings(settings)
    try:
        with database_faults():
            runtime.check_database()
            yield runtime
    finally:
        runtime.close()


@contextmanager
def database_faults() -> Iterator[None]:
    """Turn what a database driver says into one sentence, whichever database it is."""
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        raise ServiceUnavailable(
            f"the database does not answer ({_reason(error)}): start it, or correct NEWSLETTER_DATABASE_URL"
        ) from error
    except DBAPIError as error:
        raise ServiceUnavailable(f"the database refused this ({_reason(error)}): see `newsletter doctor`") from error


def read_input(path: Path) -> bytes:
    """The bytes of a file, or of standard input for "-"; never more than a brief could be and a little over."""
    if str(path) == "-":
        return sys.stdin.buffer.read(MAX_INPUT_BYTES)
    if not path.exists():
        raise InvalidInput(f"there is no file {path}: check its name")
    if path.is_dir():
        raise InvalidInput(f"{path} is a folder: name one file in it")
    with path.open("rb") as file:
        return file.read(MAX_INPUT_BYTES)


def _reason(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error).__name__
