"""Outgoing HTTP that cannot be aimed inwards: the address is checked after resolution, and that address is used.

Loopback, private, link-local and otherwise special addresses are refused unless the channel's `allowed_networks` names
them; without TLS, only those are reached. No redirects, no cookies, no proxy or credentials from the environment, one
connection a call, answers bounded in size, and one deadline for the whole call.
"""

import contextlib
import http.client
import io
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, ClassVar

import requests
import urllib3
from msgspec import Struct
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NewConnectionError

from alert_webhook.delivery.bounded import BoundedReader, Deadline, connect, resolve, trouble
from alert_webhook.delivery.channel import Outcome, Permanent, Retry, Unknown
from alert_webhook.delivery.reachable import CLEAR_TEXT, INSIDE, named, permitted
from heronwatch.values import Network

MAX_ANSWER_BYTES = 64 * 1024
MAX_FRAMING_BYTES = 3 * MAX_ANSWER_BYTES  # headers, and what chunks add
MOST_AT_ONCE = 64  # senders
LONGEST_WAIT_S = 3600.0
RETRIED = frozenset({408, 425, 429})
REFUSED_US = frozenset({401, 403, 407})
OWN_HEADERS = {"User-Agent": "heronwatch", "Accept-Encoding": "identity", "Connection": "close"}
TROUBLE = (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)


class ForbiddenAddressError(OSError):
    """A name resolved to addresses that this channel may not reach."""


class Answer(Struct, frozen=True):
    """What a provider answered; the body is cut at 64 KiB (or `most_bytes`), and where it did not end in time."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class GuardedHttp:
    """Talks to one provider. Safe to use from several threads.

    `ca_file` holds the certificates to trust in place of the public ones; `most_bytes` of an answer are read.
    """

    def __init__(
        self,
        allowed: Sequence[Network],
        *,
        clock: Callable[[], float] = time.monotonic,
        ca_file: Path | None = None,
        most_bytes: int = MAX_ANSWER_BYTES,
    ) -> None:
        logging.getLogger("urllib3.connectionpool").setLevel(logging.WARNING)  # it logs URLs, and tokens stand in some
        self._clock = clock
        self._verify = str(ca_file) if ca_file else True
        self._most_bytes = most_bytes
        self._guard = _Guard(tuple(allowed), most_bytes + MAX_FRAMING_BYTES)
        self._adapter = _GuardedAdapter(self._guard)

    def post(self, url: str, *, timeout_s: float, **what: Any) -> Answer | Outcome:
        """POST within `timeout_s`; trouble on the way is an outcome: Retry before the request left, Unknown after.

        `what` goes to requests: `data`, `headers`, `auth`.
        """
        return self._call("POST", url, timeout_s=timeout_s, **what)

    def get(self, url: str, *, timeout_s: float, **what: Any) -> Answer | Outcome:
        """GET within `timeout_s`, as `post` does."""
        return self._call("GET", url, timeout_s=timeout_s, **what)

    def _call(self, method: str, url: str, *, timeout_s: float, **what: Any) -> Answer | Outcome:
        call = self._guard.begin(Deadline(timeout_s, self._clock))
        headers = {**OWN_HEADERS, **what.pop("headers", {})}
        try:
            prepared = requests.Request(method, url, headers=headers, **what).prepare()
        except (requests.exceptions.RequestException, ValueError) as error:
            return Permanent(f"the request cannot be made: {type(error).__name__}")
        try:
            answer = self._adapter.send(prepared, stream=True, timeout=timeout_s, verify=self._verify)
        except (*TROUBLE, ValueError) as error:
            return _meaning(call, error)
        with contextlib.closing(answer):
            return Answer(answer.status_code, dict(answer.headers), _body(answer, self._most_bytes))

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()


def _body(answer: requests.Response, most_bytes: int) -> bytes:
    """Return what came of the body, as it was sent."""
    body = bytearray()
    with contextlib.suppress(*TROUBLE, ValueError):
        for chunk in answer.raw.stream(4096, decode_content=False):
            body += chunk
            if len(body) >= most_bytes:
                break
    return bytes(body[:most_bytes])


def _meaning(call: "_Call", error: BaseException) -> Outcome:
    if isinstance(call.trouble, ForbiddenAddressError):
        return Permanent(str(call.trouble))
    if call.left:
        return Unknown(f"the request left, then: {trouble(_first_cause(error))}")
    return Retry(f"no connection: {trouble(call.trouble or _first_cause(error))}")


def _first_cause(error: BaseException) -> BaseException:
    """Return the system's own error under those that the libraries wrapped around it, else the outermost."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(seen) < 20:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and each not in seen:
            seen.append(each)
            waiting += [each.__cause__, each.__context__, getattr(each, "reason", None), *each.args]
    return next((each for each in reversed(seen) if isinstance(each, OSError) and not _wrapper(each)), error)


