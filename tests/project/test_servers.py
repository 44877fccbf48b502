"""Facts about the servers and processes that tests rely on: real, separate, and gone afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from sqlalchemy import create_engine, text

from newsletter.bench.ports import free_port
from newsletter.db import migrate
from newsletter.runtime import Runtime
from newsletter.settings import Settings
from tests.processes import Process, Processes, ProcessFailed, clean_environment, is_listening, settings_environment

ROOT = Path(__file__).resolve().parents[2]


def test_each_test_gets_a_migrated_database(database_url: str) -> None:
    assert migrate.is_current(database_url)


@pytest.mark.parametrize("_turn", [1, 2])
def test_what_one_test_writes_no_other_test_sees(database_url: str, _turn: int) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE left_behind (number INTEGER)"))
    engine.dispose()


def test_the_postgres_is_real_and_speaks_utf8(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        assert connection.scalar(text("SHOW server_encoding")) == "UTF8"
        assert "PostgreSQL" in str(connection.scalar(text("SELECT version()")))
    engine.dispose()


def test_the_redis_is_real_and_empty(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
        client.set("key", "value")
        assert client.get("key") == b"value"


def test_the_runtime_has_the_settings_of_the_test_alone(runtime: Runtime, tmp_path: Path) -> None:
    assert runtime.settings.data_dir == tmp_path / "data"
    assert not [name for name in os.environ if name.startswith("NEWSLETTER_")]
    runtime.check_database()


def test_another_process_can_have_the_same_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in settings_environment(settings).items():
        monkeypatch.setenv(name, value)
    assert Settings(_env_file=None) == settings


def test_a_process_says_what_it_writes_and_how_it_ends(processes: Processes) -> None:
    process = processes.run([sys.executable, "-c", "print('ready 42'); input(); "], name="python")
    assert process.wait_for_line(r"ready (\d+)")[1] == "42"
    assert process.wait() == 1
    assert "EOFError" in process.output()


def test_a_process_that_dies_early_fails_the_wait_with_its_log(processes: Processes) -> None:
    process = processes.run([sys.executable, "-c", "raise SystemExit('no luck')"], name="python")
    with pytest.raises(ProcessFailed, match=r"ended with 1[\s\S]*no luck"):
        process.wait_for_line("ready")


def test_what_comes_true_while_a_process_ends_is_still_seen(processes: Processes) -> None:
    process = processes.run(["sleep", "60"], name="sleep")

    def ends_with_a_word() -> str:
        if process.exit_code() is None:
            process.kill()
            return ""
        return "goodbye"

    assert process.wait_until(ends_with_a_word) == "goodbye"


def test_a_process_is_asked_to_end_once_it_listens(processes: Processes) -> None:
    script = (
        "import signal, sys, time; time.sleep(0.5);"
        " signal.signal(signal.SIGTERM, lambda *_: sys.exit(0)); time.sleep(60)"
    )
    process = processes.run([sys.executable, "-c", script], name="python")
    process.wait_until_it_listens_to(signal.SIGTERM)
    assert process.terminate() == 0


def test_a_port_is_given_to_one_process_alone() -> None:
    program = [sys.executable, "-c", "from newsletter.bench.ports import free_port; print(free_port()); input()"]
    with ExitStack() as stack:
        pipe = subprocess.PIPE
        asking = [subprocess.Popen(program, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) for _ in range(3)]
        ports = [free_port(), free_port()]
        for process in asking:
            stack.enter_context(process)
            assert process.stdout is not None
            ports.append(int(process.stdout.readline()))
    assert len(set(ports)) == len(ports)


def test_a_process_can_be_killed_like_in_life(processes: Processes) -> None:
    process = processes.run(["sleep", "60"], name="sleep")
    assert process.kill() == -signal.SIGKILL
    assert processes.run(["sleep", "60"], name="sleep").terminate() == -signal.SIGTERM


def test_the_children_of_a_killed_process_go_at_the_end_of_the_test(tmp_path: Path) -> None:
    process = Process(["sh", "-c", "sleep 60 & echo child $!; wait"], log=tmp_path / "log")
    child = int(process.wait_for_line(r"child (\d+)")[1])
    process.kill()
    os.kill(child, 0)
    process.close()
    assert_gone(child)


def test_nothing_is_left_of_a_test_run_that_is_killed(tmp_path: Path) -> None:
    script = """
import os, sys, time
from tests.servers import postgres_server, redis_server
with postgres_server(os.environ) as postgres, redis_server(os.environ) as redis:
    print(postgres.url.rsplit(":", 1)[1].split("/")[0], redis.rsplit(":", 1)[1], flush=True)
    time.sleep(60)
"""
    environment = clean_environment() | {"TMPDIR": str(tmp_path)}
    for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL"):
        environment.pop(name, None)
    run = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    with run, run.stdout:
        ports = [int(port) for port in run.stdout.readline().split()]
        assert [is_listening(port) for port in ports] == [True, True]
        run.kill()
    wait_until_no(lambda: any(is_listening(port) for port in ports) or list(tmp_path.iterdir()))


def assert_gone(pid: int) -> None:
    """A process that is dead or a corpse that nobody has collected yet."""
    stat = Path(f"/proc/{pid}/stat")

    def is_alive() -> bool:
        try:
            return stat.read_text().rpartition(")")[2].split()[0] != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    wait_until_no(is_alive)


def wait_until_no(condition: Callable[[], object], *, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while condition():
        assert time.monotonic() < until
        time.sleep(0.05)
