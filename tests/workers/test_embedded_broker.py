"""Messages of the embedded broker are whole or not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from queue import Empty

import pytest
from kombu import Connection

from newsletter import embedded_broker

QUEUE = "news"


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[embedded_broker.Channel]:
    for name in ("queue", "control"):
        (tmp_path / name).mkdir()
    options = {
        "data_folder_in": str(tmp_path / "queue"),
        "data_folder_out": str(tmp_path / "queue"),
        "control_folder": str(tmp_path / "control"),
    }
    with closing(Connection(embedded_broker.URL, transport_options=options)) as connection:
        yield connection.channel()


def test_what_is_put_is_got_once_and_in_order(channel: embedded_broker.Channel) -> None:
    channel._put(QUEUE, {"number": 1})
    assert channel._get(QUEUE) == {"number": 1}
    with pytest.raises(Empty):
        channel._get(QUEUE)


def test_a_message_in_the_making_is_not_seen(channel: embedded_broker.Channel, tmp_path: Path) -> None:
    (tmp_path / "queue" / f".1_x.{QUEUE}.msg").write_text("")
    with pytest.raises(Empty):
        channel._get(QUEUE)


@pytest.mark.parametrize("torn", ["", '{"body": "', "\x00\x00"])
def test_a_torn_message_ends_no_worker_and_hides_no_other(
    channel: embedded_broker.Channel, tmp_path: Path, torn: str
) -> None:
    (tmp_path / "queue" / f"0_torn.{QUEUE}.msg").write_text(torn)
    channel._put(QUEUE, {"number": 2})
    with pytest.raises(Empty):
        channel._get(QUEUE)
    assert channel._get(QUEUE) == {"number": 2}