def _wrapper(error: BaseException) -> bool:
    return isinstance(error, requests.exceptions.RequestException | urllib3.exceptions.HTTPError)


def classify(answer: Answer, *, now: float) -> Outcome | None:
    """Return what an HTTP status means for the message by itself; None for 2xx."""
    status = answer.status
    if 200 <= status < 300:
        return None
    if status in RETRIED or 500 <= status < 600:
        return Retry(f"HTTP {status}", retry_after(answer.headers, now=now))
    if 300 <= status < 400:
        return Permanent(f"HTTP {status}: redirects are not followed; write the final address")
    if 400 <= status < 500:
        return Permanent(f"HTTP {status}", disable_contact=status == 410, refused_us=status in REFUSED_US)
    return Unknown(f"HTTP {status}, which means nothing")


def retry_after(headers: Mapping[str, str], *, now: float) -> float | None:
    """Return the seconds a Retry-After header asks for (RFC 9110 section 10.2.3: seconds or a date), bounded."""
    value = next((v for k, v in headers.items() if k.lower() == "retry-after"), "").strip()
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_WAIT_S)
    with contextlib.suppress(ValueError, TypeError, OverflowError):
        return min(max(0.0, parsedate_to_datetime(value).timestamp() - now), LONGEST_WAIT_S)
    return None


class _Call:
    """What is known about one call while it runs, in its thread."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline = deadline
        self.left = False  # the request has begun to leave: from now on nobody knows
        self.trouble: OSError | None = None  # why there is no connection


class _Guard:
    """Which addresses may be reached, and the call that each thread is in."""

    def __init__(self, allowed: tuple[Network, ...], most_bytes: int) -> None:
        self._allowed = allowed
        self.most_bytes = most_bytes
        self._thread = threading.local()

    @property
    def call(self) -> _Call:
        """Return the call of this thread."""
        call: _Call = self._thread.call
        return call

    def begin(self, deadline: Deadline) -> _Call:
        """Begin a call in this thread."""
        self._thread.call = _Call(deadline)
        return self.call

    def connection(self, connection: HTTPConnection, *, tls: bool) -> socket.socket:
        """Resolve, keep the permitted addresses, connect to one of exactly those."""
        host = connection._dns_host  # noqa: SLF001  # what the base class resolves
        call = self.call
        try:
            found = resolve(host, connection.port or 0, call.deadline)
            usable = [entry for entry in found if self._permits(str(entry[4][0]), tls=tls)]
            if not usable:
                inside = not any(permitted(str(entry[4][0]), self._allowed) for entry in found)
                raise ForbiddenAddressError(INSIDE if inside else CLEAR_TEXT)
            return connect(usable, call.deadline)
        except OSError as error:
            call.trouble = error
            raise NewConnectionError(connection, trouble(error)) from error

    def _permits(self, address: str, *, tls: bool) -> bool:
        return permitted(address, self._allowed) if tls else named(address, self._allowed)


class _Guarded(HTTPConnection):
    """A connection whose address was checked, whose answers end in time, and which knows when a request left."""

    guard: ClassVar[_Guard]
    tls: ClassVar[bool]

    def _new_conn(self) -> socket.socket:
        return self.guard.connection(self, tls=self.tls)

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        self.guard.call.left = True
        super().send(data)

    def response_class(  # type: ignore[override]  # called as the class would be, with the connection at hand
        self, sock: socket.socket, *arguments: Any, **keywords: Any
    ) -> http.client.HTTPResponse:
        response = http.client.HTTPResponse(sock, *arguments, **keywords)
        raw = response.fp.detach()
        bounded = BoundedReader(raw, sock, self.guard.call.deadline, most_bytes=self.guard.most_bytes)
        response.fp = io.BufferedReader(bounded)
        return response


class _OneCall(HTTPConnectionPool):
    """A pool that keeps no connection: one that a provider just closed could swallow a page."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()
        super()._put_conn(None)


class _GuardedAdapter(HTTPAdapter):
    """Makes such connections, and never tries twice by itself."""

    def __init__(self, guard: _Guard) -> None:
        self._guard = guard
        super().__init__(max_retries=0, pool_maxsize=MOST_AT_ONCE)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **keywords: Any) -> None:
        plain = type("Plain", (_Guarded,), {"guard": self._guard, "tls": False})
        tls = type("Tls", (_Guarded, HTTPSConnection), {"guard": self._guard, "tls": True})
        self.poolmanager = PoolManager(num_pools=connections, maxsize=maxsize, block=block, **keywords)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("PlainPool", (_OneCall,), {"ConnectionCls": plain}),
            "https": type("TlsPool", (_OneCall, HTTPSConnectionPool), {"ConnectionCls": tls}),
        }
