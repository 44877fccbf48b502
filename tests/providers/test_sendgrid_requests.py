"""Facts about the tag by which an event tells which request its mail went out with."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from newsletter.domain.doubt import read_tag
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
