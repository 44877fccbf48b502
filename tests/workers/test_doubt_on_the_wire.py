"""Facts about doubt from the wire to the ledger: a real dispatch, a SendGrid that breaks off, and its events."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from newsletter.domain.issue import IssueStatus
from newsletter.runtime import Runtime
from newsletter.services import events
from newsletter.services.events import SENDGRID
from newsletter.settings import ProviderName, Settings
from tests.doubtful import WAIT, Doubtful
from tests.fakes.sendgrid_server import API_KEY, SendGridServer
from workers import tasks


@pytest.mark.parametrize(("fault", "is_taken"), [("closed-taken", True), ("500-taken", True), ("500", False)])
def test_a_request_that_broke_off_reaches_everybody_once(
    settings: Settings, tmp_path: Path, fault: str, is_taken: bool
) -> None:
    with SendGridServer(tmp_path / "taken.jsonl") as server:
        given = {
            "provider": ProviderName.SENDGRID,
            "sendgrid_api_url": server.url,
            "sendgrid_api_key": type(settings.sendgrid_api_key)(API_KEY),
        }
        runtime = Runtime(settings.model_copy(update=given), announce=lambda _: None, clock=lambda: site.now)
        site = Doubtful(runtime)
        server.answer(fault)
        for _ in range(4):
            tasks.dispatch(runtime, site.issue_id, should_stop=lambda: False)
            site.later(WAIT / 10)
            tasks.tick(runtime)
        assert site.tally() == {"accepted": 5, "unknown": 5}
        _tell_about(site, server, heard=2)
        for _ in range(3):
            site.later(WAIT)
            tasks.tick(runtime)
            tasks.dispatch(runtime, site.issue_id, should_stop=lambda: False)
        assert (site.status(), site.tally()) == (IssueStatus.SENT, {"accepted": 10})
        assert site.outcomes() == (["accepted"] if is_taken else ["resent"])
        assert Counter(row["email"] for row in server.accepted()) == {
            f"reader{number:06}@example.org": 1 for number in range(10)
        }
        runtime.close()


def _tell_about(site: Doubtful, server: SendGridServer, *, heard: int) -> None:
    """Events of some mails of each request that the server took: the others' are lost."""
    told: Counter[str] = Counter()
    said = []
    for row in server.accepted():
        tag = row["custom_args"]["nl_attempt"]
        told[tag] += 1
        if told[tag] <= heard:
            about = {"email": row["email"], "event": "processed", "timestamp": int(site.now.timestamp())}
            said.append(about | row["custom_args"])
    with site.runtime.transaction() as session:
        events.store_post(session, json.dumps(said).encode(), source=SENDGRID, now=site.now)
    site.drain()
