"""Facts about requests: the tag by which an event tells which one its mail went out with, and who is told of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from newsletter.domain.doubt import read_tag
from newsletter.domain.mail import HandOverWatch, Recipient
from newsletter.providers import ProviderUnavailable
from newsletter.providers.sendgrid import SendGridProvider
from tests.fakes.sendgrid_server import SendGridServer
from tests.providers.mails import gather, make_mailing, make_recipient, make_recipients

MakeSendGrid = Callable[..., SendGridProvider]


def tags_by_request(server: SendGridServer) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for row in server.accepted():
        number = int(row["email"].partition("@")[0].strip("abcdefghijklmnopqrstuvwxyz"))
        found.setdefault(row["custom_args"]["nl_attempt"], []).append(number)
    return found


def test_all_mails_of_a_request_carry_its_attempt_and_its_run(
    make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer
) -> None:
    gather(make_sendgrid(batch_size=4).send(make_mailing(attempt_id=7), make_recipients(6)))
    assert tags_by_request(sendgrid_server) == {"7:1-4": [1, 2, 3, 4], "7:5-6": [5, 6]}


def test_halves_have_runs_of_their_own(make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer) -> None:
    people = [*make_recipients(3), make_recipient(4, local="poison")]
    gather(make_sendgrid().send(make_mailing(attempt_id=7), people))
    assert tags_by_request(sendgrid_server) == {"7:1-2": [1, 2], "7:3-3": [3]}


def test_a_request_with_gaps_names_its_attempt_alone(
    make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer
) -> None:
    people = [make_recipient(1), make_recipient(2, local="badaddress"), make_recipient(3)]
    gather(make_sendgrid().send(make_mailing(attempt_id=7), people))
    assert tags_by_request(sendgrid_server) == {"7": [1, 3]}


@pytest.mark.parametrize("attempt_id", [0])
def test_a_test_send_has_no_tag(make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer, attempt_id: int) -> None:
    make_sendgrid().send_test(make_mailing(attempt_id=attempt_id), make_recipient(1))
    assert "nl_attempt" not in sendgrid_server.accepted()[0]["custom_args"]


def test_what_a_request_carries_is_what_is_read_back(
    make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer
) -> None:
    gather(make_sendgrid().send(make_mailing(attempt_id=7), make_recipients(3)))
    tag = read_tag(sendgrid_server.accepted()[0]["custom_args"]["nl_attempt"])
    assert tag is not None
    assert (tag.attempt_id, tag.first_id, tag.last_id) == (7, 1, 3)


class Watcher:
    """Notes what it is told, and how many requests the server had got by then."""

    def __init__(self, server: SendGridServer) -> None:
        self.told: list[tuple[str, int, int]] = []
        self._server = server
        self.watch = HandOverWatch(begins=lambda them: self._note("begins", them), spared=self.refuse)

    def refuse(self, them: Sequence[Recipient]) -> None:
        self._note("refused", them)

    def _note(self, word: str, them: Sequence[Recipient]) -> None:
        self.told.append((word, len(them), len(self._server.seen()["requests"])))


def test_whose_mails_a_request_holds_is_told_before_it_leaves_and_that_it_was_refused_after(
    make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer
) -> None:
    watcher = Watcher(sendgrid_server)
    sendgrid_server.answer("413", "202", "202")
    gather(make_sendgrid().send(make_mailing(watch=watcher.watch), make_recipients(4)))
    assert watcher.told == [("begins", 4, 0), ("refused", 4, 1), ("begins", 2, 1), ("begins", 2, 2)]


@pytest.mark.parametrize(
    ("kind", "is_refused"),
    [("400-row", True), ("401", True), ("403", True), ("429", True), ("302", True)]
    + [(kind, False) for kind in ("202", "200", "500", "503-taken", "closed", "closed-taken", "reset")],
)
def test_only_an_answer_that_says_so_is_told_as_a_refusal(
    make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer, kind: str, is_refused: bool
) -> None:
    watcher = Watcher(sendgrid_server)
    sendgrid_server.answer(kind)
    gather(make_sendgrid().send(make_mailing(watch=watcher.watch), make_recipients(2)))
    assert watcher.told[0] == ("begins", 2, 0)
    assert (("refused", 2, 1) in watcher.told) is is_refused


def test_a_request_that_its_watcher_forbids_does_not_leave(
    make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer
) -> None:
    def forbid(them: Sequence[Recipient]) -> None:
        raise PermissionError

    watch = HandOverWatch(begins=forbid, spared=lambda _: None)
    with pytest.raises(PermissionError):
        list(make_sendgrid().send(make_mailing(watch=watch), make_recipients(2)))
    assert sendgrid_server.seen()["requests"] == []


def test_a_server_that_cannot_be_reached_took_nothing(
    make_sendgrid: MakeSendGrid, sendgrid_server: SendGridServer
) -> None:
    watcher = Watcher(sendgrid_server)
    provider = make_sendgrid(url="http://127.0.0.1:9")
    with pytest.raises(ProviderUnavailable):
        list(provider.send(make_mailing(watch=watcher.watch), make_recipients(2)))
    assert watcher.told == [("begins", 2, 0), ("refused", 2, 0)]
