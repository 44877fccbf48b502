"""The demo as a newcomer runs it: a real worker, mails on disk, and a console that shows them."""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from newsletter.bench.ports import free_port
from tests.processes import Processes, clean_environment

pytestmark = pytest.mark.timeout(300)
KEYS = ["brief_id", "issue_id", "audience", "accepted", "failed", "outbox", "seconds"]


def run_demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`newsletter demo …` to its end, with both of its streams apart."""
    command = [sys.executable, "-m", "newsletter", "demo", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=120, check=False)


def test_the_demo_ends_with_one_readable_mail_for_each_of_its_audience(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = run_demo("--once", "--json", "--dir", str(folder))
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result) == KEYS
    assert result["accepted"] == result["audience"] == 40
    assert result["failed"] == 0
    assert Path(result["outbox"]) == folder / "outbox"
    mails = [
        email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        for path in Path(result["outbox"]).rglob("*.eml")
    ]
    assert len({mail["To"] for mail in mails}) == len(mails) == 40
    assert {part.get_content_type() for part in mails[0].iter_parts()} == {"text/plain", "text/html"}
    # What the processes say is kept, and does not disturb what a person sees.
    assert "issue.sent" in (folder / "demo.log").read_text()
    assert "issue.sent" not in done.stderr


def test_a_second_demo_clears_its_own_folder_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("the only copy")
    done = run_demo("--once", "--dir", str(tmp_path))
    assert done.returncode == 1
    assert "is not empty and no demo" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "the only copy"


def test_the_demo_serves_a_console_that_one_click_opens(tmp_path: Path, processes: Processes) -> None:
    port = free_port()
    demo = processes.start("demo", f"--port={port}", f"--dir={tmp_path / 'served'}")
    link = demo.wait_for_line(rf"http://localhost:{port}/login/[\w-]+", seconds=90)[0]
    page = urllib.request.urlopen(link).read().decode()
    assert re.search(r"<button[^>]*>\s*Sign in", page)
    refused = run_demo(f"--port={port}", f"--dir={tmp_path / 'second'}")
    assert refused.returncode == 1
    assert f"port {port} is taken" in refused.stderr
    assert demo.terminate() == 0
