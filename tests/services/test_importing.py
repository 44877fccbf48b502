from __future__ import annotations

import codecs
import csv
import io
import os
import random
import threading
import tracemalloc
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from sqlalchemy import func, select

from newsletter.db.models import AuditEntry, Subscriber, Subscription, Suppression
from newsletter.domain.subscriber import OptIn, SubscriberStatus, SubscriptionStatus, SuppressionReason
from newsletter.errors import InvalidInput, NotFound
from newsletter.runtime import Runtime
from newsletter.services import importing, lists, subscribers, suppressions
from newsletter.services.importing import ImportResult
from newsletter.settings import Settings
from tests.factories import NOW, make_newsletter

LATER = NOW + timedelta(days=1)
PEOPLE = "email,name,city\nanna@example.org,Anna,Köln\nli@example.org,李明,上海\njose@example.org,José,Ávila\n"


class Desk:
    """A list to import into, and what tests want to know afterwards."""

    def __init__(self, runtime: Runtime, folder: Path) -> None:
        self.runtime = runtime
        self.errors_path = folder / "imports" / "errors.csv"
        with runtime.transaction() as session:
            self.newsletter_id = make_newsletter(session).id
        self.make_list("readers")

    def make_list(self, slug: str, opt_in: OptIn = OptIn.SINGLE) -> int:
        with self.runtime.transaction() as session:
            return lists.create_list(
                session, name=slug, slug=slug, newsletter_id=self.newsletter_id, opt_in=opt_in, now=NOW
            ).id

    def load(self, source: str | bytes | Path | BinaryIO, slug: str = "readers", **values: Any) -> ImportResult:
        if isinstance(source, str):
            source = source.encode()
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        given: dict[str, Any] = {"file_name": "people.csv", "now": NOW, "errors_path": self.errors_path} | values
        return importing.import_subscribers(
            self.runtime.transaction, stream, list_slug=slug, address_key=self.runtime.links.address_key, **given
        )

    def person(self, address: str) -> Subscriber | None:
        with self.runtime.reading() as session:
            return session.scalar(select(Subscriber).where(Subscriber.address == address))

    def people(self) -> list[tuple[str, str]]:
        with self.runtime.reading() as session:
            rows = session.execute(select(Subscriber.address, Subscriber.name).order_by(Subscriber.address))
            return [(address, name) for address, name in rows]

    def place(self, address: str, slug: str = "readers") -> Subscription | None:
        with self.runtime.reading() as session:
            list_id = lists.find_list(session, slug).id
            return session.scalar(
                select(Subscription)
                .join(Subscriber, Subscriber.id == Subscription.subscriber_id)
                .where(Subscriber.address == address, Subscription.list_id == list_id)
            )

    def status(self, address: str, slug: str = "readers") -> SubscriptionStatus | None:
        place = self.place(address, slug)
        return None if place is None else SubscriptionStatus(place.status)

    def faults(self) -> list[list[str]]:
        with self.errors_path.open(encoding="utf-8-sig", newline="") as stream:
            return list(csv.reader(stream))

    def suppress(self, address: str, reason: SuppressionReason = SuppressionReason.COMPLAINED) -> None:
        with self.runtime.transaction() as session:
            suppressions.suppress(
                session, address=address, reason=reason, address_key=self.runtime.links.address_key, now=NOW
            )

    def erase(self, address: str) -> None:
        with self.runtime.transaction() as session:
            subscribers.erase_subscriber(session, address, address_key=self.runtime.links.address_key, now=NOW)

    def unsubscribe(self, address: str) -> None:
        with self.runtime.transaction() as session:
            person = subscribers.find_subscriber(session, address)
            subscribers.unsubscribe(
                session, subscriber_id=person.id, newsletter_id=self.newsletter_id, source="link", now=NOW
            )


@pytest.fixture
def desk(runtime: Runtime, tmp_path: Path) -> Desk:
    """A newsletter with an empty list, "readers"."""
    return Desk(runtime, tmp_path)


def result(**counts: Any) -> ImportResult:
    """A result whose numbers are 0 but for those given."""
    names = ("rows", "created", "updated", "unchanged", "suppressed", "invalid")
    return ImportResult(**(dict.fromkeys(names, 0) | {"errors_file": None} | counts))


