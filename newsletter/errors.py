"""The error tree: a few families, each named for what the caller does next.

Every error reads as a sentence to a person. Edges map a family once: the web to an HTTP status,
the command line to an exit code.
"""

from __future__ import annotations

from dataclasses import dataclass


class NewsletterError(Exception):
    """Something a person can understand and act on. The message is one sentence."""


class NotFound(NewsletterError):
    """The thing named does not exist: check the name or the id."""


class Conflict(NewsletterError):
    """The thing exists, but its state forbids the act: look at it, then decide again."""


class Forbidden(NewsletterError):
    """This user may not do this: ask somebody whose role may."""


class InvalidInput(NewsletterError):
    """What was given cannot be used: correct it and give it again."""


class ConfigurationError(NewsletterError):
    """A setting is missing or wrong: an operator repairs it."""


class ServiceUnavailable(NewsletterError):
    """A database, broker or provider does not answer: wait, or repair it; nothing was lost."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One thing that is wrong with an input, with the line (counted from 1) where it is."""

    line: int | None
    message: str

    def __str__(self) -> str:
        return self.message if self.line is None else f"line {self.line}: {self.message}"


class UnreadableBrief(InvalidInput):
    """A brief that cannot be understood; `faults` names every reason with its line."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = tuple(faults)
        count = len(self.faults)
        head = "the brief cannot be read" if count == 1 else f"the brief cannot be read ({count} faults)"
        super().__init__(f"{head}: " + "; ".join(str(fault) for fault in self.faults))
