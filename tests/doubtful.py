"""An issue that SendGrid is getting, some of whose requests get no answer: what the tests of doubt begin with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from newsletter.db.models import AuditEntry, Delivery, Doubt
from newsletter.domain.doubt import DoubtStatus, LogAnswer, LogReport, RequestTag
from newsletter.domain.issue import DeliveryReason, DeliveryStatus, IssueStatus, Mark
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.runtime import Runtime
from newsletter.services import events, issues, ledger, lost_claims, sending, settling, ticking
from newsletter.services.events import SENDGRID
from newsletter.services.sending import Claim
from newsletter.services.settling import Inquiry, Terms
from newsletter.services.users import OPERATOR
from tests.factories import NOW, make_issue
from tests.webhook_posts import event, post

WAIT = timedelta(minutes=15)
LEASE = timedelta(seconds=60)


class Doubtful:
    """Batches of five; `now` is the clock, which tests set forward. Each mail that goes out is counted by person."""

    def __init__(self, runtime: Runtime, *, people: int = 10, provider: str = SENDGRID, policy: str = "hold") -> None:
        self.runtime = runtime
        self.now = NOW
        self.provider = provider
        self.policy = policy
        with runtime.transaction() as session:
            issue, self.ids = make_issue(session, people)
            issues.send_issue(session, issue.id, actor=OPERATOR, provider=provider, batch_size=5, now=NOW)
            self.issue_id = issue.id

    def claim(self) -> Claim | None:
        """The next batch."""
        with self.runtime.transaction() as session:
            return sending.claim_batch(
                session, self.issue_id, worker="w", provider=self.provider, now=self.now, lease=LEASE
            )

    def answer(self, claim: Claim, kind: OutcomeKind = OutcomeKind.ACCEPTED, people: Collection[int] = ()) -> None:
        """What the provider said of a claim's mails, or of some of them."""
        chosen = people or [person.subscriber_id for person in claim.addressees]
        outcomes = [Outcome(subscriber_id=id_, kind=kind, response="said so") for id_ in chosen]
        with self.runtime.transaction() as session:
            sending.record_outcomes(session, claim, outcomes, source=self.provider, now=self.now, lease=LEASE)

    def keep(self, claim: Claim) -> None:
        """The worker is alive and holds on to its batch."""
        with self.runtime.transaction() as session:
            sending.record_outcomes(session, claim, [], source=self.provider, now=self.now, lease=LEASE)

    def finish(self, claim: Claim, **values: Any) -> None:
        """The worker is done with a claim."""
        told = {"outcome": "done", "provider_message_id": f"x-{claim.attempt_id}", "now": self.now} | values
        with self.runtime.transaction() as session:
            sending.finish_claim(session, claim, **told)

    def hand_over(self, kind: OutcomeKind = OutcomeKind.ACCEPTED) -> Claim:
        """The next batch as one request, and how it was answered."""
        claim = self.claim()
        assert claim is not None
        self.answer(claim, kind)
        self.finish(claim, **({"provider_message_id": ""} if kind is OutcomeKind.UNKNOWN else {}))
        return claim

    def finish_issue(self) -> None:
        """What a worker does that finds nothing more."""
        with self.runtime.transaction() as session:
            issues.finish_if_done(session, self.issue_id, now=self.now)

    def lose(self) -> Claim:
        """The next batch, with a worker that dies; its lease is over at once."""
        claim = self.claim()
        assert claim is not None
        self.later(LEASE + timedelta(seconds=1))
        with self.runtime.transaction() as session:
            assert lost_claims.expire_claims(session, now=self.now) == [claim.claim]
        return claim

    def tell(self, claim: Claim, *people: int, name: str = "processed", request: str | None = None) -> None:
        """Events of people's mail in a claim's request; by default all of the claim was one request."""
        tag = tag_of(claim) if request is None else request
        told = [
            event(self.runtime.links, self.issue_id, person, name, timestamp=int(self.now.timestamp()), nl_attempt=tag)
            for person in people or ids_of(claim)[:1]
        ]
        with self.runtime.transaction() as session:
            events.store_post(session, post(*told), source=SENDGRID, now=self.now)
        self.drain()

    def drain(self) -> None:
        """Read the posts that wait."""
        with self.runtime.transaction() as session:
            events.drain_posts(session, links=self.runtime.links, now=self.now)

    def later(self, wait: timedelta) -> None:
        """Set the clock forward."""
        self.now += wait

    def tick(self, *, has_log: bool = False, policy: str = "") -> None:
        """One round of the tick."""
        with self.runtime.transaction() as session:
            ticking.run_tick(
                session, now=self.now, unknown_policy=policy or self.policy, unknown_wait=WAIT, has_log=has_log
            )

    def inquire(self) -> Inquiry | None:
        """Take the turn to ask the log about the only open doubt."""
        with self.runtime.transaction() as session:
            return settling.begin_inquiry(
                session, self.doubts()[-1].id, links=self.runtime.links, wait=WAIT, now=self.now
            )

    def report(self, answer: LogAnswer, *found: tuple[int, str], doubt: int = -1, **values: Any) -> None:
        """What the log said about the newest doubt."""
        terms = Terms(wait=WAIT, policy=self.policy, has_log=True)
        report = LogReport(answer=answer, found=found, words="so it said", **values)
        with self.runtime.transaction() as session:
            settling.record_report(session, self.doubts()[doubt].id, report, now=self.now, terms=terms)

    def resolve(self, decision: str) -> None:
        """A person decides."""
        with self.runtime.transaction() as session:
            issues.resolve_unknown(session, self.issue_id, decision=decision, actor=OPERATOR, now=self.now)

    def doubts(self) -> list[Doubt]:
        """All doubts, the first one first."""
        with self.runtime.reading() as session:
            return list(session.scalars(select(Doubt).order_by(Doubt.id)))

    def outcomes(self) -> list[str]:
        """What became of each doubt."""
        return [DoubtStatus(doubt.status).name.lower() for doubt in self.doubts()]

    def tally(self) -> dict[str, int]:
        """The numbers of the issue that are not zero."""
        with self.runtime.reading() as session:
            numbers = asdict(issues.tally_of(session, self.issue_id))
        parts = ("pending", "claimed", "accepted", "failed", "suppressed", "unknown")
        assert sum(numbers[part] for part in parts) == numbers["audience"]
        return {name: number for name, number in numbers.items() if number and name != "audience"}

    def status(self) -> IssueStatus:
        """Where the issue is."""
        with self.runtime.reading() as session:
            return IssueStatus(issues.find_issue(session, self.issue_id).status)

    def row(self, person: int) -> tuple[DeliveryStatus, DeliveryReason]:
        """The ledger about one person."""
        with self.runtime.reading() as session:
            row = session.get_one(Delivery, (self.issue_id, person))
            return DeliveryStatus(row.status), DeliveryReason(row.reason)

    def doubled(self) -> list[int]:
        """Who is known to have it twice."""
        with self.runtime.reading() as session:
            rows = session.scalars(select(Delivery).order_by(Delivery.subscriber_id))
            return [row.subscriber_id for row in rows if row.marks & Mark.DOUBLED]

    def timeline(self, person: int) -> list[tuple[str, dict[str, Any]]]:
        """What the timeline of a delivery says about doubt."""
        email = f"reader{person - self.ids[0]:06}@example.org"
        with self.runtime.reading() as session:
            found = ledger.delivery_timeline(session, self.issue_id, email, links=self.runtime.links)
        return [(entry["kind"], entry["detail"]) for entry in found["timeline"] if entry["source"] == "doubt"]

    def audited(self) -> list[str]:
        """The acts of the audit log that are about doubt."""
        with self.runtime.reading() as session:
            acts = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id))
            return [act for act in acts if act.startswith("doubt.")]


def ids_of(claim: Claim) -> list[int]:
    """The people of a claim."""
    return [person.subscriber_id for person in claim.addressees]


def tag_of(claim: Claim, people: Collection[int] = ()) -> str:
    """The tag of one request that held all of a claim, or a run of it."""
    run = list(people) or ids_of(claim)
    return str(RequestTag(attempt_id=claim.attempt_id, first_id=run[0], last_id=run[-1]))


def silent_except_for_others(site: Doubtful) -> tuple[Claim, Claim]:
    """A request in doubt, while the events of one that was made later came; both."""
    doubtful, other = site.hand_over(OutcomeKind.UNKNOWN), site.hand_over()
    site.later(timedelta(minutes=2))
    site.tell(other)
    return doubtful, other
