"""Setting up: init, db, settings, doctor."""

from __future__ import annotations

import os
import stat
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.cli.conftest import ADDRESS, CommandLine
from tests.webhook_posts import Signer

KEY = Signer().public_key
PASSWORDS = (
    "hunter2-database",
    "hunter2-broker",
    "hunter2-smtp",
    "SG.hunter2-sendgrid",
    "hunter2-secret-key-of-32-chars-and-more",
)


def test_init_makes_all_that_a_start_needs(cli: CommandLine) -> None:
    made = cli.json("init", "--admin", "ada@example.org")
    assert list(made) == ["data_dir", "database", "newsletter", "admin", "sign_in_url"]
    assert made["data_dir"] == str(cli.data_dir)
    assert made["admin"] == "ada@example.org"
    assert made["sign_in_url"].startswith("http://localhost:8000/login/")
    assert [row["slug"] for row in cli.json("newsletter", "list")] == [made["newsletter"]]
    assert [(row["email"], row["role"]) for row in cli.json("user", "ls")] == [("ada@example.org", "admin")]


def test_init_twice_keeps_everything_and_gives_a_new_link(cli: CommandLine) -> None:
    first = cli.json("init", "--admin", "ada@example.org")
    key = (cli.data_dir / "secret.key").read_bytes()
    second = cli.json("init", "--admin", "ada@example.org")
    assert (cli.data_dir / "secret.key").read_bytes() == key
    assert second.pop("sign_in_url") != first.pop("sign_in_url")
    assert second == first
    assert len(cli.json("user", "ls")) == len(cli.json("newsletter", "list")) == 1


def test_init_without_a_name_makes_an_admin_and_then_finds_them_again(cli: CommandLine) -> None:
    first = cli.json("init")
    assert first["admin"] == cli.json("init")["admin"] == "admin@newsletter.example"
    assert len(cli.json("user", "ls")) == 1


def test_init_says_how_to_give_the_newsletter_its_postal_address(cli: CommandLine) -> None:
    shown = cli("init").stdout
    assert "newsletter newsletter edit my-newsletter" in shown
    assert "--postal-address" in shown


def test_init_makes_no_admin_of_a_user_with_another_role(ready: CommandLine) -> None:
    ready.json("user", "create", "vera@example.org", "--role", "viewer")
    answer = ready("init", "--admin", "vera@example.org")
    assert answer.exit_code == 1
    assert "newsletter user edit vera@example.org --role admin" in answer.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such file modes")
def test_only_the_owner_may_read_the_secret_key(cli: CommandLine) -> None:
    before = os.umask(0)
    try:
        cli.json("init")
    finally:
        os.umask(before)
    assert stat.S_IMODE((cli.data_dir / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in cli.data_dir.iterdir() if path.name.startswith(".secret")] == []


def test_two_inits_at_once_agree_on_one_secret_key(cli: CommandLine) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: cli.process("init", "--json"), range(2)))
    key = (cli.data_dir / "secret.key").read_bytes()
    assert len(key) >= 32
    assert any(answer.exit_code == 0 for answer in answers), answers
    assert cli.json("init")["admin"]
    assert (cli.data_dir / "secret.key").read_bytes() == key


def test_an_empty_secret_key_is_never_used(cli: CommandLine) -> None:
    cli.data_dir.mkdir()
    (cli.data_dir / "secret.key").touch()
    answer = cli("init")
    assert answer.exit_code == 1
    assert answer.error_lines == [
        f"error: the secret key {cli.data_dir}/secret.key is empty: restore it, or remove the file"
    ]


