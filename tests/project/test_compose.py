"""Facts about docker-compose.yml and the Dockerfile: well formed, complete, and their commands really run."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from newsletter.bench.ports import free_port
from newsletter.settings import Settings
from tests.processes import Processes
from tests.project.tree import ROOT

COMPOSE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
YAMLLINT = "{extends: default, rules: {document-start: disable, line-length: {max: 120}}}"


def tool(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    """The services with every variable of the environment at its default."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    for service in found.values():
        given = service.get("environment", {})
        service["environment"] = {name: VARIABLE.sub(r"\2", value) for name, value in given.items()}
    return found


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.compose-spec", str(COMPOSE)],
        ["yamllint", "--strict", "-d", YAMLLINT, str(COMPOSE)],
        ["hadolint", "--failure-threshold", "warning", str(ROOT / "Dockerfile")],
    ],
    ids=lambda command: command[0],
)
def test_the_linters_find_nothing(command: list[str]) -> None:
    linted = subprocess.run([tool(command[0]), *command[1:]], capture_output=True, text=True, timeout=60)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_the_production_shape_is_complete(services: dict[str, dict[str, Any]]) -> None:
    assert set(services) == {"migrate", "web", "worker", "beat", "postgres", "redis", "mail"}
    assert [name for name, service in services.items() if "healthcheck" not in service] == ["migrate"]


def test_every_service_that_is_waited_for_exists(services: dict[str, dict[str, Any]]) -> None:
    for service in services.values():
        assert set(service.get("depends_on", {})) <= set(services)


def test_every_setting_it_gives_is_a_setting_of_the_product(services: dict[str, dict[str, Any]]) -> None:
    known = {f"NEWSLETTER_{name.upper()}" for name in Settings.model_fields}
    for name in ("migrate", "web", "worker", "beat"):
        assert set(services[name]["environment"]) <= known


def test_nothing_is_published_beyond_this_machine(services: dict[str, dict[str, Any]]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_the_services_start_with_the_commands_and_settings_of_the_file(
    services: dict[str, dict[str, Any]], empty_postgres_url: str, redis_url: str, processes: Processes, tmp_path: Path
) -> None:
    port = free_port()
    stand_ins = {
        "NEWSLETTER_DATABASE_URL": empty_postgres_url,
        "NEWSLETTER_BROKER_URL": redis_url,
        "NEWSLETTER_DATA_DIR": str(tmp_path / "data"),
    }

    def start(name: str) -> Any:
        _, *arguments = [
            str(port) if part == "8000" else part.replace("0.0.0.0", "127.0.0.1") for part in services[name]["command"]
        ]
        return processes.start(*arguments, environment=services[name]["environment"] | stand_ins)

    migrate = start("migrate")
    assert migrate.wait() == 0, migrate.output()
    web, worker, beat = start("web"), start("worker"), start("beat")
    web.wait_for_port(port)
    for path in ("/healthz", "/readyz"):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            assert answer.status == 200
    for name in ("worker", "beat"):
        _, *arguments = services[name]["healthcheck"]["test"][1:]
        check = processes.start(*arguments, environment=services[name]["environment"] | stand_ins)
        assert check.wait() == 0, check.output()
    for process in (beat, worker, web):
        assert process.exit_code() is None, process.output()
    for process in (beat, worker):
        process.wait_until_it_listens_to(signal.SIGTERM)
    assert (beat.terminate(), worker.terminate()) == (0, 0), beat.output() + worker.output()
    # Uvicorn closes everything, and then lets the signal end the process as if nobody had caught it.
    assert web.terminate() == -signal.SIGTERM
    assert "Application shutdown complete" in web.output()