def many(count: int) -> str:
    """A file of so many people, in no order."""
    numbers = list(range(count))
    random.Random(7).shuffle(numbers)
    rows = (f"reader{number:06}@example.org,Reader {number},en,Asia/Shanghai,Beijing\n" for number in numbers)
    return "email,name,language,time_zone,city\n" + "".join(rows)


def test_people_come_onto_the_list_with_their_consent(desk: Desk) -> None:
    assert desk.load(PEOPLE) == result(rows=3, created=3)
    anna = desk.person("anna@example.org")
    assert anna is not None
    assert (anna.email, anna.name, anna.attributes) == ("anna@example.org", "Anna", {"city": "Köln"})
    place = desk.place("anna@example.org")
    assert place is not None
    assert (place.status, place.consent_source) == (SubscriptionStatus.CONFIRMED, "import:people.csv")
    assert (place.consented_at, place.confirmed_at) == (NOW, None)


def test_importing_twice_changes_nothing(desk: Desk) -> None:
    desk.load(PEOPLE)
    before = desk.person("li@example.org")
    assert desk.load(PEOPLE, now=LATER) == result(rows=3, unchanged=3)
    after = desk.person("li@example.org")
    assert before is not None and after is not None
    assert (after.id, after.updated_at) == (before.id, NOW)
    place = desk.place("li@example.org")
    assert place is not None
    assert place.consented_at == NOW


def test_a_dry_run_gives_the_same_numbers_and_changes_nothing(desk: Desk) -> None:
    desk.load("email,name\nanna@example.org,Anna\nold@example.org,Old\n")
    desk.suppress("li@example.org")
    given = PEOPLE + "old@example.org,Old,\nold@example.org,New,\nrubbish,x,y\n"
    people = desk.people()
    dry = desk.load(given, dry_run=True)
    assert desk.people() == people
    assert desk.place("jose@example.org") is None
    with desk.runtime.reading() as session:
        assert len(session.scalars(select(AuditEntry).where(AuditEntry.action == "list.import")).all()) == 1
    assert dry == result(
        rows=6, created=1, updated=2, unchanged=1, suppressed=1, invalid=1, errors_file=desk.errors_path
    )
    assert desk.load(given) == dry


def test_only_what_is_given_overwrites_and_attributes_are_merged_by_key(desk: Desk) -> None:
    desk.load("email,name,language,city,desk\nanna@example.org,Anna,de,Köln,news\n")
    assert desk.load("email,name,city,phone\nanna@example.org,,Bonn,12\n", now=LATER) == result(rows=1, updated=1)
    anna = desk.person("anna@example.org")
    assert anna is not None
    assert (anna.name, anna.language, anna.updated_at) == ("Anna", "de", LATER)
    assert anna.attributes == {"city": "Bonn", "desk": "news", "phone": "12"}
    assert desk.load("email,city\nanna@example.org,Bonn\n") == result(rows=1, unchanged=1)


def test_attributes_written_by_another_hand_are_compared_by_what_they_say(desk: Desk) -> None:
    with desk.runtime.transaction() as session:
        subscribers.add_subscriber(
            session,
            email="li@example.org",
            list_slug="readers",
            attributes={"城市": "上海", "desk": "x"},
            address_key=desk.runtime.links.address_key,
            now=NOW,
        )
    assert desk.load("email,城市\nli@example.org,上海\n") == result(rows=1, unchanged=1)


def test_of_rows_with_the_same_address_the_last_wins(desk: Desk) -> None:
    given = (
        "email,name,city\nanna@example.org,A,Ulm\nANNA@example.org,Anna,\nbob@example.org,B,\nanna@EXAMPLE.org,,Bonn\n"
    )
    assert desk.load(given) == result(rows=4, created=2, unchanged=2)
    anna = desk.person("anna@example.org")
    assert anna is not None
    assert (anna.email, anna.name, anna.attributes) == ("anna@example.org", "Anna", {"city": "Bonn"})
    assert desk.load(given) == result(rows=4, unchanged=4)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "cp1252"])