def test_an_https_site_makes_no_key_of_its_own(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_BASE_URL", "https://news.example.org")
    answer = cli("init")
    assert answer.exit_code == 1
    assert "NEWSLETTER_SECRET_KEY" in answer.stderr
    assert not cli.data_dir.exists()


def test_the_from_address_begins_at_the_host_of_the_site(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_BASE_URL", "http://news.harbour.example:8000")
    cli.json("init")
    assert cli.json("newsletter", "list")[0]["from_email"] == "news@news.harbour.example"


def test_an_upgrade_twice_is_the_same_as_once(cli: CommandLine) -> None:
    assert cli("db", "check").exit_code == 1
    first = cli.json("db", "upgrade")
    assert cli.json("db", "upgrade") == first
    assert cli.json("db", "check") == {
        "current": first["revision"],
        "newest": first["revision"],
        "is_current": True,
    }


def test_db_check_with_json_says_how_far_the_database_is_and_fails(cli: CommandLine) -> None:
    answer = cli("db", "check", "--json")
    assert answer.exit_code == 1
    assert answer.json["is_current"] is False
    assert answer.error_lines == ["error: the database is not migrated: run `newsletter db upgrade`"]


def test_settings_shows_value_unit_and_origin(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_TICK_SECONDS", "7")
    (cli.folder / ".env").write_text("NEWSLETTER_SMTP_CONNECTIONS=9\nNEWSLETTER_TICK_SECONDS=8\n")
    rows = {row.pop("name"): row for row in cli.json("settings")}
    assert rows["NEWSLETTER_TICK_SECONDS"] == {"value": "7", "unit": "seconds", "origin": "environment"}
    assert rows["NEWSLETTER_SMTP_CONNECTIONS"] == {"value": "9", "unit": "connections", "origin": ".env"}
    assert rows["NEWSLETTER_SENDGRID_BATCH_SIZE"] == {"value": "500", "unit": "recipients", "origin": "default"}
    assert rows["NEWSLETTER_BROKER_URL"]["value"] == "embedded"


def test_settings_says_that_the_key_comes_from_its_file(ready: CommandLine) -> None:
    rows = {row["name"]: row for row in ready.json("settings")}
    assert rows["NEWSLETTER_SECRET_KEY"]["origin"] == "file secret.key"
    assert (ready.data_dir / "secret.key").read_text().strip() not in ready("settings").stdout


@pytest.mark.parametrize("command", ["settings", "doctor"])
def test_no_secret_is_ever_printed(cli: CommandLine, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    database, broker, smtp, sendgrid, key = PASSWORDS
    monkeypatch.setenv("NEWSLETTER_DATABASE_URL", f"postgresql://news:{database}@127.0.0.1:1/news?password={database}")
    monkeypatch.setenv("NEWSLETTER_BROKER_URL", f"redis://:{broker}@127.0.0.1:1/0")
    monkeypatch.setenv("NEWSLETTER_SMTP_URL", f"smtp://news:{smtp}@127.0.0.1:1")
    monkeypatch.setenv("NEWSLETTER_SENDGRID_API_KEY", sendgrid)
    monkeypatch.setenv("NEWSLETTER_SECRET_KEY", key)
    for arguments in ([command], [command, "--json"]):
        answer = cli(*arguments)
        assert "127.0.0.1" in answer.stdout
        assert [secret for secret in PASSWORDS if secret in answer.stdout + answer.stderr] == []


@pytest.mark.parametrize(
    "url",
    [
        "smtp://news:hun/ter@mail.example.org:25",
        "smtp://news:hun?ter@h",
        "smtp://news:hun#ter@h",
        "smtp://[news:hunter@h",
    ],
)
def test_a_password_that_was_not_quoted_is_masked_too(
    cli: CommandLine, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("NEWSLETTER_SMTP_URL", url)
    assert "hun" not in cli("settings").stdout


def test_doctor_is_content_after_set_up(ready: CommandLine) -> None:
    found = ready.json("doctor")
    assert {check["name"]: check["status"] for check in found["checks"]} == {
        "settings": "ok",
        "data folder": "ok",
        "secret key": "ok",
        "database": "ok",
        "broker": "ok",
        "provider": "ok",
        "content": "ok",
    }
    assert (found["failed"], found["warnings"]) == (0, 0)


def test_doctor_warns_of_a_newsletter_without_postal_address(cli: CommandLine) -> None:
    slug = cli.json("init")["newsletter"]
    check = cli.json("doctor")["checks"][-1]
    assert (check["name"], check["status"]) == ("content", "warning")
    assert f"newsletter newsletter edit {slug} --postal-address" in check["repair"]
    cli.json("newsletter", "edit", slug, "--postal-address", ADDRESS)
    assert cli.json("doctor")["warnings"] == 0


@pytest.mark.parametrize(("keys", "status"), [("", "warning"), ("bm8ga2V5", "failed"), (f"{KEY},{KEY}", "ok")])
def test_doctor_says_whether_events_can_be_believed(
    ready: CommandLine, monkeypatch: pytest.MonkeyPatch, keys: str, status: str
) -> None:
    monkeypatch.setenv("NEWSLETTER_PROVIDER", "sendgrid")
    monkeypatch.setenv("NEWSLETTER_SENDGRID_WEBHOOK_PUBLIC_KEYS", keys)
    checks = {check["name"]: check for check in ready("doctor", "--json").json["checks"]}
    assert checks["event webhook"]["status"] == status


def test_doctor_looks_on_where_one_thing_is_broken(ready: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_BROKER_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("NEWSLETTER_PROVIDER", "smtp")
    monkeypatch.setenv("NEWSLETTER_SMTP_URL", "smtp://127.0.0.1:1")
    answer = ready("doctor", "--json")
    checks = {check["name"]: check for check in answer.json["checks"]}
    assert answer.exit_code == 1
    assert [name for name, check in checks.items() if check["status"] == "failed"] == ["broker", "provider"]
    assert all(checks[name]["repair"] for name in ("broker", "provider"))
    assert checks["content"]["status"] == "ok"


def test_doctor_names_the_setting_that_cannot_be_used(cli: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSLETTER_SENDGRID_BATCH_SIZE", "5000")
    answer = cli("doctor", "--json")
    assert answer.exit_code == 1
    assert "NEWSLETTER_SENDGRID_BATCH_SIZE" in answer.json["checks"][0]["message"]


def test_doctor_before_init_says_to_run_it(cli: CommandLine) -> None:
    answer = cli("doctor", "--json")
    assert answer.exit_code == 1
    assert "newsletter init" in answer.json["checks"][-1]["repair"]
    assert not Path(cli.data_dir).exists()


def test_doctor_warns_of_a_key_that_others_may_read(ready: CommandLine) -> None:
    (ready.data_dir / "secret.key").chmod(0o644)
    checks = {check["name"]: check for check in ready.json("doctor")["checks"]}
    assert checks["secret key"]["status"] == "warning"
    assert "chmod 600" in checks["secret key"]["repair"]
