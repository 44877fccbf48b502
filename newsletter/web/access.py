"""Routes as values: what each line of the route table says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from fastapi import Request
from starlette.responses import Response

from newsletter.domain.people import Right

FORM_BYTES = 256 * 1024
BRIEF_BYTES = 8 * 1024 * 1024  # more than a brief may have, so that its reader can say what is wrong
TABLE_BYTES = 1024 * 1024 * 1024


class Public(Enum):
    """The access of a route that needs no sign-in."""

    PUBLIC = "public"


PUBLIC: Final = Public.PUBLIC
Endpoint = Callable[..., Response]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """One line of the route table.

    `right` is what a user needs. `takes_foreign_posts` is for mail programs, which know neither cookie nor token,
    and for forms on other sites that nobody has to be signed in for.
    `body_limit` is in bytes.
    """

    method: str
    path: str
    endpoint: Endpoint
    right: Right | Public
    body_limit: int = FORM_BYTES
    takes_foreign_posts: bool = False


def show(path: str, endpoint: Endpoint, right: Right | Public) -> Route:
    """A page: GET and HEAD, which change nothing."""
    return Route(method="GET", path=path, endpoint=endpoint, right=right)


def act(
    path: str,
    endpoint: Endpoint,
    right: Right | Public,
    *,
    body_limit: int = FORM_BYTES,
    takes_foreign_posts: bool = False,
) -> Route:
    """A form's target: POST."""
    return Route(
        method="POST",
        path=path,
        endpoint=endpoint,
        right=right,
        body_limit=body_limit,
        takes_foreign_posts=takes_foreign_posts,
    )


def route_of(request: Request) -> Route:
    """The line of the table that this request was matched by."""
    routes: dict[Endpoint, Route] = request.app.state.routes
    return routes[request.scope["endpoint"]]
