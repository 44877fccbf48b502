"""SendGrid's SDK over connections that are kept, with a time-out and without redirects.

The SDK (sendgrid 6.12.5 over python-http-client 3.3.7) opens a connection for each call, waits for ever, follows a
redirect with the API key in its headers, and logs the key at DEBUG. Its client class stays; what is replaced is how a
request travels. A workaround until the SDK takes a transport of one's own (sendgrid-python #757, #985).
"""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from python_http_client.client import Client, Response  # type: ignore[import-untyped]
from sendgrid import SendGridAPIClient  # type: ignore[import-untyped]
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

MAX_IDLE_SECONDS = 20.0
MAX_CONNECTIONS = 16
_CONNECT_SECONDS = 10.0
_MAX_BODY_BYTES = 65_536

# The SDK logs headers and payloads at DEBUG: API key and addresses. No setting of the root logger may bring that back.
logging.getLogger("python_http_client.client").addFilter(lambda record: record.levelno > logging.DEBUG)


class NotReached(Exception):
    """No byte of the request left: the host was not found, did not answer, or failed the TLS handshake."""

    def __init__(self, reason: str, *, is_untrusted: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_untrusted = is_untrusted


class NoAnswer(Exception):
    """Bytes of the request left, and no status came back: nobody can tell what became of it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class HttpAnswer:
    """One HTTP answer, whatever its status. `headers` has lower-case names; `body` may be cut or empty."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class SendGridTransport:
    """Calls SendGrid's API through its SDK. Thread-safe."""

    def __init__(
        self, api_key: str, *, api_url: str, timeout_seconds: float, max_body_bytes: int = _MAX_BODY_BYTES
    ) -> None:
        self._pools = _Pools(timeout_seconds, max_body_bytes=max_body_bytes)
        api = SendGridAPIClient(api_key, host=api_url)
        headers = {**api._default_headers, "Authorization": _Masked(api.auth)}
        api.client = _KeptClient(self._pools, host=api_url, request_headers=headers, version=3)
        self._client = api.client
        self._send_client: _KeptClient = api.client.mail.send
        self.host = urlsplit(api_url).netloc

    def __repr__(self) -> str:
        return f"SendGridTransport({self.host})"

    def post_mail(self, body: bytes) -> HttpAnswer:
        """POST /v3/mail/send with a JSON body; NotReached or NoAnswer where no status came back."""
        return self._send_client.post_ready(body)

    def get_scopes(self) -> HttpAnswer:
        """GET /v3/scopes: what the key may do."""
        return _answer_of(self._client.scopes.get())

    def post_logs(self, body: bytes) -> HttpAnswer:
        """POST /v3/logs: the messages that a query finds; NotReached or NoAnswer where no status came back."""
        answer: HttpAnswer = self._client.logs.post_ready(body)
        return answer

    def get_log(self, message_id: str) -> HttpAnswer:
        """GET /v3/logs/{sg_message_id}: one message with its custom arguments; errors as above."""
        return _answer_of(self._client.logs._(quote(message_id, safe="")).get())

    def get(self, path: Sequence[str], query: Mapping[str, object]) -> HttpAnswer:
        """GET /v3/… with a query; NotReached or NoAnswer where no status came back."""
        return _answer_of(self._at(path).get(query_params=dict(query)))

    def delete(self, path: Sequence[str]) -> HttpAnswer:
        """DELETE /v3/…, whose parts are quoted already; NotReached or NoAnswer where no status came back."""
        return _answer_of(self._at(path).delete())

    def post(self, path: Sequence[str], body: bytes) -> HttpAnswer:
        """POST /v3/… with a JSON body; NotReached or NoAnswer where no status came back."""
        answer: HttpAnswer = self._at(path).post_ready(body)
        return answer

    def _at(self, path: Sequence[str]) -> Client:
        client = self._client
        for part in path:
            client = client._(part)
        return client

    def close(self) -> None:
        """Close kept connections; a later call opens new ones."""
        self._pools.clear()


class _Masked(str):
    """A secret that goes out as it is, but shows nothing in logs and tracebacks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def _answer_of(response: Response) -> HttpAnswer:
    return HttpAnswer(status=response.status_code, headers=response.headers, body=response.body)


class _Reply:
    """What the SDK's Response is made from; a status that is an error is no exception here, but an answer."""

    def __init__(self, answer: HttpAnswer) -> None:
        self._answer = answer

    def getcode(self) -> int:
        return self._answer.status

    def read(self) -> bytes:
        return self._answer.body

    def info(self) -> Mapping[str, str]:
        return self._answer.headers


class _KeptClient(Client):  # type: ignore[misc]
    """The SDK's client; each step of `client.mail.send` is a new one, so the pools travel along."""

    def __init__(self, pools: _Pools, **options: Any) -> None:
        super().__init__(**options)
        self._pools = pools

    def __repr__(self) -> str:
        return f"Client({self.host})"

    def _build_client(self, name: str | None = None) -> _KeptClient:
        return _KeptClient(
            self._pools,
            host=self.host,
            version=self._version,
            request_headers=self.request_headers,
            url_path=[*self._url_path, name] if name else self._url_path,
        )

    def post_ready(self, body: bytes) -> HttpAnswer:
        """POST a body that is JSON already, to where the SDK would, with its headers.

        The SDK's own `post` makes an opener for each call, and writes the body into debug lines for nobody.
        """
        headers = {**self.request_headers, "Content-Type": "application/json"}
        return self._pools.call("POST", self._build_url(None), headers=headers, data=body)

    def _make_request(self, opener: object, request: urllib.request.Request, timeout: float | None = None) -> _Reply:
        data = request.data if isinstance(request.data, bytes) else None
        return _Reply(self._pools.call(request.get_method(), request.full_url, headers=request.headers, data=data))


class _Progress(threading.local):
    """Whether this thread's request has begun to leave."""

    has_begun = False


_progress = _Progress()


class _Witness(http.client.HTTPConnection):
    """Notes the moment from which a failure leaves doubt."""

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _progress.has_begun = True
        super().send(data)


class _HttpConnection(_Witness, HTTPConnection):
    pass


class _HttpsConnection(_Witness, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _HttpConnection


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _HttpsConnection


class _Pools:
    """urllib3's pools: kept connections, no retries, no redirects."""

    def __init__(self, timeout_seconds: float, *, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        timeout = urllib3.Timeout(connect=min(timeout_seconds, _CONNECT_SECONDS), read=timeout_seconds)
        self._manager = urllib3.PoolManager(maxsize=MAX_CONNECTIONS, timeout=timeout, retries=False)
        self._manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        self._used_at = time.monotonic()

    def clear(self) -> None:
        self._manager.clear()

    def call(self, method: str, url: str, *, headers: Mapping[str, str], data: bytes | None) -> HttpAnswer:
        # A connection that idled for long may be closed under our request, which would leave doubt for nothing.
        if time.monotonic() - self._used_at > MAX_IDLE_SECONDS:
            self._manager.clear()
        _progress.has_begun = False
        try:
            response = self._manager.request(
                method, url, body=data, headers=headers, redirect=False, retries=False, preload_content=False
            )
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            raise _failure(error) from None
        finally:
            self._used_at = time.monotonic()
        return _read_answer(response, max_body_bytes=self._max_body_bytes)


def _failure(error: Exception) -> NotReached | NoAnswer:
    reason = _reason(error)
    if _progress.has_begun:
        return NoAnswer(reason)
    return NotReached(reason, is_untrusted=any(isinstance(cause, ssl.SSLCertVerificationError) for cause in error.args))


def _reason(error: Exception) -> str:
    """A few plain words: urllib3's own texts show objects."""
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "the host is not found"
    if isinstance(error, urllib3.exceptions.TimeoutError | TimeoutError):
        return "no answer in time"
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return "the connection is refused"
    if isinstance(error, urllib3.exceptions.SSLError):
        return "TLS failed"
    return "the connection broke"


def _read_answer(response: urllib3.BaseHTTPResponse, *, max_body_bytes: int) -> HttpAnswer:
    """The status is the answer; a body that breaks off does not change it."""
    try:
        body = response.read(max_body_bytes)
        response.drain_conn()
    except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError):
        body = b""
        response.close()
    response.release_conn()
    headers = {name.lower(): value for name, value in response.headers.items()}
    return HttpAnswer(status=response.status, headers=headers, body=body)
