"""Users, and acting for them with their rights."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import CommandLine

REFUSED = [
    ("viewer", ["brief", "import", "brief.txt"], "write briefs"),
    ("approver", ["brief", "import", "brief.txt"], "write briefs"),
    ("viewer", ["brief", "submit", "1"], "write briefs"),
    ("editor", ["brief", "approve", "1"], "approve"),
    ("editor", ["brief", "request-changes", "1", "--note", "shorter"], "approve"),
    ("viewer", ["test-send", "1", "--to", "you@example.org"], "test send"),
    ("editor", ["issue", "create", "--brief", "1", "--list", "readers"], "send"),
    ("editor", ["issue", "send", "1"], "send"),
    ("editor", ["issue", "pause", "1"], "send"),
    ("editor", ["issue", "resume", "1"], "send"),
    ("editor", ["issue", "cancel", "1"], "send"),
    ("editor", ["issue", "retry", "1"], "send"),
    ("editor", ["issue", "resolve", "1", "--unknown", "skip"], "send"),
    ("approver", ["list", "create", "More"], "manage lists"),
    ("approver", ["subscriber", "import", "people.csv", "--list", "readers"], "manage subscribers"),
    ("approver", ["subscriber", "add", "a@example.org", "--list", "readers"], "manage subscribers"),
    ("approver", ["subscriber", "erase", "a@example.org", "--yes"], "manage subscribers"),
    ("approver", ["suppression", "add", "a@example.org"], "manage suppressions"),
    ("approver", ["suppression", "remove", "a@example.org"], "manage suppressions"),
    ("editor", ["newsletter", "create", "Other", "--from-email", "n@example.org"], "manage newsletters"),
    ("editor", ["newsletter", "edit", "my-newsletter", "--name", "Other"], "manage newsletters"),
    ("editor", ["user", "create", "new@example.org", "--role", "admin"], "manage users"),
    ("editor", ["user", "edit", "ada@example.org", "--inactive"], "manage users"),
]


@pytest.mark.parametrize(
    ("role", "arguments", "right"), REFUSED, ids=lambda value: " ".join(value) if isinstance(value, list) else value
)
def test_a_user_cannot_do_what_their_role_may_not(
    ready: CommandLine, brief_file: Path, people_file: Path, role: str, arguments: list[str], right: str
) -> None:
    ready.json("user", "create", "uma@example.org", "--role", role)
    answer = ready(*arguments, "--as", "uma@example.org", "--json")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert answer.error_lines == [f"error: uma@example.org is {role} and may not {right}: ask an admin"]


def test_a_user_can_do_what_their_role_may(ready: CommandLine, brief_file: Path) -> None:
    ready.json("user", "create", "ed@example.org", "--role", "editor")
    ready.json("user", "create", "ap@example.org", "--role", "approver")
    brief_id = ready.json("brief", "import", brief_file, "--as", "ed@example.org")["brief_id"]
    ready.json("brief", "submit", brief_id, "--as", "ed@example.org")
    assert ready.json("brief", "approve", brief_id, "--as", "ap@example.org")["status"] == "approved"


def test_where_four_eyes_are_required_the_author_cannot_approve(ready: CommandLine, brief_file: Path) -> None:
    ready.json("newsletter", "edit", "my-newsletter", "--four-eyes")
    ready.json("user", "create", "boss@example.org", "--role", "admin")
    brief_id = ready.json("brief", "import", brief_file, "--as", "boss@example.org")["brief_id"]
    ready.json("brief", "submit", brief_id, "--as", "boss@example.org")
    assert ready("brief", "approve", brief_id, "--as", "boss@example.org").exit_code == 1
    assert ready.json("brief", "approve", brief_id, "--as", "ada@example.org")["status"] == "approved"


def test_nobody_acts_for_a_user_who_does_not_exist_or_was_let_out(ready: CommandLine, brief_file: Path) -> None:
    unknown = ready("brief", "import", brief_file, "--as", "nobody@example.org")
    assert unknown.exit_code == 1
    assert "there is no user nobody@example.org" in unknown.stderr
    ready.json("user", "create", "ed@example.org", "--role", "editor")
    ready.json("user", "edit", "ed@example.org", "--inactive")
    assert "deactivated" in ready("brief", "import", brief_file, "--as", "ed@example.org").stderr


def test_a_new_user_gets_a_link_that_signs_them_in(ready: CommandLine) -> None:
    made = ready.json("user", "create", "wei@example.org", "--role", "approver")
    assert list(made) == ["user_id", "email", "role", "sign_in_url"]
    assert (made["email"], made["role"]) == ("wei@example.org", "approver")
    again = ready.json("user", "sign-in-link", "wei@example.org")
    assert again["sign_in_url"] != made["sign_in_url"]


def test_an_unknown_role_is_wrong_usage(ready: CommandLine) -> None:
    assert ready("user", "create", "wei@example.org", "--role", "owner").exit_code == 2


def test_the_same_user_twice_is_refused_with_the_way_on(ready: CommandLine) -> None:
    answer = ready("user", "create", "ada@example.org", "--role", "editor")
    assert answer.exit_code == 1
    assert "newsletter user sign-in-link ada@example.org" in answer.stderr


def test_a_password_comes_from_standard_input_and_is_not_printed(ready: CommandLine) -> None:
    answer = ready("user", "set-password", "ada@example.org", "--stdin", "--json", stdin="a long enough one\n")
    assert answer.exit_code == 0
    assert "a long enough one" not in answer.stdout + answer.stderr
    short = ready("user", "set-password", "ada@example.org", "--stdin", stdin="short\n")
    assert (short.exit_code, short.error_lines) == (1, ["error: a password needs at least 10 characters"])
