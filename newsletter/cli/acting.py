"""For whom a command acts: the operator of this machine, or a user named with `--as`, with their rights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer
from sqlalchemy.orm import Session

from newsletter.domain.people import Right
from newsletter.services import users
from newsletter.services.users import OPERATOR, Actor

As = Annotated[
    str | None, typer.Option("--as", metavar="EMAIL", help="Act for this user, with their rights; else the operator.")
]

# Every command that changes something, with the right it takes.
RIGHTS: Mapping[str, Right] = {
    "newsletter create": Right.MANAGE_NEWSLETTERS,
    "newsletter edit": Right.MANAGE_NEWSLETTERS,
    "user create": Right.MANAGE_USERS,
    "user edit": Right.MANAGE_USERS,
    "list create": Right.MANAGE_LISTS,
    "subscriber import": Right.MANAGE_SUBSCRIBERS,
    "subscriber add": Right.MANAGE_SUBSCRIBERS,
    "subscriber erase": Right.MANAGE_SUBSCRIBERS,
    "suppression add": Right.MANAGE_SUPPRESSIONS,
    "suppression remove": Right.MANAGE_SUPPRESSIONS,
    "suppression import": Right.MANAGE_SUPPRESSIONS,
    "suppression release": Right.MANAGE_SUPPRESSIONS,
    "alert close": Right.SEND,
    "brief import": Right.WRITE_BRIEFS,
    "brief submit": Right.WRITE_BRIEFS,
    "brief approve": Right.APPROVE,
    "brief request-changes": Right.APPROVE,
    "test-send": Right.TEST_SEND,
    "issue create": Right.SEND,
    "issue send": Right.SEND,
    "issue pause": Right.SEND,
    "issue resume": Right.SEND,
    "issue cancel": Right.SEND,
    "issue retry": Right.SEND,
    "issue resolve": Right.SEND,
    "flow pause": Right.SEND,
    "flow resume": Right.SEND,
}


def actor_for(session: Session, command: str, *, acting_as: str | None) -> Actor:
    """Who a command acts for; NotFound for an unknown user, Forbidden for one who may not."""
    if acting_as is None:
        return OPERATOR
    actor = users.actor_of(users.find_user(session, acting_as))
    actor.require(RIGHTS[command])
    return actor
