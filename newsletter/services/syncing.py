"""The exchange of suppressions with SendGrid: lifts and suppressions go there, what is listed there is known here.

Lifts go first, so that what they take off is not read back; then each list is read, so that what is known there is not
pushed; then what is suppressed here is pushed (services/copying.py), and what was lifted meanwhile is lifted. Each list
goes in rounds: a window of time, page by page, each page with its position in one short transaction. A round that
breaks off goes on where it stopped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from newsletter.db.models import ProviderSync
from newsletter.db.queries import freezes
from newsletter.db.queries import provider_copies as copies
from newsletter.db.queries import provider_lists as queries
from newsletter.db.queries import provider_retries as retries
from newsletter.db.queries import suppressions as suppression_queries
from newsletter.domain.counts import Counts
from newsletter.domain.exchange import (
    OVERLAP,
    PAGE_SIZE,
    PUSHES,
    REMEMBER_LIFT,
    REMEMBER_RETRY,
    RETRIES,
    ListedAddress,
    ProviderList,
    is_outdated,
    is_round_due,
    verdict_on,
)
from newsletter.domain.subscriber import SuppressionReason, normalise_address
from newsletter.errors import InvalidInput
from newsletter.services import copying, suppressions
from newsletter.services.copying import AT_ONCE, TakesSuppressions, Transactions, Waiting

log = logging.getLogger(__name__)

AddressKey = Callable[[str], bytes]


class ProviderLists(TakesSuppressions, Protocol):
    """The provider's side of the exchange."""

    def page(self, list_: ProviderList, *, since: int, until: int, offset: int) -> list[ListedAddress]:
        """Entries made within a time, from an offset; fewer than PAGE_SIZE at the end."""
        ...

    def lift(self, address: str) -> None:
        """Take an address off every list."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class ListCounts(Counts):
    """What became of the entries of a list: read is the sum of the others.

    `spared` are blocks and bounces that are not hard, `outdated` those we lifted later, `held` those at frozen domains,
    `own` the copies of ours.
    """

    read: int = 0
    created: int = 0
    unchanged: int = 0
    spared: int = 0
    outdated: int = 0
    held: int = 0
    invalid: int = 0
    own: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Meant:
    """The entries of one page, sorted."""

    wanted: list[tuple[str, SuppressionReason, str]]
    counts: ListCounts


def is_due(session: Session, *, pushed_reasons: Collection[SuppressionReason], now: datetime) -> bool:
    """Whether anything is to be exchanged: lifts or retries wait, or a list was not read or pushed for a night."""
    if queries.waiting_lifts(session, limit=1) or retries.waiting_retries(session, limit=1):
        return True
    known = {row.name: row for row in queries.all_syncs(session)}
    names = [*map(str, ProviderList), *([PUSHES] if pushed_reasons else [])]
    return any(_is_list_due(known.get(name), now=now) for name in names)


def exchange(
    transactions: Transactions,
    lists: ProviderLists,
    *,
    address_key: AddressKey,
    pushed_reasons: Collection[SuppressionReason],
    now: datetime,
    is_forced: bool = False,
) -> dict[str, dict[str, int]]:
    """Push lifts, read the lists, push suppressions with these reasons; the numbers of this run by list.

    Lists and suppressions only where they are due, or `is_forced`. Raises what the provider raises, with everything
    done so far kept: the next run goes on from there.
    """
    done = {"lifts": {"pushed": push_lifts(transactions, lists, now=now)}}
    if retried := copying.push_retries(transactions, lists, now=now):
        done[RETRIES] = {"pushed": retried}
    for list_ in ProviderList:
        with transactions() as session:
            is_wanted = is_forced or _is_list_due(queries.sync_of(session, str(list_)), now=now)
        if is_wanted:
            counts = read_list(transactions, lists, list_, address_key=address_key, now=now)
            log.info("suppressions.read list=%s read=%s created=%s", list_, counts.read, counts.created)
            done[str(list_)] = asdict(counts)
    with transactions() as session:
        is_wanted = is_forced or _is_list_due(queries.sync_of(session, PUSHES), now=now)
    if pushed_reasons and is_wanted:
        done[PUSHES] = {"pushed": copying.push_suppressions(transactions, lists, reasons=pushed_reasons, now=now)}
        done["lifts"]["pushed"] += push_lifts(transactions, lists, now=now)
    with transactions() as session:
        queries.forget_lifts(session, lifted_before=now - REMEMBER_LIFT)
        retries.forget_retries(session, asked_before=now - REMEMBER_RETRY)
    return done


def preview(
    transactions: Transactions,
    lists: ProviderLists,
    *,
    address_key: AddressKey,
    pushed_reasons: Collection[SuppressionReason],
    now: datetime,
) -> dict[str, dict[str, int]]:
    """The numbers that an exchange would give, without changing anything on either side.

    Fewer are pushed where the lists to be read first hold some of them.
    """
    with transactions() as session:
        waiting = len(queries.waiting_lifts(session, limit=1_000_000))
        retried = len(retries.waiting_retries(session, limit=1_000_000))
        lacking = copies.count_lacking(session, reasons=pushed_reasons)
        windows = {row.name: (row.since, row.until, row.position) for row in queries.all_syncs(session)}
    found = {"lifts": {"pushed": waiting}, PUSHES: {"pushed": lacking}, RETRIES: {"pushed": retried}}
    for list_ in ProviderList:
        since, until, offset = windows.get(str(list_), (0, None, 0))
        counts = ListCounts()
        while True:
            page = lists.page(list_, since=since, until=until or int(now.timestamp()), offset=offset)
            with transactions() as session:
                meant = _meant(session, list_, page)
                counts += meant.counts + _would_be(session, meant, address_key=address_key)
            offset += len(page)
            if len(page) < PAGE_SIZE:
                break
        found[str(list_)] = asdict(counts)
    return found


def push_lifts(transactions: Transactions, lists: ProviderLists, *, now: datetime) -> int:
    """Take what was lifted here off the provider's lists; returns how many addresses."""
    pushed = 0
    for lift_id, address, lifted_at in copying.each_waiting(transactions, _waiting_lifts):
        lists.lift(address)
        with transactions() as session:
            if queries.finish_lift(session, lift_id, lifted_at=lifted_at, now=now):
                copies.forget_copy(session, address)
                pushed += 1
            else:
                copies.repeat_copy(session, address)
    return pushed


