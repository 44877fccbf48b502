"""Facts about many slow mailbox groups and few workers, by the tests' own clock: nobody's turns go unused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from newsletter.domain.flow import FlowPlan
from newsletter.runtime import Runtime
from tests.factories import NOW
from tests.services.test_flow import make_audience, run_workers

DOMAINS = ["gmail.com", "yahoo.com", "outlook.com", "icloud.com", "qq.com", "163.com"]
GROUPS = ("gmail", "yahoo", "microsoft", "apple", "tencent", "netease")


@pytest.mark.parametrize(
    ("database_url", "layout"), [("sqlite", "mixed"), ("postgres", "apart")], indirect=["database_url"]
)
def test_six_slow_groups_and_one_worker_all_keep_their_rates(runtime: Runtime, layout: str) -> None:
    """Batches hold people of all groups, or each of one only: then there are six queues and one who serves them."""
    people, size = 600, 20
    domains = DOMAINS if layout == "mixed" else [domain for domain in DOMAINS for _ in range(size)]
    issue_id = make_audience(runtime, people=people, domains=domains, batch_size=size)
    rates = {group: 20.0 if number % 2 else 10.0 for number, group in enumerate(GROUPS)}
    plan = FlowPlan(rates=rates, warm_up=None)
    heard = run_workers(runtime, issue_id, plan=plan, workers=1, until=NOW + timedelta(seconds=12))
    for group, rate in rates.items():
        times = sorted(heard[group])
        whole = len(times) / rate
        assert times[-1] - times[0] == pytest.approx(whole - 0.5, abs=0.02 * whole + 0.2)
