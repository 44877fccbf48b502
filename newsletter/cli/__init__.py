"""The command line: `newsletter …`. Each noun has its module, loaded only when it is asked for."""

from __future__ import annotations

import io
import sys

from newsletter.cli.root import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line of this process; leaves with 0 done, 1 refused or failed, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no Chinese shows it escaped; the command is done all the same.
            stream.reconfigure(errors="backslashreplace")
    app(prog_name="newsletter")