def _waiting_lifts(session: Session, last_id: int) -> Sequence[Waiting]:
    rows = queries.waiting_lifts(session, limit=AT_ONCE, after_id=last_id)
    return [(row.id, row.address, row.lifted_at) for row in rows]


def read_list(
    transactions: Transactions, lists: ProviderLists, list_: ProviderList, *, address_key: AddressKey, now: datetime
) -> ListCounts:
    """Read one list to its end, from where the last round broke off or else from where it ended, less an overlap."""
    counts = ListCounts()
    while True:
        with transactions() as session:
            row = queries.sync_of(session, str(list_))
            if row.until is None:
                row.until, row.position = int(now.timestamp()), 0
            since, until, offset = row.since, row.until, row.position
        page = lists.page(list_, since=since, until=until, offset=offset)
        with transactions() as session:
            row = queries.sync_of(session, str(list_))
            if (row.until, row.position) != (until, offset):
                return counts  # another run reads this list, and has read this page
            counts += take_page(session, list_, page, address_key=address_key, now=now)
            if len(page) < PAGE_SIZE:
                _end_round(row, until=until, counts=counts, now=now)
                return counts
            row.position = offset + len(page)


def take_page(
    session: Session, list_: ProviderList, page: Sequence[ListedAddress], *, address_key: AddressKey, now: datetime
) -> ListCounts:
    """Suppress those of a page whom our own rules would not mail either; twice is the same as once."""
    meant = _meant(session, list_, page)
    held = _hold_frozen(session, meant, now=now)
    wanted = [row for row in meant.wanted if row[0] not in held]
    created = suppressions.suppress_each(session, wanted, address_key=address_key, now=now)
    copies.note_listed(session, [row[0] for row in wanted], now=now)
    return meant.counts + ListCounts(created=created, unchanged=len(wanted) - created, held=len(held))


def _meant(session: Session, list_: ProviderList, page: Sequence[ListedAddress]) -> _Meant:
    addresses = [_address_or_none(entry.email) for entry in page]
    known = sorted({address for address in addresses if address})
    lifted = queries.lifts_of(session, known)
    ours = copies.pushed_by_us(session, known) if list_ is ProviderList.UNSUBSCRIBES else set()
    wanted: dict[str, tuple[str, SuppressionReason, str]] = {}
    invalid = outdated = spared = repeated = own = 0
    for entry, address in zip(page, addresses, strict=True):
        verdict = verdict_on(list_, entry)
        if address is None:
            invalid += 1
        elif verdict.reason is None:
            spared += 1
        elif address in ours:
            own += 1
        elif is_outdated(entry, lifted_at=lifted.get(address)):
            outdated += 1
        elif address in wanted:
            repeated += 1
        else:
            wanted[address] = (address, verdict.reason, verdict.evidence)
    counts = ListCounts(read=len(page), invalid=invalid, spared=spared, outdated=outdated, unchanged=repeated, own=own)
    return _Meant(wanted=list(wanted.values()), counts=counts)


def _hold_frozen(session: Session, meant: _Meant, *, now: datetime) -> set[str]:
    """A burst that a person has not decided about is not believed by this way either."""
    held: set[str] = set()
    for freeze in freezes.open_freezes(session):
        here = [
            address
            for address, reason, _ in meant.wanted
            if reason is SuppressionReason.BOUNCED and address.endswith(f"@{freeze.domain}")
        ]
        people = queries.people_of(session, here)
        freezes.hold_people(session, freeze.id, sorted(people.values()), evidence="SendGrid’s list bounces", now=now)
        held |= set(here)
    return held


def _would_be(session: Session, meant: _Meant, *, address_key: AddressKey) -> ListCounts:
    domains = {freeze.domain for freeze in freezes.open_freezes(session)}
    frozen = [
        address
        for address, reason, _ in meant.wanted
        if reason is SuppressionReason.BOUNCED and address.rpartition("@")[2] in domains
    ]
    asked = [(address, address_key(address)) for address, _, _ in meant.wanted if address not in frozen]
    known = suppression_queries.count_known(session, asked)
    return ListCounts(created=len(asked) - known, unchanged=known, held=len(frozen))


def _end_round(row: ProviderSync, *, until: int, counts: ListCounts, now: datetime) -> None:
    row.since = max(until - int(OVERLAP.total_seconds()), 0)
    row.until, row.position, row.finished_at = None, 0, now
    row.counts = asdict(counts)


def _is_list_due(row: ProviderSync | None, *, now: datetime) -> bool:
    if row is None:
        return True
    return is_round_due(finished_at=row.finished_at, is_under_way=row.until is not None, now=now)


def _address_or_none(email: str) -> str | None:
    try:
        return normalise_address(email)
    except InvalidInput:
        return None
