"""Facts about a provider after a pause: one worker tries it, all others wait for what becomes of that."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from newsletter.db.models import ProviderState
from newsletter.domain.mail import OutcomeKind
from newsletter.domain.retrying import PROBE_PATIENCE
from newsletter.runtime import Runtime
from newsletter.services import sending
from newsletter.services.sending import Claim
from tests.doubtful import Doubtful, ids_of

PAUSE = timedelta(seconds=30)


def fail(site: Doubtful, claim: Claim) -> None:
    """The provider took nothing of a claim."""
    with site.runtime.transaction() as session:
        sending.finish_claim(session, claim, outcome="unavailable", wait=timedelta(), now=site.now)
        sending.pause_provider(
            session, site.provider, reason="down", needs_person=False, until=site.now + PAUSE, now=site.now
        )


@pytest.fixture
def site(runtime: Runtime) -> Doubtful:
    """An issue of ten batches whose provider was down, and whose pause is just over."""
    site = Doubtful(runtime, people=50)
    claim = site.claim()
    assert claim is not None
    fail(site, claim)
    site.later(PAUSE)
    wake(site)
    return site


def wake(site: Doubtful) -> int:
    with site.runtime.transaction() as session:
        return sending.wake_providers(session, now=site.now)


def test_of_many_that_come_back_at_once_one_tries_the_provider(site: Doubtful) -> None:
    claims: list[Claim | None] = []
    workers = [threading.Thread(target=lambda: claims.append(site.claim())) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    probes = [claim for claim in claims if claim is not None]
    assert [claim.is_probe for claim in probes] == [True]


@pytest.mark.parametrize("kind", [OutcomeKind.ACCEPTED, OutcomeKind.REFUSED])
def test_the_first_answer_lets_the_others_go_on_and_no_answer_does_not(site: Doubtful, kind: OutcomeKind) -> None:
    probe = site.claim()
    assert probe is not None
    silent, lost, answered = ids_of(probe)[:3]
    site.answer(probe, OutcomeKind.UNKNOWN, people=[silent])
    site.answer(probe, OutcomeKind.DEFERRED, people=[lost])
    assert site.claim() is None
    site.answer(probe, kind, people=[answered])
    others = [site.claim(), site.claim()]
    assert [other is not None and not other.is_probe for other in others] == [True, True]


def test_a_probe_that_fails_pauses_the_provider_for_longer(site: Doubtful) -> None:
    for _ in range(5):
        probe = site.claim()
        assert probe is not None
        fail(site, probe)
        site.later(PAUSE - timedelta(seconds=1))
        assert wake(site) == 0
        assert site.claim() is None
        site.later(timedelta(seconds=61))
        assert wake(site) == 1
    with site.runtime.reading() as session:
        assert session.get_one(ProviderState, site.provider).is_probing


def test_a_probe_that_was_handed_back_leaves_its_turn_to_the_next(site: Doubtful) -> None:
    probe = site.claim()
    assert probe is not None
    site.finish(probe, outcome="handed_back")
    following = site.claim()
    assert following is not None
    assert following.is_probe


def test_a_worker_that_dies_while_it_probes_holds_up_nobody_for_long(site: Doubtful) -> None:
    probe = site.claim()
    site.later(PROBE_PATIENCE - timedelta(seconds=1))
    assert site.claim() is None
    site.later(timedelta(seconds=1))
    following = site.claim()
    assert following is not None
    assert following.is_probe
    # The first was only slow: its answer comes when the turn is no longer its own, and lets nobody in.
    assert probe is not None
    site.answer(probe, OutcomeKind.ACCEPTED)
    assert site.claim() is None
    site.answer(following, OutcomeKind.ACCEPTED)
    assert site.claim() is not None


def test_a_person_who_lifts_a_pause_is_taken_at_their_word(site: Doubtful) -> None:
    with site.runtime.transaction() as session:
        sending.resume_provider(session, site.provider, now=site.now)
    claims = [site.claim(), site.claim()]
    assert [claim is not None and not claim.is_probe for claim in claims] == [True, True]


def test_without_anything_due_nobody_takes_the_turn(runtime: Runtime) -> None:
    site = Doubtful(runtime, people=5)
    claim = site.claim()
    assert claim is not None
    site.answer(claim, OutcomeKind.DEFERRED)
    with runtime.transaction() as session:
        sending.finish_claim(session, claim, outcome="done", deferred=5, now=site.now)
        sending.pause_provider(session, site.provider, reason="", needs_person=False, until=site.now, now=site.now)
    site.later(timedelta(seconds=2))
    assert wake(site) == 1
    assert site.claim() is None
    with runtime.reading() as session:
        assert session.get_one(ProviderState, site.provider).probe_by is None


def test_a_turn_lasts_no_longer_than_the_lease_of_its_claim(site: Doubtful) -> None:
    lease = timedelta(seconds=5)
    for _ in range(2):
        with site.runtime.transaction() as session:
            probe = sending.claim_batch(
                session, site.issue_id, worker="w", provider=site.provider, now=site.now, lease=lease
            )
        assert probe is not None
        assert probe.is_probe
        assert site.claim() is None
        site.later(lease)
