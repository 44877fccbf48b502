"""Facts about readers whose domain is written in another script: their issue reaches the server in DNS's own form."""

from __future__ import annotations

from contextlib import closing

from sqlalchemy import update

from newsletter.db.models import Subscriber
from newsletter.domain.issue import IssueStatus
from newsletter.runtime import Runtime
from newsletter.services import issues
from newsletter.services.users import OPERATOR
from newsletter.settings import ProviderName, Settings
from tests.factories import NOW, make_issue
from tests.fakes.odd_smtp_server import OddSmtpServer
from workers.dispatch import Dispatcher


def test_a_domain_in_another_script_gets_its_issue_over_smtp(settings: Settings) -> None:
    with OddSmtpServer() as server:
        changed = {"provider": ProviderName.SMTP, "smtp_url": server.url}
        kept = settings.model_dump(exclude=set(changed))
        with closing(Runtime(Settings(_env_file=None, **kept | changed), clock=lambda: NOW)) as runtime:
            with runtime.transaction() as session:
                issue, _ = make_issue(session, people=1)
                named = {"email": "Li@bücher.example", "address": "li@xn--bcher-kva.example"}
                session.execute(update(Subscriber).values(**named))
                issues.send_issue(session, issue.id, actor=OPERATOR, provider="smtp", batch_size=5, now=NOW)
            Dispatcher(runtime, worker="test", should_stop=lambda: False).run(issue.id)
            with runtime.reading() as session:
                assert issues.find_issue(session, issue.id).status == IssueStatus.SENT
        ((address, wire),) = server.taken
    assert address == "Li@xn--bcher-kva.example"
    assert b"Li@b=C3=BCcher.example" in wire
