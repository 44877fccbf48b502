"""Tasks: each a few lines around services, with one transaction around each call. Every task may run twice."""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from os import getpid
from threading import get_ident

from newsletter.domain.exchange import parse_pushed_reasons
from newsletter.domain.mail import Outcome, OutcomeKind
from newsletter.errors import ConfigurationError, InvalidInput, NewsletterError
from newsletter.inbound.imap import parse_imap_url, poll
from newsletter.jobs import DRAIN_EVENTS, SEND_OPT_INS, Job
from newsletter.providers import ProviderLog, make_log, make_provider_lists
from newsletter.providers.base import without_addresses
from newsletter.runtime import Runtime
from newsletter.services import bouncing, events, issues, opt_in_mails, settling, slots, stopping, syncing, ticking
from newsletter.services.bouncing import BounceCounts
from newsletter.services.opt_in_mails import ClaimedAnswer
from newsletter.services.settling import Terms
from newsletter.settings import ProviderName
from workers.dispatch import Dispatcher
from workers.journal import forget_journals, read_last_words

log = logging.getLogger(__name__)

DRAIN_SECONDS = 5.0
OPT_IN_SECONDS = 5.0


def dispatch(runtime: Runtime, issue_id: int, *, should_stop: Callable[[], bool]) -> int:
    """Send batches of one issue for a few seconds; returns how many batches were handed over.

    Settings that cannot be used pause the issue, for a person to see which.
    """
    worker = f"{socket.gethostname()}:{getpid()}:{get_ident() % 10_000}"
    try:
        return Dispatcher(runtime, worker=worker, should_stop=should_stop).run(issue_id)
    except NewsletterError as error:
        log.warning("dispatch.refused issue_id=%s reason=%s", issue_id, error)
        if isinstance(error, ConfigurationError):
            with runtime.transaction() as session:
                issues.pause_if_sending(session, issue_id, now=runtime.now(), reason=str(error))
        return 0


def drain_events(runtime: Runtime, *, should_stop: Callable[[], bool]) -> int:
    """Take in waiting posts of providers for a few seconds; returns how many. What fails waits for the next tick."""
    until = time.monotonic() + DRAIN_SECONDS
    posts = 0
    try:
        while not should_stop():
            with runtime.transaction() as session:
                counts = events.drain_posts(session, links=runtime.links, now=runtime.now())
            posts += counts.posts
            if counts.posts == 0:
                break
            if time.monotonic() >= until:
                runtime.announcer(Job(name=DRAIN_EVENTS))
                break
    except NewsletterError as error:
        log.warning("drain.refused reason=%s", error)
    return posts


def send_opt_ins(runtime: Runtime, *, should_stop: Callable[[], bool]) -> int:
    """Answer requests of the public door for a few seconds; returns how many mails a provider took."""
    until = time.monotonic() + OPT_IN_SECONDS
    taken = 0
    while not should_stop():
        with runtime.transaction() as session:
            answer = opt_in_mails.claim_next(session, links=runtime.links, now=runtime.now())
        if answer is None:
            break
        outcome = _hand_over_answer(runtime, answer)
        with runtime.transaction() as session:
            opt_in_mails.record(
                session,
                answer.request_id,
                outcome,
                source=str(runtime.settings.provider),
                links=runtime.links,
                now=runtime.now(),
            )
        taken += outcome.kind is OutcomeKind.ACCEPTED
        if time.monotonic() >= until:
            runtime.announcer(Job(name=SEND_OPT_INS))
            break
    return taken


def _hand_over_answer(runtime: Runtime, answer: ClaimedAnswer) -> Outcome:
    """What the provider says; a mail that cannot be made is refused, a provider that is not there defers."""
    try:
        return opt_in_mails.hand_over(
            answer,
            runtime.provider,
            links=runtime.links,
            bounce_domain=runtime.settings.bounce_domain,
            signer=runtime.signer,
        )
    except NewsletterError as error:
        kind = OutcomeKind.REFUSED if isinstance(error, InvalidInput) else OutcomeKind.DEFERRED
        log.warning("opt_in.not_sent request_id=%s kind=%s reason=%s", answer.request_id, kind, error)
        return Outcome(subscriber_id=answer.request_id, kind=kind, response=without_addresses(str(error)))


def sync_suppressions(runtime: Runtime) -> bool:
    """Exchange suppressions with SendGrid where that is due; whether all of it was done. The next hour goes on."""
    reasons, now = parse_pushed_reasons(runtime.settings.sendgrid_push_suppressions), runtime.now()
    with runtime.reading() as session:
        if not syncing.is_due(session, pushed_reasons=reasons, now=now):
            return True
    try:
        lists = make_provider_lists(runtime.settings)
        try:
            key = runtime.links.address_key
            syncing.exchange(runtime.transaction, lists, address_key=key, pushed_reasons=reasons, now=now)
        finally:
            lists.close()
    except NewsletterError as error:
        log.warning("suppressions.not_synced reason=%s", error)
        return False
    return True


