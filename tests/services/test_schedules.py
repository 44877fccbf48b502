"""Facts about schedules: one issue for each list and date, corrections, slots, lateness. By the tests' own clock."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from newsletter import samples
from newsletter.db.models import Batch, Delivery, Issue, IssueList, SlotRun, Subscriber
from newsletter.domain.issue import DeliveryStatus, IssueStatus
from newsletter.domain.subscriber import SuppressionReason
from newsletter.errors import Conflict, InvalidInput, NewsletterError
from newsletter.runtime import Runtime
from newsletter.services import briefs, issues, newsletters, slots, subscribers, suppressions, ticking
from newsletter.services.users import OPERATOR
from tests.factories import NOW, add_people, make_issue, make_list, make_newsletter, start_issue
from workers import tasks

BERLIN = ZoneInfo("Europe/Berlin")
# The date of the sample brief, and its morning in Berlin, the sample newsletter's time zone.
DAY = date(2026, 6, 22)


def at(hours: int, minutes: int = 0, *, days: int = 0) -> datetime:
    return datetime(DAY.year, DAY.month, DAY.day, hours, minutes, tzinfo=BERLIN) + timedelta(days=days)


def make_again(session: Session, issue: Issue, **values: object) -> Issue:
    return issues.create_issue(
        session, brief_id=issue.brief_id, list_slugs=["readers"], actor=OPERATOR, now=NOW, **values
    )


def settle(session: Session, issue: Issue, ids: list[int], status: DeliveryStatus) -> None:
    chosen = (Delivery.issue_id == issue.id) & Delivery.subscriber_id.in_(ids)
    session.execute(update(Delivery).where(chosen).values(status=int(status)))


def corrected_brief(session: Session, *, now: datetime = NOW) -> int:
    source = samples.brief_text().replace("Summary: ", "Summary: Corrected: ", 1)
    row = briefs.import_brief(session, source, actor=OPERATOR, now=now)
    briefs.submit_brief(session, row.id, actor=OPERATOR, now=now)
    briefs.approve_brief(session, row.id, actor=OPERATOR, now=now)
    return row.id


def test_a_list_gets_one_issue_for_a_date_unless_somebody_says_again(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        first, _ = make_issue(session)
        make_list(session, newsletters.newsletter_of(session, first.newsletter_id), slug="others")
    for slugs in (["readers"], ["others", "readers"]):
        with (
            pytest.raises(Conflict, match=rf"issue {first.id} \(draft\) is made for this list"),
            runtime.transaction() as s,
        ):
            issues.create_issue(s, brief_id=first.brief_id, list_slugs=slugs, actor=OPERATOR, now=NOW)
    with runtime.transaction() as session:
        make_again(session, first, again=True)
        issues.create_issue(session, brief_id=first.brief_id, list_slugs=["others"], actor=OPERATOR, now=NOW)
        another = corrected_brief(session)
    with pytest.raises(Conflict, match="--again"), runtime.transaction() as session:
        issues.create_issue(session, brief_id=another, list_slugs=["readers"], actor=OPERATOR, now=NOW)


def test_of_many_at_once_one_makes_the_issue_of_the_day(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        first, _ = make_issue(session)
        issues.cancel_issue(session, first.id, actor=OPERATOR, now=NOW)
    results: list[str] = []

    def create() -> None:
        try:
            with runtime.transaction() as session:
                make_again(session, first)
            results.append("made")
        except NewsletterError as error:
            results.append(type(error).__name__)

    threads = [threading.Thread(target=create) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["Conflict"] * 3 + ["made"]


@pytest.mark.parametrize(("sent", "is_free"), [(0, True), (3, False)])
def test_a_cancelled_issue_leaves_its_place_only_where_nobody_can_have_got_it(
    runtime: Runtime, sent: int, is_free: bool
) -> None:
    with runtime.transaction() as session:
        first, ids = make_issue(session)
        start_issue(session, first)
        settle(session, first, ids[:sent], DeliveryStatus.ACCEPTED)
        issues.cancel_issue(session, first.id, actor=OPERATOR, now=NOW)
        places = session.scalars(select(IssueList.edition).where(IssueList.issue_id == first.id)).all()
    assert (places == [None]) is is_free
    if not is_free:
        with pytest.raises(Conflict, match="cancelled"), runtime.transaction() as session:
            make_again(session, first)


def test_a_correction_goes_to_exactly_those_who_were_sent_the_issue(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        first, ids = make_issue(session)
        start_issue(session, first)
        settle(session, first, ids[:6], DeliveryStatus.ACCEPTED)
        settle(session, first, ids[6:8], DeliveryStatus.UNKNOWN)
        brief_id = corrected_brief(session)
    with pytest.raises(Conflict, match="is sending"), runtime.transaction() as session:
        issues.correct_issue(session, brief_id=brief_id, corrects_id=first.id, actor=OPERATOR, now=NOW)
    with runtime.transaction() as session:
        issues.cancel_issue(session, first.id, actor=OPERATOR, now=NOW)
        address_key = runtime.links.address_key
        suppressions.suppress(
            session,
            address="reader000000@example.org",
            reason=SuppressionReason.MANUAL,
            evidence="asked",
            address_key=address_key,
            now=NOW,
        )
        subscribers.unsubscribe(
            session, subscriber_id=ids[1], newsletter_id=first.newsletter_id, source="test", now=NOW
        )
        add_people(session, issues.lists_of(session, first.id)[0], 2, prefix="newcomer")
        correction = issues.correct_issue(session, brief_id=brief_id, corrects_id=first.id, actor=OPERATOR, now=NOW)
        assert issues.audience_estimate(session, correction.id) == 4
        start_issue(session, correction)
        found = session.scalars(select(Delivery.subscriber_id).where(Delivery.issue_id == correction.id))
        assert sorted(found) == ids[2:6]
        # Late news: two of the doubtful have it after all. The correction stays what was sent.
        settle(session, first, ids[6:8], DeliveryStatus.ACCEPTED)
        ticking.run_tick(session, now=NOW, unknown_policy="hold", unknown_wait=timedelta(minutes=15))
        assert issues.tally_of(session, correction.id).audience == 4


def test_a_correction_is_another_mail_and_made_once(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        first, ids = make_issue(session)
        start_issue(session, first)
        settle(session, first, ids, DeliveryStatus.ACCEPTED)
        issues.finish_if_done(session, first.id, now=NOW)
        brief_id = corrected_brief(session)
    with pytest.raises(Conflict, match="the very mail"), runtime.transaction() as session:
        issues.correct_issue(session, brief_id=first.brief_id, corrects_id=first.id, actor=OPERATOR, now=NOW)
    with runtime.transaction() as session:
        issues.correct_issue(session, brief_id=brief_id, corrects_id=first.id, actor=OPERATOR, now=NOW)
    with (
        pytest.raises(Conflict, match=f"corrects issue {first.id} with the same brief"),
        runtime.transaction() as session,
    ):
        issues.correct_issue(session, brief_id=brief_id, corrects_id=first.id, actor=OPERATOR, now=NOW)


def with_slot(runtime: Runtime, *, approved_at: datetime, **values: object) -> int:
    """A newsletter with a daily slot, ten readers, and a brief of DAY approved at that moment; returns its id."""
    with runtime.transaction() as session:
        row = make_newsletter(session)
        add_people(session, make_list(session, row), 10)
        given = {"at": "07:00", "cutoff": "06:30", "lateness_minutes": 180, "lists": ["readers"]} | values
        slots.set_slot(session, row.slug, now=at(12, days=-3), **given)
        source = samples.brief_text()
        brief = briefs.import_brief(session, source, actor=OPERATOR, now=at(20, days=-1))
        briefs.submit_brief(session, brief.id, actor=OPERATOR, now=at(20, days=-1))
        briefs.approve_brief(session, brief.id, actor=OPERATOR, now=approved_at)
        assert brief.date == DAY
        return brief.id


def tick_at(runtime: Runtime, now: datetime) -> None:
    clocked = Runtime(runtime.settings, announce=lambda job: None, clock=lambda: now.astimezone(UTC))
    try:
        tasks.tick(clocked)
    finally:
        clocked.close()


def all_issues(runtime: Runtime) -> list[tuple[str, str]]:
    with runtime.reading() as session:
        return [(issue.status, issue.status_reason) for issue in session.scalars(select(Issue).order_by(Issue.id))]


def test_what_is_approved_by_the_cutoff_goes_out_in_the_slot_by_itself_once(runtime: Runtime) -> None:
    with_slot(runtime, approved_at=at(6, 30))
    tick_at(runtime, at(6, 29))
    assert all_issues(runtime) == []
    for minute in (30, 31, 59):
        tick_at(runtime, at(6, minute))
        assert all_issues(runtime) == [("scheduled", "")]
    beats = [threading.Thread(target=tick_at, args=(runtime, at(7))) for _ in range(3)]
    for beat in beats:
        beat.start()
    for beat in beats:
        beat.join()
    tick_at(runtime, at(7, 1))
    assert all_issues(runtime) == [("sending", "")]
    with runtime.reading() as session:
        assert issues.tally_of(session, 1).audience == 10


@pytest.mark.parametrize(
    ("approved", "woken", "issue"),
    [
        ((6, 0), (9, 59), ("sending", "")),
        ((6, 0), (10, 1), ("draft", "the daily slot was over before it could be sent")),
        (
            (6, 31),
            (6, 32),
            ("draft", "it was approved after the cutoff of the daily slot"),
        ),
    ],
)
def test_what_is_too_late_is_shown_to_a_person_and_not_sent(
    runtime: Runtime, approved: tuple[int, int], woken: tuple[int, int], issue: tuple[str, str]
) -> None:
    with_slot(runtime, approved_at=at(*approved))
    for minutes in range(3):
        tick_at(runtime, at(*woken) + timedelta(minutes=minutes))
    assert [(status, reason.partition(":")[0]) for status, reason in all_issues(runtime)] == [issue]


def test_a_slot_issue_that_somebody_cancels_does_not_come_back(runtime: Runtime) -> None:
    with_slot(runtime, approved_at=at(6))
    tick_at(runtime, at(6, 45))
    with runtime.transaction() as session:
        issues.cancel_issue(session, 1, actor=OPERATOR, now=at(6, 50))
    tick_at(runtime, at(7))
    assert [status for status, _ in all_issues(runtime)] == [IssueStatus.CANCELLED]


def test_a_slot_leaves_a_day_alone_that_has_its_issue(runtime: Runtime) -> None:
    brief_id = with_slot(runtime, approved_at=at(5))
    with runtime.transaction() as session:
        issues.create_issue(session, brief_id=brief_id, list_slugs=["readers"], actor=OPERATOR, now=at(5, 30))
    tick_at(runtime, at(6, 30))
    tick_at(runtime, at(7))
    assert all_issues(runtime) == [("draft", "")]
    with runtime.reading() as session:
        run = session.scalars(select(SlotRun)).one()
        assert (run.outcome, run.issue_id) == ("taken", None)
        assert "made for this list and date already" in run.remark


def test_a_slot_that_was_set_after_its_hour_does_nothing_for_that_day(runtime: Runtime) -> None:
    with_slot(runtime, approved_at=at(5))
    slug = samples.NEWSLETTER["slug"]
    with runtime.transaction() as session:
        slots.clear_slot(session, slug, now=at(6))
        slots.set_slot(session, slug, now=at(7, 30), at="07:00", lists=["readers"])
    tick_at(runtime, at(7, 31))
    assert all_issues(runtime) == []


@pytest.mark.parametrize(
    ("edited", "values", "too_early", "begins"),
    [
        # Nothing of the day was decided yet: the new hour counts where it is still to come, else the old one.
        ((5, 0), {"at": "08:00", "cutoff": "07:30"}, (7, 59), (8, 0)),
        ((5, 0), {"at": "04:00", "cutoff": "03:30"}, (6, 59), (7, 0)),
        ((6, 45), {"at": "06:00", "cutoff": "05:30"}, (6, 59), (7, 0)),
        # It should have gone out at seven, but nothing was running; it is not too late for it.
        ((7, 30), {"lateness_minutes": 60}, (4, 59), (7, 31)),
    ],
)
def test_who_edits_a_slot_does_not_lose_todays_issue_and_does_not_send_it_twice(
    runtime: Runtime,
    edited: tuple[int, int],
    values: dict[str, object],
    too_early: tuple[int, int],
    begins: tuple[int, int],
) -> None:
    with_slot(runtime, approved_at=at(5))
    for minutes in (0, 1):
        with runtime.transaction() as session:
            slots.set_slot(session, samples.NEWSLETTER["slug"], now=at(*edited) + timedelta(seconds=minutes), **values)
    tick_at(runtime, at(*too_early))
    assert {status for status, _ in all_issues(runtime)} <= {"scheduled"}
    tick_at(runtime, at(*begins))
    tick_at(runtime, at(8, 1))
    assert all_issues(runtime) == [("sending", "")]


def test_an_edit_after_the_cutoff_leaves_what_was_decided(runtime: Runtime) -> None:
    with_slot(runtime, approved_at=at(6))
    tick_at(runtime, at(6, 30))
    with runtime.transaction() as session:
        slots.set_slot(session, samples.NEWSLETTER["slug"], now=at(6, 40), at="09:00", cutoff="08:30")
    for hour in (7, 8, 9):
        tick_at(runtime, at(hour, 30))
        assert all_issues(runtime) == [("sending", "")]


def test_a_slot_needs_lists_of_its_newsletter_and_a_time(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        row = make_newsletter(session)
        other = make_newsletter(session, slug="other", name="Other")
        make_list(session, other, slug="elsewhere")
        for values, reason in (
            ({"lists": ["elsewhere"], "at": "07:00"}, "another newsletter"),
            ({"at": "07:00"}, "at least one list"),
            ({"lists": ["elsewhere"]}, "time of day"),
            ({"lists": ["elsewhere"], "at": "7 o'clock"}, "HH:MM"),
            ({"lists": ["elsewhere"], "at": "07:00", "lateness_minutes": 0}, "minutes late"),
        ):
            with pytest.raises(InvalidInput, match=reason):
                slots.set_slot(session, row.slug, now=NOW, **values)


def test_a_scheduled_issue_that_nobody_began_for_half_a_day_waits_for_a_person(runtime: Runtime) -> None:
    with runtime.transaction() as session:
        issue, _ = make_issue(session)
        issues.cancel_issue(session, issue.id, actor=OPERATOR, now=NOW)
        make_again(session, issue, send_at=at(7))
    tick_at(runtime, at(19, 1))
    status, reason = all_issues(runtime)[1]
    assert (status, "not begun in time" in reason) == ("draft", True)
    with runtime.reading() as session:
        assert ticking.due_issue_ids(session, now=at(20)) == []


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-04-24", "2026-11-01"])
def test_at_the_local_hour_everybody_gets_it_once_also_on_the_days_when_clocks_change(
    runtime: Runtime, day: str
) -> None:
    """Clocks change in Europe on the first two days, in Australia on the next, in Cairo, and in New York and Havana."""
    zones = ["Europe/Berlin", "Europe/London", "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland"]
    zones += ["America/New_York", "America/Havana", "Africa/Cairo", "Asia/Kolkata", "Pacific/Kiritimati", ""]
    with runtime.transaction() as session:
        draft, ids = make_issue(session, people=20)
        for number, zone in enumerate(zones):
            chosen = Subscriber.id.in_(ids[number :: len(zones)])
            session.execute(update(Subscriber).where(chosen).values(time_zone=zone))
        issue = make_again(session, draft, local_time="07:00", again=True)
        # The noon before: before seven o'clock of that day has come anywhere.
        begin = datetime.fromisoformat(f"{day}T07:00").replace(tzinfo=BERLIN) - timedelta(hours=19)
        issues.send_issue(session, issue.id, actor=OPERATOR, provider="outbox", batch_size=3, now=begin)
    with runtime.reading() as session:
        rows = session.execute(
            select(Subscriber.time_zone, Batch.due_at)
            .join(Delivery, Delivery.subscriber_id == Subscriber.id)
            .join(
                Batch,
                (Batch.issue_id == Delivery.issue_id)
                & (Batch.cohort == Delivery.cohort)
                & Delivery.subscriber_id.between(Batch.first_id, Batch.last_id),
            )
            .where(Delivery.issue_id == issue.id)
        ).all()
        assert session.scalar(select(func.count()).where(Delivery.issue_id == issue.id)) == 20
    assert len(rows) == 20
    for zone, due_at in rows:
        assert f"{due_at.astimezone(ZoneInfo(zone or 'Europe/Berlin')):%Y-%m-%d %H:%M}" == f"{day} 07:00", zone
