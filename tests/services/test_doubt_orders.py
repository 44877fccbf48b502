"""A property: whatever is heard and done, in any order, the ledger ends in one consistent state, and nobody gets two
mails unless the policy or a person said so, or it was proven that the first was not accepted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy.orm import Session

from newsletter.db.models import Base
from newsletter.domain.doubt import LogAnswer
from newsletter.domain.issue import DeliveryStatus, IssueStatus
from newsletter.domain.mail import OutcomeKind
from newsletter.errors import Conflict
from newsletter.runtime import Runtime
from newsletter.services.sending import Claim
from tests.doubtful import WAIT, Doubtful, ids_of, tag_of

STEPS = ("event", "late answer", "others heard", "silence tick", "log found", "log absent", "log unclear")
STEPS += ("policy skip", "policy resend", "person skip", "person resend", "worker", "worker in doubt")
# Ways on which something goes out again: by chance alone they would be walked too rarely.
BEGINNINGS: list[list[str]] = [
    [],
    ["others heard", "silence tick"],
    ["others heard", "silence tick", "worker"],
    ["log absent", "log absent", "worker"],
    ["policy resend", "worker in doubt"],
    ["person resend", "worker"],
]


class Play:
    """One request in doubt, whose truth is known here: whether the provider took it."""

    def __init__(self, runtime: Runtime, *, was_taken: bool, is_lost: bool) -> None:
        self.site = Doubtful(runtime)
        self.mails: Counter[int] = Counter()
        self.licences = 0
        self.first = self.site.lose() if is_lost else self.site.hand_over(OutcomeKind.UNKNOWN)
        self.people = ids_of(self.first)
        self.taken = [self.first] if was_taken else []
        self.mails.update(self.people if was_taken else [])
        self.other = self.site.hand_over()

    def step(self, name: str) -> None:
        """Something happens. Nobody lies: only what was taken is heard of, found, or answered for."""
        site = self.site
        site.later(timedelta(minutes=1))
        match name:
            case "event":
                for claim in self.taken:
                    site.tell(claim, self.people[len(self.taken) % 5])
            case "late answer":
                for claim in self.taken[:1]:
                    site.answer(claim)
            case "others heard":
                site.tell(self.other, name="deferred")
            case "silence tick":
                site.later(WAIT)
                self._tick("hold")
            case "log found" | "log absent" | "log unclear":
                self._log(name)
            case "policy skip" | "policy resend":
                site.later(WAIT)
                self._tick(name.split()[1])
            case "person skip" | "person resend":
                self._resolve(name.split()[1])
            case "worker" | "worker in doubt":
                self._send_again(OutcomeKind.UNKNOWN if "doubt" in name else OutcomeKind.ACCEPTED)

    def _tick(self, policy: str) -> None:
        before = self.site.outcomes()
        self.site.tick(policy=policy)
        resent = self.site.outcomes().count("resent") - before.count("resent")
        # Silence may be wrong (a webhook that lost one request), so it counts as proof here; so may the log.
        self.licences += resent

    def _log(self, name: str) -> None:
        if name == "log found":
            for claim in self.taken:
                self.site.report(LogAnswer.FOUND, (self.people[0], tag_of(claim)))
            return
        before = self.site.outcomes()
        self.site.report(LogAnswer.ABSENT if name == "log absent" else LogAnswer.UNCLEAR)
        self.licences += self.site.outcomes().count("resent") - before.count("resent")

    def _resolve(self, decision: str) -> None:
        try:
            self.site.resolve(decision)
        except Conflict:
            return
        self.licences += decision == "resend"

    def _send_again(self, kind: OutcomeKind) -> None:
        claim: Claim | None = self.site.claim()
        if claim is None:
            return
        if claim.addressees:
            self.mails.update(ids_of(claim))
            self.taken.append(claim)
            self.site.answer(claim, kind)
        self.site.finish(claim, **({"provider_message_id": ""} if kind is OutcomeKind.UNKNOWN else {}))

    def check(self, steps: list[str]) -> None:
        """What must hold at any time."""
        assert max(self.mails.values(), default=0) <= 1 + self.licences, steps
        numbers = self.site.tally()  # which checks that the six numbers add up
        statuses = {self.site.row(person)[0] for person in self.people}
        assert len(statuses) == 1, "a request is accepted or not, as a whole"
        if self.site.outcomes().count("open") == 0:
            assert DeliveryStatus.UNKNOWN not in statuses
        if statuses == {DeliveryStatus.ACCEPTED}:
            assert self.mails[self.people[0]] >= 1, "accepted in the ledger, and nowhere else"
        proven = {claim.attempt_id for claim in self.taken} if numbers.get("doubled") else set()
        assert not numbers.get("doubled") or self.mails[self.people[0]] > 1 or len(proven) > 1, "no double is made up"

    def end(self) -> None:
        """Everything is heard at last: then the ledger says who has it, and who has it twice."""
        for _ in range(2):
            for claim in self.taken:
                self.site.later(timedelta(seconds=1))
                self.site.tell(claim, *self.people)
        has_it = {self.site.row(person)[0] is DeliveryStatus.ACCEPTED for person in self.people}
        assert has_it == {bool(self.taken)}
        assert set(self.site.doubled()) == {person for person, count in self.mails.items() if count > 1}
        self.site.later(WAIT)
        self.site.tick()
        if self.taken:
            assert self.site.status() is IssueStatus.SENT


def wipe_all(session: Session) -> None:
    """Begin anew in the same database, which is quicker than another one."""
    for table in reversed(Base.metadata.sorted_tables):
        session.execute(table.delete())


@pytest.mark.parametrize("is_lost", [False, True])
@pytest.mark.parametrize("was_taken", [False, True])
def test_any_order_of_what_is_heard_and_done_ends_well(runtime: Runtime, was_taken: bool, is_lost: bool) -> None:
    @settings(max_examples=8, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.sampled_from(BEGINNINGS), st.lists(st.sampled_from(STEPS), min_size=1, max_size=7))
    def play(beginning: list[str], more: list[str]) -> None:
        steps = beginning + more
        with runtime.transaction() as session:
            wipe_all(session)
        game = Play(runtime, was_taken=was_taken, is_lost=is_lost)
        for name in steps:
            game.step(name)
            game.check(steps)
        game.end()

    play()