def poll_mailbox(runtime: Runtime) -> int:
    """Take in the bounces that wait in the mailbox; returns how many. What fails waits for the next look."""
    counts = BounceCounts()

    def take(raw: bytes) -> None:
        nonlocal counts
        with runtime.transaction() as session:
            counts += bouncing.ingest(session, raw, links=runtime.links, now=runtime.now())

    try:
        poll(parse_imap_url(runtime.settings.bounce_imap_url.get_secret_value()), take)
        with runtime.transaction() as session:
            bouncing.forget_old_mails(session, keep_days=runtime.settings.bounce_keep_days, now=runtime.now())
    except NewsletterError as error:
        log.warning("mailbox.not_polled reason=%s", error)
    if counts.read:
        log.info("mailbox.polled read=%s matched=%s", counts.read, counts.matched)
    return counts.read


def ask_log(runtime: Runtime, doubt_id: int) -> bool:
    """Ask the provider's log about a doubt, and decide anew; False where it was not its turn, or there is no log."""
    terms = _terms(runtime)
    with _provider_log(runtime) as provider_log:
        if provider_log is None:
            return False
        with runtime.transaction() as session:
            inquiry = settling.begin_inquiry(session, doubt_id, links=runtime.links, wait=terms.wait, now=runtime.now())
        if inquiry is None:
            return False
        report = provider_log.report(inquiry.questions, since=inquiry.since, until=inquiry.until)
    log.info("doubt.log_asked doubt_id=%s answer=%s", doubt_id, report.answer)
    with runtime.transaction() as session:
        settling.record_report(session, doubt_id, report, now=runtime.now(), terms=terms)
    return True


@contextmanager
def _provider_log(runtime: Runtime) -> Iterator[ProviderLog | None]:
    """The provider's log, where it has one, for a moment."""
    provider_log = make_log(runtime.settings)
    try:
        yield provider_log
    finally:
        if provider_log is not None:
            provider_log.close()


def _terms(runtime: Runtime) -> Terms:
    settings = runtime.settings
    return Terms(
        wait=timedelta(seconds=settings.unknown_wait_seconds),
        policy=str(settings.unknown_policy),
        has_log=settings.provider is ProviderName.SENDGRID,
    )


def tick(runtime: Runtime) -> None:
    """Start what is due, expire what died, finish what is done, announce what waits."""
    settings = runtime.settings
    with runtime.transaction() as session:
        report = ticking.run_tick(
            session,
            now=runtime.now(),
            unknown_policy=str(settings.unknown_policy),
            unknown_wait=timedelta(seconds=settings.unknown_wait_seconds),
            has_log=settings.provider is ProviderName.SENDGRID,
            last_words_of=lambda claim: read_last_words(settings.data_dir, claim),
            plan=runtime.flow_plan,
        )
    with runtime.transaction() as session:
        for issue_id in stopping.pause_stopped(session, now=runtime.now()):
            log.warning("issue.paused issue_id=%s reason=provider", issue_id)
    with runtime.transaction() as session:
        events.announce_waiting(session, now=runtime.now())
    with runtime.transaction() as session:
        opt_in_mails.tend(session, lease=timedelta(seconds=settings.claim_lease_seconds), now=runtime.now())
    for claim in report.lost_claims:
        log.warning("claim.lost claim=%s", claim)
        forget_journals(settings.data_dir, claim, now=runtime.now())
    forget_journals(settings.data_dir, now=runtime.now())
    _run_slots(runtime)
    with runtime.reading() as session:
        due = ticking.due_issue_ids(session, now=runtime.now())
    for issue_id in due:
        _start(runtime, issue_id)


def _run_slots(runtime: Runtime) -> None:
    """Make the issues that daily slots want; those that are due are begun right after."""
    with runtime.reading() as session:
        due = slots.due_slots(session, now=runtime.now())
    for newsletter_id, day in due:
        try:
            with runtime.transaction() as session:
                issue = slots.run_slot(session, newsletter_id, day, now=runtime.now())
            if issue is not None:
                log.info("slot.done newsletter_id=%s date=%s issue_id=%s", newsletter_id, day, issue.id)
        except NewsletterError as error:
            log.warning("slot.refused newsletter_id=%s date=%s reason=%s", newsletter_id, day, error)
            with runtime.transaction() as session:
                slots.refuse_slot(session, newsletter_id, day, error, now=runtime.now())


def _start(runtime: Runtime, issue_id: int) -> None:
    settings = runtime.settings
    try:
        with runtime.transaction() as session:
            ticking.start_due_issue(
                session,
                issue_id,
                provider=str(settings.provider),
                batch_size=settings.batch_size(),
                now=runtime.now(),
            )
    except NewsletterError as error:
        with runtime.transaction() as session:
            ticking.unschedule(session, issue_id, error)
