"""Facts about the webhook: what is signed is kept before it is answered, and nothing else has any effect."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from newsletter.db.models import InboxPost
from newsletter.runtime import Runtime
from newsletter.services import events
from newsletter.settings import Settings
from newsletter.web.app import create_app
from newsletter.web.webhooks import POST_BYTES
from tests.factories import make_issue, start_issue
from tests.webhook_posts import Signer, event, post

PATH = "/webhooks/sendgrid"


@pytest.fixture(scope="module")
def signer() -> Signer:
    """The key that signs now."""
    return Signer()


@pytest.fixture(scope="module")
def old_signer() -> Signer:
    """The key before the rotation, still trusted."""
    return Signer()


@pytest.fixture
def settings(settings: Settings, signer: Signer, old_signer: Signer) -> Settings:
    """Settings that trust two keys."""
    keys = f"{old_signer.public_key}, {signer.public_key}"
    return settings.model_copy(update={"sendgrid_webhook_public_keys": keys})


@pytest.fixture
def sendgrid(runtime: Runtime) -> Iterator[TestClient]:
    """SendGrid's end of the line."""
    with TestClient(create_app(runtime)) as client:
        yield client


@pytest.fixture
def body(runtime: Runtime) -> bytes:
    """A post about the first delivery of an issue."""
    with runtime.transaction() as session:
        issue, ids = make_issue(session, people=3)
        start_issue(session, issue)
    return post(event(runtime.links, issue.id, ids[0], "delivered"))


def kept(runtime: Runtime) -> int:
    with runtime.reading() as session:
        return len(session.scalars(select(InboxPost.id)).all())


def test_a_signed_post_is_kept_before_the_answer_and_counts_after_the_drain(
    sendgrid: TestClient, runtime: Runtime, signer: Signer, body: bytes
) -> None:
    assert sendgrid.post(PATH, content=body, headers=signer.headers(body)).status_code == 202
    assert kept(runtime) == 1
    with runtime.transaction() as session:
        assert events.drain_posts(session, links=runtime.links, now=runtime.now()).new == 1


def test_a_repeated_post_is_welcome_and_kept_once(
    sendgrid: TestClient, runtime: Runtime, signer: Signer, body: bytes
) -> None:
    for timestamp in ("1782108000", "1782194000"):
        answer = sendgrid.post(PATH, content=body, headers=signer.headers(body, timestamp=timestamp))
        assert answer.status_code == 202
    assert kept(runtime) == 1


def test_each_key_of_a_rotation_is_trusted_and_a_strangers_is_not(
    sendgrid: TestClient, runtime: Runtime, old_signer: Signer, body: bytes
) -> None:
    assert sendgrid.post(PATH, content=body, headers=old_signer.headers(body)).status_code == 202
    other = post({"event": "open"})
    assert sendgrid.post(PATH, content=other, headers=Signer().headers(other)).status_code == 403
    assert kept(runtime) == 1


def test_a_post_that_is_not_signed_is_refused(
    sendgrid: TestClient, runtime: Runtime, signer: Signer, body: bytes
) -> None:
    assert sendgrid.post(PATH, content=body).status_code == 401
    for missing in ("X-Twilio-Email-Event-Webhook-Signature", "X-Twilio-Email-Event-Webhook-Timestamp"):
        headers = {name: value for name, value in signer.headers(body).items() if name != missing}
        assert sendgrid.post(PATH, content=body, headers=headers).status_code == 401
    assert kept(runtime) == 0


@pytest.mark.parametrize(
    "changed",
    [
        lambda body: body.replace(b"delivered", b"spamreport"),
        lambda body: body.strip(),
        lambda body: body[: len(body) // 2],
        lambda body: b"",
        lambda body: body + b" ",
    ],
)
def test_a_signature_holds_for_exactly_these_bytes(
    sendgrid: TestClient, runtime: Runtime, signer: Signer, body: bytes, changed: object
) -> None:
    assert callable(changed)
    answer = sendgrid.post(PATH, content=changed(body), headers=signer.headers(body))
    assert answer.status_code == 403
    assert kept(runtime) == 0


@pytest.mark.parametrize("signature", ["", "!", "AAAA", "MEUCIQ==", "\u00e9"])
def test_nonsense_for_a_signature_is_refused(
    sendgrid: TestClient, runtime: Runtime, signer: Signer, body: bytes, signature: str
) -> None:
    headers = signer.headers(body)
    headers["X-Twilio-Email-Event-Webhook-Signature"] = signature
    encoded = {name: value.encode("latin-1") for name, value in headers.items()}
    assert sendgrid.post(PATH, content=body, headers=encoded).status_code in (401, 403)
    assert kept(runtime) == 0


@pytest.mark.parametrize("content", [b'[{"event":"open"', b"", b"{}", b"hello", b'["\xff\xfe"]', b"\x00"])
def test_what_is_signed_but_no_array_of_events_is_refused(
    sendgrid: TestClient, runtime: Runtime, signer: Signer, content: bytes
) -> None:
    assert sendgrid.post(PATH, content=content, headers=signer.headers(content)).status_code == 400
    assert kept(runtime) == 0


def test_a_post_that_is_too_large_is_refused_whether_or_not_it_says_so(
    sendgrid: TestClient, runtime: Runtime, signer: Signer
) -> None:
    content = b"[" + b" " * POST_BYTES + b"]"
    assert sendgrid.post(PATH, content=content, headers=signer.headers(content)).status_code == 413
    pieces = (content[start : start + 65536] for start in range(0, len(content), 65536))
    assert sendgrid.post(PATH, content=pieces, headers=signer.headers(content)).status_code == 413
    assert kept(runtime) == 0


class TestWithoutKeys:
    """A site that has set no key."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        """Settings without a key."""
        return settings.model_copy(update={"sendgrid_webhook_public_keys": ""})

    def test_without_a_key_nothing_is_believed(
        self, sendgrid: TestClient, runtime: Runtime, signer: Signer, body: bytes
    ) -> None:
        answer = sendgrid.post(PATH, content=body, headers=signer.headers(body))
        assert answer.status_code == 403
        assert "NEWSLETTER_SENDGRID_WEBHOOK_PUBLIC_KEYS" in answer.text
        assert kept(runtime) == 0
