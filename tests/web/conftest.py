"""A site with its real application, and people who use it through a browser's eyes."""

from __future__ import annotations

import html
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from newsletter import samples
from newsletter.domain.people import Role
from newsletter.runtime import Runtime
from newsletter.services import briefs, issues, lists, users
from newsletter.settings import Settings
from newsletter.web.app import create_app
from newsletter.web.auth import COOKIE, CSRF_FIELD
from tests import factories

Answer = Any
_TOKEN = re.compile(rf'name="{CSRF_FIELD}" value="([0-9a-f]+)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody at a browser: cookies are kept, forms carry the token of the page they are on."""

    client: TestClient
    email: str

    def get(self, path: str, **values: Any) -> Answer:
        """Open a page without following redirects."""
        return self.client.get(path, follow_redirects=False, **values)

    def token(self) -> str:
        """The token that this person's forms carry, read from a page."""
        found = _TOKEN.search(self.get("/admin/account").text)
        assert found is not None
        return found.group(1)

    def post(self, path: str, data: dict[str, Any] | None = None, **values: Any) -> Answer:
        """Send a form."""
        return self.client.post(path, data={CSRF_FIELD: self.token()} | (data or {}), follow_redirects=False, **values)


@pytest.fixture
def app(runtime: Runtime) -> FastAPI:
    """The whole application on a fresh database, with one newsletter."""
    with runtime.transaction() as session:
        factories.make_list(session, factories.make_newsletter(session))
    return create_app(runtime)


@pytest.fixture
def anybody(app: FastAPI) -> Iterator[TestClient]:
    """A browser that nobody has signed in with."""
    with TestClient(app, follow_redirects=False) as client:
        yield client


SignIn = Callable[[Role], Person]


@pytest.fixture
def sign_in(app: FastAPI, runtime: Runtime) -> Iterator[SignIn]:
    """Makes users and signs them in by a one-time link, each with a browser of their own."""
    clients: list[TestClient] = []

    def enter(role: Role) -> Person:
        email = f"{role}{len(clients)}@harbour.example"
        with runtime.transaction() as session:
            user = users.create_user(session, email=email, role=role, now=runtime.now())
            token = users.make_sign_in_link(session, user, now=runtime.now())
        client = TestClient(app)
        clients.append(client)
        assert client.post(f"/login/{token}", follow_redirects=False).status_code == 303
        assert COOKIE in client.cookies
        return Person(client=client, email=email)

    yield enter
    for client in clients:
        client.close()


@pytest.fixture
def admin(sign_in: SignIn) -> Person:
    """An admin at the console."""
    return sign_in(Role.ADMIN)


def add_brief(runtime: Runtime, *, submitted: bool = False, source: str | None = None) -> int:
    """The sample brief (or another text) as a draft, or up for approval; returns its id."""
    with runtime.transaction() as session:
        row = briefs.import_brief(session, source or samples.brief_text(), actor=users.OPERATOR, now=runtime.now())
        if submitted:
            briefs.submit_brief(session, row.id, actor=users.OPERATOR, now=runtime.now())
        return row.id


def add_issue(runtime: Runtime, *, people: int = 3, started: bool = False) -> tuple[int, list[int]]:
    """An issue of the approved sample brief to the list "readers"; returns its id and its subscribers'."""
    brief_id = add_brief(runtime, submitted=True)
    with runtime.transaction() as session:
        briefs.approve_brief(session, brief_id, actor=users.OPERATOR, now=runtime.now())
        ids = factories.add_people(session, lists.find_list(session, "readers"), people)
        issue = issues.create_issue(
            session, brief_id=brief_id, list_slugs=["readers"], actor=users.OPERATOR, now=runtime.now()
        )
        if started:
            factories.start_issue(session, issue, now=runtime.now())
        return issue.id, ids


def said(answer: Answer) -> str:
    """What a page says to its reader: its text without markup, blanks folded."""
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]+>", " ", answer.text, flags=re.S)
    return " ".join(html.unescape(text).split())


@contextmanager
def serving(sqlite_url: str, data_dir: Path) -> Iterator[Runtime]:
    """The site on a free port of this machine, in a thread of the test; what is in it is the test's."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = Settings(
            _env_file=None,
            data_dir=data_dir,
            database_url=sqlite_url,
            secret_key="a secret of tests",
            base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
        )
        runtime = Runtime.from_settings(settings)
        server = uvicorn.Server(uvicorn.Config(create_app(runtime), log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        try:
            yield runtime
        finally:
            server.should_exit = True
            thread.join(60)
            runtime.close()