def test_any_usual_encoding_and_delimiter_is_read(
    sqlite_url: str, tmp_path: Path, encoding: str, delimiter: str
) -> None:
    text = PEOPLE.replace("李明", "Lars Ångström").replace("上海", "Århus") if encoding == "cp1252" else PEOPLE
    if encoding == "gb18030":
        text = "email,name,city\nli@example.org,李明,上海\nwang@example.org,王小红,北京\n"
    rows = list(csv.reader(io.StringIO(text)))
    names = {row[0]: row[1] for row in rows[1:]}
    given = "\r\n".join(delimiter.join(row) for row in rows).encode(encoding)
    read = importing_of(given, sqlite_url, tmp_path)
    assert read == names


def importing_of(given: bytes, database_url: str, folder: Path) -> dict[str, str]:
    """The names that an import of these bytes puts into a fresh database, by address."""
    settings = Settings(_env_file=None, data_dir=folder, database_url=database_url, secret_key="a secret of tests")
    runtime = Runtime.from_settings(settings)
    try:
        desk = Desk(runtime, folder)
        desk.load(given)
        return dict(desk.people())
    finally:
        runtime.close()


def test_one_line_in_ten_is_bad_and_all_others_are_imported(desk: Desk) -> None:
    lines = ["email,name\n"]
    bad = [
        b"no-address,x\n",
        b"a@b@c,x\n",
        b"only\n",
        b"x@example.org,\xff\xfe\n",
        b"y@example.org,\0\n",
        b"z@example.org,a,b\n",
    ]
    raw = lines[0].encode()
    for number in range(300):
        raw += f"reader{number}@example.org,Readér {number}\n".encode() if number % 10 else bad[number // 10 % len(bad)]
    assert desk.load(raw) == result(rows=300, created=270, invalid=30, errors_file=desk.errors_path)
    header, *faults = desk.faults()
    assert header == ["line", "reason", "email", "name"]
    assert [fault[0] for fault in faults] == [str(number + 2) for number in range(0, 300, 10)]
    assert all(fault[1] for fault in faults)


def test_a_wrong_byte_far_into_a_file_is_the_fault_of_its_line(desk: Desk) -> None:
    raw = "email,name\nli@example.org,李明\n" + "".join(f"reader{n}@example.org,R\n" for n in range(20_000))
    given = raw.encode() + b"late@example.org,\xe9t\xe9\nlast@example.org,L\n"
    assert len(given) > 400_000
    found = desk.load(given)
    assert (found.created, found.invalid) == (20_002, 1)
    assert desk.faults()[1][:2] == ["20003", "it holds bytes that cannot be read as UTF-8"]


def test_the_first_foreign_letter_may_come_late(desk: Desk) -> None:
    raw = "email,name\n" + "".join(f"reader{n}@example.org,Reader\n" for n in range(20_000)) + "jo@example.org,Jörg\n"
    assert desk.load(raw.encode("cp1252")).invalid == 0
    assert dict(desk.people())["jo@example.org"] == "Jörg"


def test_a_bad_time_zone_does_not_cost_a_subscriber(desk: Desk) -> None:
    found = desk.load("email,tz\nanna@example.org,Mars/Olympus\nbob@example.org,asia/shanghai\n")
    assert found == result(rows=2, created=2, errors_file=desk.errors_path)
    bob = desk.person("bob@example.org")
    assert bob is not None
    assert bob.time_zone == "Asia/Shanghai"
    assert desk.faults()[1] == [
        "2",
        "imported, but “Mars/Olympus” is not a time zone (such as Asia/Shanghai) and was left out",
        "anna@example.org",
        "Mars/Olympus",
    ]


def test_the_list_of_faults_opens_in_excel_and_calculates_nothing(desk: Desk) -> None:
    desk.load("email,name\n=1+1,=cmd\n")
    assert desk.errors_path.read_bytes().startswith(codecs.BOM_UTF8)
    assert desk.faults()[1][2:] == ["'=1+1", "'=cmd"]
    assert desk.errors_path.stat().st_mode & 0o077 == 0


def test_a_corrected_list_of_faults_can_be_imported(desk: Desk) -> None:
    desk.load("email,city\nanna(at)example.org,Ulm\n")
    corrected = desk.errors_path.read_text("utf-8-sig").replace("(at)", "@")
    assert desk.load(corrected).created == 1
    anna = desk.person("anna@example.org")
    assert anna is not None
    assert anna.attributes == {"city": "Ulm"}


def test_without_faults_there_is_no_list_of_them(desk: Desk) -> None:
    desk.load(PEOPLE)
    assert not desk.errors_path.exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"", "the file is empty"),
        (b"\n\n  \n", "the file is empty"),
        (b"surname,phone\nSchmidt,1\n", "no column with email addresses"),
        (b"PK\x03\x04" + os.urandom(500), "Excel"),
        (bytes(500) + b"\x01\x02", "not text"),
    ],
)
def test_a_file_that_is_no_table_of_people_changes_nothing(desk: Desk, given: bytes, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        desk.load(given)
    assert desk.people() == []
    with desk.runtime.reading() as session:
        assert session.scalar(select(func.count()).where(AuditEntry.action == "list.import")) == 0


def test_a_header_alone_is_an_import_of_nobody(desk: Desk) -> None:
    assert desk.load("email,name\n") == result()


def test_a_file_without_header_is_read_by_position(desk: Desk) -> None:
    assert desk.load("anna@example.org;Anna\nbob@example.org;Bob\n") == result(rows=2, created=2)
    assert desk.people() == [("anna@example.org", "Anna"), ("bob@example.org", "Bob")]


def test_an_unknown_list_is_refused_before_the_file_is_read(desk: Desk) -> None:
    with pytest.raises(NotFound, match="did you mean readers"):
        desk.load(Path("nowhere.csv"), "reader")
    with pytest.raises(NotFound, match=r"cannot read nowhere\.csv: No such file"):
        desk.load(Path("nowhere.csv"))


def test_a_file_and_a_pipe_are_read_like_bytes(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(PEOPLE, encoding="utf-8")
    assert desk.load(path).created == 3
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as writer:
        writer.write(PEOPLE.encode())
    with os.fdopen(read_end, "rb") as reader:
        assert desk.load(reader).unchanged == 3


def test_the_suppressed_are_recorded_and_stay_suppressed(desk: Desk) -> None:
    desk.suppress("anna@example.org")
    assert desk.load(PEOPLE) == result(rows=3, created=2, suppressed=1)
    assert desk.person("anna@example.org") is not None
    assert desk.load(PEOPLE) == result(rows=3, unchanged=2, suppressed=1)
    with desk.runtime.reading() as session:
        assert [row.address for row in session.scalars(select(Suppression))] == ["anna@example.org"]


@pytest.mark.parametrize("confirmed", [True, False])
def test_the_unsubscribed_never_come_back_by_an_import(desk: Desk, confirmed: bool) -> None:
    desk.make_list("second")
    desk.load(PEOPLE)
    desk.unsubscribe("anna@example.org")
    assert desk.load(PEOPLE, confirmed=confirmed) == result(rows=3, unchanged=2, suppressed=1)
    assert desk.status("anna@example.org") is SubscriptionStatus.UNSUBSCRIBED
    # Nor by way of another list of the newsletter that they have left.
    assert desk.load(PEOPLE, "second", confirmed=confirmed) == result(rows=3, updated=2, suppressed=1)
    assert desk.status("anna@example.org", "second") is None
    assert desk.status("li@example.org", "second") is SubscriptionStatus.CONFIRMED


def test_the_disabled_stay_disabled(desk: Desk) -> None:
    desk.load(PEOPLE)
    with desk.runtime.transaction() as session:
        subscribers.set_status(session, "li@example.org", status=SubscriberStatus.DISABLED, now=NOW)
    assert desk.load(PEOPLE) == result(rows=3, unchanged=2, suppressed=1)
    person = desk.person("li@example.org")
    assert person is not None
    assert person.status == SubscriberStatus.DISABLED


def test_the_erased_are_recognised_and_not_written_down_again(desk: Desk) -> None:
    desk.load(PEOPLE)
    desk.erase("anna@example.org")
    for _ in range(2):
        assert desk.load(PEOPLE) == result(rows=3, unchanged=2, suppressed=1)
    assert desk.person("anna@example.org") is None
    with desk.runtime.reading() as session:
        kept = session.scalars(select(Suppression)).one()
    assert (kept.address, kept.reason) == (None, "erased")


def test_on_a_double_opt_in_list_people_wait_unless_they_have_confirmed(desk: Desk) -> None:
    desk.make_list("double", OptIn.DOUBLE)
    assert desk.load(PEOPLE, "double").created == 3
    place = desk.place("anna@example.org", "double")
    assert place is not None
    assert (place.status, place.consented_at) == (SubscriptionStatus.UNCONFIRMED, None)
    assert desk.load(PEOPLE, "double") == result(rows=3, unchanged=3)
    assert desk.load(PEOPLE, "double", confirmed=True, now=LATER) == result(rows=3, updated=3)
    place = desk.place("anna@example.org", "double")
    assert place is not None
    assert (place.status, place.confirmed_at) == (SubscriptionStatus.CONFIRMED, LATER)
    assert desk.load(PEOPLE, "double", confirmed=True) == result(rows=3, unchanged=3)


def test_an_export_imported_again_is_unchanged(desk: Desk) -> None:
    desk.load(
        'email,name,city,note\nanna@example.org,=Anna,Köln,\nli@example.org,李明,,"a\nb"\nbob@example.org,,,\'x\n'
    )
    desk.unsubscribe("bob@example.org")
    exported = written(desk)
    assert desk.load(exported) == result(rows=3, unchanged=2, suppressed=1)
    assert written(desk) == exported


def test_who_has_left_one_house_is_not_mailed_by_another(desk: Desk) -> None:
    given = "email,subscription_status\nanna@example.org,confirmed\nbob@example.org,unsubscribed\n"
    for created in (1, 0):
        found = desk.load(given)
        assert (found.created, found.unchanged, found.suppressed) == (created, 1 - created, 1)
    assert desk.status("bob@example.org") is SubscriptionStatus.UNSUBSCRIBED


def written(desk: Desk) -> str:
    """The export of the list as a file."""
    out = io.StringIO()
    with desk.runtime.reading() as session:
        csv.writer(out).writerows(subscribers.export_subscribers(session, list_slug="readers"))
    return out.getvalue()


def test_an_import_is_in_the_audit_log_with_its_numbers(desk: Desk) -> None:
    found = desk.load(PEOPLE, actor_id=5)
    with desk.runtime.reading() as session:
        entry = session.scalars(select(AuditEntry).where(AuditEntry.action == "list.import")).one()
    assert entry.actor_id == 5
    assert entry.detail is not None
    numbers = {name: value for name, value in asdict(found).items() if name != "errors_file"}
    assert entry.detail == numbers | {"source": "import:people.csv", "confirmed": False}


def test_fifty_thousand_people_need_modest_memory(desk: Desk) -> None:
    given = many(50_000).encode()
    seen: list[tuple[int, int | None]] = []
    tracemalloc.start()
    try:
        found = desk.load(given, on_progress=lambda done, total: seen.append((done, total)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found == result(rows=50_000, created=50_000)
    assert peak < 60_000_000
    assert seen[0] == (5_000, None)
    assert seen[-1] == (50_000, 50_000)
    assert desk.load(given) == replace(found, created=0, unchanged=50_000)


def test_two_imports_at_once_neither_deadlock_nor_double(desk: Desk) -> None:
    desk.make_list("second")
    given = many(6_000).encode()
    found: dict[str, ImportResult] = {}
    threads = [
        threading.Thread(
            target=lambda slug=slug, number=number: found.__setitem__(f"{slug}{number}", desk.load(given, slug))
        )
        for number in range(2)
        for slug in ("readers", "second")
    ]
    run(threads)
    assert len(found) == 4
    assert sum(each.created for each in found.values()) == 6_000
    assert len(desk.people()) == 6_000
    with desk.runtime.reading() as session:
        assert session.scalar(select(func.count()).select_from(Subscription)) == 12_000


def run(threads: Iterable[threading.Thread]) -> None:
    """Run all of them to their end."""
    started = list(threads)
    for thread in started:
        thread.start()
    for thread in started:
        thread.join(60)
    assert not any(thread.is_alive() for thread in started)
