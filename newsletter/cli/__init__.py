"""The command line: `newsletter …`. Each noun has its module, loaded only when it is asked for."""

from __future__ import annotations

from newsletter.cli.root import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line of this process; leaves with 0 done, 1 refused or failed, 2 wrong usage."""
    app(prog_name="newsletter")
