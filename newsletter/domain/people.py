"""Users of the console, their roles, and what each role may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """Who somebody is. Rights do not nest by themselves: RIGHTS says what each role may do."""

    VIEWER = "viewer"
    EDITOR = "editor"
    APPROVER = "approver"
    ADMIN = "admin"


class Right(StrEnum):
    """One thing that somebody may do."""

    READ = "read"
    WRITE_BRIEFS = "write_briefs"
    TEST_SEND = "test_send"
    APPROVE = "approve"
    SEND = "send"
    MANAGE_LISTS = "manage_lists"
    MANAGE_SUBSCRIBERS = "manage_subscribers"
    MANAGE_SUPPRESSIONS = "manage_suppressions"
    MANAGE_NEWSLETTERS = "manage_newsletters"
    MANAGE_USERS = "manage_users"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.READ}),
    Role.EDITOR: frozenset({Right.READ, Right.WRITE_BRIEFS, Right.TEST_SEND}),
    Role.APPROVER: frozenset({Right.READ, Right.TEST_SEND, Right.APPROVE, Right.SEND}),
    Role.ADMIN: frozenset(Right),
}


def may(role: Role, right: Right) -> bool:
    """Whether a user of this role has this right."""
    return right in RIGHTS[role]
