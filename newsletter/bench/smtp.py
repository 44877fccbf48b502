"""How fast whole mails go to an SMTP server: our provider path, and EmailMessage with smtplib, in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from newsletter.bench.baselines import send_by_smtplib
from newsletter.bench.sample_mail import SampleMail
from newsletter.bench.site import Sink
from newsletter.domain.mail import OutcomeKind
from newsletter.errors import ServiceUnavailable
from newsletter.providers.smtp import SmtpProvider
from newsletter.providers.smtp_url import parse_smtp_url

ROUNDS = 5
_TIMEOUT_SECONDS = 30.0
_TRIES = 3


@dataclass
class Meter:
    """Mails, and what they took of the clock and of this process's CPU."""

    mails: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    def measure(self, work: Callable[[], int]) -> None:
        """Add one piece of work, which tells how many mails it was."""
        clock, cpu = time.perf_counter(), time.process_time()
        self.mails += work()
        self.seconds += time.perf_counter() - clock
        self.cpu_seconds += time.process_time() - cpu

    @property
    def cpu_us(self) -> float:
        """CPU of one mail, in microseconds."""
        return self.cpu_seconds / self.mails * 1e6

    def figures(self) -> dict[str, Any]:
        """As a table's row."""
        return {
            "mails": self.mails,
            "seconds": round(self.seconds, 3),
            "mails_per_second": round(self.mails / self.seconds, 1),
            "cpu_us_per_mail": round(self.cpu_us, 1),
        }


def run(*, mails: int, connections: int, batch_size: int, plain_mails: int, smtp_address: str) -> dict[str, Any]:
    """Figures of both ways to one server, in turns of a fifth each, so that a busy machine is busy for both.

    `smtp_address` (HOST:PORT) is somebody else's server, whose count is not ours to read; empty gives our own sink.
    """
    sample = SampleMail()
    sink = None if smtp_address else Sink("smtp")
    host, _, port = smtp_address.rpartition(":") if sink is None else ("127.0.0.1", "", str(sink.port))
    host = host or "127.0.0.1"
    provider = SmtpProvider(
        parse_smtp_url(f"smtp://{host}:{port}"), connections=connections, timeout_seconds=_TIMEOUT_SECONDS
    )
    ours, plain = Meter(), Meter()
    try:
        for turn in range(ROUNDS):
            numbers = range(1 + mails * turn // ROUNDS, 1 + mails * (turn + 1) // ROUNDS)
            ours.measure(partial(_send, provider, sample, numbers, batch_size))
            plain.measure(partial(send_by_smtplib, sample, host, int(port), mails=plain_mails // ROUNDS))
        taken = None if sink is None else sink.ask()["accepted"]
    finally:
        provider.close()
        if sink is not None:
            sink.close()
    return {
        "mail_bytes": len(sample.factory.mailing.compose(sample.recipient(1))),
        "is_same_content": sample.is_same_content(),
        "connections": connections,
        "batch_size": batch_size,
        "ours": ours.figures(),
        "stages": _stages(sample, ours, mails=min(mails, 5_000)),
        "plain": plain.figures(),
        "times_as_fast": round(ours.mails / ours.seconds / (plain.mails / plain.seconds), 1),
        "times_less_cpu": round(plain.cpu_us / ours.cpu_us, 1),
        "taken_by_sink": taken,
        "is_accounted_for": taken is None or taken == ours.mails + plain.mails,
    }


def _send(provider: SmtpProvider, sample: SampleMail, numbers: range, batch_size: int) -> int:
    """The provider's whole path, batch by batch as a worker does: recipients, messages, and their outcomes."""
    accepted = 0
    for start in range(0, len(numbers), batch_size):
        recipients = [sample.recipient(number) for number in numbers[start : start + batch_size]]
        outcomes = provider.send(sample.factory.mailing, recipients)
        accepted += sum(outcome.kind is OutcomeKind.ACCEPTED for outcome in outcomes)
    if accepted != len(numbers):
        raise ServiceUnavailable(f"the SMTP server took {accepted} of {len(numbers)} mails: give one that takes all")
    return accepted


def _stages(sample: SampleMail, ours: Meter, *, mails: int) -> list[dict[str, Any]]:
    """CPU of one mail by step: the first two are done alone, the third is what they leave of the whole."""
    people = [sample.recipient(number) for number in range(1, mails + 1)]

    def make() -> int:
        return len([sample.recipient(number) for number in range(1, mails + 1)])

    def compose() -> int:
        for person in people:
            sample.factory.mailing.compose(person)
        return mails

    steps = {"recipient": _cpu_us(make), "compose": _cpu_us(compose)}
    steps["send"] = ours.cpu_us - sum(steps.values())
    return [{"stage": name, "cpu_us": round(us, 1)} for name, us in steps.items()]


def _cpu_us(work: Callable[[], int]) -> float:
    """Of several tries the best: the others were disturbed."""
    meters = [Meter() for _ in range(_TRIES)]
    for meter in meters:
        meter.measure(work)
    return min(meter.cpu_us for meter in meters)
